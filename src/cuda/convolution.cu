// Convolutions: cuDNN's where the image has 8 channels or more, own kernels for fewer (the first layer of a network), which
// cuDNN would pad, and for shapes that it has no deterministic algorithm for. In groups of channels it is a group's that
// count.
//
// cuDNN pads all sides alike. Where windows reach further at the bottom and right it gets a copy of x with more rows and
// columns of zeros; where they end sooner own kernels run.
//
// Algorithms are those that cuDNN's heuristics name first among the deterministic ones that fit the workspace: the same
// choice, so the same bits, in every run on one kind of GPU. Or the fastest of them, where measure_algorithms() says so.
#include <map>
#include <tuple>
#include <type_traits>

#include "libraries.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

constexpr int tile = 32, tile_rows = 8;

// Matrix by matrix, from (taps, I, O) to (O, taps, I), or the other way with +=.
template <class T>
__global__ void pack_kernel(index_t taps, index_t in, index_t out, const float* w, T* packed) {
  __shared__ float turned[tile][tile + 1];
  const index_t tap = blockIdx.z, i0 = static_cast<index_t>(blockIdx.y) * tile,
                o0 = static_cast<index_t>(blockIdx.x) * tile;
  for (int r = static_cast<int>(threadIdx.y); r < tile; r += tile_rows) {
    const index_t i = i0 + r, o = o0 + threadIdx.x;
    if (i < in && o < out) turned[r][threadIdx.x] = w[(tap * in + i) * out + o];
  }
  __syncthreads();
  for (int r = static_cast<int>(threadIdx.y); r < tile; r += tile_rows) {
    const index_t o = o0 + r, i = i0 + threadIdx.x;
    if (i < in && o < out) packed[(o * taps + tap) * in + i] = from_float<T>(turned[threadIdx.x][r]);
  }
}

template <class T>
__global__ void add_unpacked_kernel(index_t taps, index_t in, index_t out, const T* packed, float* w) {
  __shared__ float turned[tile][tile + 1];
  const index_t tap = blockIdx.z, i0 = static_cast<index_t>(blockIdx.y) * tile,
                o0 = static_cast<index_t>(blockIdx.x) * tile;
  for (int r = static_cast<int>(threadIdx.y); r < tile; r += tile_rows) {
    const index_t o = o0 + r, i = i0 + threadIdx.x;
    if (i < in && o < out) turned[r][threadIdx.x] = to_float(packed[(o * taps + tap) * in + i]);
  }
  __syncthreads();
  for (int r = static_cast<int>(threadIdx.y); r < tile; r += tile_rows) {
    const index_t i = i0 + r, o = o0 + threadIdx.x;
    if (i < in && o < out) w[(tap * in + i) * out + o] += turned[threadIdx.x][r];
  }
}

index_t group_inputs(const conv2d_problem& p) { return p.in.channels / p.groups; }

dim3 tiles(const conv2d_problem& p) {
  return dim3(pieces(p.out.channels, tile), pieces(group_inputs(p), tile),
              static_cast<unsigned>(p.kernel * p.kernel));
}

template <class T>
__global__ void add_bias_kernel(index_t count, index_t channels, const float* bias, T* y) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) y[i] = from_float<T>(to_float(y[i]) + bias[i % channels]);
}

// ---- few channels

// A thread computes one element of y.
template <class T>
__global__ void direct_forward_kernel(conv2d_problem p, index_t count, const T* x, const T* packed,
                                      const float* bias, T* y) {
  const index_t at = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const index_t o = at % p.out.channels, ow = at / p.out.channels % p.out.width,
                oh = at / (p.out.channels * p.out.width) % p.out.height,
                n = at / (p.out.channels * p.out.width * p.out.height);
  const index_t inputs = p.in.channels / p.groups, first = o / (p.out.channels / p.groups) * inputs;
  const T* const w = packed + o * p.kernel * p.kernel * inputs;
  float sum = bias != nullptr ? bias[o] : 0;
  for (index_t kh = 0; kh < p.kernel; ++kh) {
    const index_t ih = oh * p.stride + kh - p.padding;
    if (ih < 0 || ih >= p.in.height) continue;
    for (index_t kw = 0; kw < p.kernel; ++kw) {
      const index_t iw = ow * p.stride + kw - p.padding;
      if (iw < 0 || iw >= p.in.width) continue;
      for (index_t i = 0; i < inputs; ++i)
        sum += to_float(x[((n * p.in.height + ih) * p.in.width + iw) * p.in.channels + first + i]) *
               to_float(w[(kh * p.kernel + kw) * inputs + i]);
    }
  }
  y[at] = from_float<T>(sum);
}

