#include "spankey/train/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "recording_model.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/train/evaluate.hpp"

using namespace spankey;
using doctest::Approx;
using test::numbered_images;
using test::recording_model;
using test::recording_model_with_aux;

namespace {
using spankey_test::id_of;

const std::vector<site> both_sites = {{0, {4, 1, 1}}, {1, {2, 3, 1}}};
const key_space_config small_space{.subspace_dim = 2, .seed = 5};

struct keeps_records {
  std::vector<step_record> steps;
  std::vector<epoch_record> epochs;
  void on_step(const step_record& r) { steps.push_back(r); }
  void on_epoch(const epoch_record& r) { epochs.push_back(r); }
};

// 20 numbers whose bright quarter names the class: any network learns it.
image_dataset quarters(index_t count) {
  image_dataset data{"quarters", {20, 1, 1}, 4, {}, {}, {}, {}};
  data.mean.assign(20, 0.3F);
  data.deviation.assign(20, 0.3F);
  const random_source random(1, stream::glyphs);
  for (index_t i = 0; i < count; ++i) {
    data.labels.push_back(static_cast<std::uint8_t>(i % 4));
    for (index_t c = 0; c < 20; ++c)
      data.pixels.push_back(static_cast<std::uint8_t>(
          (c / 5 == i % 4 ? 150 : 20) + random.below(static_cast<std::uint64_t>(i * 20 + c), 80)));
  }
  return data;
}

template <class Model>
std::vector<float> weights_of(Model& model) {
  std::vector<float> all;
  model.for_each_parameter([&](const scope&, parameter<float>& p) {
    all.insert(all.end(), p.value.data, p.value.data + p.dims.size());
  });
  return all;
}

training_options plain(std::uint64_t epochs, index_t batch) {
  return {.epochs = epochs,
          .batch = batch,
          .seed = 4,
          .rate = {.kind = schedule_kind::constant, .learning_rate = 0.05},
          .augment = {}};
}

// Two epochs of a keyed convolutional network on 20 images in batches of 8, 8 and 4.
std::vector<float> trained_weights(std::uint64_t seed = 4) {
  using model_type = small_cnn<11, gate<multiplicative, at<0, 1, 2>>, backend::cpu, float>;
  image_dataset images{"noise", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source random(8, stream::glyphs);
  for (index_t i = 0; i < 20; ++i) images.labels.push_back(static_cast<std::uint8_t>(i % 10));
  for (std::uint64_t i = 0; i < 20 * 784; ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(i, 256)));

  model_type model;
  set_injector(model, multiplicative{.gamma = 1});
  const objective<reject_class> goal{.on = deny_on::wrong_and_none};
  const arena memory(model, 3 * 8);
  initialise(model, 1);
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4}, sites_of<model_type>(sites));
  training_options options = plain(2, 8);
  options.seed = seed;
  options.augment = {.pad = 2, .flip = true};
  silent_observer nobody;
  trainer(model, goal, &keys, images, options).run(nobody);
  return weights_of(model);
}
}  // namespace

TEST_CASE("trainer: a keyed network learns an easy task") {
  using model_type = mlp<5, gate<multiplicative, at<0, 1, 2>>, backend::cpu, float>;
  const image_dataset data = quarters(120);
  model_type model;
  model.for_each_site([](int, auto& site) { site.injector.gamma = 1; });
  const objective<reject_class> goal{.classes = 4, .weight = 0.5};
  const arena memory(model, 2 * 16);
  initialise(model, 1);
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4}, sites_of<model_type>(sites));
  keeps_records watcher;
  trainer(model, goal, &keys, data, plain(25, 16)).run(watcher);
  REQUIRE(watcher.epochs.size() == 25);
  CHECK(watcher.epochs.front().accuracy < 0.8);
  CHECK(watcher.epochs.back().accuracy > 0.9);
  CHECK(watcher.epochs.back().loss < 0.5 * watcher.epochs.front().loss);
  CHECK(watcher.epochs.back().deny < 0.9 * watcher.epochs.front().deny);
}

namespace {
// The last epoch of a training run.
template <class Deny, class T>
epoch_record learned(double weight) {
  using model_type = mlp<Deny::outputs(4), gate<multiplicative, at<0, 1, 2>>, backend::cpu, T>;
  const image_dataset data = quarters(120);
  model_type model;
  model.for_each_site([](int, auto& site) { site.injector.gamma = 2; });
  const objective<Deny> goal{.classes = 4, .weight = weight, .on = deny_on::wrong_and_none};
  const arena memory(model, goal.groups() * 16);
  initialise(model, 1);
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4}, sites_of<model_type>(sites));
  keeps_records watcher;
  trainer(model, goal, &keys, data, plain(25, 16)).run(watcher);
  return watcher.epochs.back();
}
}  // namespace

