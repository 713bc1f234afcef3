// The loss of a stacked batch: a thread owns sample n of every group, so the rows that it reads and writes are its own.
// The sums over samples are a second launch, in a fixed order.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/loss/deny/rows.hpp"

namespace spankey::cuda {

namespace {

constexpr int loss_threads = 64, sum_threads = 256;

struct sample_numbers {
  double cross_entropy, deny, correct;
};

__global__ void loss_kernel(loss_problem p, const float* logits, const int* labels, float* dlogits,
                            const step_values* now, sample_numbers* each_sample) {
  const index_t n = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (n >= p.samples) return;
  const auto row = [&](auto* tensor, index_t group) { return tensor + (group * p.samples + n) * p.outputs; };
  for (index_t g = 0; g < p.groups; ++g)
    for (index_t c = 0; c < p.outputs; ++c) row(dlogits, g)[c] = 0;

  const float* const z = row(logits, 0);
  const index_t label = labels[n], denied = p.groups - 1;
  const double samples = static_cast<double>(p.samples),
               weight = now != nullptr ? now->deny_weight : p.weight;
  sample_numbers found{
      cross_entropy_row(z, p.softmax, label, 1.0 / samples, row(dlogits, 0), {p.smoothing, p.classes}), 0, 0};
  const double share = 1.0 / static_cast<double>(denied > 1 ? denied : 1);
  for (index_t g = 1; g < p.groups; ++g) {
    const deny_row<float> terms{z,     row(logits, g), row(dlogits, 0), row(dlogits, g),
                                label, p.classes,      denied};
    for (int i = 0; i < p.part_count; ++i) {
      const deny_part& part = p.parts[static_cast<std::size_t>(i)];
      found.deny +=
          share * part.weight * deny_part_row(part, terms, part.weight * (share * weight) / samples);
    }
  }
  found.correct = arg_max(z, p.softmax) == label ? 1 : 0;
  each_sample[n] = found;
}

__global__ void sum_kernel(index_t samples, const sample_numbers* each_sample, step_numbers* numbers) {
  __shared__ sample_numbers sums[sum_threads];
  sample_numbers own{0, 0, 0};
  for (index_t n = threadIdx.x; n < samples; n += sum_threads) {
    own.cross_entropy += each_sample[n].cross_entropy;
    own.deny += each_sample[n].deny;
    own.correct += each_sample[n].correct;
  }
  sums[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = sum_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      sums[threadIdx.x].cross_entropy += sums[threadIdx.x + half].cross_entropy;
      sums[threadIdx.x].deny += sums[threadIdx.x + half].deny;
      sums[threadIdx.x].correct += sums[threadIdx.x + half].correct;
    }
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  numbers->cross_entropy = sums[0].cross_entropy / static_cast<double>(samples);
  numbers->deny = sums[0].deny / static_cast<double>(samples);
  numbers->correct = sums[0].correct;
}

}  // namespace

void stacked_loss(const loss_problem& p, const float* logits, const int* labels, float* dlogits) {
  sample_numbers* const each_sample = reinterpret_cast<sample_numbers*>(workspace());
  launch("loss", loss_kernel, pieces(p.samples, loss_threads), loss_threads, p, logits, labels, dlogits,
         values_in_memory(), each_sample);
  launch<threads::together>("loss sums", sum_kernel, 1, sum_threads, p.samples, each_sample, numbers());
}

}  // namespace spankey::cuda
