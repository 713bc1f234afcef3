// Losses, deny losses and the count of right answers of a stacked batch, CUDA: one thread a sample of all groups, in
// double, from the texts of loss/deny/rows.hpp. Nothing comes back to the host.
#pragma once

#include "spankey/backend/cuda/device.hpp"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"
#include "spankey/backend/loss.hpp"

namespace spankey {

template <>
struct loss_kernels<backend::cuda, float> {
  static void compute(const loss_problem& p, const float* logits, const int* labels, float* dlogits) {
    cuda::stacked_loss(p, logits, labels, dlogits);
  }
  /// Waits.
  static step_numbers fetch() {
    step_numbers found;
    cuda::download(cuda::numbers(), sizeof found, &found);
    return found;
  }
};

}  // namespace spankey
