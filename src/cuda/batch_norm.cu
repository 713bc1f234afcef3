// Batch norm over (rows, channels), group by group. A block serves up to 32 packs of channels; its rows of threads walk
// the rows of one chunk. Chunks are cut by the problem alone, their sums added in order: the same bits on every GPU.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/fused_activation.hpp"

namespace spankey::cuda {

namespace {

constexpr int max_groups = 3;  // of a stacked batch (layer/layer.hpp)
constexpr index_t chunk_rows = 64, max_chunks = 512;

index_t chunks_of(index_t rows) {
  const index_t wanted = (rows + chunk_rows - 1) / chunk_rows;
  return wanted < max_chunks ? wanted : max_chunks;
}
index_t rows_of_chunk(index_t rows) { return (rows + chunks_of(rows) - 1) / chunks_of(rows); }

// Threads of a block: `across` packs of channels, `down` rows at a time.
struct cut {
  int across = 1, down = 1;
  dim3 grid, block;
  cut(const batch_norm_problem& p, int width) {
    const index_t packs = p.channels / width;
    while (across < packs && across < 32) across *= 2;
    down = block_threads / across;
    grid = dim3(static_cast<unsigned>(chunks_of(p.rows)), static_cast<unsigned>(p.groups),
                pieces(packs, across));
    block = dim3(static_cast<unsigned>(across), static_cast<unsigned>(down));
  }
};

// What a thread is for.
struct place {
  index_t channel, group, first, last;
  bool used;
  __device__ place(index_t rows, index_t channels, index_t each, int width) {
    channel = (static_cast<index_t>(blockIdx.z) * blockDim.x + threadIdx.x) * width;
    group = blockIdx.y;
    const index_t begin = static_cast<index_t>(blockIdx.x) * each;
    first = begin + threadIdx.y;
    last = begin + each < rows ? begin + each : rows;
    used = channel < channels;
  }
};

// Adds up two sums of V channels over the rows of threads of a block; row 0 writes them to partial (chunk, 2, C).
template <int V>
__device__ void write_partial(const place& at, index_t channels, const float* a, const float* b,
                              float* partial) {
  __shared__ float sums[2][block_threads * pack_width<bf16>];
  const int slot = (static_cast<int>(threadIdx.y * blockDim.x) + static_cast<int>(threadIdx.x)) * V;
  for (int j = 0; j < V; ++j) {
    sums[0][slot + j] = a[j];
    sums[1][slot + j] = b[j];
  }
  __syncthreads();
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
      const int other = slot + static_cast<int>(half * blockDim.x) * V;
      for (int j = 0; j < V; ++j) {
        sums[0][slot + j] += sums[0][other + j];
        sums[1][slot + j] += sums[1][other + j];
      }
    }
    __syncthreads();
  }
  if (threadIdx.y == 0 && at.used) {
    float* const to = partial + (at.group * gridDim.x + blockIdx.x) * 2 * channels + at.channel;
    for (int j = 0; j < V; ++j) {
      to[j] = sums[0][slot + j];
      to[channels + j] = sums[1][slot + j];
    }
  }
}

// Sums of x - s and (x - s)^2, s being the group's first row.
template <class T, int V>
__global__ void moments_kernel(index_t rows, index_t channels, index_t each, const T* x, float* partial) {
  const place at(rows, channels, each, V);
  float sum[V] = {}, squares[V] = {};
  if (at.used) {
    const T* const group = x + at.group * rows * channels + at.channel;
    float shift[V], v[V];
    load<V>(group, shift);
    for (index_t r = at.first; r < at.last; r += blockDim.y) {
      load<V>(group + r * channels, v);
      for (int j = 0; j < V; ++j) {
        const float centred = v[j] - shift[j];
        sum[j] += centred;
        squares[j] += centred * centred;
      }
    }
  }
  write_partial<V>(at, channels, sum, squares, partial);
}

