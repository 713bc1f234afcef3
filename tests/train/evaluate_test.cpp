#include "spankey/train/evaluate.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "recording_model.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/small_cnn.hpp"

using namespace spankey;
using doctest::Approx;
using test::numbered_images;
using test::recording_model;
using test::recording_model_with_aux;

namespace {
using spankey_test::id_of;

const std::vector<site> both_sites = {{0, {4, 1, 1}}, {1, {2, 3, 1}}};
const key_space_config small_space{.subspace_dim = 2, .seed = 5};

template <class Model>
gate_report recorded(Model& model, key_space* keys, index_t batch, const evaluation_options& o,
                     const numbered_images& images = {}) {
  return gate_evaluation(model, keys, images, batch, o).run();
}

// 28 x 28 images with a seeded texture, enough for a network of random weights to have several answers.
image_dataset textures(index_t count) {
  image_dataset data{"textures", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source random(3, stream::glyphs);
  for (index_t i = 0; i < count; ++i) data.labels.push_back(static_cast<std::uint8_t>(i % 10));
  for (index_t i = 0; i < count * 784; ++i) {
    const auto brightness = random.below(static_cast<std::uint64_t>(i / 196), 200);
    data.pixels.push_back(static_cast<std::uint8_t>(
        brightness + random.below(static_cast<std::uint64_t>(1 << 20) + static_cast<std::uint64_t>(i), 56)));
  }
  return data;
}

bool same(const condition_summary& a, const condition_summary& b) {
  return a.keys == b.keys && a.images_per_key == b.images_per_key && a.distinct_images == b.distinct_images &&
         std::memcmp(a.figures.data(), b.figures.data(), sizeof a.figures) == 0;
}
bool same(const gate_report& a, const gate_report& b) {
  return same(a.no_key, b.no_key) && same(a.valid_key.value(), b.valid_key.value()) &&
         same(a.invalid_keys.at(0).summary, b.invalid_keys.at(0).summary);
}

using cnn = small_cnn<11, gate<multiplicative, at<0, 1, 2>>, backend::cpu, float>;

gate_report of_network(index_t batch, const evaluation_options& o, index_t count = 45) {
  const image_dataset images = textures(count);
  cnn model;
  model.for_each_site([](int, auto& site) { site.injector.gamma = 2; });
  const arena memory(model, batch);
  initialise(model, 7);
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4, .seed = 9}, sites_of<cnn>(sites));
  return gate_evaluation(model, &keys, images, batch, o).run();
}
}  // namespace

TEST_CASE("gate_evaluation: which image meets which key") {
  recording_model model;
  key_space keys(small_space, both_sites), twin(small_space, both_sites);
  const evaluation_options options{.keys = 3, .images_per_key = 4, .seed = 11};
  recorded(model, &keys, 3, options);

  using numbers = std::vector<index_t>;
  // No key: every image once. Then three windows of 4 for valid keys, the third wrapping around, and again for
  // invalid keys; each window in batches of 3 and 1.
  const std::vector<numbers> windows = {{0, 1, 2}, {3}, {4, 5, 6}, {7}, {8, 9, 0}, {1}};
  std::vector<numbers> expected = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9}};
  for (int purpose = 0; purpose < 2; ++purpose)
    expected.insert(expected.end(), windows.begin(), windows.end());
  REQUIRE(model.passes.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    const auto& seen = model.passes[i];
    CHECK(seen.images == expected[i]);
    CHECK(seen.groups == 1);
    CHECK_FALSE(seen.training);
    for (std::size_t s = 0; s < 2; ++s) {
      CHECK(seen.keys[s][0].present == (i >= 4));
      CHECK_FALSE(seen.keys[s][1].present);
      CHECK_FALSE(seen.keys[s][2].present);
    }
  }

  // The keys are those of the evaluation stream, one for all images of a window.
  for (std::size_t key = 0; key < 6; ++key) {
    std::vector<float> first(4), second(6);
    const std::vector<float*> out = {first.data(), second.data()};
    const auto number = static_cast<index_t>(key % 3);
    if (key < 3) {
      twin.draw_valid({11, stream::evaluation, valid_key_step(number)}, 1, out);
    } else {
      twin.draw_invalid(invalid_family::gaussian, {11, stream::evaluation, invalid_key_step(number)}, 1, out);
    }
    for (const std::size_t part : {4 + 2 * key, 5 + 2 * key}) {
      const auto& seen = model.passes[part].keys;
      CHECK(seen[0][0].stride == 0);
      CHECK(seen[1][0].stride == 0);
      CHECK(seen[0][0].numbers == first);
      CHECK(seen[1][0].numbers == second);
      for (std::size_t other = 4; other < 4 + 2 * key; ++other)
        CHECK(model.passes[other].keys[0][0].numbers != first);
    }
  }
}