TEST_CASE_TEMPLATE("trainer: every deny loss is lower where it is trained, and the task is learned", Deny,
                   entropy, entropy_floor, reject_class, reject_head, margin, margin_top, entropy_and_margin,
                   sealed) {
  const auto check = [](const epoch_record& trained, const epoch_record& watched) {
    CHECK(trained.accuracy > 0.85);
    CHECK(trained.deny < watched.deny - 0.1 * std::abs(watched.deny));
  };
  check(learned<Deny, float>(0.5), learned<Deny, float>(0));
  check(learned<Deny, bf16>(0.5), learned<Deny, bf16>(0));
}

TEST_CASE("trainer: a model without sites needs no keys") {
  using model_type = mlp<4, ungated, backend::cpu, float>;
  const image_dataset data = quarters(60);
  model_type model;
  const arena memory(model, 16);
  initialise(model, 1);
  keeps_records watcher;
  trainer(model, objective<no_deny>{.classes = 4}, nullptr, data, plain(10, 16)).run(watcher);
  CHECK(watcher.epochs.back().accuracy > 0.95);
  for (const step_record& r : watcher.steps) {
    CHECK(r.deny == 0);
    CHECK(r.loss == r.cross_entropy);
  }
}

TEST_CASE("trainer: the linear task, from features to the answers of the trained network") {
  using model_type = mlp<5, ungated, backend::cpu, float>;
  const feature_dataset data = make_linear_task(2000, 1, split::train),
                        test = make_linear_task(500, 1, split::test);
  const objective<no_deny> goal{.classes = 5};
  const auto test_accuracy = [&](model_type& model) {
    return gate_evaluation(model, nullptr, test, 50, {}).run().no_key[figure::semantic].mean;
  };
  model_type model;
  const arena memory(model, 50);
  initialise(model, 1);
  CHECK(test_accuracy(model) < 0.4);  // chance is 0.2
  keeps_records watcher;
  trainer(model, goal, nullptr, data, plain(3, 50)).run(watcher);
  CHECK(watcher.epochs.back().accuracy > 0.85);
  CHECK(test_accuracy(model) > 0.85);

  training_options cropping = plain(1, 50);
  cropping.augment = {.pad = 1};
  CHECK(id_of([&] { trainer(model, goal, nullptr, data, cropping); }) == "data.128");
}

TEST_CASE("trainer: a gated network of bf16 on features") {
  using model_type = mlp<6, gate<multiplicative, at<0, 1, 2>>, backend::cpu, bf16>;
  const feature_dataset data = make_linear_task(1000, 1, split::train),
                        test = make_linear_task(200, 1, split::test);
  const objective<reject_class> goal{.classes = 5, .weight = 0.1};
  model_type model;
  model.for_each_site([](int, auto& site) { site.injector.gamma = 1; });
  const arena memory(model, 2 * 50);
  initialise(model, 1);
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4}, sites_of<model_type>(sites));
  silent_observer nobody;
  trainer(model, goal, &keys, data, plain(10, 50)).run(nobody);
  const gate_report report = gate_evaluation(model, &keys, test, 50, {.keys = 5}).run();
  CHECK(report.valid_key->operator[](figure::semantic).mean > 0.6);
  CHECK(report.valid_key->images_per_key == 200);
}

TEST_CASE("trainer: with Adam, a model learns with small steps; its second moments are asked for") {
  using model_type = mlp<4, ungated, backend::cpu, float>;
  const image_dataset data = quarters(60);
  const objective<no_deny> goal{.classes = 4};
  training_options options = plain(10, 16);
  options.rate.learning_rate = 0.005;
  const auto final_accuracy = [&](const training_options& o) {
    model_type model;
    if (o.adam) keep_second_moment(model);
    const arena memory(model, 16);
    initialise(model, 1);
    keeps_records watcher;
    trainer(model, goal, nullptr, data, o).run(watcher);
    return watcher.epochs.back().accuracy;
  };
  options.optimizer.momentum = 0;
  options.optimizer.nesterov = false;
  CHECK(final_accuracy(options) < 0.8);
  for (const adam_options& adam : {adam_options{}, adamw}) {
    options.adam = adam;
    CHECK(final_accuracy(options) > 0.95);
  }

  options.adam->beta2 = 1;
  model_type model;
  CHECK(id_of([&] { trainer(model, goal, nullptr, data, options); }) == "optim.102");
  options.adam = adam_options{};
  const arena memory(model, 16);
  initialise(model, 1);
  silent_observer nobody;
  CHECK(id_of([&] { trainer(model, goal, nullptr, data, options).run(nobody); }) == "optim.105");
}

