// SGD, Adam, zeroing and the norm of gradients: one launch for up to 64 parameters, which come as kernel arguments.
#include <cmath>

#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

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

struct sgd_factors {
  float learning_rate, momentum, weight_decay;
  bool with_momentum, nesterov, first_step;
};

__global__ void sgd_kernel(item_list all, sgd_factors u, const step_values* now) {
  const float rate = now != nullptr ? static_cast<float>(now->learning_rate) : u.learning_rate;
  const bool first = now != nullptr ? now->first_step != 0 : u.first_step;
  for_each_element(all, [&](const update_item& p, index_t i) {
    float g = p.gradient[i] + u.weight_decay * p.value[i];
    if (u.with_momentum) {
      const float v = first ? g : u.momentum * p.momentum[i] + g;
      p.momentum[i] = v;
      g = u.nesterov ? g + u.momentum * v : v;
    }
    p.value[i] -= rate * g;
  });
}

struct adam_factors {
  float decay, shrink, beta1, rest1, beta2, rest2, step_size, correction, epsilon;
  bool first_step;
};

__global__ void adam_kernel(item_list all, adam_factors u, const step_values* now) {
  if (now != nullptr) {
    u.step_size = static_cast<float>(now->adam_step_size);
    u.correction = static_cast<float>(now->adam_root_correction);
    u.shrink = static_cast<float>(now->adam_shrink);
    u.first_step = now->first_step != 0;
  }
  for_each_element(all, [&](const update_item& p, index_t i) {
    const float g = p.gradient[i] + u.decay * p.value[i];
    const float m = u.beta1 * (u.first_step ? 0.0F : p.momentum[i]) + u.rest1 * g;
    const float v = u.beta2 * (u.first_step ? 0.0F : p.second[i]) + u.rest2 * g * g;
    p.momentum[i] = m;
    p.second[i] = v;
    const float root = sqrtf(v) / u.correction + u.epsilon;
    p.value[i] = u.shrink * p.value[i] - u.step_size * m / root;
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
  const sgd_factors factors{static_cast<float>(u.learning_rate),
                            static_cast<float>(u.momentum),
                            static_cast<float>(u.weight_decay),
                            u.momentum != 0,
                            u.nesterov,
                            u.first_step};
  launch("sgd", sgd_kernel, all.first_block[all.size], block_threads, all, factors, values_in_memory());
}

void adam(const adam_update& u, const update_list& list) {
  const item_list all = blocks_of(list);
  const adam_factors factors{static_cast<float>(u.decoupled ? 0 : u.weight_decay),
                             static_cast<float>(u.decoupled ? 1 - u.learning_rate * u.weight_decay : 1),
                             static_cast<float>(u.beta1),
                             static_cast<float>(1 - u.beta1),
                             static_cast<float>(u.beta2),
                             static_cast<float>(1 - u.beta2),
                             static_cast<float>(u.step_size()),
                             static_cast<float>(u.root_correction()),
                             static_cast<float>(u.epsilon),
                             u.step == 1};
  launch("adam", adam_kernel, all.first_block[all.size], block_threads, all, factors, values_in_memory());
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
