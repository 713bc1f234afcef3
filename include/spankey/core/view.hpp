// A batch of N samples of one shape, static or of run time: a pointer and a count. It owns nothing.
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

/// Shape of a sample whose size is known at run time only.
struct any_shape {};

/// N samples of `sample_size` elements each.
template <class T>
class batch_view<T, any_shape> {
 public:
  using value_type = T;
  using shape_type = any_shape;

  constexpr batch_view() = default;
  constexpr batch_view(T* data, index_t samples, index_t sample_size)
      : data_(data), samples_(samples), sample_size_(sample_size) {}
  constexpr operator batch_view<const T, any_shape>() const requires(!std::is_const_v<T>) {
    return {data_, samples_, sample_size_};
  }
  /// A view of a static shape, too, reads as one.
  template <class U, class Shape>
  constexpr batch_view(batch_view<U, Shape> view) requires(std::is_convertible_v<U*, T*> &&
                                                           !std::is_same_v<Shape, any_shape>)
      : batch_view(view.data(), view.samples(), Shape::size) {}

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr index_t samples() const { return samples_; }
  [[nodiscard]] constexpr index_t sample_size() const { return sample_size_; }
  [[nodiscard]] constexpr index_t size() const { return samples_ * sample_size_; }
  [[nodiscard]] constexpr T* sample(index_t n) const { return data_ + n * sample_size_; }
  [[nodiscard]] constexpr T& operator()(index_t n, index_t i) const { return sample(n)[i]; }

 private:
  T* data_ = nullptr;
  index_t samples_ = 0, sample_size_ = 0;
};

/// Samples [first, first + count) of a view.
template <class T, class Shape>
constexpr batch_view<T, Shape> samples_of(batch_view<T, Shape> view, index_t first, index_t count) {
  if constexpr (std::is_same_v<Shape, any_shape>) {
    return {view.sample(first), count, view.sample_size()};
  } else {
    return {view.sample(first), count};
  }
}

}  // namespace spankey