// A thread computes one element of dx.
template <class T>
__global__ void direct_data_kernel(conv2d_problem p, index_t count, const T* dy, const T* packed,
                                   bool accumulate, T* dx) {
  const index_t at = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const index_t i = at % p.in.channels, iw = at / p.in.channels % p.in.width,
                ih = at / (p.in.channels * p.in.width) % p.in.height,
                n = at / (p.in.channels * p.in.width * p.in.height);
  const index_t inputs = p.in.channels / p.groups, outputs = p.out.channels / p.groups;
  const index_t first = i / inputs * outputs;
  float sum = accumulate ? to_float(dx[at]) : 0;
  for (index_t kh = 0; kh < p.kernel; ++kh) {
    const index_t h = ih + p.padding - kh;
    if (h < 0 || h % p.stride != 0 || h / p.stride >= p.out.height) continue;
    for (index_t kw = 0; kw < p.kernel; ++kw) {
      const index_t w = iw + p.padding - kw;
      if (w < 0 || w % p.stride != 0 || w / p.stride >= p.out.width) continue;
      const T* const g =
          dy + ((n * p.out.height + h / p.stride) * p.out.width + w / p.stride) * p.out.channels;
      for (index_t o = first; o < first + outputs; ++o)
        sum += to_float(g[o]) * to_float(packed[((o * p.kernel + kh) * p.kernel + kw) * inputs + i % inputs]);
    }
  }
  dx[at] = from_float<T>(sum);
}

// A block adds up one chunk of pixels for 64 output channels and up to 72 products of an output (taps x I), which its
// threads share out.
constexpr index_t most_products = 72, lanes = 64, shares = 4, chunk_pixels = 1024, max_chunks = 512;

index_t chunks_of(index_t pixels) {
  const index_t wanted = (pixels + chunk_pixels - 1) / chunk_pixels;
  return wanted < max_chunks ? wanted : max_chunks;
}

template <class T>
__global__ void direct_weights_kernel(conv2d_problem p, index_t each, const T* x, const T* dy,
                                      float* partial) {
  constexpr int most = most_products / shares;
  const index_t o = static_cast<index_t>(blockIdx.y) * lanes + threadIdx.x;
  if (o >= p.out.channels) return;
  const index_t inputs = p.in.channels / p.groups, group = o / (p.out.channels / p.groups) * inputs;
  const index_t products = p.kernel * p.kernel * inputs, pixels = p.samples * p.out.height * p.out.width;
  const index_t first = static_cast<index_t>(blockIdx.x) * each,
                last = first + each < pixels ? first + each : pixels;
  float sum[most];
  for (int j = 0; j < most; ++j) sum[j] = 0;
  for (index_t pixel = first; pixel < last; ++pixel) {
    const index_t ow = pixel % p.out.width, oh = pixel / p.out.width % p.out.height,
                  n = pixel / (p.out.width * p.out.height);
    const float g = to_float(dy[pixel * p.out.channels + o]);
    for (int j = 0; j < most; ++j) {
      const index_t product = blockIdx.z * most_products + threadIdx.y + j * shares;
      if (product >= products) break;
      const index_t i = group + product % inputs, tap = product / inputs;
      const index_t ih = oh * p.stride + tap / p.kernel - p.padding,
                    iw = ow * p.stride + tap % p.kernel - p.padding;
      if (ih < 0 || ih >= p.in.height || iw < 0 || iw >= p.in.width) continue;
      sum[j] += g * to_float(x[((n * p.in.height + ih) * p.in.width + iw) * p.in.channels + i]);
    }
  }
  for (int j = 0; j < most; ++j) {
    const index_t product = blockIdx.z * most_products + threadIdx.y + j * shares;
    if (product < products) partial[(blockIdx.x * products + product) * p.out.channels + o] = sum[j];
  }
}

