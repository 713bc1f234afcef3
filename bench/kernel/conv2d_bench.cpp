// Convolution passes of ResNet-18 for 32 x 32 images at batch 128, beside im2col and BLAS on the same threads.
//
// Each case is verified against its peer before it is timed, bf16 against the float product of the same rounded
// operands. FLOP/s counts the textbook operations, products with padding included, and share_of_peak is FLOP/s by what
// peak.hpp reached in the same run: kernels that skip padding or multiply less (Winograd) may exceed 1.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "peak.hpp"
#include "spankey/backend/cpu/blas.hpp"
#include "spankey/backend/cpu/conv2d.hpp"
#include "spankey/core/random.hpp"

namespace {

using spankey::bf16;
using spankey::conv2d_problem;
using spankey::index_t;
template <class T>
using direct = spankey::conv2d_kernels<spankey::backend::cpu, T>;

enum class pass { forward, backward_data, backward_weights };

/// Activations of T, the rest float.
template <class T>
struct tensors {
  std::vector<T> x, y;
  std::vector<float> w, scratch;
};

template <class T>
std::vector<T> random_values(index_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = T(static_cast<float>(random.uniform(i)) - 0.5F);
  return values;
}

template <class T>
tensors<T> make_tensors(const conv2d_problem& p) {
  return {random_values<T>(p.samples * p.in.size(), 1), random_values<T>(p.samples * p.out.size(), 3),
          random_values<float>(p.weight_size(), 2),
          std::vector<float>(static_cast<std::size_t>(direct<T>::scratch_size(p)))};
}

template <class T>
std::vector<float> as_floats(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

/// The output of a pass: y, dx or dw.
template <class T>
std::vector<float> result(pass which, const tensors<T>& t) {
  if (which == pass::backward_weights) return t.w;
  return as_floats(which == pass::forward ? t.y : t.x);
}

template <class T>
void run_direct(pass which, const conv2d_problem& p, tensors<T>& t) {
  T *x = t.x.data(), *y = t.y.data();
  float *w = t.w.data(), *scratch = t.scratch.data();
  if (which == pass::forward) direct<T>::forward(p, x, w, nullptr, y, scratch);
  if (which == pass::backward_data) direct<T>::backward_data(p, y, w, x, false, scratch);
  if (which == pass::backward_weights) direct<T>::backward_weights(p, x, y, w, nullptr, scratch);
}

/// Calls f(x element, patch element) for every patch element of one sample that lies inside the image.
template <class F>
void for_each_patch_row(const conv2d_problem& p, const F& f) {
  const index_t channels = p.in.channels;
  index_t patch = 0;
  for (index_t oh = 0; oh < p.out.height; ++oh)
    for (index_t ow = 0; ow < p.out.width; ++ow)
      for (index_t kh = 0; kh < p.kernel; ++kh)
        for (index_t kw = 0; kw < p.kernel; ++kw, patch += channels) {
          const index_t ih = oh * p.stride + kh - p.padding, iw = ow * p.stride + kw - p.padding;
          const bool inside = ih >= 0 && ih < p.in.height && iw >= 0 && iw < p.in.width;
          f(inside ? (ih * p.in.width + iw) * channels : index_t{-1}, patch);
        }
}

/// The peer: patches of some samples as a matrix, one matrix product, all threads over such parts.
void run_im2col(pass which, const conv2d_problem& p, tensors<float>& t) {
  const index_t pixels = p.out.height * p.out.width, depth = p.kernel * p.kernel * p.in.channels;
  const index_t in = p.in.channels, out = p.out.channels, per_part = std::max<index_t>(1, 256 / pixels);
  const index_t parts = (p.samples + per_part - 1) / per_part, sums = std::min<index_t>(16, parts);
  thread_local std::vector<float> matrix;
  std::vector<float> partial;
  if (which == pass::backward_weights) partial.assign(static_cast<std::size_t>(sums) * t.w.size(), 0.0F);

  const auto run_part = [&](index_t part, float* dw) {
    const index_t first = part * per_part, count = std::min(per_part, p.samples - first);
    matrix.resize(static_cast<std::size_t>(count * pixels * depth));
    float* const patches = matrix.data();
    float* const y = t.y.data() + first * pixels * out;
    if (which == pass::backward_data) {
      spankey::cpu::gemm(false, true, count * pixels, depth, out, y, out, t.w.data(), out, 0.0F, patches,
                         depth);
      std::fill_n(t.x.data() + first * p.in.size(), count * p.in.size(), 0.0F);
    }
    for (index_t n = 0; n < count; ++n) {
      float* const x = t.x.data() + (first + n) * p.in.size();
      float* const own = patches + n * pixels * depth;
      for_each_patch_row(p, [&](index_t from, index_t patch) {
        if (which == pass::backward_data) {
          for (index_t i = 0; from >= 0 && i < in; ++i) x[from + i] += own[patch + i];
        } else if (from >= 0) {
          std::copy_n(x + from, in, own + patch);
        } else {
          std::fill_n(own + patch, in, 0.0F);
        }
      });
    }
    if (which == pass::forward) {
      spankey::cpu::gemm(false, false, count * pixels, out, depth, patches, depth, t.w.data(), out, 0.0F, y,
                         out);
    } else if (which == pass::backward_weights) {
      spankey::cpu::gemm(true, false, depth, out, count * pixels, patches, depth, y, out, 1.0F, dw, out);
    }
  };
  if (which != pass::backward_weights) {
    spankey::parallel_for(parts, [&](index_t part) { run_part(part, nullptr); });
    return;
  }
  const index_t size = p.weight_size();
  spankey::parallel_for(sums, [&](index_t sum) {
    for (index_t part = parts * sum / sums; part < parts * (sum + 1) / sums; ++part) {
      run_part(part, partial.data() + sum * size);
    }
  });
  for (std::size_t i = 0; i < partial.size(); ++i) t.w[i % t.w.size()] += partial[i];
}

/// Norm of the difference over norm of the peer's result.
template <class T>
double disagreement(pass which, const conv2d_problem& p) {
  tensors<T> ours = make_tensors<T>(p);
  tensors<float> theirs{as_floats(ours.x), as_floats(ours.y), ours.w, {}};
  run_direct(which, p, ours);
  run_im2col(which, p, theirs);
  const std::vector<float> found = result(which, ours), wanted = result(which, theirs);
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double expected = wanted[i];
    difference += std::pow(found[i] - expected, 2);
    norm += expected * expected;
  }
  return std::sqrt(difference / norm);
}

template <class T>
constexpr bool is_bf16 = std::is_same_v<T, bf16>;

template <class T>
double machine_peak() {
  static const double flops = peak::peak_flops(
      spankey::active_isa(), is_bf16<T> ? peak::matrix_input::bf16 : peak::matrix_input::fp32);
  return flops;
}

template <class T, class Run>
void measure(benchmark::State& state, pass which, const conv2d_problem& p, const Run& run) {
  const double error = disagreement<T>(which, p);
  // bf16 keeps 8 bits: its rounding of weights and results is worth 0.3 %.
  if (!(error < (is_bf16<T> ? 1e-2 : 1e-5))) {
    state.SkipWithError(("disagrees with im2col and BLAS by " + std::to_string(error)).c_str());
    return;
  }
  tensors<T> t = make_tensors<T>(p);
  run(which, p, t);
  const double peak = machine_peak<T>();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    run(which, p, t);
    benchmark::ClobberMemory();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = p.flops() * static_cast<double>(state.iterations()) / seconds;
  state.counters["FLOP/s"] = rate;
  if (peak == 0) return;
  state.counters["share_of_peak"] = rate / peak;
  state.counters["peak_FLOP/s"] = peak;
}

template <class T>
void register_precision(const std::string& precision) {
  constexpr index_t samples = 128;
  struct layer {
    index_t in, out, size, kernel, stride;
  };
  for (const layer& l : {layer{3, 64, 32, 3, 1}, layer{64, 64, 32, 3, 1}, layer{64, 128, 32, 3, 2},
                         layer{64, 128, 32, 1, 2}, layer{128, 128, 16, 3, 1}, layer{128, 256, 16, 3, 2},
                         layer{128, 256, 16, 1, 2}, layer{256, 256, 8, 3, 1}, layer{256, 512, 8, 3, 2},
                         layer{256, 512, 8, 1, 2}, layer{512, 512, 4, 3, 1}}) {
    const conv2d_problem p{samples,
                           {l.in, l.size, l.size},
                           {l.out, l.size / l.stride, l.size / l.stride},
                           l.kernel,
                           l.stride,
                           l.kernel / 2};
    const std::string shape = std::to_string(l.in) + "->" + std::to_string(l.out) + "/" +
                              std::to_string(l.size) + "x" + std::to_string(l.size) + "/k" +
                              std::to_string(l.kernel) + "s" + std::to_string(l.stride);
    const auto add = [&](const std::string& name, pass which, auto run) {
      const auto body = [=](benchmark::State& state) { measure<T>(state, which, p, run); };
      benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMillisecond);
    };
    const auto add_pass = [&](const std::string& name, pass which) {
      const std::string whole = name + precision + "/" + shape;
      add(whole + "/direct", which, &run_direct<T>);
      if constexpr (!is_bf16<T>) add(whole + "/im2col_blas", which, &run_im2col);
    };
    add_pass("forward/", pass::forward);
    add_pass("backward_data/", pass::backward_data);
    add_pass("backward_weights/", pass::backward_weights);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::AddCustomContext("backend", "cpu");
  benchmark::AddCustomContext("kernels", std::string(spankey::name_of(spankey::active_isa())));
  benchmark::AddCustomContext("blas", spankey::cpu::blas_description());
  benchmark::AddCustomContext("threads", std::to_string(spankey::thread_count()));
  register_precision<float>("fp32");
  register_precision<bf16>("bf16");
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
