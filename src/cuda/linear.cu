// Linear maps by cuBLAS. Row-major matrices are its column-major ones transposed: y = x w is y^T = w^T x^T there.
#include <type_traits>

#include "libraries.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

template <class T>
constexpr cudaDataType_t data_type = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF;

// Column-major c (m, n) = a (m, k) b (k, n) + before c; a and b transposed where their flags say so.
template <class T, class C>
void product(bool a_turned, bool b_turned, index_t m, index_t n, index_t k, const T* a, index_t lda,
             const T* b, index_t ldb, float before, C* c, index_t ldc) {
  if (m == 0 || n == 0) return;
  const float one = 1;
  const auto whole = [](index_t v) { return static_cast<int>(v); };
  SPANKEY_CHECK(cublasGemmEx(
      blas(), a_turned ? CUBLAS_OP_T : CUBLAS_OP_N, b_turned ? CUBLAS_OP_T : CUBLAS_OP_N, whole(m), whole(n),
      whole(k), &one, a, data_type<T>, whole(lda), b, data_type<T>, whole(ldb), &before, c, data_type<C>,
      whole(ldc), std::is_same_v<T, float> && tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
      CUBLAS_GEMM_DEFAULT));
}

__global__ void narrow_kernel(index_t count, const float* from, bf16* to) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) to[i] = from_float<bf16>(from[i]);
}

// `from` as T: itself, or rounded into scratch.
template <class T>
const T* as(index_t /*count*/, const T* from, float* /*scratch*/) {
  return from;
}
template <class T>
std::enable_if_t<!std::is_same_v<T, float>, const T*> as(index_t count, const float* from, float* scratch) {
  T* const to = reinterpret_cast<T*>(scratch);
  launch("narrow", narrow_kernel, pieces(count, block_threads), block_threads, count, from, to);
  return to;
}

// bias may be null; `sums` may be y.
template <class Y>
__global__ void store_kernel(index_t count, index_t columns, const float* sums, const float* bias, Y* y) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) y[i] = from_float<Y>(sums[i] + (bias != nullptr ? bias[i % columns] : 0));
}

}  // namespace

// Weights as T, then dy as T or y in float.
index_t linear_scratch_size(const linear_problem& p) { return p.in * p.out + p.samples * p.out; }

template <class T, class Y>
void linear_forward(const linear_problem& p, const T* x, const float* w, const float* bias, Y* y,
                    float* scratch) {
  const T* const weights = as<T>(p.in * p.out, w, scratch);
  float* sums;
  if constexpr (std::is_same_v<Y, float>) {
    sums = y;
  } else {
    sums = scratch + p.in * p.out;
  }
  product(false, false, p.out, p.samples, p.in, weights, p.out, x, p.in, 0, sums, p.out);
  const index_t count = p.samples * p.out;
  if (bias != nullptr || !std::is_same_v<Y, float>)
    launch("linear store", store_kernel<Y>, pieces(count, block_threads), block_threads, count, p.out, sums,
           bias, y);
}

template <class T, class Y>
void linear_backward_data(const linear_problem& p, const Y* dy, const float* w, T* dx, float* scratch) {
  const T* const weights = as<T>(p.in * p.out, w, scratch);
  const T* const g = as<T>(p.samples * p.out, dy, scratch + p.in * p.out);
  product(true, false, p.in, p.samples, p.out, weights, p.out, g, p.out, 0, dx, p.in);
}

template <class T, class Y>
void linear_backward_weights(const linear_problem& p, const T* x, const Y* dy, float* dw, float* dbias,
                             float* scratch) {
  const T* const g = as<T>(p.samples * p.out, dy, scratch + p.in * p.out);
  product(false, true, p.out, p.in, p.samples, g, p.out, x, p.in, 1, dw, p.out);
  if (dbias != nullptr) add_column_sums(p.samples, p.out, dy, dbias);
}

// The table as T, then dz as T.
index_t embedding_scratch_size(const embedding_problem& p) {
  return p.vocabulary * p.channels + p.rows * p.vocabulary;
}

template <class T>
void embedding_answers(const embedding_problem& p, const T* h, const float* table, float* z, float* scratch) {
  product(true, false, p.vocabulary, p.rows, p.channels, as<T>(p.vocabulary * p.channels, table, scratch),
          p.channels, h, p.channels, 0, z, p.vocabulary);
}

template <class T>
void embedding_answers_data(const embedding_problem& p, const float* dz, const float* table, T* dh,
                            float* scratch) {
  const T* const rows = as<T>(p.vocabulary * p.channels, table, scratch);
  const T* const g = as<T>(p.rows * p.vocabulary, dz, scratch + p.vocabulary * p.channels);
  product(false, false, p.channels, p.rows, p.vocabulary, rows, p.channels, g, p.vocabulary, 0, dh,
          p.channels);
}

template <class T>
void embedding_answers_table(const embedding_problem& p, const T* h, const float* dz, float* dtable,
                             float* scratch) {
  const T* const g = as<T>(p.rows * p.vocabulary, dz, scratch + p.vocabulary * p.channels);
  product(false, true, p.channels, p.vocabulary, p.rows, h, p.channels, g, p.vocabulary, 1, dtable,
          p.channels);
}

#define SPANKEY_INSTANTIATE(T)                                                                               \
  template void embedding_answers<T>(const embedding_problem&, const T*, const float*, float*, float*);      \
  template void embedding_answers_data<T>(const embedding_problem&, const float*, const float*, T*, float*); \
  template void embedding_answers_table<T>(const embedding_problem&, const T*, const float*, float*, float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

#define SPANKEY_INSTANTIATE(T, Y)                                                                        \
  template void linear_forward<T, Y>(const linear_problem&, const T*, const float*, const float*, Y*,    \
                                     float*);                                                            \
  template void linear_backward_data<T, Y>(const linear_problem&, const Y*, const float*, T*, float*);   \
  template void linear_backward_weights<T, Y>(const linear_problem&, const T*, const Y*, float*, float*, \
                                              float*)
SPANKEY_INSTANTIATE(float, float);
SPANKEY_INSTANTIATE(bf16, bf16);
SPANKEY_INSTANTIATE(bf16, float);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
