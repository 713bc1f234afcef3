// Views of a batch as xtensor expressions, without copying: n-d indexing, slicing and arithmetic for programs and
// tests. Not for hot loops.
//   as_nhwc(view)   (N, H, W, C), the memory itself      as_nchw(view)   (N, C, H, W), PyTorch's order, strided
// The one place that includes xtensor; it knows the include paths before and after xtensor 0.26.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xmanipulation.hpp>
#endif

#include <array>
#include <cstddef>

#include "spankey/core/view.hpp"

namespace spankey {

/// (N, H, W, C); writes go to the batch. The batch's memory must outlive the expression.
template <class T, class Shape>
auto as_nhwc(batch_view<T, Shape> view) {
  const std::array<std::size_t, 4> extents = {
      static_cast<std::size_t>(view.samples()), static_cast<std::size_t>(Shape::height),
      static_cast<std::size_t>(Shape::width), static_cast<std::size_t>(Shape::channels)};
  return xt::adapt(view.data(), static_cast<std::size_t>(view.size()), xt::no_ownership(), extents);
}

/// (N, C, H, W), the order of files and of PyTorch; writes go to the batch.
template <class T, class Shape>
auto as_nchw(batch_view<T, Shape> view) {
  return xt::transpose(as_nhwc(view), {0, 3, 1, 2});
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
