// Which rows of a matrix a pass works on: the first n, or those of a list. What a pass computes about them (factors,
// coefficients) lies in the order of the selection, the rows themselves where their numbers say.
//
// A list must outlive its selection. Passes cut it into runs of neighbours, so that a whole matrix costs nothing more.
#pragma once

#include <span>

#include "spankey/core/shape.hpp"

namespace spankey {

class row_selection {
 public:
  /// Rows 0 to n - 1.
  constexpr row_selection(index_t n) : size_(n) {}
  /// Rows listed[0], listed[1], ...
  constexpr row_selection(std::span<const index_t> listed)
      : listed_(listed.data()), size_(static_cast<index_t>(listed.size())) {}

  [[nodiscard]] constexpr index_t size() const { return size_; }
  /// Number of the row at `position` of the selection.
  [[nodiscard]] constexpr index_t operator[](index_t position) const {
    return listed_ == nullptr ? position : listed_[position];
  }
  /// Calls f(position, row, count) for every run of rows row, row + 1, ..., row + count - 1.
  template <class F>
  constexpr void for_each_run(const F& f) const {
    if (listed_ == nullptr) {
      if (size_ > 0) f(index_t{0}, index_t{0}, size_);
      return;
    }
    for (index_t first = 0; first < size_;) {
      index_t end = first + 1;
      while (end < size_ && listed_[end] == listed_[end - 1] + 1) ++end;
      f(first, listed_[first], end - first);
      first = end;
    }
  }

 private:
  const index_t* listed_ = nullptr;
  index_t size_;
};

}  // namespace spankey
