// The shape of a site's key: how many numbers it has, and which elements of a sample each of them acts on.
//
//   element   C H W numbers, one an element        channel   C numbers, one a channel, for every position
//   token     H W numbers, one a position, for every channel
//   matrix    C C numbers, row by row: of each pair of channels, for every position; acts on no single element, so that an
//             injector of whole samples reads it (inject/entangling.hpp)
// In memory the elements of a sample lie channels last: element i is channel i % C of position i / C.
#pragma once

#include "spankey/core/shape.hpp"

namespace spankey {

enum class key_shape : unsigned char { element, channel, token, matrix };

/// A site as kernels see it: positions x channels elements, and its key.
struct site_geometry {
  index_t channels, positions;
  key_shape key = key_shape::element;

  [[nodiscard]] constexpr index_t size() const { return channels * positions; }
  /// Numbers of its key.
  [[nodiscard]] constexpr index_t key_size() const {
    return key == key_shape::element   ? size()
           : key == key_shape::channel ? channels
           : key == key_shape::token   ? positions
                                       : channels * channels;
  }
  /// The number that acts on element i; of a matrix there is none.
  [[nodiscard]] constexpr index_t key_of(index_t i) const {
    return key == key_shape::element ? i : key == key_shape::channel ? i % channels : i / channels;
  }
};

/// A key's own extents: as a key space draws it, and files number it.
constexpr extents extents_of_key(const extents& site, key_shape key) {
  return key == key_shape::element   ? site
         : key == key_shape::channel ? extents{site.channels, 1, 1}
         : key == key_shape::token   ? extents{1, site.height, site.width}
                                     : extents{site.channels * site.channels, 1, 1};
}

constexpr site_geometry geometry_of(const extents& site, key_shape key) {
  return {site.channels, site.height * site.width, key};
}

}  // namespace spankey
