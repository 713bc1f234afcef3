// A Llama in a GGUF: sizes, names, the order of rows that are turned, and what this network cannot be. (Answers of whole models:
// tests/program/gguf_test.py.)
#include "spankey/model/llama_gguf.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "file/gguf_bytes.hpp"
#include "spankey/core/error.hpp"

using namespace spankey;

namespace {

struct model {
  std::string kind = "llama";
  std::map<std::string, std::uint32_t> sizes{
      {"llama.embedding_length", 8},     {"llama.feed_forward_length", 3},     {"llama.block_count", 1},
      {"llama.attention.head_count", 2}, {"llama.attention.head_count_kv", 1}, {"llama.context_length", 16}};
  float theta = 500, epsilon = 1e-5F;
  std::map<std::string, std::vector<std::uint64_t>> tensors{
      {"token_embd.weight", {8, 5}},   {"blk.0.attn_norm.weight", {8}},
      {"blk.0.attn_q.weight", {8, 8}}, {"blk.0.attn_k.weight", {8, 4}},
      {"blk.0.attn_v.weight", {8, 4}}, {"blk.0.attn_output.weight", {8, 8}},
      {"blk.0.ffn_norm.weight", {8}},  {"blk.0.ffn_gate.weight", {8, 3}},
      {"blk.0.ffn_up.weight", {8, 3}}, {"blk.0.ffn_down.weight", {3, 8}},
      {"output_norm.weight", {8}}};

  [[nodiscard]] std::vector<std::byte> bytes() const {
    test::gguf_bytes file;
    file.text("general.architecture", kind).f32("llama.rope.freq_base", theta);
    file.f32("llama.attention.layer_norm_rms_epsilon", epsilon);
    for (const auto& [key, value] : sizes) file.u32(key, value);
    for (const auto& [name, dims] : tensors) {
      std::uint64_t count = 1;
      for (const std::uint64_t d : dims) count *= d;
      std::vector<float> values(count);
      for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
      file.tensor(name, dims, 0, test::bytes_of(values));
    }
    return file.bytes();
  }
};

std::string refusal(const std::function<void(model&)>& change, index_t context = 0) {
  model m;
  change(m);
  const std::vector<std::byte> bytes = m.bytes();
  try {
    const gguf_file file = gguf_file::from_memory(bytes, "test");
    for_each_llama_tensor(file, llama_size_of(file, context), [](const auto&...) {});
  } catch (const error& problem) {
    return problem.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("llama in a GGUF: sizes, names, and the list that they make") {
  const std::vector<std::byte> bytes = model().bytes();
  const gguf_file file = gguf_file::from_memory(bytes, "test");
  const llama_size size = llama_size_of(file, 6);
  CHECK(size.vocabulary == 5);
  CHECK(size.context == 6);
  CHECK(llama_size_of(file).context == 16);
  CHECK(llama_size_of(file, 100).context == 16);
  CHECK(size.channels == 8);
  CHECK(size.hidden == 3);
  CHECK(size.heads == 2);
  CHECK(size.kv_heads == 1);
  CHECK(size.theta == 500);
  CHECK(llama_on(size, 5).found() == list_fault::none);
  std::map<std::string, std::vector<float>> found;
  std::vector<std::string> names;
  for_each_llama_tensor(
      file, size, [&](const std::string& name, const std::vector<index_t>&, const std::vector<float>& v) {
        names.push_back(name), found[name] = v;
      });
  CHECK(names.front() == "model.embed_tokens.weight");
  CHECK(names[4] == "model.layers.0.self_attn.v_proj.weight");
  CHECK(names.back() == "model.norm.weight");
  CHECK(found.size() == 11);
  // Heads of four rows: 0, 1, 2, 3 are turned as (0, 1) and (2, 3) there, as (0, 2) and (1, 3) here.
  const std::vector<float>& q = found["model.layers.0.self_attn.q_proj.weight"];
  for (const std::size_t head : {0U, 1U}) {
    const float row = static_cast<float>(32 * head);
    CHECK(q[32 * head] == row);
    CHECK(q[32 * head + 8] == row + 16);
    CHECK(q[32 * head + 16] == row + 8);
    CHECK(q[32 * head + 24] == row + 24);
  }
  CHECK(found["model.layers.0.self_attn.k_proj.weight"][8] == 16);
  CHECK(found["model.layers.0.self_attn.v_proj.weight"][8] == 8);
}

TEST_CASE("llama in a GGUF: what this network cannot be") {
  REQUIRE(refusal([](model&) {}) == "taken");
  const auto refused = [](const char* id, const std::function<void(model&)>& change) {
    const std::string found = refusal(change);
    CAPTURE(found);
    CHECK(found.find(std::string("[spankey.") + id + "] test: ") == 0);
  };
  refused("gguf.113", [](model& m) { m.kind = "gpt2"; });
  refused("gguf.113", [](model& m) { m.sizes["llama.attention.head_count"] = 3; });
  refused("gguf.113", [](model& m) { m.sizes["llama.attention.head_count_kv"] = 3; });
  refused("gguf.113", [](model& m) { m.sizes["llama.attention.head_count"] = 0; });
  refused("gguf.113", [](model& m) { m.sizes["llama.block_count"] = 1000; });
  refused("gguf.113", [](model& m) { m.sizes["llama.rope.dimension_count"] = 2; });
  refused("gguf.113", [](model& m) { m.sizes["llama.context_length"] = 0; });
  refused("gguf.113", [](model& m) { m.theta = 0; });
  refused("gguf.113", [](model& m) { m.epsilon = 0; });
  refused("gguf.111", [](model& m) { m.sizes.erase("llama.block_count"); });
  refused("gguf.112", [](model& m) { m.tensors.erase("token_embd.weight"); });
  refused("gguf.112", [](model& m) { m.tensors.erase("blk.0.ffn_up.weight"); });
  refused("gguf.112", [](model& m) { m.tensors["blk.0.ffn_up.weight"] = {8, 4}; });
  refused("gguf.112", [](model& m) { m.sizes["llama.block_count"] = 2; });
  refused("gguf.114", [](model& m) { m.tensors["output.weight"] = {8, 5}; });
}
