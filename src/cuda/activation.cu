// Activations: one thread an element, or 16 bytes of them where the shapes allow it. Formulas: backend/reference/activation.hpp.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

struct identity_text {
  static constexpr bool reads_y = false;
  __device__ static float value(float x) { return x; }
  __device__ static float gradient(float, float dy) { return dy; }
};
struct relu_text {
  static constexpr bool reads_y = true;
  __device__ static float value(float x) { return x < 0 ? 0.0F : x; }
  __device__ static float gradient(float y, float dy) { return y <= 0 ? 0.0F : dy; }
};
struct gelu_text {
  static constexpr bool reads_y = false;
  __device__ static float normal(float x) { return 0.5F * erfcf(x * -0.707106781F); }
  __device__ static float value(float x) { return x * normal(x); }
  __device__ static float gradient(float x, float dy) {
    return dy * (normal(x) + x * expf(-0.5F * x * x) * 0.398942280F);
  }
};
// x times the sigmoid of w, which Argument computes from x with its derivative.
template <class Argument>
struct sigmoid_text {
  static constexpr bool reads_y = false;
  __device__ static float sigmoid(float w) { return 1 / (1 + expf(-w)); }
  __device__ static float value(float x) {
    float slope;
    return x * sigmoid(Argument::of(x, slope));
  }
  __device__ static float gradient(float x, float dy) {
    float slope;
    const float w = Argument::of(x, slope);
    return dy * (sigmoid(w) + x * sigmoid(w) * sigmoid(-w) * slope);
  }
};
struct itself {
  __device__ static float of(float x, float& slope) { return slope = 1, x; }
};
struct of_gelu {
  __device__ static float of(float x, float& slope) {
    slope = 1.59576912F + 0.214064449F * x * x;
    return x * (1.59576912F + 0.0713548163F * x * x);
  }
};

template <class Text, class T, int V>
__global__ void forward_kernel(index_t count, const T* x, T* y) {
  const index_t i = (static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x) * V;
  if (i >= count) return;
  float v[V];
  load<V>(x + i, v);
  for (int j = 0; j < V; ++j) v[j] = Text::value(v[j]);
  store<V>(v, y + i);
}

template <class Text, class T, int V>
__global__ void backward_kernel(index_t count, const T* of, const T* dy, T* dx) {
  const index_t i = (static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x) * V;
  if (i >= count) return;
  float v[V], g[V];
  load<V>(of + i, v);
  load<V>(dy + i, g);
  for (int j = 0; j < V; ++j) g[j] = Text::gradient(v[j], g[j]);
  store<V>(g, dx + i);
}

// Of rows of gates and what they let through.
template <class Text, class T>
__global__ void gated_forward_kernel(gated_problem p, const T* x, T* y) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= p.rows * p.channels) return;
  const T* const gate = x + i / p.channels * 2 * p.channels + i % p.channels;
  y[i] = from_float<T>(Text::value(to_float(*gate)) * to_float(gate[p.channels]));
}
template <class Text, class T>
__global__ void gated_backward_kernel(gated_problem p, const T* x, const T* dy, T* dx) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= p.rows * p.channels) return;
  const index_t at = i / p.channels * 2 * p.channels + i % p.channels;
  const float gate = to_float(x[at]), value = Text::value(gate), g = to_float(dy[i]);
  dx[at] = from_float<T>(Text::gradient(Text::reads_y ? value : gate, g * to_float(x[at + p.channels])));
  dx[at + p.channels] = from_float<T>(g * value);
}

// f(text of the activation); the identity has none.
template <class F>
void with_text(activation act, const F& f) {
  if (act == activation::relu) f(relu_text());
  if (act == activation::gelu) f(gelu_text());
  if (act == activation::gelu_tanh) f(sigmoid_text<of_gelu>());
  if (act == activation::silu) f(sigmoid_text<itself>());
}

}  // namespace

template <class T>
void activation_forward(activation act, index_t count, const T* x, T* y) {
  if (act == activation::identity && x != y) copy(x, static_cast<std::size_t>(count) * sizeof(T), y);
  with_text(act, [&](auto text) {
    with_packs<T>(count, aligned(x) && aligned(y), [&](auto v) {
      launch("activation forward", forward_kernel<decltype(text), T, v()>, pieces(count, block_threads * v()),
             block_threads, count, x, y);
    });
  });
}
template <class T>
void activation_backward(activation act, index_t count, const T* x, const T* y, const T* dy, T* dx) {
  if (act == activation::identity && dy != dx) copy(dy, static_cast<std::size_t>(count) * sizeof(T), dx);
  with_text(act, [&](auto text) {
    const T* const of = decltype(text)::reads_y ? y : x;
    with_packs<T>(count, aligned(of) && aligned(dy) && aligned(dx), [&](auto v) {
      launch("activation backward", backward_kernel<decltype(text), T, v()>,
             pieces(count, block_threads * v()), block_threads, count, of, dy, dx);
    });
  });
}

template <class T>
void gated_forward(const gated_problem& p, activation act, const T* x, T* y) {
  const auto run = [&](auto text) {
    launch("gated forward", gated_forward_kernel<decltype(text), T>,
           pieces(p.rows * p.channels, block_threads), block_threads, p, x, y);
  };
  act == activation::identity ? run(identity_text()) : with_text(act, run);
}
template <class T>
void gated_backward(const gated_problem& p, activation act, const T* x, const T* dy, T* dx) {
  const auto run = [&](auto text) {
    launch("gated backward", gated_backward_kernel<decltype(text), T>,
           pieces(p.rows * p.channels, block_threads), block_threads, p, x, dy, dx);
  };
  act == activation::identity ? run(identity_text()) : with_text(act, run);
}

#define SPANKEY_INSTANTIATE(T)                                                                 \
  template void activation_forward<T>(activation, index_t, const T*, T*);                      \
  template void activation_backward<T>(activation, index_t, const T*, const T*, const T*, T*); \
  template void gated_forward<T>(const gated_problem&, activation, const T*, T*);              \
  template void gated_backward<T>(const gated_problem&, activation, const T*, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
