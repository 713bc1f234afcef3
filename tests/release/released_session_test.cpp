// Costs 25 s to compile and 1 s to run.
#include "spankey/release/released_session.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "release/drawn_mlp.hpp"
#include "release/small_gpt.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/release/release_file.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::read_windows;
using spankey_test::small_backend;
using spankey_test::small_gpt;
using spankey_test::small_llama;
using spankey_test::small_network;
using spankey_test::small_ranges;
using spankey_test::small_text;

namespace {

using scheme_model = released_model<small_backend>;
static_assert(ReleaseScheme<identity_release, scheme_model>);
static_assert(ReleaseScheme<taylor_release, scheme_model>);
static_assert(ReleaseScheme<sums_release, scheme_model>);

// What a session of the network itself answers, window after window.
std::vector<float> own_answers(small_network& held, const std::vector<index_t>& text) {
  const infer::sized_tables<small_backend, float> tables(held.list);
  secret_vector<std::byte> memory(tables.memory_bytes());
  infer::sized_session<small_backend, float> session(tables.tables());
  const std::vector<std::byte> image = infer::make_image<float>(held.model, 272);
  REQUIRE(session.open(image, memory) == infer::status::ok);
  std::vector<float> all, logits(272);
  infer::verdict found;
  read_windows(session, text, [&](index_t t) {
    REQUIRE(session.read(t, logits, found) == infer::status::ok);
    all.insert(all.end(), logits.begin(), logits.end());
  });
  return all;
}
std::vector<float> answers_of(const layer_list& list, const weight_release& r,
                              const std::vector<index_t>& text) {
  released_session<small_backend> session(list, r);
  std::vector<float> all;
  read_windows(session, text, [&](index_t t) {
    const auto z = session.read(t);
    all.insert(all.end(), z.begin(), z.end());
  });
  return all;
}
double largest(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

}  // namespace

TEST_CASE("a release answers as the network does, from its file alone") {
  const auto answers = [](small_network& held, const std::string& mlp, const std::string& first) {
    const std::vector<index_t> text = small_text(5, 100);
    const std::vector<float> own = own_answers(held, text);
    CHECK(answers_of(held.list, identity_release{}.release(held.network(), {}, 0), text) == own);

    const std::vector<neuron_ranges> ranges = small_ranges(held);
    double before = 1e9;
    for (const int order : {2, 4, 8, 12}) {
      const weight_release r =
          taylor_release{{.order = order, .share = 0.7}}.release(held.network(), ranges, 3);
      CHECK(r.mlps.size() == 2);
      CHECK(r.mlps.contains(mlp));
      CHECK(!r.tensors.contains(mlp + first));
      const double error = largest(answers_of(held.list, r, text), own);
      CAPTURE(order);
      CHECK(error < before);
      before = std::max(error, 2e-5);  // from there on it is rounding
      // The file says the same.
      const auto bytes = contents_of(r).bytes();
      const weight_release again = read_release(safetensors_file::from_memory(bytes, "release"));
      CHECK(answers_of(held.list, again, text) == answers_of(held.list, r, text));
    }
    CHECK(before < 1e-4);
    // Sums over groups are the same function of the same neurons.
    const std::vector<float> series = answers_of(
        held.list, taylor_release{{.order = 8, .share = 0.5}}.release(held.network(), ranges, 3), text);
    const std::vector<float> sums = answers_of(
        held.list, sums_release{{.order = 8, .share = 0.5, .group = 2}}.release(held.network(), ranges, 3),
        text);
    CHECK(largest(sums, series) < 1e-4);
  };
  small_gpt ungated;
  answers(ungated, "h.0.mlp", ".c_fc.weight");
  small_llama gated;
  answers(gated, "model.layers.0.mlp", ".gate_proj.weight");
}

TEST_CASE("windows begin anew, and what is no token is refused") {
  small_gpt held;
  released_session<small_backend> session(held.list, identity_release{}.release(held.network(), {}, 0));
  const auto first = session.read(5);
  const std::vector<float> one(first.begin(), first.end());
  (void)session.read(6);
  session.restart();
  const auto again = session.read(5);
  CHECK(std::equal(one.begin(), one.end(), again.begin()));
  CHECK(session.position() == 1);
  check_refused([&] { (void)session.read(272); }, "release.106", {"272"});
  while (session.position() < session.context()) (void)session.read(1);
  check_refused([&] { (void)session.read(1); }, "release.106", {"24"});
  check_refused([&] { (void)session.answer(std::vector<float>(3)); }, "release.106");
}

TEST_CASE("a release of another network is refused") {
  small_gpt held;
  const weight_release sound = taylor_release{{.order = 2}}.release(held.network(), small_ranges(held), 3);
  const auto refuses = [&](auto&& change) {
    weight_release r = sound;
    change(r);
    check_refused([&] { released_session<small_backend> session(held.list, r); }, "release.114");
  };
  refuses([](weight_release& r) { r.network = "vit_tiny"; });
  refuses([](weight_release& r) { r.mlps.begin()->second.act = activation::silu; });
  refuses([](weight_release& r) { r.mlps.begin()->second.up = r.mlps.begin()->second.first; });
  refuses([](weight_release& r) { r.mlps.erase("h.0.mlp"); });
  refuses([](weight_release& r) { r.mlps.emplace("h.7.mlp", r.mlps.begin()->second); });
  refuses([](weight_release& r) { r.tensors.erase("ln_f.weight"); });
  refuses([](weight_release& r) { r.tensors["ln_f.weight"].shape = {4, 4}; });
  refuses([](weight_release& r) { r.tensors["more"] = {{1}, {1.0F}}; });
  refuses([](weight_release& r) { r.tensors["h.0.mlp.c_fc.bias"] = {{1}, {1.0F}}; });
  check_refused([&] { taylor_release{}.release(held.network(), {}, 3); }, "release.107", {"gpt"});
}

TEST_CASE("a network of images: every token's MLP is the release's") {
  layer_list list("small_vit", {3, 8, 8});
  list.conv2d("patch", 16, {.kernel = 4, .stride = 4, .pad = padding::none, .bias = bias::learned})
      .tokens("pos_embed", {.class_token = true});
  list.residual("blocks.0").layer_norm("norm2").enter("mlp");
  list.project("fc1", 40).gelu("act").project("fc2", 16).leave().join();
  list.layer_norm("norm").token("class", 0).head("head", head_outputs(5));
  REQUIRE(list.found() == list_fault::none);
  released_model<small_backend> model(list);
  const arena memory(model, 1);
  initialise(model, 3);
  const open_network<released_model<small_backend>> network{list, model};
  const std::vector<float> samples = spankey_test::drawn_numbers(5)(6 * 3 * 8 * 8, 1);
  const auto sample = [&](std::size_t i) { return std::span(samples).subspan(i * 192, 192); };
  const auto ranges = calibrate<small_backend>(network, [&](auto& session, auto& watcher) {
    for (std::size_t i = 0; i < 6; ++i) (void)session.answer(sample(i), &watcher);
  });
  REQUIRE(ranges.size() == 1);

  const infer::sized_tables<small_backend, float> tables(list);
  secret_vector<std::byte> working(tables.memory_bytes());
  infer::sized_session<small_backend, float> own(tables.tables());
  const std::vector<std::byte> image = infer::make_image<float>(model, 5);
  REQUIRE(own.open(image, working) == infer::status::ok);
  double before = 1e9;
  for (const int order : {1, 4, 12}) {
    released_session<small_backend> session(
        list, taylor_release{{.order = order, .share = 1}}.release(network, ranges, 0));
    std::vector<float> logits(5);
    infer::verdict found;
    double most = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      REQUIRE(own.run_normalised(sample(i), logits, found) == infer::status::ok);
      const auto z = session.answer(sample(i));
      most = std::max(most, largest(logits, {z.begin(), z.end()}));
    }
    CAPTURE(order);
    CHECK(most < before);
    before = most;
  }
  CHECK(before < 1e-5);
}