TEST_CASE("trainer: the same weights, bit for bit, for any number of threads") {
  const std::vector<float> once = trained_weights();
  CHECK(std::all_of(once.begin(), once.end(), [](float w) { return std::isfinite(w); }));
  CHECK(trained_weights() == once);
  CHECK(trained_weights(5) != once);
  for (const index_t threads : {1, 2, 3, 7}) {
    CAPTURE(threads);
    // The arena makes room for that many threads on machines with fewer processors too.
    const thread_limit limit(threads);
    tbb::task_arena room(static_cast<int>(threads));
    std::vector<float> found;
    room.execute([&] { found = trained_weights(); });
    CHECK(found == once);
  }
}

TEST_CASE("trainer: stacked groups, keys and the last partial batch of every step") {
  recording_model model;
  key_space keys(small_space, both_sites), twin(small_space, both_sites);
  const numbered_images images;
  const objective<reject_class> goal{.classes = 3, .on = deny_on::wrong_and_none};
  trainer run(model, goal, &keys, images, plain(2, 4));
  CHECK(run.steps_per_epoch() == 3);
  silent_observer nobody;
  run.run(nobody);

  REQUIRE(model.passes.size() == 6);
  std::set<std::vector<float>> valid_keys, invalid_keys;
  for (std::size_t step = 0; step < 6; ++step) {
    CAPTURE(step);
    const auto& seen = model.passes[step];
    const index_t n = step % 3 == 2 ? 2 : 4;
    CHECK(seen.training);
    CHECK(seen.groups == 3);
    CHECK(seen.samples == 3 * n);
    for (index_t i = 0; i < 2 * n; ++i)  // every group holds the same images
      CHECK(seen.images[static_cast<std::size_t>(n + i)] == seen.images[static_cast<std::size_t>(i % n)]);
    for (std::size_t s = 0; s < 2; ++s) {
      const index_t d = recording_model::sites[s].size();
      CHECK(seen.keys[s][0].present);
      CHECK(seen.keys[s][0].stride == d);
      CHECK(seen.keys[s][1].present);
      CHECK(seen.keys[s][1].stride == 0);
      CHECK_FALSE(seen.keys[s][2].present);
    }
    std::vector<float> first(static_cast<std::size_t>(4 * n)), second(static_cast<std::size_t>(6 * n));
    const std::vector<float*> out = {first.data(), second.data()};
    twin.draw_valid({4, stream::coefficients, step}, n, out);
    CHECK(seen.keys[0][0].numbers == first);
    CHECK(seen.keys[1][0].numbers == second);
    for (index_t i = 0; i < n; ++i) valid_keys.insert({second.begin() + i * 6, second.begin() + (i + 1) * 6});
    twin.draw_invalid(invalid_family::gaussian, {4, stream::invalid_keys, step}, 1, out);
    first.resize(4);
    second.resize(6);
    CHECK(seen.keys[0][1].numbers == first);
    CHECK(seen.keys[1][1].numbers == second);
    invalid_keys.insert(second);
  }
  CHECK(valid_keys.size() == 20);   // one a sample
  CHECK(invalid_keys.size() == 6);  // one a step

  std::vector<index_t> orders[2];
  for (std::size_t step = 0; step < 6; ++step) {
    const auto& images_seen = model.passes[step].images;
    orders[step / 3].insert(orders[step / 3].end(), images_seen.begin(),
                            images_seen.begin() + static_cast<std::ptrdiff_t>(images_seen.size() / 3));
  }
  CHECK(orders[0] != orders[1]);
  for (auto& order : orders) {
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<index_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  }
}

TEST_CASE("trainer: groups of the other objectives") {
  const numbered_images images;
  silent_observer nobody;
  recording_model model;
  key_space keys(small_space, both_sites);
  trainer(model, objective<reject_class>{.classes = 3}, &keys, images, plain(1, 10)).run(nobody);
  CHECK(model.passes.at(0).groups == 2);
  CHECK(model.passes.at(0).keys[0][1].present);

  numbered_images four;
  four.classes = 4;
  trainer(model, objective<no_deny>{.classes = 4}, &keys, four, plain(1, 10)).run(nobody);
  CHECK(model.passes.at(1).groups == 1);
  CHECK(model.passes.at(1).keys[0][0].present);
  CHECK_FALSE(model.passes.at(1).keys[0][1].present);
}