TEST_CASE("gate_evaluation: counts and shares") {
  recording_model model;  // 3 classes and a reject class; image i has label i % 3
  model.answer = [](index_t image, float* z) {
    z[image % 3] = 1;              // right behind the refusal,
    if (image == 4) z[0] = 2;      // but image 4
    if (image % 2 == 1) z[3] = 5;  // odd images are refused
  };
  key_space keys(small_space, both_sites);
  const gate_report report = recorded(model, &keys, 4, {.keys = 3, .images_per_key = 4});

  CHECK(report.no_key.keys == 1);
  CHECK(report.no_key.images_per_key == 10);
  CHECK(report.no_key.distinct_images == 10);
  CHECK(report.no_key[figure::semantic].mean == Approx(0.4));  // 0 2 6 8
  CHECK(report.no_key[figure::masked].mean == Approx(0.9));
  CHECK(report.no_key[figure::reject].mean == Approx(0.5));
  CHECK(report.no_key[figure::masked].bounds.low == wilson(0.9, 10).low);
  for (const figure_summary& f : report.no_key.figures) CHECK(f.worst == f.mean);

  REQUIRE(report.valid_key.has_value());
  REQUIRE(report.invalid_keys.size() == 1);
  for (const condition_summary& c : {*report.valid_key, report.invalid_keys[0].summary}) {
    CHECK(c.keys == 3);
    CHECK(c.images_per_key == 4);
    CHECK(c.distinct_images == 10);                                 // 12 answers on 10 images
    CHECK(c[figure::semantic].mean == Approx((2 + 1 + 2) / 12.0));  // {0 2} {6} {8 0}
    CHECK(c[figure::masked].mean == Approx(11 / 12.0));
    CHECK(c[figure::reject].mean == Approx(0.5));
  }
  CHECK(report.valid_key->operator[](figure::semantic).worst == 0.25);
  CHECK(report.invalid_keys[0].summary[figure::semantic].worst == 0.5);
  CHECK(report.valid_key->operator[](figure::masked).worst == 0.75);
  CHECK(report.invalid_keys[0].summary[figure::masked].worst == 1.0);
}

TEST_CASE("gate_evaluation: answers that are no numbers are counted and refused") {
  recording_model model;
  model.answer = [](index_t image, float* z) {
    z[image % 3] =
        image == 0 || image == 6 ? std::numeric_limits<float>::quiet_NaN() : 1;  // both have label 0
  };
  key_space keys(small_space, both_sites);
  const gate_report report = recorded(model, &keys, 4, {.keys = 3, .images_per_key = 4});
  CHECK(report.no_key.not_finite == 2);
  for (const condition_summary& c : {*report.valid_key, report.invalid_keys[0].summary}) {
    CHECK(c.not_finite == 3);  // {0 1 2 3} {4 5 6 7} {8 9 0 1}
    CHECK(c[figure::reject].mean == Approx(3 / 12.0));
    for (const figure f : {figure::semantic, figure::masked}) CHECK(c[f].mean == Approx(9 / 12.0));
  }
}

TEST_CASE("gate_evaluation: a data set of features meets the keys that one of images does") {
  const numbered_images images;
  feature_dataset data{"numbers", {4, 1, 1}, 3, {}, {}};
  for (index_t i = 0; i < images.size(); ++i) {
    data.labels.push_back(static_cast<class_label>(images.label(i)));
    for (int c = 0; c < 4; ++c) data.values.push_back(static_cast<float>(images.image(i)[c]) / 255.0F);
  }
  const evaluation_options options{.keys = 3, .images_per_key = 4};
  recording_model of_images, of_features;
  for (recording_model* model : {&of_images, &of_features})
    model->answer = [](index_t image, float* z) { z[image % 4] = 1; };
  key_space keys(small_space, both_sites), twin(small_space, both_sites);
  const gate_report expected = recorded(of_images, &keys, 3, options);
  const gate_report report = gate_evaluation(of_features, &twin, data, 3, options).run();
  CHECK(same(report, expected));
  REQUIRE(of_features.passes.size() == of_images.passes.size());
  for (std::size_t i = 0; i < of_images.passes.size(); ++i)
    CHECK(of_features.passes[i].images == of_images.passes[i].images);

  data.values[7] = std::numeric_limits<float>::infinity();
  CHECK(id_of([&] { gate_evaluation(of_features, &twin, data, 3, options); }) == "data.106");
}

