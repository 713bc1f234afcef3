// One layer after another wins against one locked layer. Costs 70 s to compile and 2 s to run.
#include "spankey/attack/layerwise.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/train/evaluate.hpp"

using namespace spankey;

namespace {

using network = sized_model<none, backend::cpu, float>;
constexpr std::array<double, 1> rates = {1e-2};

// The mean squared distance of a map's products with its transpose from the identity.
double distance_from_rotation(const starting_map& map, std::size_t c) {
  double sum = 0;
  for (std::size_t i = 0; i < c; ++i)
    for (std::size_t j = 0; j < c; ++j) {
      double product = i == j ? -1 : 0;
      for (std::size_t k = 0; k < c; ++k) product += double{map.map[i * c + k]} * double{map.map[j * c + k]};
      sum += product * product;
    }
  return sum / static_cast<double>(c);
}

}  // namespace

TEST_CASE("maps learnt in order open one locked layer, and stay rotations where they are to") {
  const image_dataset train = make_glyphs(2000, 1, split::train, {1, 28, 28});
  const image_dataset test = make_glyphs(500, 1, split::test, {1, 28, 28});
  const layer_list list = small_cnn_layers(train.classes);
  const auto model = std::make_unique<network>(list);
  const arena memory(*model, 250);
  initialise(*model, 1);
  silent_observer observer;
  trainer run(
      *model, objective<no_deny>{.classes = train.classes}, nullptr, train,
      training_options{.epochs = 4, .batch = 50, .rate = {.learning_rate = 0.05}, .without_keys = true});
  run.run(observer);
  const auto accuracy = [&](network& of) {
    gate_evaluation found(of, nullptr, test, 250, evaluation_options{.without_keys = true});
    return found.run().no_key[figure::masked].mean;
  };
  const double open = accuracy(*model);
  REQUIRE(open > 0.8);
  (void)lock_entangled(*model, draw_master_key(), {.layers = {"conv2"}});
  const double closed = accuracy(*model);
  REQUIRE(closed < 0.5);
  const auto is_conv2 = [](const layer_description& d) { return d.name.view() == "conv2"; };
  // Against every drawn lock: 200 updates are too few for one in three.
  relearn_budget budget{.samples = 1000, .updates = 600, .rates = rates, .seed = 3, .orthogonal = true};
  const std::vector<starting_map> maps = learn_in_order(*model, list, is_conv2, train, budget);
  REQUIRE(maps.size() == 1);
  CHECK(maps.front().layer == "conv2");
  CHECK(distance_from_rotation(maps.front(), 16) < 1e-3);
  budget.start = maps;
  const double found =
      relearn(*model, list, relearnt::maps, inserted_kind::stitch, is_conv2, train, test, budget).accuracy;
  CHECK(found > closed + 0.5 * (open - closed));
}
