#include "spankey/lock/kotg_decoder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;
using network = sized_model<none, backend::cpu, float>;
using head_type = kotg_head<backend::cpu>;

namespace {

constexpr gpt_size tiny{.vocabulary = 48, .context = 8, .channels = 32, .layers = 2, .heads = 2};
const std::vector<int> prompt{3, 17, 40};

struct small_server {
  layer_list list = gpt_on(tiny, 48);
  std::unique_ptr<network> model = std::make_unique<network>(list);
  arena memory{*model, 1};
  std::vector<std::byte> image;
  std::vector<float> table;
  std::unique_ptr<kotg_decoder<backend::cpu>> decoder;

  small_server() {
    initialise(*model, 1);
    auto& wte = model->parameter_of("wte.weight");
    for (index_t i = 0; i < wte.dims.size(); ++i) wte.value.data[i] *= 20;  // answers that are not all alike
    image = infer::make_image<float>(*model, 48);
    table.assign(wte.value.data, wte.value.data + wte.dims.size());
    decoder = std::make_unique<kotg_decoder<backend::cpu>>(list, image);
  }
  // Logits of the model behind these tokens.
  std::vector<float> expected(const std::vector<int>& tokens) {
    std::vector<float> x(16);
    for (std::size_t t = 0; t < 8; ++t) write_token(t < tokens.size() ? tokens[t] : 0, x.data() + 2 * t);
    const float* z = model->forward({}, x.data(), 1, {}) + (tokens.size() - 1) * 48;
    return {z, z + 48};
  }
};
session_rotation rotation_of(std::string_view purpose, int reflections = 8) {
  key_stream numbers(derive(master_key(), {purpose}));
  return {32, reflections, numbers};
}
double distance(std::span<const float> a, std::span<const float> b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])));
  return worst;
}

}  // namespace

TEST_CASE("features and a head of one's own answer as the session does, under every policy") {
  small_server s;
  const head_type head(s.table, 32);
  head_type locked(s.table, 32);
  locked.lock(rotation_of("fixed"));
  const std::vector<float> model = s.expected(prompt);
  const auto logits = [&](const head_type& h, kotg_session gate) {
    const auto z = s.decoder->read(h, gate, prompt);
    return std::vector<float>(z.begin(), z.end());
  };
  const std::vector<float> open = logits(head, {});
  CHECK(distance(open, model) < 1e-4);
  CHECK(distance(logits(head, kotg_session::hook(rotation_of("a"), std::nullopt)), open) < 1e-4);
  CHECK(logits(head, kotg_session::hook(rotation_of("a", 0), std::nullopt)) == open);
  CHECK(distance(logits(head, kotg_session::hook(rotation_of("a"), rotation_of("b"))), open) > 1);
  CHECK(distance(logits(locked, kotg_session::entangled(rotation_of("fixed"))), open) < 1e-4);
  CHECK(distance(logits(locked, {}), open) > 1);
}

TEST_CASE("greedy answers take the likeliest token, never those that are left out, until the end") {
  small_server s;
  const head_type head(s.table, 32);
  kotg_session gate;
  std::vector<int> window = prompt, expected;
  double margin = 1e9;
  for (int i = 0; i < 4; ++i) {
    std::vector<float> z = s.expected(window);
    const auto top = std::max_element(z.begin(), z.end());
    const float largest = *top;
    expected.push_back(static_cast<int>(top - z.begin())), window.push_back(expected.back());
    *top = -1e9F;
    margin = std::min(margin, static_cast<double>(largest - *std::max_element(z.begin(), z.end())));
  }
  const greedy_answer found = s.decoder->answer(head, gate, prompt, {}, -1, 4);
  CHECK(found.tokens == expected);
  CHECK(found.margin == doctest::Approx(margin).epsilon(1e-2));
  const std::vector<int> never{expected[0]};
  const greedy_answer other = s.decoder->answer(head, gate, prompt, never, -1, 4);
  CHECK(std::count(other.tokens.begin(), other.tokens.end(), expected[0]) == 0);
  CHECK(s.decoder->answer(head, gate, prompt, {}, expected[0], 4).tokens.empty());
}

TEST_CASE("nats are those of the model's softmax; windows that are full are refused") {
  small_server s;
  const head_type head(s.table, 32);
  kotg_session gate;
  const std::vector<int> answer{5, 9};
  double expected = 0;
  std::vector<int> window = prompt;
  for (const int token : answer) {
    const std::vector<float> z = s.expected(window);
    double sum = 0;
    for (const float v : z) sum += std::exp(static_cast<double>(v));
    expected += std::log(sum) - static_cast<double>(z[static_cast<std::size_t>(token)]);
    window.push_back(token);
  }
  CHECK(s.decoder->nats(head, gate, prompt, answer) == doctest::Approx(expected).epsilon(1e-4));
  // Without a token the others are likelier by what it had.
  const std::vector<float> first = s.expected(prompt);
  double all = 0;
  for (const float v : first) all += std::exp(static_cast<double>(v));
  const std::vector<int> one{5}, never{7};
  const double share = std::exp(static_cast<double>(first[7])) / all;
  CHECK(s.decoder->nats(head, gate, prompt, one, never) - s.decoder->nats(head, gate, prompt, one) ==
        doctest::Approx(std::log(1 - share)).epsilon(1e-3));
  const std::vector<int> nine(9, 1);
  spankey_test::check_refused([&] { (void)s.decoder->read(head, gate, nine); }, "lock.123");
  spankey_test::check_refused([&] { kotg_decoder<backend::cpu>(s.list, std::span(s.image).first(100)); },
                              "lock.123");
}
