// Sessions that read one token after another: what they answer behind each is what the model answers of the whole window.
// Costs 20 s to compile.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/lock/syndrome_guard.hpp"
#include "spankey/model/llama.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::distance;

namespace {

constexpr index_t classes = 21;
constexpr gpt_size small(key_shape keys) {
  return {.vocabulary = 32, .context = 9, .channels = 12, .layers = 3, .heads = 3, .tokens = 7, .keys = keys};
}
template <key_shape Keys, class Backend>
using network = gpt<small(Keys), gate<runtime, at<0, 1>>, Backend, float>;

constexpr int text[] = {3, 31, 0, 17, 17, 5, 20};

// The model's logits at every token of the window.
template <class Model>
std::vector<float> expected(test::trained<Model>& from, bool keyed) {
  for (std::size_t i = 0; i < std::size(text); ++i) write_token(text[i], from.input.data() + 2 * i);
  std::vector<std::vector<float>> in_memory_order = from.keys;
  model_keys<float, Model::sites.size()> given;
  for (std::size_t s = 0; s < from.keys.size(); ++s) {
    for (std::size_t i = 0; i < from.keys[s].size(); ++i)
      in_memory_order[s][i] =
          from.keys[s][static_cast<std::size_t>(file_index(Model::sites[s], static_cast<index_t>(i)))];
    if (keyed) given[s].group[0] = {in_memory_order[s], 0};
  }
  const auto z = from.model.forward(pass{}, {from.input.data(), 1}, given);
  return {z.data(), z.data() + index_t(Model::outputs) * static_cast<index_t>(std::size(text))};
}

template <class Model, class Weight>
struct reader {
  using session_type = infer::session<Model, Weight>;
  std::unique_ptr<test::trained<Model>> from;
  block image, memory{session_type::memory_bytes};
  session_type session;

  explicit reader(injector_kind kind)
      : from(std::make_unique<test::trained<Model>>(kind)), image(session_type::image_bytes) {
    const std::vector<std::byte> made = infer::make_image<Weight>(from->model, classes);
    REQUIRE(made.size() == session_type::image_bytes);
    std::copy(made.begin(), made.end(), image.span().begin());
    REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  }
  void bind() {
    std::vector<std::span<const float>> keys(from->keys.begin(), from->keys.end());
    REQUIRE(session.bind(keys) == status::ok);
  }
  std::vector<float> read_all() {
    std::vector<float> all;
    infer::answer<Model> answer;
    for (const int token : text) {
      REQUIRE(session.read(token, answer) == status::ok);
      all.insert(all.end(), answer.logits.begin(), answer.logits.end());
    }
    return all;
  }
};

template <class Model, class Weight>
void check_model(injector_kind kind, double tolerance) {
  reader<Model, Weight> r(kind);
  const std::vector<float> open = expected(*r.from, false), keyed = expected(*r.from, true);
  CHECK(distance(r.read_all(), open) < tolerance);
  CHECK(distance(keyed, open) > 2 * tolerance);  // else the keys prove nothing
  r.bind();                                      // begins a new window
  CHECK(distance(r.read_all(), keyed) < tolerance);
  r.session.restart();
  CHECK(distance(r.read_all(), keyed) < tolerance);
  r.session.wipe_key();
  CHECK(distance(r.read_all(), open) < tolerance);
}
template <key_shape Keys, class Backend, class Weight>
void check(injector_kind kind, double tolerance) {
  check_model<network<Keys, Backend>, Weight>(kind, tolerance);
}

// Grouped queries, rotary positions, maps side by side, norms without a mean.
struct small_llama {
  static constexpr llama_size size{.vocabulary = 32,
                                   .context = 7,
                                   .channels = 24,
                                   .hidden = 20,
                                   .layers = 2,
                                   .heads = 6,
                                   .kv_heads = 2,
                                   .theta = 100};
};
template <class Backend, class Weight>
void check_llama(double tolerance) {
  using model = llama<small_llama, gate<runtime, at<0, 1>>, Backend, float>;
  check_model<model, Weight>(injector_kind::multiplicative, tolerance);
}

}  // namespace

TEST_CASE("session of tokens: answers behind every token as the model does of the window") {
  SUBCASE("reference, an element") {
    check<key_shape::element, backend::reference, float>(injector_kind::multiplicative, 1e-5);
  }
  SUBCASE("reference, a token") {
    check<key_shape::token, backend::reference, float>(injector_kind::multiplicative, 1e-5);
  }
  SUBCASE("reference, a channel") {
    check<key_shape::channel, backend::reference, float>(injector_kind::multiplicative, 1e-5);
    check<key_shape::channel, backend::reference, float>(injector_kind::reading, 1e-5);
  }
  SUBCASE("reference, bf16") {
    check<key_shape::channel, backend::reference, bf16>(injector_kind::multiplicative, 0.03);
  }
  SUBCASE("reference, int8") {
    check<key_shape::channel, backend::reference, std::int8_t>(injector_kind::multiplicative, 0.03);
  }
  SUBCASE("cpu, an element") {
    check<key_shape::element, backend::cpu, float>(injector_kind::multiplicative, 1e-5);
    check<key_shape::element, backend::cpu, float>(injector_kind::reading, 1e-5);
  }
  SUBCASE("cpu, bf16") { check<key_shape::element, backend::cpu, bf16>(injector_kind::additive, 0.03); }
  SUBCASE("cpu, int8") {
    check<key_shape::element, backend::cpu, std::int8_t>(injector_kind::additive, 0.03);
  }
}