// to(i) += sum over the chunks of partial (chunks, count).
__global__ void add_partial_kernel(index_t chunks, index_t count, const float* partial, float* to) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  double sum = 0;
  for (index_t c = 0; c < chunks; ++c) sum += static_cast<double>(partial[c * count + i]);
  to[i] += static_cast<float>(sum);
}

template <class T>
__global__ void column_sums_kernel(index_t rows, index_t columns, index_t each, const T* x, float* partial) {
  const index_t c = static_cast<index_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  if (c >= columns) return;
  const index_t first = static_cast<index_t>(blockIdx.x) * each,
                last = first + each < rows ? first + each : rows;
  float sum = 0;
  for (index_t r = first; r < last; ++r) sum += to_float(x[r * columns + c]);
  partial[blockIdx.x * columns + c] = sum;
}

bool few_channels(const conv2d_problem& p) { return group_inputs(p) < 8; }

// ---- padding

// to (n, height, width) = x (n, in.height, in.width), 0 beyond it.
template <class T>
__global__ void pad_kernel(index_t count, extents in, index_t height, index_t width, const T* x, T* to) {
  const index_t at = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const index_t c = at % in.channels, w = at / in.channels % width, h = at / (in.channels * width) % height,
                n = at / (in.channels * width * height);
  const bool inside = h < in.height && w < in.width;
  to[at] = inside ? x[((n * in.height + h) * in.width + w) * in.channels + c] : from_float<T>(0);
}

// dx = what of `padded` is not padding.
template <class T>
__global__ void crop_kernel(index_t count, extents in, index_t height, index_t width, const T* padded,
                            T* dx) {
  const index_t at = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const index_t c = at % in.channels, w = at / in.channels % in.width,
                h = at / (in.channels * in.width) % in.height, n = at / (in.channels * in.width * in.height);
  dx[at] = padded[((n * height + h) * width + w) * in.channels + c];
}

// Rows (columns) that cuDNN must be given for as many outputs, 0 where there is no such number.
index_t padded_extent(const conv2d_problem& p, index_t in, index_t out) {
  const index_t last = in + 2 * p.padding - p.kernel,
                needed = (out - 1) * p.stride + p.kernel - 2 * p.padding;
  if (last >= 0 && last / p.stride + 1 == out) return in;
  return needed > in ? needed : 0;
}
// The problem as cuDNN gets it: p, or p with more rows and columns in x, or one of height 0 that it cannot be given.
conv2d_problem symmetric(const conv2d_problem& p) {
  const index_t height = padded_extent(p, p.in.height, p.out.height),
                width = padded_extent(p, p.in.width, p.out.width);
  conv2d_problem made = p;
  made.in.height = width == 0 ? 0 : height;
  made.in.width = width;
  return made;
}
bool is_copied(const conv2d_problem& p, const conv2d_problem& given) {
  return given.in.height != p.in.height || given.in.width != p.in.width;
}
template <class T>
const T* padded_copy(const conv2d_problem& p, const conv2d_problem& given, const T* x, T* to) {
  if (!is_copied(p, given)) return x;
  const index_t count = p.samples * given.in.size();
  launch("conv2d pad", pad_kernel<T>, pieces(count, block_threads), block_threads, count, p.in,
         given.in.height, given.in.width, x, to);
  return to;
}

// ---- cuDNN

enum class direction { forward, data, weights };

struct plan {
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
  int algorithm;
  std::size_t workspace;
  bool own = false;  // cuDNN has no algorithm for this shape
};

// Plans that cuDNN has nothing for: those run, slowly, on the kernels above, and describe_device() says so.
int own_kernels = 0;

