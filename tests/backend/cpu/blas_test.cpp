// gemm against three loops in double, every transposition, vector shapes, padded rows; the refusal of a
// serial BLAS.
#include "spankey/backend/cpu/blas.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "spankey/core/random.hpp"

namespace {

using spankey::index_t;

std::vector<float> gaussian_values(index_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.gaussian(i));
  return values;
}

// Largest difference between gemm and the definition, over c and the padding of its rows.
double gemm_error(bool ta, bool tb, index_t m, index_t n, index_t k, float beta) {
  const index_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 2, ldc = n + 1;
  const std::vector<float> a = gaussian_values((ta ? k : m) * lda, 1);
  const std::vector<float> b = gaussian_values((tb ? n : k) * ldb, 2);
  std::vector<float> c = gaussian_values(m * ldc, 3);
  // beta = 0 must not read what c holds.
  if (beta == 0.0F)
    for (index_t i = 0; i < m; ++i)
      for (index_t j = 0; j < n; ++j)
        c[static_cast<std::size_t>(i * ldc + j)] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before = c;
  spankey::cpu::gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
  double worst = 0;
  for (index_t i = 0; i < m; ++i)
    for (index_t j = 0; j < ldc; ++j) {
      const auto at = static_cast<std::size_t>(i * ldc + j);
      double expected = before[at];
      if (j < n) {
        expected = beta == 0.0F ? 0.0 : static_cast<double>(beta) * static_cast<double>(before[at]);
        for (index_t l = 0; l < k; ++l)
          expected += static_cast<double>(a[static_cast<std::size_t>(ta ? l * lda + i : i * lda + l)]) *
                      static_cast<double>(b[static_cast<std::size_t>(tb ? j * ldb + l : l * ldb + j)]);
      }
      const double difference = std::abs(static_cast<double>(c[at]) - expected);
      if (!(difference <= worst)) worst = difference;  // a NaN counts as worst
    }
  return worst;
}

}  // namespace

TEST_CASE("gemm: every transposition, matrix and vector shapes") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const float beta : {0.0F, 1.0F, -0.5F})
        for (const index_t m : {1, 2, 17})
          for (const index_t n : {1, 3, 65})
            for (const index_t k : {1, 5, 64}) {
              CAPTURE(ta);
              CAPTURE(tb);
              CAPTURE(beta);
              CAPTURE(m);
              CAPTURE(n);
              CAPTURE(k);
              CHECK(gemm_error(ta, tb, m, n, k, beta) < 2e-5);
            }
}

TEST_CASE("a BLAS that threads may not share is refused") {
  std::string message;
  try {
    spankey::cpu::require_concurrent_blas(0);
  } catch (const spankey::error& e) {
    CHECK(e.id() == "backend.111");
    message = e.what();
  }
  CHECK(message.find("[spankey.backend.111] OpenBLAS: found a serial build") == 0);
  CHECK_NOTHROW(spankey::cpu::require_concurrent_blas(1));
}

TEST_CASE("OpenBLAS runs on one thread and says what it is") {
  spankey::cpu::prepare_blas();
  CHECK(openblas_get_num_threads() == 1);
  CHECK(spankey::cpu::blas_description().find("OpenBLAS") != std::string::npos);
}
