// Gradients of several GPUs, a process each, made one by NCCL. The only place that includes nccl.h; in no umbrella header.
//
//   mpi_processes processes;                  // train/ranks.hpp, or another process_group
//   nccl_gradients nccl(processes);           // outlives the training
//   options.reduce_gradients = nccl.mean();   // of backend::cuda, every process with samples of its own
// NCCL promises no order of its sums that is the same for any number of processes: unlike the parts of a batch
// (train/batch_part.hpp), the bits depend on how many there are. A process uses the GPU that CUDA takes for its first:
// CUDA_VISIBLE_DEVICES says which.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <nccl.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "spankey/backend/cuda/device.hpp"
#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

class nccl_gradients {
 public:
  /// Called by all of `processes`, which are only used to find each other. Errors: train.156, those of cuda::open.
  explicit nccl_gradients(process_group& processes) {
    cuda::open();
    ncclUniqueId id{};
    if (processes.rank() == 0) require(ncclGetUniqueId(&id), "draw the number of");
    if (processes.size() > 1) processes.broadcast(std::as_writable_bytes(std::span(&id, 1)));
    require(
        ncclCommInitRank(&all_, static_cast<int>(processes.size()), id, static_cast<int>(processes.rank())),
        "join");
  }
  nccl_gradients(const nccl_gradients&) = delete;
  nccl_gradients& operator=(const nccl_gradients&) = delete;
  ~nccl_gradients() {
    if (all_ != nullptr) ncclCommDestroy(all_);
  }

  /// training_options::reduce_gradients: every gradient becomes the mean of all processes'. It is work of the backend's stream,
  /// and is recorded with the step. Error: train.156.
  [[nodiscard]] std::function<void(std::span<float>)> mean() {
    return [this](std::span<float> gradient) {
      require(ncclAllReduce(gradient.data(), gradient.data(), gradient.size(), ncclFloat, ncclAvg, all_,
                            static_cast<cudaStream_t>(cuda::native_stream())),
              "add up the gradients of");
    };
  }

 private:
  static void require(ncclResult_t code, std::string_view what) {
    if (code != ncclSuccess)
      fail("train.156", "NCCL", "cannot ", what, " the processes: ", ncclGetErrorString(code));
  }

  ncclComm_t all_ = nullptr;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
