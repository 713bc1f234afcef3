// A batch of N samples of one static shape: a pointer and a count. It owns nothing.
#pragma once

#include <type_traits>

#include "spankey/core/shape.hpp"

namespace spankey {

/// N samples, channels last: element (n, h, w, c) is data[((n*H + h)*W + w)*C + c].
template <class T, class Shape>
class batch_view {
 public:
  using value_type = T;
  using shape_type = Shape;

  constexpr batch_view() = default;
  constexpr batch_view(T* data, index_t samples) : data_(data), samples_(samples) {}
  /// A mutable view reads as a const one.
  constexpr operator batch_view<const T, Shape>() const requires(!std::is_const_v<T>) {
    return {data_, samples_};
  }

  /// A view of another shape is refused in one sentence, wherever it is handed over.
  template <class U, class Other>
  constexpr batch_view(batch_view<U, Other>) requires(!std::is_same_v<Other, Shape>) {
    require_shape<Other, Shape>();
  }

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr index_t samples() const { return samples_; }
  [[nodiscard]] constexpr index_t size() const { return samples_ * Shape::size; }
  [[nodiscard]] constexpr T* sample(index_t n) const { return data_ + n * Shape::size; }
  [[nodiscard]] constexpr T& operator()(index_t n, index_t c, index_t h = 0, index_t w = 0) const {
    return data_[((n * Shape::height + h) * Shape::width + w) * Shape::channels + c];
  }

 private:
  T* data_ = nullptr;
  index_t samples_ = 0;
};

}  // namespace spankey