// Adds the chunks of two sums per channel: lanes of threads each take every 32nd, then halves are added.
constexpr int lanes = 32;
__device__ inline void add_chunks(index_t channels, index_t chunks, const float* partial, double& a,
                                  double& b) {
  __shared__ double sums[2][lanes][lanes];
  const index_t c = static_cast<index_t>(blockIdx.x) * lanes + threadIdx.x;
  a = b = 0;
  for (index_t chunk = threadIdx.y; c < channels && chunk < chunks; chunk += lanes) {
    a += static_cast<double>(partial[chunk * 2 * channels + c]);
    b += static_cast<double>(partial[chunk * 2 * channels + channels + c]);
  }
  sums[0][threadIdx.y][threadIdx.x] = a;
  sums[1][threadIdx.y][threadIdx.x] = b;
  __syncthreads();
  for (unsigned half = lanes / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
      sums[0][threadIdx.y][threadIdx.x] += sums[0][threadIdx.y + half][threadIdx.x];
      sums[1][threadIdx.y][threadIdx.x] += sums[1][threadIdx.y + half][threadIdx.x];
    }
    __syncthreads();
  }
  a = sums[0][0][threadIdx.x];
  b = sums[1][0][threadIdx.x];
  __syncthreads();  // the next group writes here
}

struct statistics {
  double momentum, epsilon;
  index_t groups, rows, channels, repeats, copies, chunks;
};

template <class T>
__global__ void statistics_kernel(statistics p, const T* x, const float* partial, float* running_mean,
                                  float* running_variance, float* mean, float* rstd) {
  const index_t c = static_cast<index_t>(blockIdx.x) * lanes + threadIdx.x;
  const double count = static_cast<double>(p.rows), counted = count * static_cast<double>(p.copies);
  for (index_t g = 0; g < p.groups; ++g) {
    double sum, squares;
    add_chunks(p.channels, p.chunks, partial + g * p.chunks * 2 * p.channels, sum, squares);
    if (threadIdx.y != 0 || c >= p.channels) continue;
    const double shift = static_cast<double>(to_float(x[g * p.rows * p.channels + c]));
    const double centre = sum / count, group_mean = shift + centre;
    double variance = squares / count - centre * centre;
    if (variance < 0) variance = 0;  // a NaN stays a NaN
    mean[g * p.channels + c] = static_cast<float>(group_mean);
    rstd[g * p.channels + c] = static_cast<float>(1 / sqrt(variance + p.epsilon));
    const float momentum = static_cast<float>(p.momentum), of_mean = static_cast<float>(group_mean),
                unbiased = static_cast<float>(variance * counted / (counted - 1));
    for (index_t repeat = 0; repeat < p.repeats; ++repeat) {
      running_mean[c] += momentum * (of_mean - running_mean[c]);
      running_variance[c] += momentum * (unbiased - running_variance[c]);
    }
  }
}

// For every group.
__global__ void running_statistics_kernel(index_t groups, index_t channels, float epsilon,
                                          const float* running_mean, const float* variance, float* mean,
                                          float* rstd) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= groups * channels) return;
  mean[i] = running_mean[i % channels];
  rstd[i] = 1 / sqrtf(variance[i % channels] + epsilon);
}

template <class T, int V>
__global__ void normalise_kernel(index_t rows, index_t channels, index_t each, bool relu, const T* x,
                                 const float* gamma, const float* beta, const float* mean, const float* rstd,
                                 const T* residual, T* y) {
  const place at(rows, channels, each, V);
  if (!at.used) return;
  float centre[V], factor[V], shift[V] = {}, v[V], skip[V] = {};
  load<V>(mean + at.group * channels + at.channel, centre);
  load<V>(rstd + at.group * channels + at.channel, factor);
  if (beta != nullptr) load<V>(beta + at.channel, shift);
  if (gamma != nullptr) {
    load<V>(gamma + at.channel, v);
    for (int j = 0; j < V; ++j) factor[j] *= v[j];
  }
  for (index_t r = at.first; r < at.last; r += blockDim.y) {
    const index_t i = (at.group * rows + r) * channels + at.channel;
    load<V>(x + i, v);
    if (residual != nullptr) load<V>(residual + i, skip);
    for (int j = 0; j < V; ++j) {
      v[j] = (v[j] - centre[j]) * factor[j] + shift[j];
      if (residual != nullptr) v[j] += skip[j];
      if (relu && v[j] < 0) v[j] = 0;
    }
    store<V>(v, y + i);
  }
}

