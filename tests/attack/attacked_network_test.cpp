// A network as attackers ask it: the answers are an evaluation's, the slope in the key is the numeric one, and weights that were
// changed are back where they were. Costs 14 s to compile.
#include "spankey/attack/attacked_network.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/attack/answer_table.hpp"
#include "spankey/attack/key_losses.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/train/evaluate.hpp"

using namespace spankey;

namespace {

const image_dataset& glyphs() {
  static const image_dataset data = make_glyphs(30, 1, split::test, {1, 16, 16});
  return data;
}
layer_list small_network() {
  layer_list net("small", {1, 16, 16});
  return net.site(0)
      .conv2d("conv", 4, {.kernel = 3, .stride = 2})
      .batch_norm2d("norm")
      .relu("relu")
      .site(1)
      .head("fc", 11);
}

struct gated {
  sized_model<multiplicative, backend::reference, float> model{small_network()};
  key_space keys;
  std::unique_ptr<arena> memory;

  gated() : keys(config(), {{0, {1, 16, 16}}, {1, model.site_shapes()[1]}}) {
    const int at[] = {0, 1};
    set_gate(model, multiplicative{0.5F}, at);
    memory = std::make_unique<arena>(model, 12);
    initialise(model, 1);
  }
  static key_space_config config() {
    key_space_config c{.subspace_dim = 4, .key_std = 1, .seed = 2};
    c.per_site_key = c.per_site_basis = true;
    return c;
  }
};

}  // namespace

TEST_CASE("attacked network: answers under keys are those of an evaluation") {
  gated g;
  const held_samples all = hold(glyphs(), 0, 30);
  const invalid_rule rule{};
  evaluation_options asked{.keys = 3, .images_per_key = 30};
  const gate_report expected = gate_evaluation(g.model, &g.keys, glyphs(), 12, asked).run();
  attacked_network gate(g.model, &g.keys, 10, 12);
  const auto mean = [&](std::span<const float> keys, figure f) {
    return mean_of(ask_keys(gate, all, keys).shares(f));
  };
  for (const figure f : {figure::semantic, figure::masked, figure::calibrated, figure::reject}) {
    CHECK(mean({}, f) == doctest::Approx(expected.no_key[f].mean));
    CHECK(mean(draw_keys(g.keys, nullptr, 3, 0), f) ==
          doctest::Approx(expected.valid_key->figures[static_cast<std::size_t>(f)].mean));
    CHECK(mean(draw_keys(g.keys, &rule, 3, 0), f) ==
          doctest::Approx(expected.invalid_keys.front().summary[f].mean));
  }
}

TEST_CASE("attacked network: the slope of a loss in the key of every site is the numeric one") {
  gated g;
  attacked_network gate(g.model, &g.keys, 10, 12);
  const held_samples some = hold(glyphs(), 3, 5);
  key_rows key = draw_keys(g.keys, nullptr, 1, 0);
  std::vector<float> dk(key.size()), unused(key.size());
  key_gradient_of loss_of(gate, key_loss::labels);
  const auto loss = [&](std::vector<float>& gradient) {
    double found = 0;
    loss_of(some, 0, 5, key, gradient, std::span(&found, 1));
    return found;
  };
  (void)loss(dk);
  double largest = 0;
  for (std::size_t i = 0; i < key.size(); i += 37) {
    const float k = key[i], step = 2e-2F;
    key[i] = k + step;
    const double up = loss(unused);
    key[i] = k - step;
    const double down = loss(unused);
    key[i] = k;
    CHECK(static_cast<double>(dk[i]) == doctest::Approx((up - down) / 0.04).epsilon(0.03).scale(0.05));
    largest = std::max(largest, std::abs(static_cast<double>(dk[i])));
  }
  CHECK(largest > 1e-3);
  // Twice the same, and parameters are left as free as they were.
  std::vector<float> again(key.size());
  (void)loss(again);
  CHECK(again == dk);
}

