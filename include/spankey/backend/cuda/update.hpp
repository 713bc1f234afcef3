// Updates of parameters, CUDA: up to 64 parameters in one launch (`list` and the functions that take one), where the
// other backends go from parameter to parameter. squared_norm waits for its result; add_squared_norm leaves it on the
// device. Specification: backend/reference/update.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/memory.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <>
struct update_kernels<backend::cuda, float> {
  using list = cuda::update_list;
  using item = cuda::update_item;

  static void sgd(const sgd_update& u, index_t count, const float* gradient, float* momentum, float* value) {
    cuda::sgd(u, one({count, gradient, momentum, nullptr, value}));
  }
  static void adam(const adam_update& u, index_t count, const float* gradient, float* first, float* second,
                   float* value) {
    cuda::adam(u, one({count, gradient, first, second, value}));
  }
  static void zero(index_t count, float* x) { memory_of<backend::cuda>::zero(x, count); }
  static double squared_norm(index_t count, const float* x) {
    cuda::add_squared_norm(one({count, x, nullptr, nullptr, nullptr}), true);
    return fetched_squared_norm();
  }

  /// The same for the parameters of a list.
  static void sgd(const sgd_update& u, const list& all) { cuda::sgd(u, all); }
  static void adam(const adam_update& u, const list& all) { cuda::adam(u, all); }
  static void zero(const list& all) { cuda::zero_gradients(all); }
  static void add_squared_norm(const list& all, bool first) { cuda::add_squared_norm(all, first); }
  /// Waits.
  static double fetched_squared_norm() {
    step_numbers found;
    cuda::download(cuda::numbers(), sizeof found, &found);
    return found.squared_gradient_norm;
  }

 private:
  static list one(const item& only) {
    list all;
    all.items[0] = only;
    all.size = 1;
    return all;
  }
};

}  // namespace spankey
