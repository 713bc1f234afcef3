#include "spankey/data/sample_writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/bf16.hpp"

using namespace spankey;
using spankey_test::message_of;

namespace {

// 2 images of C=1, H=1, W=3.
const image_dataset images{"images", {1, 1, 3}, 2, {0, 51, 255, 10, 20, 30}, {0, 1}, {0.5F}, {0.5F}};
const feature_dataset features{"features", {2, 1, 2}, 2, {1, -2.5F, 3, 1.00390625F, 5, 6, 7, 8}, {0, 1}};

}  // namespace

TEST_CASE("images are normalised as they lie, or at a placement") {
  const sample_writer<image_dataset, float> writer(images, "here");
  std::array<float, 3> x{};
  writer.write(0, x.data());
  CHECK(x == std::array<float, 3>{-1, static_cast<float>((0.2 - 0.5) / 0.5), 1});
  std::array<float, 3> placed{};
  writer.write(0, {0, 1, true}, placed.data());
  CHECK(placed == std::array<float, 3>{-1, 1, x[1]});  // 51 255 0, mirrored
}

TEST_CASE("features are copied, and rounded where the scalar is shorter") {
  std::array<float, 4> x{};
  sample_writer<feature_dataset, float>(features, "here").write(1, x.data());
  CHECK(x == std::array<float, 4>{5, 6, 7, 8});
  std::array<double, 4> longer{};
  sample_writer<feature_dataset, double>(features, "here").write(0, longer.data());
  CHECK(longer == std::array<double, 4>{1, -2.5, 3, 1.00390625});
  std::array<bf16, 4> rounded{};
  sample_writer<feature_dataset, bf16>(features, "here").write(0, rounded.data());
  CHECK(static_cast<float>(rounded[1]) == -2.5F);
  CHECK(static_cast<float>(rounded[3]) == 1.0F);  // half of the last place: to even
}

TEST_CASE("an unusable data set is refused before anything is written") {
  image_dataset broken = images;
  broken.deviation = {};
  CHECK(message_of([&] {
          sample_writer<image_dataset, float>(broken, "here");
        }).find("[spankey.data.103] here: ") == 0);
}
