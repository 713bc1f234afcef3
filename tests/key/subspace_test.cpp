#include "spankey/key/subspace.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/gaussian.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

std::vector<float> gaussian_keys(index_t n, index_t d, std::uint64_t seed) {
  std::vector<float> k(static_cast<std::size_t>(n * d));
  fill_gaussian(random_source(seed, stream::evaluation), 0, k.data(), n * d);
  return k;
}

subspace drawn(basis_kind kind, const extents& e, index_t m, std::uint64_t seed = 5) {
  return subspace(e, m, draw_basis(kind, m, e.size(), random_source(seed, stream::basis)));
}

// Largest |<row i, row j> - (i == j)| of m rows of d elements.
double departure_from_orthonormal(const float* rows, index_t m, index_t d) {
  double worst = 0;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < m; ++j) {
      double dot = 0;
      for (index_t t = 0; t < d; ++t) {
        dot += static_cast<double>(rows[i * d + t]) * static_cast<double>(rows[j * d + t]);
      }
      worst = std::max(worst, std::abs(dot - (i == j ? 1 : 0)));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("uniform basis: the documented numbers, bounds and spread") {
  const index_t m = 16, d = 3000;
  const random_source source(9, stream::basis, 2);
  const auto rows = draw_basis(basis_kind::uniform, m, d, source);
  const double bound = 1 / std::sqrt(16.0);
  CHECK(static_cast<double>(rows[5 * 3000 + 77]) ==
        doctest::Approx((2 * source.uniform(5 * 3000 + 77) - 1) * bound));
  double largest = 0, sum = 0, squares = 0;
  for (const float value : rows) {
    largest = std::max(largest, std::abs(static_cast<double>(value)));
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const double count = static_cast<double>(m * d);
  CHECK(largest <= bound);
  CHECK(largest > 0.999 * bound);
  CHECK(std::abs(sum / count) < 5 * bound / std::sqrt(3 * count));
  CHECK(squares / count == doctest::Approx(bound * bound / 3).epsilon(0.02));
}

TEST_CASE("orthonormal basis: orthonormal rows, in the span of its Gaussian matrix") {
  const index_t m = 12, d = 500;
  const random_source source(3, stream::basis);
  const auto rows = draw_basis(basis_kind::orthonormal, m, d, source);
  CHECK(departure_from_orthonormal(rows.data(), m, d) < 1e-6);

  std::vector<float> gaussian(static_cast<std::size_t>(m * d));
  fill_gaussian(source, 0, gaussian.data(), m * d);
  const subspace span(extents{d}, m, rows);
  for (index_t i = 0; i < m; ++i) CHECK(span.energy_share(gaussian.data() + i * d) == doctest::Approx(1));
  // R has a positive diagonal: the first row points where the first Gaussian row points.
  CHECK(rows[0] * gaussian[0] > 0);
}

TEST_CASE("orthonormalise: rows that nearly depend on others, as many rows as elements, and its ratio") {
  for (const index_t m : {1, 2, 8, 9, 37}) {
    for (const index_t d : {index_t{37}, index_t{700}}) {
      for (const double apart : {1.0, 1e-5}) {
        // Row i > 0: row i-1 plus `apart` times a new direction.
        secret_vector<double> w(static_cast<std::size_t>(m * d));
        const random_source source(8, stream::evaluation);
        for (std::size_t i = 0; i < w.size(); ++i) {
          const double fresh = source.gaussian(i);
          w[i] = i < static_cast<std::size_t>(d) ? fresh : w[i - static_cast<std::size_t>(d)] + apart * fresh;
        }
        const auto before = w;
        const double ratio = orthonormalise(w, m, d);
        const auto product = [&](const secret_vector<double>& a, index_t i, index_t j) {
          double sum = 0;
          for (index_t t = 0; t < d; ++t) {
            sum += a[static_cast<std::size_t>(i * d + t)] * w[static_cast<std::size_t>(j * d + t)];
          }
          return sum;
        };
        double departure = 0, above = 0, smallest = HUGE_VAL, largest = 0;
        for (index_t i = 0; i < m; ++i) {
          for (index_t j = 0; j < m; ++j) {
            departure = std::max(departure, std::abs(product(w, i, j) - (i == j ? 1 : 0)));
            if (j > i) above = std::max(above, std::abs(product(before, i, j)));
          }
          smallest = std::min(smallest, product(before, i, i));
          largest = std::max(largest, product(before, i, i));
        }
        CHECK(departure < 1e-13);
        CHECK(above < 1e-11);
        CHECK(smallest > 0);
        CHECK(ratio == doctest::Approx(smallest / largest).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("Q is orthonormal and keeps the span of B, also for blocked sizes of m") {
  for (const index_t m : {1, 8, 64}) {
    const extents e{3, 16, 16};
    const auto span = drawn(basis_kind::uniform, e, m);
    CHECK(departure_from_orthonormal(span.orthonormal_basis(), m, e.size()) < 2e-6);
    for (index_t i = 0; i < m; ++i) {
      CHECK(span.energy_share(span.basis() + i * e.size()) == doctest::Approx(1).epsilon(1e-5));
    }
  }
}

TEST_CASE("rows are kept in memory order and given back in file order, bit for bit") {
  const extents e{3, 4, 5};
  const index_t m = 2, d = e.size();
  secret_vector<float> file(static_cast<std::size_t>(m * d));
  for (std::size_t i = 0; i < file.size(); ++i) file[i] = static_cast<float>(i * i % 89) + 0.25F;
  const subspace span(e, m, file);
  // Channel 2, row 1, column 3 of the second key.
  CHECK(span.basis()[d + (1 * 5 + 3) * 3 + 2] == file[static_cast<std::size_t>(d + 2 * 20 + 1 * 5 + 3)]);
  CHECK(span.basis_in_file_order() == file);

  const subspace vector(extents{d}, m, file);
  CHECK(std::equal(file.begin(), file.end(), vector.basis()));
}

TEST_CASE("a stride takes prefix columns, in file order") {
  const index_t m = 3, wide = 100;
  const auto file = draw_basis(basis_kind::uniform, m, wide, random_source(1, stream::basis));
  const subspace span(extents{4, 3, 2}, m, file.data(), wide);
  const auto prefix = span.basis_in_file_order();
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < 24; ++j) {
      CHECK(prefix[static_cast<std::size_t>(i * 24 + j)] == file[static_cast<std::size_t>(i * wide + j)]);
    }
  }
}

TEST_CASE("combine is alpha B over whole and broken column blocks, and its moments need no key") {
  for (const extents e : {extents{7}, extents{512}, extents{5, 11, 13}, extents{64, 6, 6}}) {
    for (const index_t n : {1, 2, 17}) {
      const index_t m = 5, d = e.size();
      const auto span = drawn(basis_kind::uniform, e, m);
      const auto alpha = gaussian_keys(n, m, 21);
      std::vector<float> k(static_cast<std::size_t>(n * d) + 1, 99.0F);
      span.combine(alpha.data(), n, k.data());
      CHECK(k.back() == 99.0F);
      double worst = 0;
      for (index_t row = 0; row < n; ++row) {
        double sum = 0, squares = 0;
        for (index_t j = 0; j < d; ++j) {
          double expected = 0;
          for (index_t i = 0; i < m; ++i) {
            expected += static_cast<double>(alpha[static_cast<std::size_t>(row * m + i)]) *
                        static_cast<double>(span.basis()[i * d + j]);
          }
          worst = std::max(
              worst, std::abs(expected - static_cast<double>(k[static_cast<std::size_t>(row * d + j)])));
          sum += expected;
          squares += expected * expected;
        }
        const moments got = span.combined_moments(alpha.data() + row * m);
        CHECK(got.count == static_cast<double>(d));
        CHECK(got.sum == doctest::Approx(sum).epsilon(1e-9));
        CHECK(got.squares == doctest::Approx(squares).epsilon(1e-9));
        CHECK(span.energy_share(k.data() + row * d) == doctest::Approx(1).epsilon(1e-5));
      }
      CHECK(worst < 2e-6);
    }
  }
}

TEST_CASE("project_out leaves the complement and nothing else") {
  for (const extents e : {extents{40}, extents{3, 32, 32}}) {
    const index_t m = 8, n = 5, d = e.size();
    const auto span = drawn(basis_kind::uniform, e, m);
    const auto before = gaussian_keys(n, d, 4);
    auto after = before;
    span.project_out(after.data(), n);
    for (index_t row = 0; row < n; ++row) {
      const float* const k = before.data() + row * d;
      float* const left = after.data() + row * d;
      CHECK(span.energy_share(left) < 1e-11);
      // What was removed lies in the span, and its energy is the share that the key had there.
      std::vector<float> removed(static_cast<std::size_t>(d));
      double total = 0, inside = 0;
      for (index_t j = 0; j < d; ++j) {
        const double r = static_cast<double>(k[j]) - static_cast<double>(left[j]);
        removed[static_cast<std::size_t>(j)] = static_cast<float>(r);
        total += static_cast<double>(k[j]) * static_cast<double>(k[j]);
        inside += r * r;
      }
      CHECK(span.energy_share(removed.data()) == doctest::Approx(1).epsilon(1e-5));
      CHECK(span.energy_share(k) == doctest::Approx(inside / total).epsilon(1e-4));
    }
  }
}

TEST_CASE("the share of isotropic keys follows Beta(m/2, (d-m)/2)") {
  const index_t m = 8, d = 128, n = 2000;
  const auto span = drawn(basis_kind::uniform, extents{d}, m);
  const auto k = gaussian_keys(n, d, 11);
  double sum = 0, squares = 0;
  for (index_t row = 0; row < n; ++row) {
    const double share = span.energy_share(k.data() + row * d);
    sum += share;
    squares += share * share;
  }
  const double mean = sum / n, variance = squares / n - mean * mean;
  const double expected = 2.0 * m * (d - m) / (static_cast<double>(d) * d * (d + 2));
  CHECK(std::abs(mean - static_cast<double>(m) / d) < 5 * std::sqrt(expected / n));
  CHECK(variance == doctest::Approx(expected).epsilon(0.2));
}

TEST_CASE("the zero key has share 0") {
  const auto span = drawn(basis_kind::orthonormal, extents{20}, 3);
  const std::vector<float> zero(20);
  CHECK(span.energy_share(zero.data()) == 0);
}

TEST_CASE("the same bits for 1, 2 and 3 threads") {
  const extents e{16, 20, 20};
  const index_t m = 8, n = 9;
  std::vector<float> first;
  for (const index_t threads : {1, 2, 3}) {
    const thread_limit limit(threads);
    for (const basis_kind kind : {basis_kind::uniform, basis_kind::orthonormal}) {
      const auto span = drawn(kind, e, m);
      const auto alpha = gaussian_keys(n, m, 2);
      std::vector<float> k(static_cast<std::size_t>(n * e.size()));
      span.combine(alpha.data(), n, k.data());
      auto projected = gaussian_keys(n, e.size(), 3);
      span.project_out(projected.data(), n);
      k.insert(k.end(), projected.begin(), projected.end());
      k.push_back(static_cast<float>(span.energy_share(projected.data())));
      if (threads == 1) {
        first.insert(first.end(), k.begin(), k.end());
      } else {
        const std::size_t at = kind == basis_kind::uniform ? 0 : first.size() / 2;
        CHECK(std::equal(k.begin(), k.end(), first.begin() + static_cast<index_t>(at)));
      }
    }
  }
}

TEST_CASE("bad subspaces are refused, without a value of the basis in the message") {
  const random_source source(1, stream::basis);
  CHECK(id_of([&] { draw_basis(basis_kind::uniform, 0, 4, source); }) == "key.105");
  CHECK(id_of([&] { draw_basis(basis_kind::uniform, -1, 4, source); }) == "key.105");
  CHECK(id_of([&] { draw_basis(basis_kind::uniform, 5, 4, source); }) == "key.106");

  auto rows = draw_basis(basis_kind::uniform, 2, 50, source);
  CHECK(id_of([&] { subspace(extents{50}, 2, rows); }) == "no error");
  auto dependent = rows;
  for (std::size_t j = 0; j < 50; ++j) dependent[50 + j] = 3 * dependent[j];
  CHECK(id_of([&] { subspace(extents{50}, 2, dependent); }) == "key.113");
  auto zero = rows;
  std::fill(zero.begin(), zero.end(), 0.0F);
  CHECK(id_of([&] { subspace(extents{50}, 2, zero); }) == "key.113");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t where : {std::size_t{3}, std::size_t{53}}) {
      auto broken = rows;
      broken[where] = bad;
      CHECK(id_of([&] { subspace(extents{50}, 2, broken); }) == "key.113");
    }
  }
}

TEST_CASE("names of basis kinds") {
  CHECK(parse_basis("orthonormal") == basis_kind::orthonormal);
  CHECK(name_of(basis_kind::uniform) == "uniform");
  CHECK(id_of([] { parse_basis("qr"); }) == "key.101");
}
