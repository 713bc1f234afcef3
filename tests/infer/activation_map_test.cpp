// Costs 5 s to compile.
#include "spankey/infer/activation_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "../backend/cpu/agreement.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/random.hpp"

using namespace spankey;
using infer::activation_map;

namespace {

using matrix = std::vector<double>;

matrix product(const matrix& a, const matrix& b, index_t n) {
  matrix c(a.size());
  for (index_t i = 0; i < n; ++i)
    for (index_t k = 0; k < n; ++k)
      for (index_t j = 0; j < n; ++j)
        c[static_cast<std::size_t>(i * n + j)] +=
            a[static_cast<std::size_t>(i * n + k)] * b[static_cast<std::size_t>(k * n + j)];
  return c;
}

// The mix as its definition has it: signs of the bits that row and column share, and a mix of the blocks.
matrix mix_of(index_t n) {
  index_t block = 1;
  while (n % (2 * block) == 0) block *= 2;
  const index_t q = n / block;
  const double three[3][3] = {{1 / std::sqrt(3.0), 1 / std::sqrt(3.0), 1 / std::sqrt(3.0)},
                              {1 / std::sqrt(2.0), -1 / std::sqrt(2.0), 0},
                              {1 / std::sqrt(6.0), 1 / std::sqrt(6.0), -2 / std::sqrt(6.0)}};
  matrix m(static_cast<std::size_t>(n * n));
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      const auto shared = static_cast<unsigned>((i % block) & (j % block));
      const double walsh = (std::popcount(shared) % 2 == 0 ? 1 : -1) / std::sqrt(static_cast<double>(block));
      const index_t a = i / block, b = j / block;
      const double across = q == 1   ? 1
                            : q == 3 ? three[a][b]
                                     : (a == b ? 1.0 : 0.0) - 2.0 / static_cast<double>(q);
      m[static_cast<std::size_t>(i * n + j)] = across * walsh;
    }
  return m;
}

double largest_of(const std::vector<float>& v) {
  double largest = 0;
  for (const float x : v) largest = std::max(largest, std::abs(static_cast<double>(x)));
  return largest;
}

struct drawn_map {
  std::vector<std::uint16_t> moves;
  std::vector<float> root;
  matrix dense;  // T
  activation_map map;

  drawn_map(index_t n, bool whitens) {
    const random_source random(7, stream::evaluation);
    std::uint64_t next = 0;
    matrix t(static_cast<std::size_t>(n * n));
    for (index_t i = 0; i < n; ++i)
      for (index_t j = i; j < n; ++j) {
        const double number = whitens ? 0.2 * random.gaussian(next++) + (i == j ? 1.5 : 0) : i == j ? 1 : 0;
        t[static_cast<std::size_t>(i * n + j)] = static_cast<float>(number);
        if (whitens) root.push_back(static_cast<float>(number));
      }
    for (index_t round = 0; round < activation_map::rounds; ++round) {
      std::vector<std::uint16_t> order(static_cast<std::size_t>(n));
      for (std::size_t c = 0; c < order.size(); ++c) order[c] = static_cast<std::uint16_t>(c);
      for (std::size_t c = order.size(); c > 1; --c)
        std::swap(order[c - 1],
                  order[static_cast<std::size_t>(random.uniform(next++) * static_cast<double>(c))]);
      matrix signs(t.size()), moved(t.size());
      for (index_t c = 0; c < n; ++c) {
        const bool negative = random.uniform(next++) < 0.5;
        const std::uint16_t to = order[static_cast<std::size_t>(c)];
        moves.push_back(static_cast<std::uint16_t>(to | (negative ? activation_map::negative : 0)));
        signs[static_cast<std::size_t>(c * n + c)] = negative ? -1 : 1;
        moved[static_cast<std::size_t>(to * n + c)] = 1;
      }
      t = product(moved, product(mix_of(n), product(signs, t, n), n), n);
    }
    dense = t;
    map = {n, moves.data(), whitens ? root.data() : nullptr};
  }
};

}  // namespace

TEST_CASE(
    "a map of activations is its matrix, at every position, with and without threads, of every instruction "
    "set") {
  const random_source random(8, stream::evaluation);
  for (const index_t n : {1, 2, 3, 8, 12, 17, 24, 64, 96, 144})
    for (const bool whitens : {false, true})
      for (const index_t positions : {1, 5, 16, 35}) {
        CAPTURE(n);
        CAPTURE(whitens);
        CAPTURE(positions);
        const drawn_map drawn(n, whitens);
        const auto size = static_cast<std::size_t>(n * positions);
        std::vector<float> x(size), y(size), again(size);
        for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<float>(random.gaussian(i));
        using plain = infer::mapped_input<backend::reference>;
        using threaded = infer::mapped_input<backend::cpu>;
        std::vector<float> spare(static_cast<std::size_t>(plain::spare_size(n * positions, n)) + 1, 9.0F),
            wide(static_cast<std::size_t>(threaded::spare_size(n * positions, n)));
        plain::apply(drawn.map, n * positions, x.data(), y.data(), spare.data());
        CHECK(spare.back() == 9.0F);
        agreement::for_each_isa([&] {
          threaded::apply(drawn.map, n * positions, x.data(), again.data(), wide.data());
          double apart = 0;
          for (std::size_t i = 0; i < size; ++i)
            apart = std::max(apart, std::abs(static_cast<double>(y[i]) - static_cast<double>(again[i])));
          CHECK(apart < 3e-6 * largest_of(y));
        });
        double worst = 0, largest = 0;
        for (index_t p = 0; p < positions; ++p)
          for (index_t i = 0; i < n; ++i) {
            double sum = 0;
            for (index_t j = 0; j < n; ++j)
              sum += drawn.dense[static_cast<std::size_t>(i * n + j)] *
                     static_cast<double>(x[static_cast<std::size_t>(p * n + j)]);
            worst =
                std::max(worst, std::abs(sum - static_cast<double>(y[static_cast<std::size_t>(p * n + i)])));
            largest = std::max(largest, std::abs(sum));
          }
        CHECK(worst < 3e-6 * largest);
      }
}
