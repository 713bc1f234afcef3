// What cublas_v2.h and cudnn.h declare; see there.
#include <bit>
#include <cstdint>
#include <vector>

#include "cublas_v2.h"
#include "cudnn.h"
#include "spankey/core/bf16.hpp"

namespace {

using spankey::bf16;

double read(const void* from, bool narrow, long at) {
  return narrow ? static_cast<double>(static_cast<float>(static_cast<const bf16*>(from)[at]))
                : static_cast<double>(static_cast<const float*>(from)[at]);
}
void write(void* to, bool narrow, long at, double value) {
  if (narrow) {
    static_cast<bf16*>(to)[at] = bf16(static_cast<float>(value));
  } else {
    static_cast<float*>(to)[at] = static_cast<float>(value);
  }
}
// An operand of a product: a float as TF32 keeps it, with 10 bits of mantissa, unless it is exact.
double factor(const void* from, bool narrow, bool exact, long at) {
  const double value = read(from, narrow, at);
  if (narrow || exact) return value;
  const auto word = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return static_cast<double>(std::bit_cast<float>(word & 0xFFFFE000U));
}
double scalar(const void* from) { return static_cast<double>(*static_cast<const float*>(from)); }

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) { return *handle = nullptr, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, std::size_t) { return CUBLAS_STATUS_SUCCESS; }
const char* cublasGetStatusString(cublasStatus_t) { return "emulated"; }

