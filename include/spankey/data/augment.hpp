// Random rotation, shift, crop and horizontal flip: how one training image is placed and normalised.
//
// Rotation and shift, for the angle a (clockwise, degrees) and the shift t in whole pixels: with c the image's centre
//   (W/2, H/2) and R^-1 = (cos a, sin a; -sin a, cos a) in (x, y), y down, the pixel at p takes the byte at
//   floor(R^-1 (p + 1/2 - c - t) + c), the nearest one, and 0 where that is outside. a is uniform in [-r, r], t is
//   round(uniform in [-s*W, s*W]) and the same with H.
// Crop: the bytes are padded with `pad` zeros on every side; an H x W window is cut out at (top, left), each
//   uniform in [0, 2*pad]. Padding is a black pixel, normalised like one: x = (0 - mean) / deviation, not 0; reflected,
//   it is the pixel as far inside the edge, as torch.nn.functional.pad(mode="reflect") has it.
// Flip: with probability 1/2 the window is mirrored left to right, after the crop. Alternating, that is drawn once an
//   image, and every second epoch shows its mirror image instead (Jordan, "94 % on CIFAR-10 in 3.29 seconds", 2024).
// All are a pure function of (seed, epoch, image).
// Source: torchvision's RandomAffine(r, (s, s)), RandomCrop, RandomHorizontalFlip, ToTensor, Normalize, in this order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// What may happen to a training image. The default changes nothing.
struct augmentation {
  index_t pad = 0;            // pixels of zero padding on each side before the random crop
  bool flip = false;          // mirror left to right with probability 1/2
  double rotate_degrees = 0;  // r: at most so far in either direction
  double shift_fraction = 0;  // s: at most so much of width and height in either direction
  bool reflect = false;       // the padding mirrors the image; needs neither rotation nor shift
  bool alternate = false;     // the flip alternates
  friend constexpr bool operator==(const augmentation&, const augmentation&) = default;
};

/// Errors unless `what` can happen to images of these extents: data.122 padding, data.126 rotation, data.127 shift,
/// data.129 a reflection.
inline void require_augmentation(const augmentation& what, const extents& sample, std::string_view where) {
  const index_t most = std::min(sample.height, sample.width);
  if (what.pad < 0 || what.pad > most) {
    fail("data.122", where, "found padding ", what.pad, ", expected 0 to ", most);
  }
  if (!(what.rotate_degrees >= 0 && what.rotate_degrees <= 180)) {
    fail("data.126", where, "found a rotation by up to ", what.rotate_degrees, " degrees, expected 0 to 180");
  }
  if (!(what.shift_fraction >= 0 && what.shift_fraction <= 1)) {
    fail("data.127", where, "found a shift by up to ", what.shift_fraction, " of the image, expected 0 to 1");
  }
  if (what.reflect && (what.pad >= most || what.rotate_degrees > 0 || what.shift_fraction > 0)) {
    fail("data.129", where, "found padding ", what.pad, " that reflects, expected 0 to ", most - 1,
         ", and neither rotation nor shift beside it");
  }
}

/// What does happen to one image: pixel (y, x) of the window is pixel (y + shift_y, x + shift_x) of the image turned
/// clockwise by `degrees` about its centre. Turning and shifting cut nothing off between them.
struct image_placement {
  index_t shift_y = 0, shift_x = 0;
  bool flip = false;
  double degrees = 0;
  bool reflect = false;  // what is outside is inside, mirrored at the edge
  friend constexpr bool operator==(const image_placement&, const image_placement&) = default;
};

/// The step whose numbers say which images are mirrored in even epochs, where the flip alternates.
inline constexpr std::uint64_t alternating_flips = 0xFFFFFFFF;

