// What the templates of backend/cuda ask of the compiled part (src/cuda/*.cu): launches, with plain operands.
//
// T is float or bf16; both are instantiated there, nothing else is. All pointers are device memory; shapes, = and += are
// those of backend/reference. Nothing waits, nothing allocates. Sums have a fixed order: a run repeats bit for bit on one
// kind of GPU.
#pragma once

#include <array>
#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/injection.hpp"
#include "spankey/backend/loss.hpp"
#include "spankey/core/key_shape.hpp"

namespace spankey::cuda {

// ---- convolutions; sizes and scratch in elements of T
index_t conv2d_packed_size(const conv2d_problem& p);
/// Of a copy of x with the padding that cuDNN cannot be told of; 0 where none is needed.
index_t conv2d_padded_size(const conv2d_problem& p);
/// w (kernel, kernel, I/groups, O) to (O, kernel, kernel, I/groups) in T.
template <class T>
void conv2d_pack(const conv2d_problem& p, const float* w, T* packed);
/// bias may be null; `padded` takes conv2d_padded_size elements.
template <class T>
void conv2d_forward(const conv2d_problem& p, const T* x, const T* packed, const float* bias, T* y, T* padded);
template <class T>
void conv2d_backward_data(const conv2d_problem& p, const T* dy, const T* packed, T* dx, bool accumulate,
                          T* padded);
/// Room for a padded copy, and for packed weights.
template <class T>
struct conv2d_scratch {
  T *padded, *packed;
};
/// dbias may be null.
template <class T>
void conv2d_backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                             conv2d_scratch<T> scratch);

// ---- batch norm; scratch in floats
index_t batch_norm_scratch_size(const batch_norm_problem& p);
template <class T>
void batch_norm_training(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                         float* scratch);
/// From the statistics in t.mean and t.rstd.
template <class T>
void batch_norm_reapply(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t);
template <class T>
void batch_norm_evaluation(const batch_norm_problem& p, activation act,
                           const batch_norm_forward_operands<T>& t);
template <class T>
void batch_norm_backward(const batch_norm_problem& p, activation act,
                         const batch_norm_backward_operands<T>& t, float* scratch);

// ---- layer norm; scratch in floats
index_t layer_norm_scratch_size(const layer_norm_problem& p);
template <class T>
void layer_norm_forward(const layer_norm_problem& p, const layer_norm_forward_operands<T>& t);
template <class T>
void layer_norm_backward(const layer_norm_problem& p, const layer_norm_backward_operands<T>& t,
                         float* scratch);

// ---- element by element
template <class T>
void activation_forward(activation act, index_t count, const T* x, T* y);
template <class T>
void activation_backward(activation act, index_t count, const T* x, const T* y, const T* dy, T* dx);
template <class T>
void max_pool_forward(const pool2d_problem& p, const T* x, T* y);
template <class T>
void max_pool_backward(const pool2d_problem& p, const T* x, const T* dy, T* dx);
template <class T>
void mean_pool_forward(index_t samples, const extents& in, const T* x, T* y);
template <class T>
void mean_pool_backward(index_t samples, const extents& in, const T* dy, T* dx);

struct injection_policy {
  injection_formula formula = injection_formula::none;
  float gamma = 1, lowest = 0, highest = 0;  // bounds of the multiplier
};
template <class T>
void inject_forward(const injection_policy& policy, index_t samples, const site_geometry& site, const T* x,
                    key_view<const float> keys, T* y);
/// dx may alias dy; dkey may be null.
template <class T>
void inject_backward(const injection_policy& policy, index_t samples, const site_geometry& site, const T* x,
                     key_view<const float> keys, const T* dy, T* dx, float* dkey);
/// y = a + b; y may be one of them.
template <class T>
void sum(index_t count, const T* a, const T* b, T* y);
template <class T>
void copy_columns(index_t rows, index_t columns, const T* from, index_t from_step, T* to, index_t to_step);
/// Also of gradients; x and y may be the same memory. A recorded step reads p.step in device memory
/// (step_values::random_step).
template <class T>
void dropout(const dropout_problem& p, index_t count, const T* x, T* y);
template <class T>
void scale(index_t count, const float* factor, T* y);

// ---- tokens; scratch in floats, one a row
template <class T>
void tokens_forward(const tokens_problem& p, const T* x, const float* first, const float* positions, T* y);
/// dfirst, dpositions and dx may be null.
template <class T>
void tokens_backward(const tokens_problem& p, const T* dy, float* dfirst, float* dpositions, T* dx);
template <class T>
void token_take(const tokens_problem& p, index_t token, const T* x, T* y);
template <class T>
void token_put(const tokens_problem& p, index_t token, const T* dy, T* dx);
// ---- embeddings; dz and the table are rounded to T in scratch
index_t embedding_scratch_size(const embedding_problem& p);
template <class T>
void embedding_forward(const embedding_problem& p, const T* x, const float* table, T* y);
template <class T>
void embedding_backward(const embedding_problem& p, const T* x, const T* dy, float* dtable);
template <class T>
void embedding_answers(const embedding_problem& p, const T* h, const float* table, float* z, float* scratch);
template <class T>
void embedding_answers_data(const embedding_problem& p, const float* dz, const float* table, T* dh,
                            float* scratch);
template <class T>
void embedding_answers_table(const embedding_problem& p, const T* h, const float* dz, float* dtable,
                             float* scratch);

template <class T>
void attention_forward(const attention_problem& p, const attention_forward_operands<T>& t);
template <class T>
void attention_backward(const attention_problem& p, const attention_backward_operands<T>& t, float* scratch);

/// Turns by the angles of p, or `back` by as much; y may be x.
template <class T>
void rotary(const rotary_problem& p, bool back, const T* x, T* y);
template <class T>
void gated_forward(const gated_problem& p, activation act, const T* x, T* y);
template <class T>
void gated_backward(const gated_problem& p, activation act, const T* x, const T* dy, T* dx);

// ---- linear maps; scratch in floats
index_t linear_scratch_size(const linear_problem& p);
/// x and dx are T, y and dy Y: T, or float (the logits).
template <class T, class Y>
void linear_forward(const linear_problem& p, const T* x, const float* w, const float* bias, Y* y,
                    float* scratch);
template <class T, class Y>
void linear_backward_data(const linear_problem& p, const Y* dy, const float* w, T* dx, float* scratch);
template <class T, class Y>
void linear_backward_weights(const linear_problem& p, const T* x, const Y* dy, float* dw, float* dbias,
                             float* scratch);

// ---- updates: many parameters in one launch
struct update_item {
  index_t count = 0;
  const float* gradient = nullptr;
  float *momentum = nullptr, *second = nullptr, *value = nullptr;
};
/// The first `size` items: the parameters of one launch.
struct update_list {
  static constexpr int capacity = 64;
  int size = 0;
  std::array<update_item, capacity> items{};
};
void sgd(const sgd_update& u, const update_list& list);
void adam(const adam_update& u, const update_list& list);
void zero_gradients(const update_list& list);
/// numbers().squared_gradient_norm = (first ? 0 : itself) + sum of squares.
void add_squared_norm(const update_list& list, bool first);

// ---- the loss of a stacked batch
/// Writes dlogits, and the numbers of the step to numbers().
void stacked_loss(const loss_problem& p, const float* logits, const int* labels, float* dlogits);
/// Where they lie in device memory; one place.
step_numbers* numbers();

}  // namespace spankey::cuda