// The gradient that reaches the sum of normalised x and residual.
template <class T, int V>
__device__ void load_gradient(bool relu, const T* y, const T* dy, index_t i, float* g) {
  load<V>(dy + i, g);
  if (!relu) return;
  float v[V];
  load<V>(y + i, v);
  for (int j = 0; j < V; ++j)
    if (v[j] <= 0) g[j] = 0;
}

template <class T, int V>
__global__ void gradient_sums_kernel(index_t rows, index_t channels, index_t each, bool relu, const T* x,
                                     const T* y, const T* dy, const float* mean, const float* rstd,
                                     float* partial) {
  const place at(rows, channels, each, V);
  float sum[V] = {}, dot[V] = {};
  if (at.used) {
    float centre[V], factor[V], g[V], v[V];
    load<V>(mean + at.group * channels + at.channel, centre);
    load<V>(rstd + at.group * channels + at.channel, factor);
    for (index_t r = at.first; r < at.last; r += blockDim.y) {
      const index_t i = (at.group * rows + r) * channels + at.channel;
      load_gradient<T, V>(relu, y, dy, i, g);
      load<V>(x + i, v);
      for (int j = 0; j < V; ++j) {
        sum[j] += g[j];
        dot[j] += g[j] * ((v[j] - centre[j]) * factor[j]);
      }
    }
  }
  write_partial<V>(at, channels, sum, dot, partial);
}

// means (G, 2, C): sums of g and of g xhat over the rows, times `share`.
__global__ void gradient_means_kernel(index_t groups, double share, index_t channels, index_t chunks,
                                      const float* partial, float* dgamma, float* dbeta, float* means) {
  const index_t c = static_cast<index_t>(blockIdx.x) * lanes + threadIdx.x;
  for (index_t g = 0; g < groups; ++g) {
    double sum, dot;
    add_chunks(channels, chunks, partial + g * chunks * 2 * channels, sum, dot);
    if (threadIdx.y != 0 || c >= channels) continue;
    if (dgamma != nullptr) dgamma[c] += static_cast<float>(dot);
    if (dbeta != nullptr) dbeta[c] += static_cast<float>(sum);
    means[g * 2 * channels + c] = static_cast<float>(sum * share);
    means[(g * 2 + 1) * channels + c] = static_cast<float>(dot * share);
  }
}

template <class T, int V>
__global__ void input_gradient_kernel(index_t rows, index_t channels, index_t each, bool relu, const T* x,
                                      const T* y, const float* gamma, const float* mean, const float* rstd,
                                      const float* means, T* dy, T* dx) {
  const place at(rows, channels, each, V);
  if (!at.used) return;
  float centre[V], inverse[V], scale[V], of_g[V], of_dot[V], g[V], v[V];
  load<V>(mean + at.group * channels + at.channel, centre);
  load<V>(rstd + at.group * channels + at.channel, inverse);
  for (int j = 0; j < V; ++j) scale[j] = 1;
  if (gamma != nullptr) load<V>(gamma + at.channel, scale);
  load<V>(means + at.group * 2 * channels + at.channel, of_g);
  load<V>(means + (at.group * 2 + 1) * channels + at.channel, of_dot);
  for (index_t r = at.first; r < at.last; r += blockDim.y) {
    const index_t i = (at.group * rows + r) * channels + at.channel;
    load_gradient<T, V>(relu, y, dy, i, g);
    load<V>(x + i, v);
    if (relu && dx != dy) store<V>(g, dy + i);
    for (int j = 0; j < V; ++j) {
      const float xhat = (v[j] - centre[j]) * inverse[j];
      v[j] = scale[j] * inverse[j] * (g[j] - of_g[j] - xhat * of_dot[j]);
    }
    store<V>(v, dx + i);
  }
}

// f(pack width): whole packs where the channels are.
template <class T, class F>
void with_packs(const batch_norm_problem& p, const F& f) {
  constexpr int wide = pack_width<T>;
  if (p.channels % wide == 0) {
    f(std::integral_constant<int, wide>());
  } else {
    f(std::integral_constant<int, 1>());
  }
}

