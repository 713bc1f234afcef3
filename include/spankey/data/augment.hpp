// Random crop and horizontal flip: how one training image is shifted, mirrored and normalised.
//
// Crop: the bytes are padded with `pad` zeros on every side; an H x W window is cut out at (top, left), each
//   uniform in [0, 2*pad]. Padding is a black pixel, normalised like one: x = (0 - mean) / deviation, not 0.
// Flip: with probability 1/2 the window is mirrored left to right, after the crop.
// Both are a pure function of (seed, epoch, image).
// Source: torchvision's RandomCrop, RandomHorizontalFlip, ToTensor, Normalize, in this order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// What may happen to a training image. The default changes nothing.
struct augmentation {
  index_t pad = 0;    // pixels of zero padding on each side before the random crop
  bool flip = false;  // mirror left to right with probability 1/2
};

/// What does happen to one image: pixel (y, x) of the window is pixel (y + shift_y, x + shift_x) of the
/// image.
struct image_placement {
  index_t shift_y = 0, shift_x = 0;
  bool flip = false;
  friend constexpr bool operator==(const image_placement&, const image_placement&) = default;
};

/// The placement of image `image` in epoch `epoch`.
constexpr image_placement place_image(const augmentation& what, std::uint64_t seed, index_t epoch,
                                      index_t image) {
  const random_source source(seed, stream::augment, static_cast<std::uint64_t>(epoch));
  const auto first = 4 * static_cast<std::uint64_t>(image);  // one block of four words an image
  const auto offsets = static_cast<std::uint32_t>(2 * what.pad + 1);
  return {static_cast<index_t>(source.below(first, offsets)) - what.pad,
          static_cast<index_t>(source.below(first + 1, offsets)) - what.pad,
          what.flip && source.below(first + 2, 2) == 1};
}

/// Normalised value of every byte in every channel: C x 256, row c holds (byte/255 - mean[c]) / deviation[c].
template <class Scalar>
std::vector<Scalar> normalisation_table(std::span<const float> mean, std::span<const float> deviation) {
  std::vector<Scalar> table;
  table.reserve(256 * mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    for (int byte = 0; byte < 256; ++byte) {
      table.push_back(static_cast<Scalar>((byte / 255.0 - double{mean[c]}) / double{deviation[c]}));
    }
  }
  return table;
}

/// Writes one placed and normalised image: x (H x W x C) from `image` (H x W x C bytes); overwrites.
template <class Scalar>
void write_image(const std::uint8_t* image, const extents& sample, const image_placement& place,
                 const Scalar* table, Scalar* x) {
  for (index_t row = 0; row < sample.height; ++row) {
    const index_t from_row = row + place.shift_y;
    const bool row_inside = from_row >= 0 && from_row < sample.height;
    for (index_t column = 0; column < sample.width; ++column) {
      const index_t in_window = place.flip ? sample.width - 1 - column : column;
      const index_t from_column = in_window + place.shift_x;
      const bool inside = row_inside && from_column >= 0 && from_column < sample.width;
      const std::uint8_t* pixel =
          inside ? image + (from_row * sample.width + from_column) * sample.channels : nullptr;
      for (index_t c = 0; c < sample.channels; ++c) *x++ = table[256 * c + (inside ? pixel[c] : 0)];
    }
  }
}

}  // namespace spankey
