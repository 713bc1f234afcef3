#include "own_data.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "picture_formats.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/gzip.hpp"
#include "spankey/data/image_folder.hpp"
#include "spankey/data/npy_features.hpp"
#include "spankey/data/npy_images.hpp"
#include "spankey/data/split.hpp"
#include "spankey/file/printable.hpp"

namespace {

namespace fs = std::filesystem;
using namespace spankey;

constexpr index_t most_bytes = index_t{1}
                               << 40;  // of an array: what its file has, and no header only promises

// A file that a flag names, from the current folder or else below --data-root.
fs::path located(const run_options& options, const std::string& name) {
  const fs::path file(name), below = fs::path(options.data_root) / file;
  std::error_code code;
  return !fs::exists(file, code) && file.is_relative() && fs::exists(below, code) ? below : file;
}

std::optional<image_layout> layout_named(const std::string& name) {
  if (name == "NHW") return image_layout::grey;
  if (name == "NHWC") return image_layout::channels_last;
  if (name == "NCHW") return image_layout::channels_first;
  return std::nullopt;
}

std::string name_of(image_layout layout) {
  return layout == image_layout::grey ? "NHW" : layout == image_layout::channels_last ? "NHWC" : "NCHW";
}

// The two files of a part; the training's where the test part has none.
std::pair<fs::path, fs::path> files_of(const run_options& options, split part) {
  const bool own_test = part == split::test && !options.test_images.empty();
  return {located(options, own_test ? options.test_images : options.images),
          located(options, own_test ? options.test_labels : options.labels)};
}

image_folder_options folder_options(const run_options& options) {
  return {.height = options.resize, .width = options.resize};
}

// What the files have, and no flag contradicts.
run_options with_found(run_options options, extents sample, index_t classes) {
  if (options.resize > 0) sample.height = sample.width = options.resize;
  const std::vector<int> found = {static_cast<int>(sample.channels), static_cast<int>(sample.height),
                                  static_cast<int>(sample.width)};
  if (!options.sample.empty() && options.sample != found)
    fail("flag.149", "--sample", "found ", options.sample[0], ",", options.sample[1], ",", options.sample[2],
         ", but the data set has ", found[0], ",", found[1], ",", found[2]);
  if (options.classes != 0 && options.classes < classes)
    fail("flag.149", "--classes", "found ", options.classes, ", but the data set has ", classes);
  options.sample = found;
  options.classes = std::max<std::int64_t>(options.classes, classes);
  if (options.classes < 2)
    fail("flag.149", "--labels", "found labels of one class, expected at least two (or --classes)");
  return options;
}

void say(const run_options& options, const std::string& what) {
  std::printf("data: %s, C=%d H=%d W=%d%s, %lld classes\n", what.c_str(), options.sample[0],
              options.sample[1], options.sample[2], options.resize > 0 ? " (scaled)" : "",
              static_cast<long long>(options.classes));
}

run_options with_facts_of_arrays(run_options options) {
  const auto [x, y] = files_of(options, split::train);
  const npy_reader header(x, open_file_or_gzip, most_bytes);
  const std::vector<index_t>& shape = header.shape();
  const std::string file = printable(x.string());
  if (shape.size() == 2) {
    if (!options.layout.empty() || options.resize > 0)
      fail("flag.148", options.resize > 0 ? "--resize" : "--layout", "found one, but ", file,
           " holds features, not images");
    const index_t classes = classes_in(read_npy_labels(y, shape[0], options.classes, open_file_or_gzip));
    options = with_found(std::move(options), {shape[1], 1, 1}, classes);
    say(options, file + ": " + std::to_string(shape[0]) + " samples of features (N, D)");
    return options;
  }
  npy_image::require_bytes(header.type(), x.string());
  const image_layout layout = npy_image::layout_of(shape, layout_named(options.layout), x.string());
  options.layout = name_of(layout);
  const index_t classes = classes_in(read_npy_labels(y, shape[0], options.classes, open_file_or_gzip));
  options = with_found(std::move(options), npy_image::sample_of(shape, layout), classes);
  say(options,
      file + ": " + std::to_string(shape[0]) + " images (" + std::string(text_of(layout)) + ") of bytes");
  return options;
}

run_options with_facts_of_folder(run_options options) {
  const fs::path root(options.data_root);
  const class_folders training = list_image_folder(root, split::train);
  const auto classes = static_cast<index_t>(training.classes.size());
  const extents sample = image_folder_sample(training, picture_formats(), folder_options(options));
  if (options.classes != 0 && options.classes != classes)
    fail("flag.149", "--classes", "found ", options.classes, ", but ", root.string(), " has ", classes,
         " folders of classes");
  options = with_found(std::move(options), sample, classes);
  std::size_t pictures = 0;
  for (const auto& files : training.files) pictures += files.size();
  say(options, printable(root.string()) + ": " + std::to_string(pictures) + " training pictures, " +
                   printable(training.classes.front()) + " to " + printable(training.classes.back()));
  return options;
}

}  // namespace

run_options with_own_facts(run_options options) {
  return options.data == "npy" ? with_facts_of_arrays(std::move(options))
                               : with_facts_of_folder(std::move(options));
}

bool has_own_features(const run_options& options) {
  return options.data == "npy" && options.sample.size() == 3 && options.sample[1] == 1 &&
         options.sample[2] == 1 && options.layout.empty();
}

image_dataset load_own_images(const run_options& options, split part) {
  if (options.data == "folder")
    return load_image_folder(fs::path(options.data_root), part, picture_formats(), folder_options(options));
  const auto [x, y] = files_of(options, part);
  image_dataset data =
      load_npy_images(
          x, y, {.layout = layout_named(options.layout), .classes = options.classes, .largest = most_bytes},
          open_file_or_gzip)
          .data;
  return options.test_images.empty() ? part_of(std::move(data), part) : data;
}

feature_dataset load_own_features(const run_options& options, split part) {
  const auto [x, y] = files_of(options, part);
  feature_dataset data = load_npy_features(x, y, options.classes, open_file_or_gzip);
  return options.test_images.empty() ? part_of(std::move(data), part) : data;
}