TEST_CASE("attacked network: several keys at once are each of them alone") {
  gated g;
  attacked_network gate(g.model, &g.keys, 10, 12);
  const held_samples some = hold(glyphs(), 3, 4);
  const key_rows keys = draw_keys(g.keys, nullptr, 3, 0);
  const std::size_t size = static_cast<std::size_t>(gate.key_size()), each = 4 * 11;
  std::vector<float> together(gate.ask(some.features(0), 4, keys),
                              gate.ask(some.features(0), 4, keys) + 3 * each),
      dz(3 * each), dk(keys.size()), features;
  for (std::size_t i = 0; i < dz.size(); ++i) dz[i] = static_cast<float>(i % 7) - 3;
  const std::span<const float> shown = gate.features_of_last(4);
  features.assign(shown.begin(), shown.end());
  gate.key_gradient(4, dz, dk);
  for (std::size_t k = 0; k < 3; ++k) {
    const float* const alone = gate.ask(some.features(0), 4, std::span(keys).subspan(k * size, size));
    for (std::size_t i = 0; i < each; ++i)
      CHECK(together[k * each + i] == doctest::Approx(static_cast<double>(alone[i])).epsilon(1e-5).scale(1));
    const std::span<const float> own = gate.features_of_last(4);
    for (std::size_t i = 0; i < own.size(); i += 17)
      CHECK(features[k * own.size() + i] ==
            doctest::Approx(static_cast<double>(own[i])).epsilon(1e-5).scale(1));
    std::vector<float> of_one(size);
    gate.key_gradient(4, std::span(dz).subspan(k * each, each), of_one);
    for (std::size_t j = 0; j < size; j += 13)
      CHECK(dk[k * size + j] == doctest::Approx(static_cast<double>(of_one[j])).epsilon(1e-4).scale(1e-2));
  }
  CHECK(gate.keys_at_once(4) == 3);
  CHECK(spankey_test::id_of([&] { (void)gate.ask(some.features(0), 5, keys); }) == "attack.122");
}

TEST_CASE(
    "attacked network: parameters are frozen only as long as it is asked, and changed weights change "
    "answers") {
  gated g;
  const held_samples some = hold(glyphs(), 0, 12);
  g.model.parameter_of("fc.bias").frozen = true;
  {
    attacked_network gate(g.model, &g.keys, 10, 12);
    CHECK(g.model.parameter_of("conv.weight").frozen);
    const std::vector<float> before(gate.ask(some.features(0), 12, {}),
                                    gate.ask(some.features(0), 12, {}) + 12 * 11);
    std::vector<std::vector<float>> kept;
    gate.change_weights([&](const weight_tensor& w) { kept.emplace_back(w.values.begin(), w.values.end()); });
    CHECK(kept.size() == 7);  // two layers' weights and biases or scales, and two statistics
    gate.change_weights([&](const weight_tensor& w) {
      if (w.what == weight_tensor::kind::matrix)
        for (float& x : w.values) x = -x;
    });
    const float* const after = gate.ask(some.features(0), 12, {});
    CHECK(std::vector<float>(after, after + 12 * 11) != before);
    std::size_t next = 0;
    gate.change_weights([&](const weight_tensor& w) {
      std::copy(kept[next].begin(), kept[next].end(), w.values.begin());
      ++next;
    });
    const float* const back = gate.ask(some.features(0), 12, {});
    CHECK(std::vector<float>(back, back + 12 * 11) == before);
    gate.recalibrate(some);
    const float* const anew = gate.ask(some.features(0), 12, {});
    CHECK(std::vector<float>(anew, anew + 12 * 11) != before);
  }
  CHECK(!g.model.parameter_of("conv.weight").frozen);
  CHECK(g.model.parameter_of("fc.bias").frozen);
}

TEST_CASE("attacked network: keys and batches of another size are errors") {
  gated g;
  attacked_network gate(g.model, &g.keys, 10, 12);
  const held_samples all = hold(glyphs(), 0, 30);
  const std::vector<float> short_key(static_cast<std::size_t>(gate.key_size() - 1));
  std::vector<float> dk(short_key.size());
  CHECK(spankey_test::id_of([&] { (void)gate.ask(all.features(0), 3, short_key); }) == "attack.121");
  CHECK(spankey_test::id_of([&] { (void)gate.ask(all.features(0), 13, {}); }) == "attack.122");
  CHECK(spankey_test::id_of([&] { gate.key_gradient(3, {}, dk); }) == "attack.121");
  CHECK(spankey_test::id_of([&] { (void)hold(glyphs(), 25, 6); }) == "data.105");
  CHECK(all.first(7).size() == 7);
  CHECK(all.first(99).x == all.x);
}
