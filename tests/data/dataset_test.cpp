#include "spankey/data/dataset.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

#include "error_probe.hpp"
#include "spankey/core/error.hpp"

namespace {

using spankey_test::message_of;

using spankey::image_dataset;
using spankey::index_t;

// 4 images of C=2, H=1, W=3; byte j of image i is 10*i + j; labels 0 1 2 0.
image_dataset four_images() {
  image_dataset data;
  data.name = "four";
  data.sample = {2, 1, 3};
  data.classes = 3;
  data.labels = {0, 1, 2, 0};
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 6; ++j) data.pixels.push_back(static_cast<std::uint8_t>(10 * i + j));
  }
  data.mean = {0.5F, 0.25F};
  data.deviation = {0.5F, 1.0F};
  return data;
}

// A data set that computes its images, with constants in arrays: no base class, no vector.
struct own_dataset {
  static constexpr spankey::extents sample{1, 1, 1};
  static constexpr index_t classes = 2;
  std::array<float, 1> mean{0.5F}, deviation{0.5F};
  std::array<std::uint8_t, 2> bytes{0, 255};
  [[nodiscard]] index_t size() const { return 2; }
  [[nodiscard]] const std::uint8_t* image(index_t i) const { return &bytes[static_cast<std::size_t>(i)]; }
  [[nodiscard]] int label(index_t i) const { return static_cast<int>(i); }
};

struct without_label {
  spankey::extents sample;
  index_t classes;
  std::array<float, 1> mean, deviation;
  [[nodiscard]] index_t size() const;
  [[nodiscard]] const std::uint8_t* image(index_t i) const;
};

// Features that are computed, and no image.
struct own_features {
  static constexpr spankey::extents sample{2, 1, 1};
  static constexpr index_t classes = 2;
  std::array<float, 4> values{0.5F, -3, 0, 1e30F};
  [[nodiscard]] index_t size() const { return 2; }
  [[nodiscard]] const float* features(index_t i) const { return &values[static_cast<std::size_t>(2 * i)]; }
  [[nodiscard]] int label(index_t i) const { return static_cast<int>(i); }
};

struct without_samples {
  spankey::extents sample;
  index_t classes;
  [[nodiscard]] index_t size() const;
  [[nodiscard]] int label(index_t i) const;
};

static_assert(spankey::ImageDataset<own_dataset> && !spankey::FeatureDataset<own_dataset>);
static_assert(spankey::FeatureDataset<own_features> && !spankey::ImageDataset<own_features>);
static_assert(spankey::Dataset<own_dataset> && spankey::Dataset<own_features>);
static_assert(!spankey::Dataset<without_label>);
static_assert(!spankey::Dataset<without_samples>);
static_assert(!spankey::Dataset<int>);

}  // namespace

TEST_CASE("image_dataset finds image and label by number") {
  const image_dataset data = four_images();
  CHECK(data.size() == 4);
  CHECK(data.image(0)[0] == 0);
  CHECK(data.image(2)[5] == 25);
  CHECK(data.label(2) == 2);
}

TEST_CASE("take_first keeps the first n images and everything else") {
  const image_dataset two = spankey::take_first(four_images(), 2);
  CHECK(two.size() == 2);
  CHECK(two.pixels.size() == 12);
  CHECK(two.image(1)[5] == 15);
  CHECK(two.label(1) == 1);
  CHECK(two.name == "four");
  CHECK(two.classes == 3);
  CHECK(two.mean == four_images().mean);
  CHECK(spankey::take_first(four_images(), 4).pixels == four_images().pixels);
}

TEST_CASE("take_first refuses a count that the data set does not have") {
  CHECK(message_of([] { (void)spankey::take_first(four_images(), 5); }) ==
        "[spankey.data.105] four: asked for the first 5 samples, expected 1 to 4");
  CHECK(message_of([] { (void)spankey::take_first(four_images(), 0); }) ==
        "[spankey.data.105] four: asked for the first 0 samples, expected 1 to 4");
  CHECK(message_of([] { (void)spankey::take_first(four_images(), -1); }).find("data.105") !=
        std::string::npos);
}

TEST_CASE("take_first refuses a data set whose images and labels are not as many") {
  image_dataset data = four_images();
  data.pixels.resize(6);  // one image; resizing would have made black ones
  CHECK(message_of([&] { (void)spankey::take_first(data, 2); }) ==
        "[spankey.data.107] four: found 6 elements and 4 labels, expected 6 elements (C=2 H=1 W=3) for each "
        "label");
}

TEST_CASE("require_usable accepts sound data sets") {
  CHECK_NOTHROW(spankey::require_usable(four_images(), "here"));
  CHECK_NOTHROW(spankey::require_usable(own_dataset{}, "here"));
  CHECK_NOTHROW(spankey::require_usable(own_features{}, "here"));
}

