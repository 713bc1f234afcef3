// Attacks are proven where they must win: on a lock that is none, and on one of a single layer. Costs 60 s to compile and 8 s
// to run.
#include "spankey/attack/relearn.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/train/evaluate.hpp"

using namespace spankey;

namespace {

using network = sized_model<none, backend::cpu, float>;
constexpr std::array<double, 2> rates = {1e-3, 1e-2};

const image_dataset& training() {
  static const image_dataset data = make_glyphs(3000, 1, split::train, {1, 28, 28});
  return data;
}
const image_dataset& test() {
  static const image_dataset data = make_glyphs(500, 1, split::test, {1, 28, 28});
  return data;
}

struct trained {
  layer_list list = small_cnn_layers(training().classes);
  network model{list};
  arena memory{model, 250};
  trained() {
    initialise(model, 1);
    trainer run(
        model, objective<no_deny>{.classes = training().classes}, nullptr, training(),
        training_options{.epochs = 4, .batch = 50, .rate = {.learning_rate = 0.05}, .without_keys = true});
    silent_observer observer;
    run.run(observer);
  }
  double accuracy() {
    gate_evaluation found(model, nullptr, test(), 250, evaluation_options{.without_keys = true});
    return found.run().no_key[figure::masked].mean;
  }
  double relearnt_with(relearnt what, index_t samples) {
    return relearn(model, list, what, inserted_kind::stitch, can_entangle, training(), test(),
                   {.samples = samples, .updates = 200, .rates = rates, .seed = 3})
        .accuracy;
  }
};

}  // namespace

TEST_CASE("relearning wins against a lock that is none, and loses less than it from scratch") {
  const auto open = std::make_unique<trained>();
  const double ceiling = open->accuracy();
  REQUIRE(ceiling > 0.8);
  const double floor = open->relearnt_with(relearnt::scratch, 64);
  CHECK(floor < ceiling - 0.1);
  // Nothing is locked: the maps begin as the identity, and the gain is 1.
  CHECK(open->relearnt_with(relearnt::maps, 64) > ceiling - 0.03);
  CHECK(open->relearnt_with(relearnt::everything, 64) > ceiling - 0.03);

  // Of one locked layer a stitch is learnt from many samples.
  (void)lock_entangled(open->model, draw_master_key(), {.layers = {"conv2"}});
  CHECK(open->accuracy() < 0.5);
  CHECK(open->relearnt_with(relearnt::maps, 1000) > floor);
}

TEST_CASE("what is withheld begins fresh where nothing would learn from zeros") {
  const layer_list list = small_resnet_on({1, 8, 8}, 10);
  network from(list), to(list);
  const arena from_memory(from, 1), to_memory(to, 1);
  initialise(from, 1), initialise(to, 2);
  auto& most = from.parameter_of("layer1.0.conv1.weight");
  std::fill_n(most.value.data, most.dims.size() - 10, 0.0F);
  auto& little = from.parameter_of("layer1.0.conv2.weight");
  std::fill_n(little.value.data, 10, 0.0F);
  from.parameter_of("bn1.weight").value.data[3] = 0;
  from.parameter_of("bn1.bias").value.data[3] = 0.5F;
  copy_known(from, to);
  const auto& found = to.parameter_of("layer1.0.conv1.weight");
  CHECK(found.value.data[0] != 0);
  CHECK(found.value.data[found.dims.size() - 1] == most.value.data[most.dims.size() - 1]);
  CHECK(to.parameter_of("layer1.0.conv2.weight").value.data[0] == 0);
  CHECK(to.parameter_of("bn1.weight").value.data[3] == 1);
  CHECK(to.parameter_of("bn1.bias").value.data[3] == 0.5F);
}