TEST_CASE("gate_evaluation: a reject logit beside the classes refuses above 1/2 and leaves the answer") {
  recording_model_with_aux model;
  model.answer = [](index_t image, float* z) {
    z[image == 4 ? 0 : image % 3] = 1;       // right but for image 4
    z[3] = image % 2 == 1 ? 0.25F : -0.25F;  // odd images are refused
  };
  key_space keys(small_space, both_sites);
  const gate_report report = recorded(model, &keys, 4, {.keys = 3, .images_per_key = 4});
  CHECK(report.no_key[figure::semantic].mean == Approx(0.9));
  CHECK(report.no_key[figure::masked].mean == Approx(0.9));
  CHECK(report.no_key[figure::reject].mean == Approx(0.5));
  CHECK(report.valid_key->operator[](figure::semantic).mean == Approx(11 / 12.0));
  CHECK(report.valid_key->operator[](figure::reject).mean == Approx(0.5));

  // As many logits as four classes have, but other ones.
  numbered_images images;
  images.classes = 4;
  CHECK(id_of([&] { recorded(model, &keys, 4, {}, images); }) == "train.124");
  images.classes = 2;
  CHECK(id_of([&] { recorded(model, &keys, 4, {}, images); }) == "train.124");
}

TEST_CASE("gate_evaluation: a key sees at most the test set; few keys see few images") {
  recording_model model;
  key_space keys(small_space, both_sites);
  const gate_report all = recorded(model, &keys, 16, {.keys = 2, .images_per_key = 500});
  CHECK(all.valid_key->images_per_key == 10);
  CHECK(all.valid_key->distinct_images == 10);
  const gate_report few = recorded(model, &keys, 16, {.keys = 2, .images_per_key = 3});
  CHECK(few.invalid_keys[0].summary.distinct_images == 6);
  CHECK(few.no_key.distinct_images == 10);
}

TEST_CASE("gate_evaluation: without a key space only the answers without a key are reported") {
  recording_model model;
  const gate_report report = recorded(model, nullptr, 4, {});
  CHECK_FALSE(report.valid_key.has_value());
  CHECK(report.invalid_keys.empty());
  CHECK(report.no_key.distinct_images == 10);
  CHECK(model.passes.size() == 3);
}

TEST_CASE("gate_evaluation: what cannot be evaluated is refused") {
  recording_model model;
  key_space keys(small_space, both_sites);
  const auto with = [&](const evaluation_options& o, index_t batch, const numbered_images& images) {
    return id_of([&] { recorded(model, &keys, batch, o, images); });
  };
  const numbered_images good;
  CHECK(with({}, 4, good) == "no error");
  CHECK(with({.keys = 0}, 4, good) == "train.121");
  CHECK(with({.keys = -1}, 4, good) == "train.121");
  CHECK(with({.images_per_key = 0}, 4, good) == "train.121");
  CHECK(with({}, 0, good) == "train.122");
  CHECK(with({}, -8, good) == "train.122");
  numbered_images images;
  images.sample = {2, 2, 1};  // as many elements, of another shape
  images.mean = images.deviation = {1, 1};
  CHECK(with({}, 4, images) == "train.123");
  images = {};
  images.classes = 2;
  CHECK(with({}, 4, images) == "train.124");
  images.classes = 5;
  CHECK(with({}, 4, images) == "train.124");
  images = {};
  images.count = 0;
  CHECK(with({}, 4, images) == "data.101");
  images = {};
  images.mean = {0};
  CHECK(with({}, 4, images) == "data.103");

  key_space elsewhere(small_space, {{2, {4, 1, 1}}}), reshaped(small_space, {{1, {3, 2, 1}}});
  CHECK(id_of([&] { recorded(model, &elsewhere, 4, {}); }) == "train.111");
  CHECK(id_of([&] { recorded(model, &reshaped, 4, {}); }) == "train.112");
}

