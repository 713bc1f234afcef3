#include "spankey/core/finite.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace spankey;

namespace {
template <class T>
std::vector<T> no_numbers() {
  using wide = std::conditional_t<std::is_same_v<T, bf16>, float, T>;
  using limits = std::numeric_limits<wide>;
  return {T(limits::quiet_NaN()), T(-limits::quiet_NaN()), T(limits::infinity()), T(-limits::infinity())};
}
template <class T>
std::vector<T> numbers() {
  using wide = std::conditional_t<std::is_same_v<T, bf16>, float, T>;
  using limits = std::numeric_limits<wide>;
  // Of bf16 the largest rounds to infinity: half of it is a number.
  return {T(wide(0)),       T(-wide(0)), T(limits::denorm_min()),
          T(limits::min()), T(wide(1)),  T(limits::max() / 2)};
}
}  // namespace

static_assert(is_finite(3.5F) && !is_finite(std::numeric_limits<double>::infinity()));

TEST_CASE_TEMPLATE("is_finite: by the exponent's bits", T, float, double, bf16) {
  for (const T v : numbers<T>()) CHECK(is_finite(v));
  for (const T v : no_numbers<T>()) CHECK_FALSE(is_finite(v));
  if constexpr (!std::is_same_v<T, bf16>) {
    CHECK(is_finite(std::numeric_limits<T>::max()));
    CHECK(is_finite(std::numeric_limits<T>::lowest()));
    CHECK_FALSE(is_finite(std::numeric_limits<T>::signaling_NaN()));
  } else {
    CHECK_FALSE(is_finite(bf16(std::numeric_limits<float>::max())));
  }
}

TEST_CASE_TEMPLATE("all_finite: one of them is found wherever it stands", T, float, double, bf16) {
  for (index_t count = 0; count < 40; ++count) {
    std::vector<T> values(static_cast<std::size_t>(count), T(-2.5F));
    CHECK(all_finite(values.data(), count));
    for (T& v : values) {
      for (const T wrong : no_numbers<T>()) {
        v = wrong;
        CHECK_FALSE(all_finite(values.data(), count));
      }
      v = T(1.0F);
    }
  }
}

TEST_CASE_TEMPLATE("arg_max: the first of the largest; of what is no number, no class", T, float, double) {
  const T z[] = {-3, 5, 5, -7};
  CHECK(arg_max(z, 4) == 1);
  CHECK(arg_max(z, 1) == 0);
  CHECK(arg_max(z, 0) == no_class);
  for (std::size_t at = 0; at < 4; ++at)
    for (const T wrong : no_numbers<T>()) {
      T broken[] = {-3, 5, 5, -7};
      broken[at] = wrong;
      CHECK(arg_max(broken, 4) == no_class);
    }
}