TEST_CASE("session of tokens: Llama, too") {
  SUBCASE("reference") { check_llama<backend::reference, float>(1e-5); }
  SUBCASE("reference, int8") { check_llama<backend::reference, std::int8_t>(0.03); }
  SUBCASE("cpu") { check_llama<backend::cpu, float>(1e-5); }
  SUBCASE("cpu, bf16") { check_llama<backend::cpu, bf16>(0.03); }
}

TEST_CASE(
    "session of tokens: a full window, numbers that are no tokens, samples and other mistakes are refused") {
  using model = network<key_shape::element, backend::reference>;
  reader<model, float> r(injector_kind::additive);
  infer::answer<model> answer;
  CHECK(r.session.context() == 7);
  CHECK(r.session.read(-1, answer) == status::token_range);
  CHECK(r.session.read(32, answer) == status::token_range);
  CHECK(answer.rejected);
  CHECK(r.session.position() == 0);
  const std::vector<float> all = r.read_all();
  CHECK(r.session.position() == 7);
  CHECK(r.session.read(1, answer) == status::window_full);
  CHECK(answer.rejected);
  CHECK(std::ranges::count(answer.logits, 0.0F) == 32);
  std::vector<float> window(14);
  CHECK(r.session.run_normalised(window, answer) == status::reads_tokens);
  r.session.restart();
  CHECK(r.read_all() == all);
  r.session.close();
  CHECK(r.session.read(1, answer) == status::not_open);
  CHECK(answer.rejected);
}

TEST_CASE("session of tokens: wiping a key leaves nothing of it, and nothing of the window") {
  using model = network<key_shape::channel, backend::reference>;
  reader<model, float> r(injector_kind::multiplicative);
  r.session.wipe_key();
  const std::vector<std::byte> wiped(r.memory.span().begin(), r.memory.span().end());
  r.bind();
  (void)r.read_all();
  r.session.wipe_key();
  CHECK(std::ranges::equal(r.memory.span(), wiped));
  CHECK(r.session.position() == 0);
}

TEST_CASE("session of tokens: a network of whole samples reads none") {
  using model = mlp<5, gate<runtime, at<0>>, backend::reference, float>;
  auto from = std::make_unique<test::trained<model>>(injector_kind::additive);
  const std::vector<std::byte> made = infer::make_image<float>(from->model, 5);
  block image(made.size()), memory(infer::session<model>::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  infer::session<model> session;
  REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  infer::answer<model> answer;
  CHECK(session.read(1, answer) == status::no_tokens);
  CHECK(session.context() == 0);
}

TEST_CASE("session of tokens: what the head would have read, times its table, is the answer") {
  using model = network<key_shape::channel, backend::cpu>;
  reader<model, float> r(injector_kind::multiplicative);
  r.bind();
  const std::vector<float> expected = r.read_all();
  r.session.restart();
  const auto& table = r.from->model.parameter_of("wte.weight").value;
  std::vector<float> features(12), found;
  for (const int token : text) {
    REQUIRE(r.session.read_features(token, features) == status::ok);
    for (index_t o = 0; o < 32; ++o) {
      float sum = 0;
      for (index_t c = 0; c < 12; ++c) sum += features[static_cast<std::size_t>(c)] * table.data[o * 12 + c];
      found.push_back(sum);
    }
  }
  CHECK(distance(found, expected) < 1e-5);
  CHECK(r.session.read_features(1, features) == status::window_full);
  r.session.restart();
  CHECK(r.session.read_features(32, features) == status::token_range);
  CHECK(r.session.read_features(1, std::span(features).first(11)) == status::input_size);
  CHECK(r.session.position() == 0);
  r.session.close();
  CHECK(r.session.read_features(1, features) == status::not_open);
}

TEST_CASE("session of tokens: where a key is asked for, nothing is read without it, up to the head either") {
  using model = network<key_shape::channel, backend::reference>;
  const auto from = std::make_unique<test::trained<model>>(injector_kind::multiplicative);
  key_space keys({.subspace_dim = 4}, {{0, model::sites[0]}, {1, model::sites[1]}});
  const syndrome_gate guards(from->model, keys, {.rows = 8});
  const std::vector<std::byte> made = infer::make_image<float>(from->model, classes);
  block image(made.size()), memory(infer::session<model>::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  infer::session<model> session;
  REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  infer::answer<model> answer;
  std::vector<float> features(12, 9.0F);
  CHECK(session.read(1, answer) == status::key_missing);
  CHECK(session.read_features(1, features) == status::key_missing);
  CHECK(features == std::vector<float>(12, 9.0F));
  CHECK(session.position() == 0);
}
