#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "picture_formats.hpp"
#include "predict.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/data/gzip.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/data/npy.hpp"
#include "spankey/data/read_picture.hpp"
#include "spankey/file/printable.hpp"

namespace {

using namespace spankey;
namespace fs = std::filesystem;

constexpr index_t most_samples = 1 << 24;

std::unique_ptr<byte_source> open_packed(const fs::path& file) { return std::make_unique<gzip_bytes>(file); }

// The first bytes of a file, as it lies or unpacked; fewer where it ends.
std::string beginning_of(const fs::path& file, byte_opener open) {
  std::string begin(8, '\0');
  begin.resize(static_cast<std::size_t>(open(file)->read(reinterpret_cast<std::uint8_t*>(begin.data()), 8)));
  return begin;
}

// How a sample lies in an array: (H, W) or (H, W, C) of pixels, (D) of features.
std::vector<index_t> shape_of(const extents& sample) {
  if (sample.height == 1 && sample.width == 1) return {sample.channels};
  if (sample.channels == 1) return {sample.height, sample.width};
  return {sample.height, sample.width, sample.channels};
}

std::string text_of(const std::vector<index_t>& shape, const char* first = "") {
  std::string text = first;
  for (const index_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + (shape.size() == 1 && *first == '\0' ? ",)" : ")");
}

input_samples read_idx_input(const fs::path& file, const extents& sample, byte_opener open) {
  const idx_items items = read_idx(file, {shape_of(sample), most_samples}, open);
  return {
      .file = file.string(), .is_series = true, .count = items.count, .pixels = items.bytes, .numbers = {}};
}

input_samples read_npy_input(const fs::path& file, const extents& sample, byte_opener open, bool normalised) {
  const npy_array array = read_npy(file, open);
  const std::vector<index_t> one = shape_of(sample);
  const bool series = array.shape.size() == one.size() + 1;
  if (array.shape.size() < one.size() ||
      !std::equal(one.begin(), one.end(), array.shape.end() - static_cast<std::ptrdiff_t>(one.size())) ||
      (array.shape.size() != one.size() && !series))
    fail("predict.101", printable(file.string()), "found an array of ", text_of(array.shape), ", expected ",
         text_of(one), " or ", text_of(one, "N"));
  input_samples read{.file = file.string(), .is_series = series, .pixels = {}, .numbers = {}};
  read.count = series ? array.shape.front() : 1;
  if (read.count < 1) fail("predict.101", printable(file.string()), "found no sample in it");
  const bool features = one.size() == 1;
  const std::string type(npy_types[static_cast<std::size_t>(array.type)].name);
  if (array.type == npy_type::u8 && !features && !normalised) {
    read.pixels = array.bytes;
    return read;
  }
  if (array.type != npy_type::f32 && array.type != npy_type::f64)
    fail("predict.102", printable(file.string()), "found elements of type ", type, ", expected <f4 or <f8");
  // Whoever divides by 255 and no more gets wrong answers that look right.
  if (!features && !normalised)
    fail("predict.102", printable(file.string()), "found elements of type ", type,
         ", expected bytes (|u1); numbers that are normalised as in training already need --normalised");
  read.numbers.resize(static_cast<std::size_t>(array.count()));
  for_each_element(array, [&](index_t i, auto value) {
    const auto number = static_cast<float>(value);
    if (!is_finite(number))
      fail("predict.103", printable(file.string()), "element ", i, " is no number that a float holds");
    read.numbers[static_cast<std::size_t>(i)] = number;
  });
  return read;
}

input_samples read_picture_input(const fs::path& file, const extents& sample, bool scaled) {
  return {.file = file.string(),
          .is_series = false,
          .count = 1,
          .pixels = read_picture(file, picture_formats(), sample,
                                 scaled ? other_size::resized : other_size::refused),
          .numbers = {}};
}

}  // namespace

input_samples read_input(const std::string& name, const extents& sample, bool normalised, bool scaled) {
  const fs::path file(name);
  std::string begin = beginning_of(file, open_file);
  byte_opener open = open_file;
  if (begin.starts_with("\x1F\x8B")) {
    open = open_packed;
    begin = beginning_of(file, open);
  }
  const bool features = shape_of(sample).size() == 1;
  if (begin.starts_with("\x93NUMPY")) return read_npy_input(file, sample, open, normalised);
  if (features) fail("predict.105", printable(name), "expected a .npy array: the network takes features");
  const auto formats = picture_formats();
  const bool is_picture = std::any_of(formats.begin(), formats.end(), [&](const picture_format& format) {
    return begin.starts_with(format.signature);
  });
  if (is_picture && open == byte_opener(open_file)) return read_picture_input(file, sample, scaled);
  if (begin.size() > 3 && begin.starts_with(std::string("\0\0\x08", 3)))
    return read_idx_input(file, sample, open);
  fail("predict.105", printable(name),
       "expected an IDX file, a .npy array, a PNG or a JPEG, found another beginning");
}
