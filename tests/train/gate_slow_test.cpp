// A gate that is trained must gate: floors for valid keys and ceilings for everything else, in every figure, on a network
// with batch norm and joint statistics, where a gate was lost once without any test noticing. (12 s on two cores.)
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;

namespace {

// Ten patterns of blocks under noise: any of the networks learns them in an epoch or two.
image_dataset patterns(index_t count, std::uint64_t seed) {
  image_dataset data{"patterns", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source block(99, stream::glyphs), noise(seed, stream::glyphs);
  for (index_t i = 0; i < count; ++i) {
    data.labels.push_back(static_cast<std::uint8_t>(i % 10));
    for (index_t p = 0; p < 784; ++p) {
      const auto cell = static_cast<std::uint64_t>(i % 10 * 49 + p / 112 * 7 + p % 28 / 4);
      data.pixels.push_back(static_cast<std::uint8_t>(
          block.below(cell, 200) + noise.below(static_cast<std::uint64_t>(i * 784 + p), 56)));
    }
  }
  return data;
}

template <class Network>
gate_report trained_gate(std::uint64_t epochs, double deny_weight) {
  const image_dataset train = patterns(320, 1), test = patterns(100, 2);
  key_space keys({.subspace_dim = 8, .rescale = rescale_kind::per_key, .seed = 7},
                 sites_of<Network>(std::array{2}));
  const objective<sealed> goal{.classes = 10,
                               .weight = deny_weight,
                               .on = deny_on::wrong_and_none,
                               .deny = {.weight = 3},
                               .statistics = batch_statistics::joint};
  auto model = std::make_unique<Network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const arena memory(*model, goal.groups() * 16);
  initialise(*model, 1);
  training_options options{.epochs = epochs,
                           .batch = 16,
                           .rate = {.kind = schedule_kind::one_cycle, .learning_rate = 0.05},
                           .augment = {}};
  for (const invalid_family family :
       {invalid_family::gaussian, invalid_family::orthogonal, invalid_family::permuted,
        invalid_family::sign_flipped, invalid_family::zero, invalid_family::constant})
    options.invalid_mixture.push_back({family, 1});
  silent_observer nobody;
  trainer(*model, goal, &keys, train, options).run(nobody);
  return gate_evaluation(*model, &keys, test, 16,
                         {.keys = 5,
                          .images_per_key = 40,
                          .invalid = {invalid_family::gaussian, invalid_family::orthogonal,
                                      invalid_family::permuted, invalid_family::zero}})
      .run();
}

void check_open(const condition_summary& valid) {
  CHECK(valid[figure::semantic].mean >= 0.8);
  CHECK(valid[figure::semantic].worst >= 0.7);
  CHECK(valid[figure::reject].mean <= 0.1);
}
void check_shut(const condition_summary& denied) {
  CHECK(denied[figure::semantic].mean <= 0.05);
  CHECK(denied[figure::masked].mean <= 0.5);
  CHECK(denied[figure::calibrated].mean <= 0.7);  // of a residual network .30 to .59 over four seeds
  CHECK(denied[figure::reject].mean >= 0.9);
}
void check_gate(const gate_report& gate) {
  check_open(gate.valid_key.value());
  {
    CAPTURE("no key");
    check_shut(gate.no_key);
  }
  for (const invalid_summary& invalid : gate.invalid_keys) {
    CAPTURE(std::string(name_of(invalid.rule.family)));
    check_shut(invalid.summary);
  }
}

using residual = small_resnet<sealed::outputs(10), gate<multiplicative, at<2>>, backend::cpu, float>;
using convolutional = small_cnn<sealed::outputs(10), gate<multiplicative, at<2>>, backend::cpu, float>;

}  // namespace

TEST_CASE("gate: a residual network with joint statistics, trained to refuse, refuses") {
  check_gate(trained_gate<residual>(12, 2));
}

TEST_CASE("gate: a convolutional network, trained to refuse, refuses; without the deny loss it would not") {
  check_gate(trained_gate<convolutional>(25, 2));
  const gate_report open = trained_gate<convolutional>(25, 0);
  check_open(open.valid_key.value());
  CHECK(open.no_key[figure::masked].mean > 0.5);  // so the ceilings above can be missed
}
