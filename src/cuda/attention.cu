// Attention. 32 threads serve a row, 8 rows a block: a row is a query where outputs and gradients of queries are summed, a
// key where those of keys and values are. What the row is summed over is taken 32 at a time: each thread computes one
// weight, then all of them sum four channels each; wider heads repeat the weights for every 128 channels. Nothing is kept of
// the T x T weights, and every sum has one order.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

constexpr int across = 32, down = 8, each = 4;
constexpr index_t at_once = across * each;

// What the kernels know of the problem.
struct shape_of_heads {
  index_t rows, tokens, heads, size;
  float scale;
  bool causal;
  index_t keys;  // heads of them, each of which serves a group of queries' heads

  __device__ index_t channels() const { return heads * size; }
  __device__ index_t group() const { return heads / keys; }
  /// Where the queries (0), keys (1) or values (2) of `token` begin in x, and its outputs in y, of the head of `row`.
  __device__ index_t part(index_t row, index_t token, index_t which) const {
    const index_t sample = row / tokens / heads, head = row / tokens % heads;
    const index_t first =
        which == 0 ? head * size : channels() + ((which - 1) * keys + head / group()) * size;
    return (sample * tokens + token) * (channels() + 2 * keys * size) + first;
  }
  __device__ index_t out(index_t row, index_t token) const {
    const index_t sample = row / tokens / heads, head = row / tokens % heads;
    return (sample * tokens + token) * channels() + head * size;
  }
};

template <class T>
__device__ float dot(index_t size, const T* a, const T* b) {
  float sum = 0;
  for (index_t c = 0; c < size; ++c) sum += to_float(a[c]) * to_float(b[c]);
  return sum;
}

template <class T>
__device__ float score(const shape_of_heads& s, const T* x, index_t row, index_t query, index_t key) {
  return s.scale * dot(s.size, x + s.part(row, query, 0), x + s.part(row, key, 1));
}

template <class T>
__global__ void forward_kernel(shape_of_heads s, attention_forward_operands<T> t) {
  __shared__ float largest[down][across], total[down][across], weight[down][across];
  const index_t found = static_cast<index_t>(blockIdx.x) * down + threadIdx.y;
  const bool used = found < s.rows;
  const index_t row = used ? found : 0, query = row % s.tokens, seen = s.causal ? query + 1 : s.tokens;
  // Blocks of one launch walk all tokens together, so that their threads meet.
  float top = -INFINITY, sum = 0;
  for (index_t key = threadIdx.x; key < seen; key += across) {
    const float v = score(s, t.x, row, query, key);
    if (v > top || v != v) {
      sum = sum * expf(top - v) + 1;
      top = v;
    } else {
      sum += expf(v - top);
    }
  }
  largest[threadIdx.y][threadIdx.x] = top;
  total[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  top = -INFINITY, sum = 0;
  for (int i = 0; i < across; ++i) {
    const float v = largest[threadIdx.y][i];
    top = v > top || v != v ? v : top;
  }
  for (int i = 0; i < across; ++i)
    if (total[threadIdx.y][i] != 0) sum += total[threadIdx.y][i] * expf(largest[threadIdx.y][i] - top);
  const float lse = top + logf(sum);
  for (index_t first = 0; first < s.size; first += at_once) {
    float y[each] = {};
    for (index_t keys = 0; keys < s.tokens; keys += across) {
      const index_t key = keys + threadIdx.x;
      __syncthreads();
      weight[threadIdx.y][threadIdx.x] = key < seen ? expf(score(s, t.x, row, query, key) - lse) : 0;
      __syncthreads();
      for (index_t i = 0; i < across && keys + i < seen; ++i) {
        const T* const v = t.x + s.part(row, keys + i, 2);
        for (int j = 0; j < each; ++j) {
          const index_t c = first + threadIdx.x + j * across;
          if (c < s.size) y[j] += weight[threadIdx.y][i] * to_float(v[c]);
        }
      }
    }
    for (int j = 0; j < each; ++j) {
      const index_t c = first + threadIdx.x + j * across;
      if (used && c < s.size) t.y[s.out(row, query) + c] = from_float<T>(y[j]);
    }
  }
  if (used && threadIdx.x == 0) t.lse[row] = lse;
}

// mean (rows): dy . y of every query.
template <class T>
__global__ void mean_kernel(shape_of_heads s, attention_backward_operands<T> t, float* mean) {
  const index_t row = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= s.rows) return;
  const index_t at = s.out(row, row % s.tokens);
  mean[row] = dot(s.size, t.dy + at, t.y + at);
}

// The weight of a pair of tokens, and the gradient of their score.
struct pair_of_tokens {
  float weight, gradient;
};
template <class T>
__device__ pair_of_tokens pair_at(const shape_of_heads& s, const attention_backward_operands<T>& t,
                                  const float* mean, index_t row, index_t query, index_t key) {
  const index_t of_query = row - row % s.tokens + query;
  const float p = expf(score(s, t.x, row, query, key) - t.lse[of_query]);
  const float slope = dot(s.size, t.dy + s.out(row, query), t.x + s.part(row, key, 2));
  return {p, s.scale * p * (slope - mean[of_query])};
}