template <class T>
constexpr cudnnDataType_t data_type = std::is_same_v<T, float> ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;

// The first deterministic algorithm that fits. What it computes with is not taken over where TF32 is not allowed: the
// default of an algorithm may be TF32.
template <class Found>
void choose(plan& chosen, cudnnMathType_t arithmetic, const Found* found, int count) {
  for (int i = 0; i < count; ++i) {
    if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC ||
        found[i].memory > workspace_bytes)
      continue;
    chosen.algorithm = static_cast<int>(found[i].algo);
    chosen.workspace = found[i].memory;
    if (arithmetic != CUDNN_FMA_MATH)
      SPANKEY_CHECK(cudnnSetConvolutionMathType(chosen.convolution, found[i].mathType));
    return;
  }
  chosen.own = true;
  own_kernels += 1;
}

// How many algorithms cuDNN named: none where it says that it does not support the shape, whose statuses are 3000 to 3999.
void require_answer(cudnnStatus_t status, int& count) {
  if (status >= CUDNN_STATUS_NOT_SUPPORTED && status < CUDNN_STATUS_NOT_SUPPORTED + 1000) {
    count = 0;
  } else {
    check(status, "cudnnGetConvolutionAlgorithm");
  }
}

template <class T>
plan make_plan(const conv2d_problem& p, direction way) {
  const auto whole = [](index_t v) { return static_cast<int>(v); };
  plan made{};
  SPANKEY_CHECK(cudnnCreateTensorDescriptor(&made.x));
  SPANKEY_CHECK(cudnnCreateTensorDescriptor(&made.y));
  SPANKEY_CHECK(cudnnCreateFilterDescriptor(&made.w));
  SPANKEY_CHECK(cudnnCreateConvolutionDescriptor(&made.convolution));
  SPANKEY_CHECK(cudnnSetTensor4dDescriptor(made.x, CUDNN_TENSOR_NHWC, data_type<T>, whole(p.samples),
                                           whole(p.in.channels), whole(p.in.height), whole(p.in.width)));
  SPANKEY_CHECK(cudnnSetTensor4dDescriptor(made.y, CUDNN_TENSOR_NHWC, data_type<T>, whole(p.samples),
                                           whole(p.out.channels), whole(p.out.height), whole(p.out.width)));
  SPANKEY_CHECK(cudnnSetFilter4dDescriptor(made.w, data_type<T>, CUDNN_TENSOR_NHWC, whole(p.out.channels),
                                           whole(group_inputs(p)), whole(p.kernel), whole(p.kernel)));
  SPANKEY_CHECK(cudnnSetConvolution2dDescriptor(made.convolution, whole(p.padding), whole(p.padding),
                                                whole(p.stride), whole(p.stride), 1, 1,
                                                CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  SPANKEY_CHECK(cudnnSetConvolutionGroupCount(made.convolution, whole(p.groups)));
  // The heuristics answer for this kind of arithmetic: without a word, float may become TF32.
  const cudnnMathType_t arithmetic = !std::is_same_v<T, float> ? CUDNN_TENSOR_OP_MATH
                                     : tf32()                  ? CUDNN_DEFAULT_MATH
                                                               : CUDNN_FMA_MATH;
  SPANKEY_CHECK(cudnnSetConvolutionMathType(made.convolution, arithmetic));
  constexpr int most = 16;
  int count = 0;
  if (way == direction::forward) {
    cudnnConvolutionFwdAlgoPerf_t found[most];
    require_answer(
        (measured() ? cudnnFindConvolutionForwardAlgorithm : cudnnGetConvolutionForwardAlgorithm_v7)(
            dnn(), made.x, made.w, made.convolution, made.y, most, &count, found),
        count);
    choose(made, arithmetic, found, count);
  } else if (way == direction::data) {
    cudnnConvolutionBwdDataAlgoPerf_t found[most];
    require_answer((measured() ? cudnnFindConvolutionBackwardDataAlgorithm
                               : cudnnGetConvolutionBackwardDataAlgorithm_v7)(
                       dnn(), made.w, made.y, made.convolution, made.x, most, &count, found),
                   count);
    choose(made, arithmetic, found, count);
  } else {
    cudnnConvolutionBwdFilterAlgoPerf_t found[most];
    require_answer((measured() ? cudnnFindConvolutionBackwardFilterAlgorithm
                               : cudnnGetConvolutionBackwardFilterAlgorithm_v7)(
                       dnn(), made.x, made.y, made.convolution, made.w, most, &count, found),
                   count);
    choose(made, arithmetic, found, count);
  }
  return made;
}

// Plans live as long as the process: one for every shape that ran. So does their map, because cuDNN may be gone before
// it when the process ends, and nobody could give the descriptors back.
template <class T>
const plan& plan_of(const conv2d_problem& p, direction way) {
  using key = std::tuple<direction, bool, bool, index_t, index_t, index_t, index_t, index_t, index_t, index_t,
                         index_t, index_t>;
  static auto& plans = *new std::map<key, plan>;
  const key k{way,        tf32(),         measured(), p.samples, p.in.channels, p.in.height,
              p.in.width, p.out.channels, p.kernel,   p.stride,  p.padding,     p.groups};
  const auto known = plans.find(k);
  return known != plans.end() ? known->second : plans.emplace(k, make_plan<T>(p, way)).first->second;
}

// The plan for p, which cuDNN gets as `given`; null where own kernels run.
template <class T>
const plan* plan_for(const conv2d_problem& p, const conv2d_problem& given, direction way) {
  if (few_channels(p) || given.in.height == 0) return nullptr;
  const plan& found = plan_of<T>(given, way);
  return found.own ? nullptr : &found;
}

}  // namespace

template <class T>
void add_column_sums(index_t rows, index_t columns, const T* x, float* sums) {
  const index_t chunks = chunks_of(rows), each = (rows + chunks - 1) / (chunks > 0 ? chunks : 1);
  float* const partial = reinterpret_cast<float*>(workspace());
  launch("column_sums", column_sums_kernel<T>,
         dim3(static_cast<unsigned>(chunks), pieces(columns, block_threads)), block_threads, rows, columns,
         each, x, partial);
  launch("add_partial", add_partial_kernel, pieces(columns, block_threads), block_threads, chunks, columns,
         partial, sums);
}
template void add_column_sums<float>(index_t, index_t, const float*, float*);
template void add_column_sums<bf16>(index_t, index_t, const bf16*, float*);

int convolutions_without_cudnn() { return own_kernels; }

index_t conv2d_packed_size(const conv2d_problem& p) { return p.weight_size(); }

index_t conv2d_padded_size(const conv2d_problem& p) {
  const conv2d_problem given = symmetric(p);
  return few_channels(p) || !is_copied(p, given) ? 0 : p.samples * given.in.size();
}

template <class T>
void conv2d_pack(const conv2d_problem& p, const float* w, T* packed) {
  launch<threads::together>("conv2d pack", pack_kernel<T>, tiles(p), dim3(tile, tile_rows),
                            p.kernel * p.kernel, group_inputs(p), p.out.channels, w, packed);
}

template <class T>
void conv2d_forward(const conv2d_problem& p, const T* x, const T* packed, const float* bias, T* y,
                    T* padded) {
  const index_t count = p.samples * p.out.size();
  if (count == 0) return;
  const conv2d_problem given = symmetric(p);
  const plan* const c = plan_for<T>(p, given, direction::forward);
  if (c == nullptr) {
    launch("conv2d direct_forward", direct_forward_kernel<T>, pieces(count, block_threads), block_threads, p,
           count, x, packed, bias, y);
    return;
  }
  const float one = 1, none = 0;
  SPANKEY_CHECK(cudnnConvolutionForward(dnn(), &one, c->x, padded_copy(p, given, x, padded), c->w, packed,
                                        c->convolution, static_cast<cudnnConvolutionFwdAlgo_t>(c->algorithm),
                                        workspace(), c->workspace, &none, c->y, y));
  if (bias != nullptr)
    launch("conv2d add_bias", add_bias_kernel<T>, pieces(count, block_threads), block_threads, count,
           p.out.channels, bias, y);
}

template <class T>
void conv2d_backward_data(const conv2d_problem& p, const T* dy, const T* packed, T* dx, bool accumulate,
                          T* padded) {
  const index_t count = p.samples * p.in.size();
  if (count == 0) return;
  const conv2d_problem given = symmetric(p);
  const plan* const c = p.out.size() == 0 ? nullptr : plan_for<T>(p, given, direction::data);
  if (c == nullptr) {
    launch("conv2d direct_data", direct_data_kernel<T>, pieces(count, block_threads), block_threads, p, count,
           dy, packed, accumulate, dx);
    return;
  }
  // Added to in the copy, so that a sum is rounded once.
  const bool copied = is_copied(p, given);
  if (copied && accumulate) padded_copy(p, given, static_cast<const T*>(dx), padded);
  const float one = 1, before = accumulate ? 1 : 0;
  SPANKEY_CHECK(cudnnConvolutionBackwardData(dnn(), &one, c->w, packed, c->y, dy, c->convolution,
                                             static_cast<cudnnConvolutionBwdDataAlgo_t>(c->algorithm),
                                             workspace(), c->workspace, &before, c->x, copied ? padded : dx));
  if (copied)
    launch("conv2d crop", crop_kernel<T>, pieces(count, block_threads), block_threads, count, p.in,
           given.in.height, given.in.width, padded, dx);
}

template <class T>
void conv2d_backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                             conv2d_scratch<T> scratch) {
  const index_t pixels = p.samples * p.out.height * p.out.width;
  if (pixels == 0) return;
  const conv2d_problem given = symmetric(p);
  const plan* const c = plan_for<T>(p, given, direction::weights);
  if (c == nullptr) {
    const index_t room = static_cast<index_t>(workspace_bytes / sizeof(float)) / p.weight_size();
    const index_t chunks = chunks_of(pixels) < room ? chunks_of(pixels) : room,
                  each = (pixels + chunks - 1) / chunks;
    float* const partial = reinterpret_cast<float*>(workspace());
    launch("conv2d direct_weights", direct_weights_kernel<T>,
           dim3(static_cast<unsigned>(chunks), pieces(p.out.channels, lanes),
                pieces(p.kernel * p.kernel * group_inputs(p), most_products)),
           dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(shares)), p, each, x, dy, partial);
    launch("add_partial", add_partial_kernel, pieces(p.weight_size(), block_threads), block_threads, chunks,
           p.weight_size(), partial, dw);
  } else {
    const float one = 1, none = 0;
    SPANKEY_CHECK(cudnnConvolutionBackwardFilter(dnn(), &one, c->x, padded_copy(p, given, x, scratch.padded),
                                                 c->y, dy, c->convolution,
                                                 static_cast<cudnnConvolutionBwdFilterAlgo_t>(c->algorithm),
                                                 workspace(), c->workspace, &none, c->w, scratch.packed));
    launch<threads::together>("conv2d add_unpacked", add_unpacked_kernel<T>, tiles(p), dim3(tile, tile_rows),
                              p.kernel * p.kernel, group_inputs(p), p.out.channels, scratch.packed, dw);
  }
  if (dbias != nullptr) add_column_sums(pixels, p.out.channels, dy, dbias);
}

#define SPANKEY_INSTANTIATE(T)                                                                        \
  template void conv2d_pack<T>(const conv2d_problem&, const float*, T*);                              \
  template void conv2d_forward<T>(const conv2d_problem&, const T*, const T*, const float*, T*, T*);   \
  template void conv2d_backward_data<T>(const conv2d_problem&, const T*, const T*, T*, bool, T*);     \
  template void conv2d_backward_weights<T>(const conv2d_problem&, const T*, const T*, float*, float*, \
                                           conv2d_scratch<T>)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
