// Activations: one thread an element, or 16 bytes of them where the shapes allow it. Formulas: backend/reference/activation.hpp.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

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

#define SPANKEY_INSTANTIATE(T)                                            \
  template void activation_forward<T>(activation, index_t, const T*, T*); \
  template void activation_backward<T>(activation, index_t, const T*, const T*, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