template <class T>
__global__ void query_gradient_kernel(shape_of_heads s, attention_backward_operands<T> t, const float* mean) {
  __shared__ float gradient[down][across];
  const index_t found = static_cast<index_t>(blockIdx.x) * down + threadIdx.y;
  const bool used = found < s.rows;
  const index_t row = used ? found : 0, query = row % s.tokens, seen = s.causal ? query + 1 : s.tokens;
  for (index_t first = 0; first < s.size; first += at_once) {
    float dq[each] = {};
    for (index_t keys = 0; keys < s.tokens; keys += across) {
      const index_t key = keys + threadIdx.x;
      __syncthreads();
      gradient[threadIdx.y][threadIdx.x] = key < seen ? pair_at(s, t, mean, row, query, key).gradient : 0;
      __syncthreads();
      for (index_t i = 0; i < across && keys + i < seen; ++i) {
        const T* const k = t.x + s.part(row, keys + i, 1);
        for (int j = 0; j < each; ++j) {
          const index_t c = first + threadIdx.x + j * across;
          if (c < s.size) dq[j] += gradient[threadIdx.y][i] * to_float(k[c]);
        }
      }
    }
    for (int j = 0; j < each; ++j) {
      const index_t c = first + threadIdx.x + j * across;
      if (used && c < s.size) t.dx[s.part(row, query, 0) + c] = from_float<T>(dq[j]);
    }
  }
}

template <class T>
__global__ void key_gradient_kernel(shape_of_heads s, attention_backward_operands<T> t, const float* mean) {
  __shared__ float weight[down][across], gradient[down][across];
  const index_t found = static_cast<index_t>(blockIdx.x) * down + threadIdx.y, group = s.group();
  const bool used = found < s.rows / group;
  // A row of keys; with its group's heads one after the other, `row` is that of the head whose turn it is.
  const index_t of_keys = used ? found : 0, key = of_keys % s.tokens, begin = s.causal ? key : 0;
  const index_t first_row = of_keys / s.tokens * group * s.tokens + key,
                blocks = (s.tokens + across - 1) / across;
  for (index_t first = 0; first < s.size; first += at_once) {
    float dk[each] = {}, dv[each] = {};
    for (index_t block = 0; block < group * blocks; ++block) {
      const index_t row = first_row + block / blocks * s.tokens, queries = block % blocks * across;
      const index_t query = queries + threadIdx.x;
      pair_of_tokens pair = {0, 0};
      if (query >= begin && query < s.tokens) pair = pair_at(s, t, mean, row, query, key);
      __syncthreads();
      weight[threadIdx.y][threadIdx.x] = pair.weight;
      gradient[threadIdx.y][threadIdx.x] = pair.gradient;
      __syncthreads();
      for (index_t i = begin > queries ? begin - queries : 0; i < across && queries + i < s.tokens; ++i) {
        const T *const q = t.x + s.part(row, queries + i, 0), *const dy = t.dy + s.out(row, queries + i);
        for (int j = 0; j < each; ++j) {
          const index_t c = first + threadIdx.x + j * across;
          if (c >= s.size) continue;
          dk[j] += gradient[threadIdx.y][i] * to_float(q[c]);
          dv[j] += weight[threadIdx.y][i] * to_float(dy[c]);
        }
      }
    }
    for (int j = 0; j < each; ++j) {
      const index_t c = first + threadIdx.x + j * across;
      if (!used || c >= s.size) continue;
      t.dx[s.part(first_row, key, 1) + c] = from_float<T>(dk[j]);
      t.dx[s.part(first_row, key, 2) + c] = from_float<T>(dv[j]);
    }
  }
}

shape_of_heads shape_of(const attention_problem& p) {
  return {p.rows(), p.tokens, p.heads, p.size, p.scale<float>(), p.causal, p.heads / p.group()};
}

}  // namespace

template <class T>
void attention_forward(const attention_problem& p, const attention_forward_operands<T>& t) {
  launch<threads::together>("attention forward", forward_kernel<T>, pieces(p.rows(), down),
                            dim3(across, down), shape_of(p), t);
}

template <class T>
void attention_backward(const attention_problem& p, const attention_backward_operands<T>& t, float* scratch) {
  launch("attention mean", mean_kernel<T>, pieces(p.rows(), block_threads), block_threads, shape_of(p), t,
         scratch);
  launch<threads::together>("attention query_gradient", query_gradient_kernel<T>, pieces(p.rows(), down),
                            dim3(across, down), shape_of(p), t, scratch);
  launch<threads::together>("attention key_gradient", key_gradient_kernel<T>,
                            pieces(p.rows() / p.group(), down), dim3(across, down), shape_of(p), t, scratch);
}

#define SPANKEY_INSTANTIATE(T)                                                                        \
  template void attention_forward<T>(const attention_problem&, const attention_forward_operands<T>&); \
  template void attention_backward<T>(const attention_problem&, const attention_backward_operands<T>&, float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
