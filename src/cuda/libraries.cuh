// cuBLAS and cuDNN: handles on the one stream, status checks, and the sums over rows that both users need.
#pragma once

#include <cublas_v2.h>
#include <cudnn.h>

#include "launch.cuh"

namespace spankey::cuda {

/// Fail with cuda.102 and the name of the call.
void check(cublasStatus_t status, const char* call);
void check(cudnnStatus_t status, const char* call);
#define SPANKEY_CHECK(call) ::spankey::cuda::check(call, #call)

cublasHandle_t blas();
cudnnHandle_t dnn();
/// Whether float products may round their operands to TF32.
bool tf32();
/// Whether convolution algorithms are timed.
bool measured();

/// Shapes and directions that cuDNN had no algorithm for.
int convolutions_without_cudnn();

/// sums(c) += sum over the rows of x (rows, columns). Uses the workspace.
template <class T>
void add_column_sums(index_t rows, index_t columns, const T* x, float* sums);

}  // namespace spankey::cuda