template <class T>
void normalise(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t) {
  with_packs<T>(p, [&](auto v) {
    const cut c(p, v());
    launch("batch_norm normalise", normalise_kernel<T, v()>, c.grid, c.block, p.rows, p.channels,
           rows_of_chunk(p.rows), fuses_relu(act), t.x, t.gamma, t.beta, t.mean, t.rstd, t.residual, t.y);
  });
}

// Behind the means of the backward pass.
float* partial_sums(float* scratch, index_t channels) { return scratch + max_groups * 2 * channels; }

}  // namespace

// For every way to cut these rows into groups.
index_t batch_norm_scratch_size(const batch_norm_problem& p) {
  const index_t rows = p.groups * p.rows, most = max_groups * max_chunks;
  const index_t chunks = rows / chunk_rows + max_groups < most ? rows / chunk_rows + max_groups : most;
  return (max_groups + chunks) * 2 * p.channels;
}

template <class T>
void batch_norm_training(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                         float* scratch) {
  float* const partial = partial_sums(scratch, p.channels);
  with_packs<T>(p, [&](auto v) {
    const cut c(p, v());
    launch<threads::together>("batch_norm moments", moments_kernel<T, v()>, c.grid, c.block, p.rows,
                              p.channels, rows_of_chunk(p.rows), t.x, partial);
  });
  const statistics s{p.momentum, p.epsilon, p.groups, p.rows,
                     p.channels, p.repeats, p.copies, chunks_of(p.rows)};
  launch<threads::together>("batch_norm statistics", statistics_kernel<T>, pieces(p.channels, lanes),
                            dim3(lanes, lanes), s, t.x, partial, t.running_mean, t.running_variance, t.mean,
                            t.rstd);
  batch_norm_reapply(p, act, t);
}

template <class T>
void batch_norm_reapply(const batch_norm_problem& p, activation act,
                        const batch_norm_forward_operands<T>& t) {
  normalise(p, act, t);
}

template <class T>
void batch_norm_evaluation(const batch_norm_problem& p, activation act,
                           const batch_norm_forward_operands<T>& t) {
  launch("batch_norm running statistics", running_statistics_kernel,
         pieces(p.groups * p.channels, block_threads), block_threads, p.groups, p.channels,
         static_cast<float>(p.epsilon), t.running_mean, t.running_variance, t.mean, t.rstd);
  batch_norm_reapply(p, act, t);
}

template <class T>
void batch_norm_backward(const batch_norm_problem& p, activation act,
                         const batch_norm_backward_operands<T>& t, float* scratch) {
  const bool relu = fuses_relu(act);
  float *const means = scratch, *const partial = partial_sums(scratch, p.channels);
  with_packs<T>(p, [&](auto v) {
    const cut c(p, v());
    launch<threads::together>("batch_norm gradient sums", gradient_sums_kernel<T, v()>, c.grid, c.block,
                              p.rows, p.channels, rows_of_chunk(p.rows), relu, t.x, t.y, t.dy, t.mean, t.rstd,
                              partial);
  });
  launch<threads::together>("batch_norm gradient means", gradient_means_kernel, pieces(p.channels, lanes),
                            dim3(lanes, lanes), p.groups, p.fixed ? 0.0 : 1 / static_cast<double>(p.rows),
                            p.channels, chunks_of(p.rows), partial, t.gamma != nullptr ? t.dgamma : nullptr,
                            t.dbeta, means);
  with_packs<T>(p, [&](auto v) {
    const cut c(p, v());
    launch("batch_norm input gradient", input_gradient_kernel<T, v()>, c.grid, c.block, p.rows, p.channels,
           rows_of_chunk(p.rows), relu, t.x, t.y, t.gamma, t.mean, t.rstd, means, t.dy, t.dx);
  });
}

#define SPANKEY_INSTANTIATE(T)                                                         \
  template void batch_norm_training<T>(const batch_norm_problem&, activation,          \
                                       const batch_norm_forward_operands<T>&, float*); \
  template void batch_norm_reapply<T>(const batch_norm_problem&, activation,           \
                                      const batch_norm_forward_operands<T>&);          \
  template void batch_norm_evaluation<T>(const batch_norm_problem&, activation,        \
                                         const batch_norm_forward_operands<T>&);       \
  template void batch_norm_backward<T>(const batch_norm_problem&, activation,          \
                                       const batch_norm_backward_operands<T>&, float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
