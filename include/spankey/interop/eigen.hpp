// Batches and parameters as Eigen matrices, without copying: linear algebra on what a network holds, for programs and
// analysis. Not for hot loops.
//   as_matrix(view)        (N, H*W*C), one sample a row        as_matrix(parameter)   (H*W*I, O), one output a column
// Eigen is optional: a program that includes this header finds and links it itself (Eigen3::Eigen).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Core>
#include <type_traits>

#include "spankey/core/view.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// A row-major matrix over somebody else's memory; T may be const.
template <class T>
using matrix_view = Eigen::Map<std::conditional_t<
    std::is_const_v<T>,
    const Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
    Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>>;

/// (N, H*W*C) of a batch in float or double; writes go to the batch, whose memory must outlive the matrix.
template <class T, class Shape>
matrix_view<T> as_matrix(batch_view<T, Shape> view) {
  return {view.data(), view.samples(), Shape::size};
}

/// (H*W*I, O) of a parameter's value: a convolution's patches, or a linear map's features, times this are its outputs.
template <class T>
matrix_view<T> as_matrix(parameter<T>& p) {
  return {p.value.data, p.dims.size() / p.dims.o, p.dims.o};
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
