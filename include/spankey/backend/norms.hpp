// Problems and operands of the kernels of norms.
#pragma once

#include "spankey/core/bf16.hpp"
#include "spankey/core/part_sums.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Batch norm over `groups` equal parts of the batch, each with its own statistics over `rows` = N/G*H*W
/// rows. The running statistics are updated `repeats` times by each: once for every group that shares the part. Where
/// groups that share it are one part, every row is there `copies` times: the unbiased variance counts them.
struct batch_norm_problem {
  index_t groups, rows, channels;
  double momentum = 0.1, epsilon = 1e-5;
  index_t repeats = 1, copies = 1;
  bool fixed = false;           // backward: the statistics do not follow from x, being the running ones
  part_sums* across = nullptr;  // where `rows` are of one part of the batch: adds up those of all
};

/// Operands of batch_norm_kernels, y = act(normalised x + residual) for the identity and ReLU. `residual`, gamma (a scale of 1),
/// beta (0), dgamma and dbeta may be null: not there, or not wanted. dx may alias dy.
template <class T>
struct batch_norm_forward_operands {
  const T* x;
  const master_t<T>*gamma, *beta;
  const T* residual;
  master_t<T>*running_mean, *running_variance;  // read in evaluation, updated in training
  master_t<T>*mean, *rstd;                      // (G, C), written: what x was normalised with
  T* y;
};
template <class T>
struct batch_norm_backward_operands {
  const T *x, *y;
  const master_t<T>*gamma, *mean, *rstd;
  T* dy;                       // in: gradient of y; out: gradient of the residual
  master_t<T>*dgamma, *dbeta;  // +=
  T* dx;                       // =
};

/// Layer norm of `rows` rows. Not centred, it is an RMS norm: the mean that it takes off is 0.
struct layer_norm_problem {
  index_t rows, channels;
  double epsilon = 1e-5;
  bool centred = true;
};

/// Operands of layer_norm_kernels. gamma (a scale of 1), beta (0), dgamma and dbeta may be null. dx may alias dy.
template <class T>
struct layer_norm_forward_operands {
  const T* x;
  const master_t<T>*gamma, *beta;
  T* y;
  master_t<T>*mean, *rstd;  // (rows), written
};
template <class T>
struct layer_norm_backward_operands {
  const T *x, *dy;
  const master_t<T>*gamma, *mean, *rstd;
  master_t<T>*dgamma, *dbeta;  // +=
  T* dx;                       // =
};

}  // namespace spankey