TEST_CASE("labels have 16 bits: as many as 65,535 classes") {
  image_dataset data = four_images();
  data.classes = 65535;
  data.labels = {0, 300, 65534, 256};
  CHECK_NOTHROW(spankey::require_usable(data, "here"));
  CHECK(data.label(2) == 65534);
  CHECK(spankey::take_first(data, 2).label(1) == 300);
  data.classes = 65534;
  CHECK(message_of([&] { spankey::require_usable(data, "here"); }) ==
        "[spankey.data.104] here: found label 65534 of sample 2, expected 0 to 65533");
}

TEST_CASE("require_usable names what is wrong") {
  const auto message = [](const image_dataset& data) {
    return message_of([&] { spankey::require_usable(data, "here"); });
  };
  CHECK(message(image_dataset{}) ==
        "[spankey.data.101] here: found an empty data set, expected at least 1 sample");
  image_dataset data = four_images();
  data.sample.height = 0;
  CHECK(message(data) ==
        "[spankey.data.102] here: found samples of C=2 H=0 W=3, expected every one to be at least 1");
  data = four_images();
  data.classes = 0;
  CHECK(message(data) == "[spankey.data.102] here: found 0 classes, expected 2 to 65535");
  data.classes = 1;
  CHECK(message(data).find("found 1 classes") != std::string::npos);
  data.classes = 65536;
  CHECK(message(data).find("found 65536 classes") != std::string::npos);
  data = four_images();
  data.deviation.pop_back();
  CHECK(message(data) ==
        "[spankey.data.103] here: found 2 means and 1 deviations, expected one for each of C=2 channels");
  data = four_images();
  data.deviation[1] = 0;
  CHECK(message(data).find("of channel 1, expected more than 0") != std::string::npos);
  data.deviation[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(data).find("of channel 1, expected more than 0") != std::string::npos);
  data.deviation[1] = std::numeric_limits<float>::infinity();
  CHECK(message(data).find("of channel 1, expected more than 0") != std::string::npos);
  data = four_images();
  data.mean[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(data).starts_with("[spankey.data.103] here: found mean nan of channel 0"));
  data = four_images();
  data.labels[3] = 3;
  CHECK(message(data) == "[spankey.data.104] here: found label 3 of sample 3, expected 0 to 2");
}

TEST_CASE("require_usable: labels and samples of different number or size") {
  const auto message = [](const auto& data) {
    return message_of([&] { spankey::require_usable(data, "here"); });
  };
  image_dataset data = four_images();
  data.labels.push_back(0);
  CHECK(message(data) ==
        "[spankey.data.107] here: found 24 elements and 5 labels, expected 6 elements (C=2 H=1 W=3) for each "
        "label");
  data = four_images();
  data.labels.pop_back();  // as many pixels as a larger image would have
  CHECK(message(data).starts_with("[spankey.data.107]"));
  data = four_images();
  data.sample = {2, 1, 2};
  CHECK(message(data).starts_with("[spankey.data.107]"));
  data.sample = {2, 1, 5};  // 10 elements an image: 24 are no whole number of them
  CHECK(message(data).starts_with("[spankey.data.107]"));
  data = four_images();
  data.pixels.clear();
  CHECK(message(data).starts_with("[spankey.data.107]"));
  data.sample = {2, index_t{1} << 40, index_t{1} << 40};
  CHECK(message(data).starts_with("[spankey.data.102] here: found samples of C=2 H=1099511627776"));
  spankey::feature_dataset features{"two", {3, 1, 1}, 2, {1, 2, 3, 4, 5}, {1, 0}};
  CHECK(message(features) ==
        "[spankey.data.107] here: found 5 elements and 2 labels, expected 3 elements (C=3 H=1 W=1) for each "
        "label");
}

TEST_CASE("feature_dataset finds features and label by number") {
  spankey::feature_dataset data{"two", {3, 1, 1}, 2, {1, 2, 3, 4, 5, 6}, {1, 0}};
  CHECK(data.size() == 2);
  CHECK(data.features(1)[0] == 4);
  CHECK(data.features(1)[2] == 6);
  CHECK(data.label(0) == 1);
  CHECK_NOTHROW(spankey::require_usable(data, "here"));
  const auto message = [](const spankey::feature_dataset& with) {
    return message_of([&] { spankey::require_usable(with, "here"); });
  };
  data.values[4] = std::numeric_limits<float>::infinity();
  CHECK(message(data) ==
        "[spankey.data.106] here: found inf as feature 1 of sample 1, expected a finite number");
  data.values[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(data).find("[spankey.data.106] here: found nan as feature 1 of sample 1") == 0);
  data.values[4] = 5;
  data.labels[1] = 2;
  CHECK(message(data) == "[spankey.data.104] here: found label 2 of sample 1, expected 0 to 1");
  CHECK(message({}).find("data.101") != std::string::npos);
}