/// The placement of image `image`, of extents `sample`, in epoch `epoch`.
inline image_placement place_image(const augmentation& what, const extents& sample, std::uint64_t seed,
                                   index_t epoch, index_t image) {
  const random_source source(seed, stream::augment, static_cast<std::uint64_t>(epoch));
  const auto first = 4 * static_cast<std::uint64_t>(image);  // one block of four words an image
  const auto offsets = static_cast<std::uint32_t>(2 * what.pad + 1);
  image_placement place{static_cast<index_t>(source.below(first, offsets)) - what.pad,
                        static_cast<index_t>(source.below(first + 1, offsets)) - what.pad,
                        what.flip && source.below(first + 2, 2) == 1};
  place.reflect = what.reflect;
  if (what.flip && what.alternate) {
    const random_source once(seed, stream::augment, alternating_flips);
    place.flip =
        (once.below(static_cast<std::uint64_t>(image), 2) + static_cast<std::uint64_t>(epoch)) % 2 == 1;
  }
  if (what.rotate_degrees == 0 && what.shift_fraction == 0) return place;
  // Another block an image, far behind those above.
  const std::uint64_t second = (std::uint64_t{1} << 40) + first;
  const auto between = [&](std::uint64_t index, double bound) {
    return bound * (2 * source.uniform(second + index) - 1);
  };
  place.degrees = between(0, what.rotate_degrees);
  // To move the image right and down is to move the window left and up.
  place.shift_x -= std::lround(between(1, what.shift_fraction * static_cast<double>(sample.width)));
  place.shift_y -= std::lround(between(2, what.shift_fraction * static_cast<double>(sample.height)));
  return place;
}

/// Normalised value of every byte in every channel: C x 256, row c holds (byte/255 - mean[c]) / deviation[c].
template <class Scalar>
std::vector<Scalar> normalisation_table(std::span<const float> mean, std::span<const float> deviation) {
  std::vector<Scalar> table;
  table.reserve(256 * mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    for (int byte = 0; byte < 256; ++byte) {
      table.push_back(static_cast<Scalar>((byte / 255.0 - static_cast<double>(mean[c])) /
                                          static_cast<double>(deviation[c])));
    }
  }
  return table;
}

/// Where a pixel of the turned image comes from.
class rotation_source {
 public:
  rotation_source(const extents& sample, double degrees)
      : width_(static_cast<double>(sample.width)),
        height_(static_cast<double>(sample.height)),
        cosine_(std::cos(degrees * std::numbers::pi / 180)),
        sine_(std::sin(degrees * std::numbers::pi / 180)) {}

  /// Overwrites (row, column) with the image's pixel that lies there after turning; false where none does.
  bool find(index_t& row, index_t& column) const {
    const double x = static_cast<double>(column) + 0.5 - width_ / 2;
    const double y = static_cast<double>(row) + 0.5 - height_ / 2;
    const double from_x = cosine_ * x + sine_ * y + width_ / 2;
    const double from_y = cosine_ * y - sine_ * x + height_ / 2;
    if (!(from_x >= 0 && from_x < width_ && from_y >= 0 && from_y < height_)) return false;
    row = static_cast<index_t>(from_y);
    column = static_cast<index_t>(from_x);
    return true;
  }

 private:
  double width_, height_, cosine_, sine_;
};

/// Writes one placed and normalised image: x (H x W x C) from `image` (H x W x C bytes); overwrites.
template <class Scalar>
void write_image(const std::uint8_t* image, const extents& sample, const image_placement& place,
                 const Scalar* table, Scalar* x) {
  const auto write = [&](const auto& find) {
    for (index_t row = 0; row < sample.height; ++row) {
      for (index_t column = 0; column < sample.width; ++column) {
        index_t from_row = row + place.shift_y;
        index_t from_column = (place.flip ? sample.width - 1 - column : column) + place.shift_x;
        const bool inside = find(from_row, from_column);
        const std::uint8_t* pixel =
            inside ? image + (from_row * sample.width + from_column) * sample.channels : nullptr;
        for (index_t c = 0; c < sample.channels; ++c) *x++ = table[256 * c + (inside ? pixel[c] : 0)];
      }
    }
  };
  if (place.reflect) {
    const auto mirrored = [](index_t at, index_t size) {
      return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
    };
    write([&](index_t& row, index_t& column) {
      row = mirrored(row, sample.height);
      column = mirrored(column, sample.width);
      return true;
    });
  } else if (place.degrees == 0) {
    write([&](index_t row, index_t column) {
      return row >= 0 && row < sample.height && column >= 0 && column < sample.width;
    });
  } else {
    const rotation_source turned(sample, place.degrees);
    write([&](index_t& row, index_t& column) { return turned.find(row, column); });
  }
}

}  // namespace spankey
