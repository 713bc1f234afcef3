// Costs 5 s to compile and nothing to run.
#include "spankey/release/release_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "release/drawn_mlp.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::drawn_mlp;
using spankey_test::drawn_samples;
using spankey_test::ranges_on;

namespace {

weight_release drawn_release(bool gated, release_precision precision, double share = 0.7, bool biases = false,
                             int group = 1) {
  mlp_weights w = drawn_mlp(activation::silu, gated);
  if (gated && biases)
    w.first_bias = {w.down.begin(), w.down.begin() + 30}, w.down_bias = {w.down.begin(), w.down.begin() + 13};
  weight_release r{.scheme = "taylor", .network = "drawn", .precision = precision};
  r.tensors["norm.weight"] = {{3}, {1, 2, 3}};
  r.mlps.emplace("h.0.mlp",
                 release_taylor(w, ranges_on(w, drawn_samples(20)),
                                {.order = 3, .share = share, .precision = precision, .group = group}, 1, 0));
  return r;
}
weight_release read_bytes(std::span<const std::byte> bytes) {
  return read_release(safetensors_file::from_memory(bytes, "file"));
}
void check_same(const weight_release& a, const weight_release& b) {
  CHECK(a.scheme == b.scheme);
  CHECK(a.network == b.network);
  CHECK(a.precision == b.precision);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, t] : a.tensors) CHECK(b.tensors.at(name).values == t.values);
  REQUIRE(a.mlps.size() == b.mlps.size());
  for (const auto& [name, m] : a.mlps) {
    const taylor_mlp& n = b.mlps.at(name);
    CHECK(m.act == n.act);
    CHECK(m.order == n.order);
    CHECK(m.group == n.group);
    CHECK(m.first == n.first);
    CHECK(m.up == n.up);
    CHECK(m.point == n.point);
    CHECK(m.value == n.value);
    CHECK(m.constant == n.constant);
    CHECK(m.coefficients == n.coefficients);
    CHECK(m.sampled == n.sampled);
    CHECK(m.plain == n.plain);
    CHECK(m.rest.first == n.rest.first);
    CHECK(m.rest.down == n.rest.down);
    CHECK(m.rest.first_bias == n.rest.first_bias);
  }
}

// A sound file in which one tensor, or one entry of the metadata, is something else.
std::vector<std::byte> changed(const std::string& tensor, dtype type, const std::vector<index_t>& shape,
                               std::span<const std::byte> bytes) {
  const auto sound = contents_of(drawn_release(false, release_precision::fp32)).bytes();
  const safetensors_file file = safetensors_file::from_memory(sound, "sound");
  safetensors_writer writer;
  for (const auto& [name, text] : file.metadata()) writer.set_metadata(name, text);
  for (const auto& [name, t] : file.tensors())
    if (name != tensor) writer.add(name, t.type, t.shape, t.bytes);
  if (!shape.empty()) writer.add(tensor, type, shape, bytes);
  return writer.bytes();
}
std::vector<std::byte> with_tensor(const safetensors_writer& sound, const std::string& tensor,
                                   const std::vector<index_t>& shape, const std::vector<float>& values) {
  const auto bytes = sound.bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "sound");
  safetensors_writer writer;
  for (const auto& [name, text] : file.metadata()) writer.set_metadata(name, text);
  for (const auto& [name, t] : file.tensors())
    if (name != tensor) writer.add(name, t.type, t.shape, t.bytes);
  writer.add_f32(tensor, shape, values);
  return writer.bytes();
}
std::vector<std::byte> noted(const std::string& entry, const std::string& text) {
  safetensors_writer writer = contents_of(drawn_release(false, release_precision::fp32));
  writer.set_metadata(entry, text);
  return writer.bytes();
}

}  // namespace

TEST_CASE("a release comes back from its file as it was") {
  for (const bool gated : {false, true})
    for (const auto precision : {release_precision::fp32, release_precision::bf16})
      for (const double share : {0.0, 0.7, 1.0}) {
        const weight_release r = drawn_release(gated, precision, share);
        const auto bytes = contents_of(r).bytes();
        check_same(r, read_bytes(bytes));
      }
  for (const bool gated : {false, true})
    for (const int group : {2, 3}) {
      const weight_release r = drawn_release(gated, release_precision::fp32, 0.7, false, group);
      check_same(r, read_bytes(contents_of(r).bytes()));
    }
  const weight_release with_biases = drawn_release(true, release_precision::fp32, 0.7, true);
  check_same(with_biases, read_bytes(contents_of(with_biases).bytes()));
}

