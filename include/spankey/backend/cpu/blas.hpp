// The only place that includes a BLAS: C = op(A) op(B) + beta C in float, row-major, on the calling thread.
//
// Threads belong to parallel.hpp, so OpenBLAS is set to one thread, once, before the first product; callers
// cut the product into blocks and call gemm from several threads. That needs an OpenBLAS that was built with
// threads or locking: a serial build (Debian's libopenblas0-serial) shares its buffers without a lock and is
// refused. Products with a vector go to GEMV, which reads the matrix once instead of packing it.
#pragma once

#include <cblas.h>

#include <string>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

#if !defined(OPENBLAS_VERSION)
#error "SpanKey: backend::cpu needs OpenBLAS, and the cblas.h found first is another library's"
#endif

namespace spankey::cpu {

/// What this build of OpenBLAS calls `parallel`: 0 serial, 1 threads, 2 OpenMP.
/// Fails with backend.111 for a build that several threads may not call at once.
inline void require_concurrent_blas(int parallel) {
  if (parallel == 0) {
    fail("backend.111", "OpenBLAS",
         "found a serial build, which several threads may not call at once; expected the pthread build "
         "(Debian and Ubuntu: libopenblas0-pthread)");
  }
}

/// Checks the BLAS and sets it to one thread; cheap after the first call.
inline void prepare_blas() {
  static const bool ready = [] {
    require_concurrent_blas(openblas_get_parallel());
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(ready);
}

/// Version, options and kernel family of the BLAS in use, in its own words.
inline std::string blas_description() {
  return std::string(openblas_get_config()) + " (kernels: " + openblas_get_corename() + ")";
}

/// c (m, n) = op(a) (m, k) op(b) (k, n) + beta c, row-major. `a` is stored (m, k), or (k, m) when transposed,
/// with row length lda; likewise b and c. beta = 0 overwrites c, whatever it holds.
inline void gemm(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const float* a,
                 index_t lda, const float* b, index_t ldb, float beta, float* c, index_t ldc) {
  prepare_blas();
  const auto to_int = [](index_t value) { return static_cast<blasint>(value); };
  if (m == 1) {
    // Row vector times op(b): GEMV with op(b) transposed. x strides over a row of a, or down its column.
    const auto form = transpose_b ? CblasNoTrans : CblasTrans;
    cblas_sgemv(CblasRowMajor, form, to_int(transpose_b ? n : k), to_int(transpose_b ? k : n), 1.0F, b,
                to_int(ldb), a, to_int(transpose_a ? lda : 1), beta, c, 1);
    return;
  }
  if (n == 1) {
    const auto form = transpose_a ? CblasTrans : CblasNoTrans;
    cblas_sgemv(CblasRowMajor, form, to_int(transpose_a ? k : m), to_int(transpose_a ? m : k), 1.0F, a,
                to_int(lda), b, to_int(transpose_b ? 1 : ldb), beta, c, to_int(ldc));
    return;
  }
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              to_int(m), to_int(n), to_int(k), 1.0F, a, to_int(lda), b, to_int(ldb), beta, c, to_int(ldc));
}

}  // namespace spankey::cpu
