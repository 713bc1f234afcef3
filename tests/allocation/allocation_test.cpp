// A steady training step and a steady inference call allocate nothing on the heap.
//
// What is counted: every malloc of the process, on every thread (heap_counter.hpp), round by round; the first round warms
// up, and of the others the one with the fewest counts. The others may see oneTBB grow: its tasks come from its own
// allocator, seen only where that one calls malloc, and it starts threads when it sees work for them. That ends; what a
// step itself allocates does not.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "backend/cpu/agreement.hpp"
#include "heap_counter.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/train/site_buffers.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::heap_allocations;

namespace {

constexpr std::size_t rounds = 4;

// The fewest allocations of a round; marks[i] is the count at the end of round i.
long fewest(const std::array<long, rounds>& marks) {
  long found = marks[1] - marks[0];
  for (std::size_t i = 2; i < rounds; ++i) found = std::min(found, marks[i] - marks[i - 1]);
  return found;
}

template <class F>
long fewest_of_calls(F&& call) {
  std::array<long, rounds> marks{};
  for (long& mark : marks) {
    call();
    mark = heap_allocations();
  }
  return fewest(marks);
}

// A round of training is an epoch: its steps, its shuffle, and a last batch that is not full.
struct marks_epochs {
  std::array<long, rounds> marks{};
  void on_step(const step_record&) {}
  void on_epoch(const epoch_record& record) { marks[record.epoch] = heap_allocations(); }
};

template <class Model, class Deny>
long fewest_of_training(const objective<Deny>& goal, const key_space_config& space, const image_dataset& data,
                        training_options options) {
  using sites = at<0, 1, 2>;
  const auto model = std::make_unique<Model>();
  set_gate(*model, runtime{injector_kind::multiplicative, 2}, sites::numbers);
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, 1);
  key_space keys(space, sites_of<Model>(sites::numbers));
  options.epochs = rounds;
  marks_epochs watcher;
  trainer(*model, goal, &keys, data, options).run(watcher);
  return fewest(watcher.marks);
}

// Random images of any shape, for models that glyphs do not fit.
image_dataset noise(const extents& sample, index_t count) {
  image_dataset data{"noise", sample, 10, {}, {}, {}, {}};
  data.mean.assign(static_cast<std::size_t>(sample.channels), 0.5F);
  data.deviation.assign(static_cast<std::size_t>(sample.channels), 0.25F);
  const random_source random(1, stream::glyphs);
  for (index_t i = 0; i < count; ++i) data.labels.push_back(static_cast<std::uint8_t>(i % 10));
  for (index_t i = 0; i < count * sample.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(i), 256)));
  return data;
}

template <class T>
using gated_resnet18 = resnet18<11, gate<runtime, at<0, 1, 2>>, backend::cpu, T>;

// Inference with keys of every kind: none, one of all samples, one of each sample.
template <class Model>
long fewest_of_inference(index_t samples, bool packed_once) {
  using sites = at<0, 1, 2>;
  const auto model = std::make_unique<Model>();
  set_gate(*model, runtime{injector_kind::additive, 1}, sites::numbers);
  const arena memory(*model, samples);
  initialise(*model, 1);
  key_space keys({.subspace_dim = 3}, sites_of<Model>(sites::numbers));
  site_buffers buffers(keys.sites(), samples);
  keys.draw_valid({1, stream::evaluation}, samples, buffers.outputs());
  std::array<model_keys<float, Model::sites.size()>, 3> bound{};
  buffers.bind(bound[1], 0, false);
  buffers.bind(bound[2], 0, true);
  const std::vector<typename Model::scalar> x(static_cast<std::size_t>(samples * Model::input::size));
  std::optional<packed_weights<Model>> packed;
  if constexpr (std::is_same_v<typename Model::backend_type, backend::cpu>)
    if (packed_once) packed.emplace(*model);
  return fewest_of_calls([&] {
    for (const auto& chosen : bound)
      model->forward(
          pass{}, batch_view<const typename Model::scalar, typename Model::input>(x.data(), samples), chosen);
  });
}

}  // namespace

TEST_CASE("allocations are counted: every form of them, on every thread") {
  const auto counted = [](auto&& f) {
    const long before = heap_allocations();
    f();
    return heap_allocations() - before;
  };
  CHECK(counted([] {}) == 0);
  CHECK(counted([] { ::operator delete(::operator new(10)); }) == 1);
  CHECK(counted([] {
          ::operator delete (::operator new (10, std::align_val_t{64}), std::align_val_t{64});
        }) == 1);
  void* volatile memory = nullptr;  // volatile: the compiler knows these functions and may do without them
  CHECK(counted([&] { memory = std::malloc(10); }) == 1);
  CHECK(counted([&] { memory = std::realloc(memory, 100000); }) == 1);
  std::free(memory);
  CHECK(counted([&] { memory = std::calloc(10, 10); }) == 1);
  std::free(memory);
  CHECK(counted([&] { memory = std::aligned_alloc(64, 128); }) == 1);
  std::free(memory);
  long elsewhere = 0;
  std::thread([&] { elsewhere = counted([] { ::operator delete(::operator new(10)); }); }).join();
  CHECK(elsewhere == 1);
}