TEST_CASE("its tensors have the names and shapes of the published release") {
  const auto bytes = contents_of(drawn_release(true, release_precision::bf16)).bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "file");
  CHECK_NOTHROW(file.require("h.0.mlp.gate_proj_weight", dtype::bf16, {21, 12}));
  CHECK_NOTHROW(file.require("h.0.mlp.up_proj_weight", dtype::bf16, {21, 12}));
  CHECK_NOTHROW(file.require("h.0.mlp.local_point", dtype::bf16, {21}));
  CHECK_NOTHROW(file.require("h.0.mlp.local_approx_output", dtype::bf16, {13, 21}));
  CHECK_NOTHROW(file.require("h.0.mlp.fuse_weight", dtype::bf16, {13, 21, 3}));
  CHECK_NOTHROW(file.require("h.0.mlp.ffn_gate_proj_weight", dtype::bf16, {9, 12}));
  CHECK_NOTHROW(file.require("h.0.mlp.ffn_up_proj_weight", dtype::bf16, {9, 12}));
  CHECK_NOTHROW(file.require("h.0.mlp.ffn_down_proj_weight", dtype::bf16, {13, 9}));
  CHECK_NOTHROW(file.require("h.0.mlp.sampled_dim", dtype::i64, {21}));
  CHECK_NOTHROW(file.require("h.0.mlp.ffn_dim", dtype::i64, {9}));
  CHECK_NOTHROW(file.require("norm.weight", dtype::f32, {3}));
}

TEST_CASE("the layout is (outputs, S, order)") {
  const weight_release r = drawn_release(false, release_precision::fp32);
  const taylor_mlp& m = r.mlps.at("h.0.mlp");
  const auto bytes = contents_of(r).bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "file");
  const std::vector<float> fused = file.read_f32("h.0.mlp.fuse_weight", {13, 21, 3});
  CHECK(fused[(4 * 21 + 7) * 3 + 2] == m.coefficient(3, 7)[4]);
  const std::vector<float> down = file.read_f32("h.0.mlp.ffn_down_proj_weight", {13, 9});
  CHECK(down[5 * 9 + 2] == m.rest.down_of(2)[5]);
}

TEST_CASE("what does not fit together is refused") {
  const auto refused = [](const std::vector<std::byte>& bytes, const char* id) {
    check_refused([&] { (void)read_bytes(bytes); }, id, {"file"});
  };
  const std::vector<float> numbers(2000, 0.5F);
  const auto floats = [&](std::size_t count) { return std::as_bytes(std::span(numbers).first(count)); };
  for (const char* name : {"gate_proj_weight", "local_point", "local_approx_output", "ffn_gate_proj_weight",
                           "ffn_down_proj_weight", "ffn_gate_proj_bias", "sampled_dim", "ffn_dim"}) {
    CAPTURE(name);
    refused(changed(std::string("h.0.mlp.") + name, dtype::f32, {}, {}), "release.112");
    refused(changed(std::string("h.0.mlp.") + name, dtype::f32, {5}, floats(5)), "release.112");
  }
  refused(changed("h.0.mlp.fuse_weight", dtype::f32, {13, 21}, floats(13 * 21)), "release.112");
  refused(changed("h.0.mlp.fuse_weight", dtype::f32, {13, 21, 2}, floats(13 * 21 * 2)), "release.111");
  refused(changed("norm.weight", dtype::u8, {4}, floats(1)), "release.112");
  std::vector<float> broken(3, std::nanf(""));
  refused(changed("norm.weight", dtype::f32, {3}, std::as_bytes(std::span(broken))), "release.112");
  std::vector<std::int64_t> twice(21, 4), outside(21);
  for (std::size_t i = 0; i < 21; ++i) outside[i] = static_cast<std::int64_t>(i) - 5;
  for (const auto& wrong : {twice, outside})
    refused(changed("h.0.mlp.sampled_dim", dtype::i64, {21}, std::as_bytes(std::span(wrong))), "release.113");
  refused(noted("activation", "relu"), "release.111");
  refused(noted("dtype", "fp8"), "release.111");
  refused(noted("dtype", "bf16"), "release.112");
  refused(noted("grad_order", "4"), "release.111");
  refused(noted("grad_order", "13"), "release.111");
  refused(noted("group", "2"), "release.111");
  refused(noted("group", "1"), "release.111");
  const std::vector<float> more(13 * 10 * 9, 0.5F);  // of order 3 and groups of two, with one neuron too many
  safetensors_writer odd = contents_of(drawn_release(false, release_precision::fp32));
  odd.set_metadata("group", "2");
  refused(with_tensor(odd, "h.0.mlp.fuse_weight", {13, 10, 9}, more), "release.112");
  safetensors_writer other;
  other.add_f32("w", {1}, std::span(numbers).first(1));
  refused(other.bytes(), "release.111");
}
