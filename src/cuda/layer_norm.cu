// Layer norm over (rows, channels). 32 threads serve a row, 8 rows a block. dgamma and dbeta are sums over chunks of rows
// that are cut by the problem alone and added in order: the same bits on every GPU.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

constexpr int across = 32, down = 8;
constexpr index_t chunk_rows = 64, max_chunks = 512;

index_t chunks_of(index_t rows) {
  const index_t wanted = (rows + chunk_rows - 1) / chunk_rows;
  return wanted < max_chunks ? wanted : max_chunks;
}

// The sum of `value` over the threads of a row, for all of them.
__device__ float row_sum(float value) {
  __shared__ float sums[down][across];
  float* const own = sums[threadIdx.y];
  own[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = across / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) own[threadIdx.x] += own[threadIdx.x + half];
    __syncthreads();
  }
  const float total = own[0];
  __syncthreads();  // before the next one writes
  return total;
}

template <class T>
__global__ void forward_kernel(index_t rows, index_t channels, float epsilon, bool centred,
                               layer_norm_forward_operands<T> t) {
  const index_t row = static_cast<index_t>(blockIdx.x) * down + threadIdx.y;
  const bool used = row < rows;
  const T* const x = t.x + (used ? row : 0) * channels;
  float sum = 0, squares = 0;
  for (index_t c = threadIdx.x; centred && used && c < channels; c += across) sum += to_float(x[c]);
  const float mean = row_sum(sum) / static_cast<float>(channels);
  for (index_t c = threadIdx.x; used && c < channels; c += across) {
    const float apart = to_float(x[c]) - mean;
    squares += apart * apart;
  }
  const float rstd = 1 / sqrtf(row_sum(squares) / static_cast<float>(channels) + epsilon);
  if (!used) return;
  for (index_t c = threadIdx.x; c < channels; c += across) {
    float v = (to_float(x[c]) - mean) * rstd;
    if (t.gamma != nullptr) v *= t.gamma[c];
    if (t.beta != nullptr) v += t.beta[c];
    t.y[row * channels + c] = from_float<T>(v);
  }
  if (threadIdx.x == 0) {
    t.mean[row] = mean;
    t.rstd[row] = rstd;
  }
}

template <class T>
__global__ void data_gradient_kernel(index_t rows, index_t channels, bool centred,
                                     layer_norm_backward_operands<T> t) {
  const index_t row = static_cast<index_t>(blockIdx.x) * down + threadIdx.y;
  const bool used = row < rows;
  const index_t first = (used ? row : 0) * channels;
  const float mean = t.mean[used ? row : 0], rstd = t.rstd[used ? row : 0];
  const auto gradient = [&](index_t c) {
    return to_float(t.dy[first + c]) * (t.gamma != nullptr ? t.gamma[c] : 1.0F);
  };
  const auto xhat = [&](index_t c) { return (to_float(t.x[first + c]) - mean) * rstd; };
  float sum = 0, dot = 0;
  for (index_t c = threadIdx.x; used && c < channels; c += across) {
    if (centred) sum += gradient(c);
    dot += gradient(c) * xhat(c);
  }
  const float shift = row_sum(sum) / static_cast<float>(channels),
              slope = row_sum(dot) / static_cast<float>(channels);
  if (!used) return;
  for (index_t c = threadIdx.x; c < channels; c += across)
    t.dx[first + c] = from_float<T>(rstd * (gradient(c) - shift - xhat(c) * slope));
}

// partial (chunk, 2, C): sums of dy xhat and of dy over a chunk of `each` rows.
template <class T>
__global__ void parameter_sums_kernel(index_t rows, index_t channels, index_t each,
                                      layer_norm_backward_operands<T> t, float* partial) {
  __shared__ float sums[2][down][across];
  const index_t c = static_cast<index_t>(blockIdx.y) * across + threadIdx.x;
  const index_t begin = static_cast<index_t>(blockIdx.x) * each,
                end = begin + each < rows ? begin + each : rows;
  float dot = 0, sum = 0;
  for (index_t r = begin + threadIdx.y; c < channels && r < end; r += down) {
    const float g = to_float(t.dy[r * channels + c]);
    dot += g * ((to_float(t.x[r * channels + c]) - t.mean[r]) * t.rstd[r]);
    sum += g;
  }
  sums[0][threadIdx.y][threadIdx.x] = dot;
  sums[1][threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 1 || c >= channels) return;
  float total = 0;
  for (int r = 0; r < down; ++r) total += sums[threadIdx.y][r][threadIdx.x];
  partial[(blockIdx.x * 2 + threadIdx.y) * channels + c] = total;
}

__global__ void add_sums_kernel(index_t channels, index_t chunks, const float* partial, float* dgamma,
                                float* dbeta) {
  const index_t c = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  double dot = 0, sum = 0;
  for (index_t i = 0; i < chunks; ++i) {
    dot += static_cast<double>(partial[i * 2 * channels + c]);
    sum += static_cast<double>(partial[(i * 2 + 1) * channels + c]);
  }
  if (dgamma != nullptr) dgamma[c] += static_cast<float>(dot);
  if (dbeta != nullptr) dbeta[c] += static_cast<float>(sum);
}

}  // namespace

index_t layer_norm_scratch_size(const layer_norm_problem& p) { return chunks_of(p.rows) * 2 * p.channels; }

template <class T>
void layer_norm_forward(const layer_norm_problem& p, const layer_norm_forward_operands<T>& t) {
  launch<threads::together>("layer_norm forward", forward_kernel<T>, pieces(p.rows, down), dim3(across, down),
                            p.rows, p.channels, static_cast<float>(p.epsilon), p.centred, t);
}

template <class T>
void layer_norm_backward(const layer_norm_problem& p, const layer_norm_backward_operands<T>& t,
                         float* scratch) {
  float* const dgamma = t.gamma != nullptr ? t.dgamma : nullptr;
  if (p.rows > 0 && (dgamma != nullptr || t.dbeta != nullptr)) {
    // Before dx, which may overwrite dy.
    const index_t chunks = chunks_of(p.rows), each = (p.rows + chunks - 1) / chunks;
    launch<threads::together>("layer_norm parameter_sums", parameter_sums_kernel<T>,
                              dim3(static_cast<unsigned>(chunks), pieces(p.channels, across)),
                              dim3(across, down), p.rows, p.channels, each, t, scratch);
    launch("layer_norm add_sums", add_sums_kernel, pieces(p.channels, block_threads), block_threads,
           p.channels, chunks, scratch, dgamma, t.dbeta);
  }
  launch<threads::together>("layer_norm data_gradient", data_gradient_kernel<T>, pieces(p.rows, down),
                            dim3(across, down), p.rows, p.channels, p.centred, t);
}

#define SPANKEY_INSTANTIATE(T)                                                                            \
  template void layer_norm_forward<T>(const layer_norm_problem&, const layer_norm_forward_operands<T>&);  \
  template void layer_norm_backward<T>(const layer_norm_problem&, const layer_norm_backward_operands<T>&, \
                                       float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