TEST_CASE("trainer: records of steps and epochs") {
  recording_model model;
  model.answer = [](index_t image, float* z) { z[image == 0 ? 2 : image % 3] = 3; };  // image 0 is wrong
  key_space keys(small_space, both_sites);
  const numbered_images images;
  const objective<reject_class> goal{.classes = 3, .weight = 0.4};
  training_options options = plain(6, 4);
  options.deny_warmup = 4;
  options.rate = {.kind = schedule_kind::step, .learning_rate = 1, .milestones = {0.5}};
  keeps_records seen;
  trainer(model, goal, &keys, images, options).run(seen);

  REQUIRE(seen.steps.size() == 18);
  REQUIRE(seen.epochs.size() == 6);
  for (std::size_t i = 0; i < seen.steps.size(); ++i) {
    const step_record& r = seen.steps[i];
    CHECK(r.epoch == i / 3);
    CHECK(r.epochs == 6);
    CHECK(r.step == i % 3);
    CHECK(r.steps_per_epoch == 3);
    CHECK(r.deny > 0);
    CHECK(r.loss - r.cross_entropy ==
          Approx(0.1 * std::min<double>(4, 1 + static_cast<double>(r.epoch)) * r.deny));
    CHECK(r.learning_rate == Approx(r.epoch < 3 ? 1.0 : 0.1));
    CHECK(r.images_per_second > 0);
    CHECK(r.gradient_norm == 0);  // no parameters
  }
  for (std::size_t epoch = 0; epoch < 6; ++epoch) {
    const epoch_record& total = seen.epochs[epoch];
    double loss = 0, cross = 0, deny = 0;
    for (std::size_t step = 0; step < 3; ++step) {
      const step_record& r = seen.steps[3 * epoch + step];
      const double share = step == 2 ? 0.2 : 0.4;  // of 10 images
      loss += share * r.loss;
      cross += share * r.cross_entropy;
      deny += share * r.deny;
    }
    CHECK(total.epoch == epoch);
    CHECK(total.epochs == 6);
    CHECK(total.accuracy == Approx(0.9));
    CHECK(total.loss == Approx(loss));
    CHECK(total.cross_entropy == Approx(cross));
    CHECK(total.deny == Approx(deny));
    CHECK(total.learning_rate == seen.steps[3 * epoch].learning_rate);
    CHECK(total.seconds > 0);
    CHECK(total.images_per_second > 0);
  }
}

TEST_CASE("trainer: the gradient norm is recorded before the update") {
  using model_type = mlp<4, ungated, backend::cpu, float>;
  const image_dataset data = quarters(8);
  model_type model;
  const arena memory(model, 8);
  initialise(model, 1);
  keeps_records watcher;
  trainer(model, objective<no_deny>{.classes = 4}, nullptr, data, plain(1, 8)).run(watcher);
  REQUIRE(watcher.steps.size() == 1);
  CHECK(watcher.steps[0].gradient_norm > 0.01);
  CHECK(watcher.steps[0].gradient_norm == gradient_norm(model));
}

TEST_CASE("trainer: what cannot be trained is refused") {
  recording_model model;
  key_space keys(small_space, both_sites);
  const auto with = [&](const objective<reject_class>& goal, const training_options& o,
                        const numbered_images& images) {
    return id_of([&] { trainer(model, goal, &keys, images, o); });
  };
  const objective<reject_class> goal{.classes = 3};
  const numbered_images good;
  CHECK(with(goal, plain(1, 4), good) == "no error");
  CHECK(with(goal, plain(0, 4), good) == "train.103");
  for (const double wrong : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK(with({.classes = 3, .smoothing = wrong}, plain(1, 4), good) == "train.143");
  CHECK(with(goal, plain(1, 0), good) == "data.121");
  numbered_images images;
  images.sample = {2, 2, 1};
  images.mean = images.deviation = {1, 1};
  CHECK(with(goal, plain(1, 4), images) == "train.101");
  images = {};
  images.classes = 2;
  CHECK(with(goal, plain(1, 4), images) == "train.104");
  CHECK(with({.classes = 4}, plain(1, 4), good) == "train.102");
  CHECK(id_of([&] { trainer(model, objective<no_deny>{.classes = 3}, &keys, good, plain(1, 4)); }) ==
        "train.102");
  // A reject logit is not a reject class, though both are one logit more.
  recording_model_with_aux beside;
  const auto with_head = [&](auto& candidate, auto deny) {
    const objective<decltype(deny)> other{.classes = 3};
    return id_of([&] { trainer(candidate, other, &keys, good, plain(1, 4)); });
  };
  CHECK(with_head(model, reject_head{}) == "train.102");
  CHECK(with_head(beside, reject_class{}) == "train.102");
  CHECK(with_head(beside, reject_head{}) == "no error");
  training_options nesterov = plain(1, 4);
  nesterov.optimizer.momentum = 0;
  CHECK(with(goal, nesterov, good) == "optim.101");

  key_space elsewhere(small_space, {{2, {4, 1, 1}}}), reshaped(small_space, {{0, {2, 2, 1}}});
  CHECK(id_of([&] { trainer(model, goal, &elsewhere, good, plain(1, 4)); }) == "train.111");
  CHECK(id_of([&] { trainer(model, goal, &reshaped, good, plain(1, 4)); }) == "train.112");
  CHECK(model.passes.empty());
}
