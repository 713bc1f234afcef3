#include "spankey/key/products.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spankey/core/random.hpp"

using namespace spankey;

namespace {

template <class T>
struct matrix {
  matrix(index_t rows, index_t width, std::uint64_t seed) : stride(width + 3) {
    const random_source source(seed, stream::evaluation);
    for (index_t i = 0; i < rows * stride; ++i) {
      values.push_back(static_cast<T>(source.gaussian(static_cast<std::uint64_t>(i))));
    }
  }
  rows_of<T> view() { return {values.data(), stride}; }
  rows_of<const T> read() const { return {values.data(), stride}; }
  double at(index_t i, index_t j) const { return static_cast<double>(read().row(i)[j]); }
  index_t stride;
  std::vector<T> values;
};

// Largest |got - expected|, infinite where something outside of `width` columns was written.
template <class T, class Expected>
double departure(const matrix<T>& got, const matrix<T>& before, index_t rows, index_t width,
                 const Expected& expected) {
  double worst = 0;
  for (index_t i = 0; i < rows; ++i) {
    for (index_t j = 0; j < got.stride; ++j) {
      if (j < width) {
        worst = std::max(worst, std::abs(got.at(i, j) - expected(i, j)));
      } else if (got.at(i, j) != before.at(i, j)) {
        return HUGE_VAL;
      }
    }
  }
  return worst;
}

template <class T>
void check_combinations(double tolerance) {
  for (const index_t n : {1, 2, 3, 7}) {
    for (const index_t m : {1, 2, 5, 32}) {
      for (const index_t width : {1, 4, 7, 16, 33}) {
        const matrix<T> c(n, m, 1), b(m, width, 2), before(n, width, 3);
        const auto sum = [&](index_t i, index_t t) {
          double total = 0;
          for (index_t j = 0; j < m; ++j) total += c.at(i, j) * b.at(j, t);
          return total;
        };
        auto out = before;
        add_combination<T>(c.read(), n, b.read(), m, width, out.view());
        CHECK(departure(out, before, n, width,
                        [&](index_t i, index_t t) { return before.at(i, t) + sum(i, t); }) < tolerance);
        out = before;
        subtract_combination<T>(c.read(), n, b.read(), m, width, out.view());
        CHECK(departure(out, before, n, width,
                        [&](index_t i, index_t t) { return before.at(i, t) - sum(i, t); }) < tolerance);
      }
    }
  }
}

}  // namespace

TEST_CASE("combinations of rows: whole and broken tiles, nothing outside written") {
  check_combinations<float>(2e-5);
  check_combinations<double>(1e-13);
}

TEST_CASE("no outputs: nothing is written") {
  const matrix<float> b(3, 5, 1);
  std::vector<float> out(5, 7.0F);
  add_combination<float>({out.data(), 3}, 0, b.read(), 3, 5, {out.data(), 5});
  add_combination<float>({out.data(), 3}, 1, b.read(), 3, 0, {out.data(), 5});
  CHECK(out == std::vector<float>(5, 7.0F));
}

TEST_CASE("an element has the same bits alone, in a batch, and wherever columns are cut") {
  const index_t n = 8, m = 19, width = 70;
  const matrix<float> c(n, m, 4), b(m, width, 5);
  matrix<float> whole(n, width, 6);
  const matrix<float> before = whole;
  add_combination<float>(c.read(), n, b.read(), m, width, whole.view());
  for (index_t i = 0; i < n; ++i) {
    for (const index_t step : {1, 5, 16, 70}) {
      matrix<float> single(1, width, 6);
      std::copy_n(before.read().row(i), width, single.view().data);
      for (index_t t = 0; t < width; t += step) {
        add_combination<float>({c.read().row(i), c.stride}, 1, {b.read().data + t, b.stride}, m,
                               std::min(step, width - t), {single.view().data + t, single.stride});
      }
      bool same = true;
      for (index_t t = 0; t < width; ++t) same = same && single.at(0, t) == whole.at(i, t);
      CHECK(same);
    }
  }
}

TEST_CASE("products of rows: whole and broken tiles and blocks, added to what is there") {
  for (const index_t n : {1, 3, 4, 9}) {
    for (const index_t m : {1, 2, 7}) {
      for (const index_t width : {1, 2, 255, 256, 259, 600}) {
        const matrix<double> a(n, width, 7), b(m, width, 8), before(n, m, 9);
        auto out = before;
        add_row_products(a.read(), n, b.read(), m, width, out.view());
        const auto expected = [&](index_t i, index_t j) {
          double total = before.at(i, j);
          for (index_t t = 0; t < width; ++t) total += a.at(i, t) * b.at(j, t);
          return total;
        };
        CHECK(departure(out, before, n, m, expected) < 1e-12);
      }
    }
  }
}

TEST_CASE("dot_in_double keeps what float would lose") {
  std::vector<float> a(1003, 1.0F), b(1003, 0x1p-24F);
  a[0] = b[0] = 1;
  CHECK(dot_in_double(a.data(), b.data(), 1003) == 1 + 1002 * 0x1p-24);
  CHECK(dot_in_double(a.data(), b.data(), 0) == 0);
}