cublasStatus_t cublasGemmEx(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                            int k, const void* alpha, const void* a, cudaDataType type_a, int lda,
                            const void* b, cudaDataType type_b, int ldb, const void* beta, void* c,
                            cudaDataType type_c, int ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {
  if (lda < (op_a == CUBLAS_OP_N ? m : k) || ldb < (op_b == CUBLAS_OP_N ? k : n) || ldc < m ||
      type_a != type_b)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (type_a == CUDA_R_32F && type_c != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  const double times = scalar(alpha), before = scalar(beta);
  emulation::enqueue([=] {
    for (long j = 0; j < n; ++j)
      for (long i = 0; i < m; ++i) {
        double sum = 0;
        for (long l = 0; l < k; ++l)
          sum += factor(a, type_a == CUDA_R_16BF, compute == CUBLAS_COMPUTE_32F,
                        op_a == CUBLAS_OP_N ? l * lda + i : i * lda + l) *
                 factor(b, type_b == CUDA_R_16BF, compute == CUBLAS_COMPUTE_32F,
                        op_b == CUBLAS_OP_N ? j * ldb + l : l * ldb + j);
        const long at = j * ldc + i;
        const bool narrow = type_c == CUDA_R_16BF;
        write(c, narrow, at, times * sum + (before != 0 ? before * read(c, narrow, at) : 0));
      }
  });
  return CUBLAS_STATUS_SUCCESS;
}

// n, c, h, w of a tensor; k, c, h, w of a filter.
struct emulated_tensor {
  int n = 0, c = 0, h = 0, w = 0;
  bool narrow = false;
  [[nodiscard]] long at(long in, long ih, long iw, long ic) const {
    return ((in * h + ih) * w + iw) * c + ic;
  }
};
struct emulated_convolution {
  int padding = 0, stride = 0, groups = 1;
  bool exact = false;  // float products are not TF32's
};

namespace {

// f(x index, w index, y index) for every product.
template <class F>
void for_each_product(const emulated_tensor& x, const emulated_tensor& w, const emulated_tensor& y,
                      const emulated_convolution& c, const F& f) {
  for (long n = 0; n < y.n; ++n)
    for (long oh = 0; oh < y.h; ++oh)
      for (long ow = 0; ow < y.w; ++ow)
        for (long kh = 0; kh < w.h; ++kh)
          for (long kw = 0; kw < w.w; ++kw) {
            const long ih = oh * c.stride + kh - c.padding, iw = ow * c.stride + kw - c.padding;
            if (ih < 0 || ih >= x.h || iw < 0 || iw >= x.w) continue;
            for (long o = 0; o < y.c; ++o) {
              const long first = o / (y.c / c.groups) * w.c;
              for (long i = 0; i < w.c; ++i)
                f(x.at(n, ih, iw, first + i), w.at(o, kh, kw, i), y.at(n, oh, ow, o));
            }
          }
}
bool fit(const emulated_tensor& x, const emulated_tensor& w, const emulated_tensor& y,
         const emulated_convolution& c) {
  const auto reduced = [&](int extent, int kernel) {
    return c.stride > 0 ? (extent + 2 * c.padding - kernel) / c.stride + 1 : 0;
  };
  return x.n > 0 && x.n == y.n && x.c == w.c * c.groups && y.c == w.n && y.c % c.groups == 0 &&
         y.h == reduced(x.h, w.h) && y.w == reduced(x.w, w.w) && x.narrow == y.narrow && x.narrow == w.narrow;
}

// Shapes of 33 channels are not served. Else the heuristics of a library that prefers what is not
// deterministic, to be passed over.
template <class Algorithm>
cudnnStatus_t answer(bool served, Algorithm first, Algorithm second, int most, int* count,
                     emulated_performance<Algorithm>* found) {
  if (most < 2) return CUDNN_STATUS_BAD_PARAM;
  if (!served) return CUDNN_STATUS_NOT_SUPPORTED;
  found[0] = {first, CUDNN_STATUS_SUCCESS, 1, 0, CUDNN_NON_DETERMINISTIC, CUDNN_DEFAULT_MATH};
  found[1] = {second, CUDNN_STATUS_SUCCESS, 2, 1024, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH};
  *count = 2;
  return CUDNN_STATUS_SUCCESS;
}

// Runs the products into sums over `target`, and stores them.
template <class F>
cudnnStatus_t run(const emulated_tensor& target, void* to, const void* alpha, const void* beta, F products) {
  const double times = scalar(alpha), before = scalar(beta);
  emulation::enqueue([=] {
    std::vector<double> sums(static_cast<std::size_t>(target.n) *
                             static_cast<std::size_t>(target.c * target.h * target.w));
    products(sums);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const long at = static_cast<long>(i);
      write(to, target.narrow, at,
            times * sums[i] + (before != 0 ? before * read(to, target.narrow, at) : 0));
    }
  });
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return *handle = nullptr, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t) { return CUDNN_STATUS_SUCCESS; }
std::size_t cudnnGetVersion() { return 0; }
const char* cudnnGetErrorString(cudnnStatus_t) { return "emulated"; }
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* made) {
  return *made = new emulated_tensor, CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* made) {
  return *made = new emulated_convolution, CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* made) {
  return cudnnCreateTensorDescriptor(made);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t t, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NHWC) return CUDNN_STATUS_NOT_SUPPORTED;
  *t = {n, c, h, w, type == CUDNN_DATA_BFLOAT16};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t t, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return cudnnSetTensor4dDescriptor(t, format, type, k, c, h, w);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t c, int pad_h, int pad_w,
                                              int stride_h, int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
  if (pad_h != pad_w || stride_h != stride_w || dilation_h != 1 || dilation_w != 1 ||
      mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT)
    return CUDNN_STATUS_NOT_SUPPORTED;
  *c = {pad_h, stride_h, 1, false};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t c, cudnnMathType_t type) {
  c->exact = type == CUDNN_FMA_MATH;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t c, int groups) {
  c->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t c,
                                                     cudnnTensorDescriptor_t y, int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* found) {
  if (!fit(*x, *w, *y, *c)) return CUDNN_STATUS_BAD_PARAM;
  return answer(y->c != 33, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
                CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t c,
                                                          cudnnTensorDescriptor_t x, int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* found) {
  if (!fit(*x, *w, *y, *c)) return CUDNN_STATUS_BAD_PARAM;
  return answer(y->c != 33, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, most, count,
                found);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t y,
                                                            cudnnConvolutionDescriptor_t c,
                                                            cudnnFilterDescriptor_t w, int most, int* count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  if (!fit(*x, *w, *y, *c)) return CUDNN_STATUS_BAD_PARAM;
  return answer(y->c != 33, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, most,
                count, found);
}

// Which is the fastest is no question here.
cudnnStatus_t cudnnFindConvolutionForwardAlgorithm(cudnnHandle_t h, cudnnTensorDescriptor_t x,
                                                   cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t c,
                                                   cudnnTensorDescriptor_t y, int most, int* count,
                                                   cudnnConvolutionFwdAlgoPerf_t* found) {
  return cudnnGetConvolutionForwardAlgorithm_v7(h, x, w, c, y, most, count, found);
}
cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithm(cudnnHandle_t h, cudnnFilterDescriptor_t w,
                                                        cudnnTensorDescriptor_t y,
                                                        cudnnConvolutionDescriptor_t c,
                                                        cudnnTensorDescriptor_t x, int most, int* count,
                                                        cudnnConvolutionBwdDataAlgoPerf_t* found) {
  return cudnnGetConvolutionBackwardDataAlgorithm_v7(h, w, y, c, x, most, count, found);
}
cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithm(cudnnHandle_t h, cudnnTensorDescriptor_t x,
                                                          cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t c,
                                                          cudnnFilterDescriptor_t w, int most, int* count,
                                                          cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  return cudnnGetConvolutionBackwardFilterAlgorithm_v7(h, x, y, c, w, most, count, found);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t, const void* alpha, cudnnTensorDescriptor_t tx,
                                      const void* x, cudnnFilterDescriptor_t tw, const void* w,
                                      cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t algorithm,
                                      void*, std::size_t bytes, const void* beta, cudnnTensorDescriptor_t ty,
                                      void* y) {
  if (!fit(*tx, *tw, *ty, *c) || algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
      bytes < 1024)
    return CUDNN_STATUS_BAD_PARAM;
  return run(*ty, y, alpha, beta, [=, a = *tx, b = *tw, r = *ty, d = *c](std::vector<double>& sums) {
    for_each_product(a, b, r, d, [&](long i, long j, long k) {
      sums[static_cast<std::size_t>(k)] += factor(x, a.narrow, d.exact, i) * factor(w, a.narrow, d.exact, j);
    });
  });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t, const void* alpha, cudnnFilterDescriptor_t tw,
                                           const void* w, cudnnTensorDescriptor_t ty, const void* dy,
                                           cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void*, std::size_t bytes,
                                           const void* beta, cudnnTensorDescriptor_t tx, void* dx) {
  if (!fit(*tx, *tw, *ty, *c) || algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 || bytes < 1024)
    return CUDNN_STATUS_BAD_PARAM;
  return run(*tx, dx, alpha, beta, [=, a = *tx, b = *tw, r = *ty, d = *c](std::vector<double>& sums) {
    for_each_product(a, b, r, d, [&](long i, long j, long k) {
      sums[static_cast<std::size_t>(i)] += factor(dy, a.narrow, d.exact, k) * factor(w, a.narrow, d.exact, j);
    });
  });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t, const void* alpha, cudnnTensorDescriptor_t tx,
                                             const void* x, cudnnTensorDescriptor_t ty, const void* dy,
                                             cudnnConvolutionDescriptor_t c,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void*,
                                             std::size_t bytes, const void* beta, cudnnFilterDescriptor_t tw,
                                             void* dw) {
  if (!fit(*tx, *tw, *ty, *c) || algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 || bytes < 1024)
    return CUDNN_STATUS_BAD_PARAM;
  return run(*tw, dw, alpha, beta, [=, a = *tx, b = *tw, r = *ty, d = *c](std::vector<double>& sums) {
    for_each_product(a, b, r, d, [&](long i, long j, long k) {
      sums[static_cast<std::size_t>(j)] += factor(x, a.narrow, d.exact, i) * factor(dy, a.narrow, d.exact, k);
    });
  });
}
