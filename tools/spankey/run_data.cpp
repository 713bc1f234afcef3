#include "run_data.hpp"

#include <cstdio>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include "network.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/cifar10.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/data/gzip.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/file/checksum.hpp"

namespace {

using namespace spankey;

index_t count_of(const run_options& options, split part, index_t training, index_t test) {
  const index_t limit = part == split::train ? options.train_limit : options.test_limit;
  return limit > 0 ? limit : part == split::train ? training : test;
}

// A number of samples that there are not is no mistake of the data set's, and none to keep quiet about.
void report_limit(split part, index_t limit, index_t samples) {
  if (limit <= samples) return;
  const bool training = part == split::train;
  std::fprintf(stderr,
               "--%s-limit: asked for %lld images, the data set has %lld of %s: all of them are used\n",
               training ? "train" : "test", static_cast<long long>(limit), static_cast<long long>(samples),
               training ? "training" : "test");
}

image_dataset read_images(const run_options& options, split part, const extents& image) {
  const std::filesystem::path root(options.data_root);
  if (options.data == "glyphs")
    return make_glyphs(count_of(options, part, 4000, 1000), options.seed, part, image);
  image_dataset data;
  if (options.data == "cifar10") {
    data = load_cifar10(root, part);
  } else if (options.data == "mnist") {
    data = load_mnist(root, part, open_file_or_gzip);
  } else if (options.data == "fashion-mnist") {
    data = load_fashion_mnist(root, part, open_file_or_gzip);
  } else {
    fail("flag.115", "--data", "found ", options.data, ", which holds features; ", options.model,
         " takes images");
  }
  const index_t limit = count_of(options, part, 0, 0);
  report_limit(part, limit, data.size());
  return limit > 0 && limit < data.size() ? take_first(std::move(data), limit) : data;
}

}  // namespace

image_dataset load_images(const run_options& options, split part, const extents& image) {
  image_dataset data = read_images(options, part, image);
  pixels_of(options).give_to(data);
  return data;
}

pixel_constants pixels_of(const run_options& options) {
  if (!options.mean.empty())
    return {{options.mean.begin(), options.mean.end()}, {options.deviation.begin(), options.deviation.end()}};
  return options.data == "glyphs"          ? glyph_pixels(network_named(options.model).sites.front().channels)
         : options.data == "cifar10"       ? cifar10_pixels()
         : options.data == "mnist"         ? mnist_pixels()
         : options.data == "fashion-mnist" ? fashion_mnist_pixels()
                                           : pixel_constants{};
}

feature_dataset load_features(const run_options& options, split part) {
  if (options.data != "linear")
    fail("flag.115", "--data", "found ", options.data, ", which holds images; ", options.model,
         " takes features (linear)");
  return make_linear_task(count_of(options, part, 4000, 1000), options.seed, part);
}

image_dataset drawn_images(index_t n, std::uint64_t seed, const extents& shape) {
  image_dataset data;
  data.name = "noise";
  data.sample = shape;
  data.classes = 10;
  data.mean.assign(static_cast<std::size_t>(shape.channels), 0.5F);
  data.deviation.assign(static_cast<std::size_t>(shape.channels), 0.25F);
  const random_source source(seed, stream::glyphs);
  for (index_t i = 0; i < n * shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(source.below(static_cast<std::uint64_t>(i), 256)));
  for (index_t i = 0; i < n; ++i) data.labels.push_back(static_cast<class_label>(i % 10));
  return data;
}

// Labels as numbers of the type that a run's checkpoint has counted since there are checkpoints, where that has room for
// them: a run of an older version goes on.
std::uint32_t checksum_of(const image_dataset& data) {
  const std::uint32_t pixels = crc32(std::as_bytes(std::span(data.pixels)));
  if (data.classes > 256) return crc32(std::as_bytes(std::span(data.labels)), pixels);
  std::vector<std::uint8_t> labels;
  for (const class_label label : data.labels) labels.push_back(static_cast<std::uint8_t>(label));
  return crc32(std::as_bytes(std::span(labels)), pixels);
}
std::uint32_t checksum_of(const feature_dataset& data) {
  const std::vector<std::int32_t> labels(data.labels.begin(), data.labels.end());
  return crc32(std::as_bytes(std::span(labels)), crc32(std::as_bytes(std::span(data.values))));
}

augmentation augmentation_of(const run_options& options) {
  if (options.data == "cifar10") return {.pad = 4, .flip = true};
  if (options.data == "mnist") return {.rotate_degrees = 6, .shift_fraction = 0.06};
  if (options.data == "fashion-mnist") return {.rotate_degrees = 8, .shift_fraction = 0.06};
  return {};  // glyphs are drawn at every position already; features are not augmented
}
