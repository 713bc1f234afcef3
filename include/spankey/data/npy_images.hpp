// A data set of images from two .npy arrays: bytes of N images and their N labels.
//
//   (N, H, W)                        shades of grey
//   (N, H, W, C) or (N, C, H, W)     C = 1 to 4 channels, last or first: told apart by which extent can be C
// Where both could be, as in (N, 3, 32, 3), nothing is guessed: the layout has to be named. Only bytes are read: what
// fractions stand for (0 to 1, or normalised in some way) is in no file. Images have no mean and deviation of their own: see
// measured_pixels in data/pixel_constants.hpp.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/npy.hpp"
#include "spankey/data/npy_labels.hpp"

namespace spankey {

/// Where the channels of an image stand in a file.
enum class image_layout { grey, channels_last, channels_first };

/// "N, H, W, C" and so on.
constexpr std::string_view text_of(image_layout layout) {
  return layout == image_layout::grey            ? "N, H, W"
         : layout == image_layout::channels_last ? "N, H, W, C"
                                                 : "N, C, H, W";
}

/// What is known of the arrays before they are read.
struct npy_image_options {
  std::optional<image_layout> layout{};  // found from the shape where none is named
  index_t classes = 0;                   // 0: one more than the largest label
  index_t largest = npy_bytes_cap;       // bytes of images
};

struct npy_images {
  image_dataset data;
  image_layout layout;  // as named, or as found
};

namespace npy_image {

inline std::string shape_text(const std::vector<index_t>& shape) {
  std::string text;
  for (const index_t extent : shape) text += (text.empty() ? "(" : ", ") + std::to_string(extent);
  return shape.empty() ? "()" : text + ")";
}

inline bool can_be_channels(index_t extent) { return extent >= 1 && extent <= 4; }

/// Error: data.201 elements that are no bytes.
inline void require_bytes(npy_type type, const std::string& where) {
  if (type != npy_type::u8) {
    const bool fractions = type == npy_type::f32 || type == npy_type::f64;
    fail("data.201", where, "found elements of type ", npy_types[static_cast<std::size_t>(type)].name,
         ", expected bytes (|u1) from 0 to 255: ",
         fractions ? "numbers from 0 to 1 become bytes with (255 * x).round().astype('uint8')"
                   : "whole numbers become bytes with x.astype('uint8')");
  }
}

/// Where the channels of an array stand, as named or as its shape says. Errors: data.202 no shape of images,
/// data.203 one that could be either layout.
inline image_layout layout_of(const std::vector<index_t>& shape, std::optional<image_layout> named,
                              const std::string& where) {
  if (shape.size() == 3 && named.value_or(image_layout::grey) == image_layout::grey)
    return image_layout::grey;
  const bool first = shape.size() == 4 && can_be_channels(shape[1]),
             last = shape.size() == 4 && can_be_channels(shape[3]);
  if (named && shape.size() == 4 && (*named == image_layout::channels_first ? first : last) &&
      *named != image_layout::grey)
    return *named;
  if (named)
    fail("data.202", where, "found images of shape ", shape_text(shape), ", expected (", text_of(*named),
         ") with 1 to 4 channels");
  if (first && last)
    fail("data.203", where, "found images of shape ", shape_text(shape), ", which may be (",
         text_of(image_layout::channels_last), ") or (", text_of(image_layout::channels_first),
         "); expected the layout to be named: NHWC (channels_last) or NCHW (channels_first)");
  if (!first && !last)
    fail("data.202", where, "found images of shape ", shape_text(shape),
         ", expected (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels C");
  return last ? image_layout::channels_last : image_layout::channels_first;
}

/// Extents of one image.
inline extents sample_of(const std::vector<index_t>& shape, image_layout layout) {
  return layout == image_layout::grey            ? extents{1, shape[1], shape[2]}
         : layout == image_layout::channels_last ? extents{shape[3], shape[1], shape[2]}
                                                 : extents{shape[1], shape[2], shape[3]};
}

// From (C, H, W) to (H, W, C), image by image.
inline void put_channels_last(image_dataset& data) {
  const index_t size = data.sample.size();
  std::vector<std::uint8_t> one(static_cast<std::size_t>(size));
  for (index_t n = 0; n < data.size(); ++n) {
    std::uint8_t* const image = data.pixels.data() + n * size;
    std::copy(image, image + size, one.begin());
    for (index_t i = 0; i < size; ++i) image[i] = one[static_cast<std::size_t>(file_index(data.sample, i))];
  }
}

}  // namespace npy_image

/// Reads images and their labels. Errors: those of read_npy and read_npy_labels, data.201 elements that are no bytes,
/// data.202 no shape of images, data.203 a shape that may be either layout.
inline npy_images load_npy_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                                  const npy_image_options& options = {}, byte_opener open = open_file) {
  npy_array array = read_npy(images, open, options.largest);
  const std::string where = images.string();
  npy_image::require_bytes(array.type, where);
  const std::vector<index_t>& shape = array.shape;
  const image_layout layout = npy_image::layout_of(shape, options.layout, where);
  if (array.count() < 1)
    fail("data.202", where, "found images of shape ", npy_image::shape_text(shape),
         ", expected at least one");
  image_dataset data;
  data.name = "npy";
  data.sample = npy_image::sample_of(shape, layout);
  data.labels = read_npy_labels(labels, shape[0], options.classes, open);
  data.classes = options.classes > 0 ? options.classes : classes_in(data.labels);
  data.pixels = std::move(array.bytes);
  if (layout == image_layout::channels_first) npy_image::put_channels_last(data);
  return {std::move(data), layout};
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