TEST_CASE("gate_evaluation: valid and invalid keys of one run are all different steps") {
  CHECK(valid_key_step(0) != invalid_key_step(0));
  CHECK(valid_key_step(1'000'000) < invalid_key_step(0));
  CHECK(invalid_key_step(1'000'000) < (std::uint64_t{1} << 32));
}

TEST_CASE("gate_evaluation of a network: a pure function, whatever the batch and the threads") {
  const evaluation_options options{.keys = 4, .images_per_key = 20, .seed = 2};
  const gate_report once = of_network(64, options);
  CHECK(once.no_key.distinct_images == 45);
  CHECK(once.valid_key->distinct_images == 45);
  // Keys change answers, so that equal reports below mean equal keys.
  CHECK_FALSE(same(*once.valid_key, once.invalid_keys[0].summary));
  CHECK(same(of_network(64, options), once));
  CHECK(same(of_network(7, options), once));
  CHECK(same(of_network(1, options), once));
  for (const index_t threads : {1, 3}) {
    const thread_limit limit(threads);
    CHECK(same(of_network(64, options), once));
  }
  evaluation_options other = options;
  other.seed = 3;
  const gate_report changed = of_network(64, other);
  CHECK(same(changed.no_key, once.no_key));
  CHECK_FALSE(same(*changed.valid_key, *once.valid_key));
  other = options;
  other.invalid = {invalid_family::orthogonal};
  const gate_report orthogonal = of_network(64, other);
  CHECK(same(*orthogonal.valid_key, *once.valid_key));
  CHECK_FALSE(same(orthogonal.invalid_keys[0].summary, once.invalid_keys[0].summary));
}

TEST_CASE("evaluation: copies of an image are averaged by their weights, and only where they are asked for") {
  for (const evaluation_views which :
       {evaluation_views::one, evaluation_views::mirrored, evaluation_views::mirrored_and_shifted}) {
    float sum = 0;
    for (const weighted_view& view : views_of(which)) sum += view.weight;
    CHECK(sum == 1);
    CHECK(views_of(which).front().place == image_placement{});
  }
  CHECK(views_of(evaluation_views::mirrored_and_shifted).size() == 6);

  // Answers of every copy by itself, averaged here.
  const image_dataset images = textures(20);
  small_cnn<10, ungated, backend::cpu, float> model;
  const arena memory(model, 20);
  initialise(model, 9);
  answer_counter<float> expected(10, model.head());
  std::vector<float> x(20 * 784), mean(200, 0.0F);
  std::vector<int> y;
  for (index_t i = 0; i < 20; ++i) y.push_back(images.label(i));
  const sample_writer<image_dataset, float> writer(images, "test");
  for (const weighted_view& view : views_of(evaluation_views::mirrored_and_shifted)) {
    for (index_t i = 0; i < 20; ++i) writer.write(i, view.place, x.data() + i * 784);
    const float* const z = model.forward(pass{}, x.data(), 20, {});
    for (std::size_t i = 0; i < 200; ++i) mean[i] += view.weight * z[i];
  }
  expected.add(mean.data(), y.data(), 20);
  const key_answers by_hand = expected.finish_key();
  const auto evaluated = [&](evaluation_views views) {
    return gate_evaluation(model, nullptr, images, 7, {.views = views}).run().no_key;
  };
  CHECK(evaluated(evaluation_views::mirrored_and_shifted)[figure::semantic].mean ==
        Approx(by_hand[static_cast<std::size_t>(figure::semantic)]));
  CHECK_FALSE(same(evaluated(evaluation_views::one), evaluated(evaluation_views::mirrored_and_shifted)));
}

TEST_CASE("evaluation: features have no mirror image") {
  const feature_dataset features = make_linear_task(8, 1, split::test);
  mlp<linear_task_classes, ungated, backend::cpu, float> model;
  const arena memory(model, 8);
  initialise(model, 9);
  CHECK(id_of([&] { gate_evaluation(model, nullptr, features, 8, {.views = evaluation_views::mirrored}); }) ==
        "train.126");
}