TEST_CASE("one allocation in an epoch is found") {
  struct allocates {
    marks_epochs inner;
    std::vector<std::unique_ptr<int>> kept = std::vector<std::unique_ptr<int>>(rounds);
    void on_step(const step_record&) {}
    void on_epoch(const epoch_record& record) {
      kept[record.epoch] = std::make_unique<int>(1);
      inner.on_epoch(record);
    }
  };
  using model_type = mlp<10, ungated, backend::cpu, float>;
  model_type model;
  const arena memory(model, 4);
  initialise(model, 1);
  const image_dataset data = noise({20, 1, 1}, 6);
  allocates watcher;
  trainer(model, objective<no_deny>{}, nullptr, data,
          training_options{.epochs = rounds, .batch = 4, .augment = {}})
      .run(watcher);
  CHECK(fewest(watcher.inner.marks) == 1);
  std::vector<std::unique_ptr<int>> kept;
  kept.reserve(100);
  CHECK(fewest_of_calls([&] { kept.push_back(std::make_unique<int>(1)); }) == 1);
}

TEST_CASE_TEMPLATE("a steady training step of ResNet-18 allocates nothing", T, float, bf16) {
  const image_dataset data = make_glyphs(5, 1, split::train);
  agreement::for_each_isa([&] {
    CHECK(fewest_of_training<gated_resnet18<T>>(objective<reject_class>{.on = deny_on::wrong_and_none},
                                                {.subspace_dim = 5}, data, {.batch = 4}) == 0);
  });
}

TEST_CASE_TEMPLATE("a steady training step allocates nothing, however keys are drawn", T, float, bf16) {
  const image_dataset numbers = noise({20, 1, 1}, 700), images = noise({1, 28, 28}, 20);
  for (const rescale_kind rescale : {rescale_kind::pooled, rescale_kind::per_key})
    for (const coefficient_kind coefficients :
         {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere})
      for (const invalid_family invalid : {invalid_family::gaussian, invalid_family::orthogonal})
        for (const int per_site : {0, 1, 2}) {
          CAPTURE(per_site);
          const key_space_config space{.subspace_dim = 7,
                                       .coefficients = coefficients,
                                       .rescale = rescale,
                                       .per_site_key = per_site > 0,
                                       .per_site_basis = per_site > 1};
          const training_options many{.batch = 600, .augment = {}, .invalid = invalid};
          const training_options few{.batch = 16, .invalid = invalid};
          const objective<reject_class> goal{};
          CHECK(fewest_of_training<mlp<11, gate<runtime, at<0, 1, 2>>, backend::cpu, T>>(goal, space, numbers,
                                                                                         many) == 0);
          CHECK(fewest_of_training<small_cnn<11, gate<runtime, at<0, 1, 2>>, backend::cpu, T>>(
                    goal, space, images, few) == 0);
        }
}

TEST_CASE_TEMPLATE("a steady training step allocates nothing, whatever is denied", T, float, bf16) {
  const image_dataset images = noise({1, 28, 28}, 20);
  const auto fewest_with = [&](auto deny) {
    using Deny = decltype(deny);
    return fewest_of_training<small_cnn<Deny::outputs(10), gate<runtime, at<0, 1, 2>>, backend::cpu, T>>(
        objective<Deny>{.on = deny_on::wrong_and_none}, {.subspace_dim = 7}, images, {.batch = 16});
  };
  CHECK(fewest_with(entropy_and_margin{}) == 0);
  CHECK(fewest_with(reject_head{}) == 0);
  CHECK(fewest_with(sealed{}) == 0);
}

TEST_CASE("steady draws of invalid keys allocate nothing, of every family and of a mixture that changes") {
  const std::vector<site> sites{{0, {3, 40, 40}}, {1, {64, 5, 5}}};
  key_space keys({.subspace_dim = 7, .per_site_key = true, .per_site_basis = true}, sites);
  site_buffers buffers(keys.sites(), 40);
  for (const auto& entry : invalid_names) {
    CAPTURE(entry.name);
    CHECK(fewest_of_calls([&] {
            keys.draw_invalid(entry.value, {1, stream::invalid_keys}, 40, buffers.outputs());
          }) == 0);
  }

  // Every round has more than twice as many orthogonal keys as the one before.
  std::vector<weighted_rule> mixture{{invalid_family::gaussian, 1}, {invalid_family::orthogonal, 0.02}};
  key_space fresh(keys.config(), {{0, {60}}, {1, {70}}});
  site_buffers many(fresh.sites(), 1000);
  CHECK(fewest_of_calls([&] {
          mixture[1].weight *= 3;
          fresh.draw_invalid_mixture(mixture, {1, stream::invalid_keys}, 1000, many.outputs());
        }) == 0);
}

TEST_CASE_TEMPLATE("a steady inference call allocates nothing", T, float, bf16) {
  agreement::for_each_isa([] {
    for (const index_t samples : {1, 5})
      for (const bool packed_once : {false, true}) {
        CAPTURE(samples);
        CAPTURE(packed_once);
        CHECK(fewest_of_inference<gated_resnet18<T>>(samples, packed_once) == 0);
      }
  });
}

TEST_CASE("a steady inference call on the reference backend allocates nothing") {
  CHECK(fewest_of_inference<small_cnn<11, gate<runtime, at<0, 1, 2>>, backend::reference, float>>(2, false) ==
        0);
}
