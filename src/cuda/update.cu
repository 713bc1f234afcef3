// SGD, Adam, zeroing and the norm of gradients: one launch for up to 64 parameters, which come as kernel arguments.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/update.hpp"

namespace spankey::cuda {

namespace {

constexpr index_t block_elements = 4096;

struct item_list {
  int size;
  unsigned first_block[update_list::capacity + 1];
  update_item items[update_list::capacity];
};
static_assert(sizeof(item_list) + 256 <= 4096, "kernel arguments of every architecture");

item_list blocks_of(const update_list& list) {
  item_list all{};
  all.size = list.size;
  for (int i = 0; i < list.size; ++i) {
    all.items[i] = list.items[static_cast<std::size_t>(i)];
    all.first_block[i + 1] = all.first_block[i] + pieces(all.items[i].count, block_elements);
  }
  return all;
}

// f(item, element) for the elements of this block, as it comes to its threads.
template <class F>
__device__ void for_each_element(const item_list& all, const F& f) {
  int i = 0;
  while (blockIdx.x >= all.first_block[i + 1]) ++i;
  const update_item& item = all.items[i];
  const index_t first = static_cast<index_t>(blockIdx.x - all.first_block[i]) * block_elements;
  const index_t last = first + block_elements < item.count ? first + block_elements : item.count;
  for (index_t e = first + threadIdx.x; e < last; e += blockDim.x) f(item, e);
}

__global__ void sgd_kernel(item_list all, sgd_factors<float> u, double group_rate, const step_values* now) {
  if (now != nullptr) {
    u.learning_rate = static_cast<float>(now->learning_rate * group_rate);
    u.first_step = now->first_step != 0;
  }
  for_each_element(all, [&](const update_item& p, index_t i) {
    sgd_element(u, p.gradient[i], u.with_momentum ? p.momentum + i : nullptr, p.value[i]);
  });
}

// decay: of AdamW, which shrinks the value itself.
__global__ void adam_kernel(item_list all, adam_factors<float> u, double group_rate, double decay,
                            const step_values* now) {
  if (now != nullptr) {
    u.step_size = static_cast<float>(now->adam_step_size * group_rate);
    u.correction = static_cast<float>(now->adam_root_correction);
    u.shrink = static_cast<float>(1 - now->learning_rate * group_rate * decay);
    u.first_step = now->first_step != 0;
  }
  for_each_element(all, [&](const update_item& p, index_t i) {
    adam_element(u, p.gradient[i], p.momentum[i], p.second[i], p.value[i]);
  });
}

__global__ void zero_kernel(item_list all) {
  for_each_element(all, [](const update_item& p, index_t i) { const_cast<float*>(p.gradient)[i] = 0; });
}

// Adds up one double of every thread, in a fixed order; thread 0 gets the sum.
__device__ inline double block_sum(double own) {
  __shared__ double sums[block_threads];
  sums[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = block_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

__global__ void squares_kernel(item_list all, double* partial) {
  double sum = 0;
  for_each_element(all, [&](const update_item& p, index_t i) {
    const double g = static_cast<double>(p.gradient[i]);
    sum += g * g;
  });
  const double whole = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = whole;
}

__global__ void add_squares_kernel(unsigned blocks, const double* partial, bool first,
                                   step_numbers* numbers) {
  double sum = 0;
  for (unsigned i = threadIdx.x; i < blocks; i += block_threads) sum += partial[i];
  const double whole = block_sum(sum);
  if (threadIdx.x == 0)
    numbers->squared_gradient_norm = (first ? 0.0 : numbers->squared_gradient_norm) + whole;
}

}  // namespace

void sgd(const sgd_update& u, const update_list& list) {
  const item_list all = blocks_of(list);
  launch("sgd", sgd_kernel, all.first_block[all.size], block_threads, all, sgd_factors<float>(u),
         u.group_rate, values_in_memory());
}

void adam(const adam_update& u, const update_list& list) {
  const item_list all = blocks_of(list);
  launch("adam", adam_kernel, all.first_block[all.size], block_threads, all, adam_factors<float>(u),
         u.group_rate, u.decoupled ? u.weight_decay : 0.0, values_in_memory());
}

void zero_gradients(const update_list& list) {
  const item_list all = blocks_of(list);
  launch("zero_gradients", zero_kernel, all.first_block[all.size], block_threads, all);
}

void add_squared_norm(const update_list& list, bool first) {
  const item_list all = blocks_of(list);
  double* const partial = reinterpret_cast<double*>(workspace());
  launch<threads::together>("squares", squares_kernel, all.first_block[all.size], block_threads, all,
                            partial);
  launch<threads::together>("add_squares", add_squares_kernel, 1, block_threads, all.first_block[all.size],
                            partial, first, numbers());
}

}  // namespace spankey::cuda
