// Whitening: the filters of a first convolution from the training images themselves, so that its outputs are uncorrelated.
//
// p: the windows of k x k x C pixels of the images, as the network sees them; S = mean of p p^T; S = V diag(l) V^T. Filter j
// is v_j / sqrt(l_j + epsilon), and filter j + kkC its negative, so that an activation behind it sees both signs: the
// convolution has 2 kkC outputs. Such a layer stays as it is: its weights' group has rate 0.
// Source: Coates and Ng, "Learning feature representations with k-means", 2012; in this form Jordan, "94 % on CIFAR-10 in
// 3.29 seconds on a single GPU", 2024.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/data/sample_writer.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

struct whitening_options {
  index_t images = 5000;  // the first ones of the data set, at most all
  double epsilon = 5e-4;
};

/// Eigenvalues of the symmetric n x n matrix `a`, ascending, and in the rows of `vectors` (n x n) the unit vectors that belong
/// to them. Cyclic Jacobi rotations; `a` is overwritten.
inline std::vector<double> symmetric_eigenvalues(std::vector<double>& a, index_t n,
                                                 std::vector<double>& vectors) {
  const auto at = [n](std::vector<double>& m, index_t i, index_t j) -> double& {
    return m[static_cast<std::size_t>(i * n + j)];
  };
  std::vector<double> v(static_cast<std::size_t>(n * n), 0.0);  // eigenvectors in its columns
  for (index_t i = 0; i < n; ++i) at(v, i, i) = 1;
  double off = 1, all = 1;
  for (int sweep = 0; sweep < 64 && off > 1e-30 * all; ++sweep) {
    for (index_t p = 0; p < n; ++p) {
      for (index_t q = p + 1; q < n; ++q) {
        if (at(a, p, q) == 0) continue;
        const double theta = (at(a, q, q) - at(a, p, p)) / (2 * at(a, p, q));
        const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        const auto turn = [&](double& x, double& y) {
          const double from = x;
          x = c * from - s * y;
          y = s * from + c * y;
        };
        for (index_t k = 0; k < n; ++k) turn(at(a, k, p), at(a, k, q));
        for (index_t k = 0; k < n; ++k) turn(at(a, p, k), at(a, q, k));
        for (index_t k = 0; k < n; ++k) turn(at(v, k, p), at(v, k, q));
      }
    }
    off = all = 0;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) (i == j ? all : off) += at(a, i, j) * at(a, i, j);
  }
  std::vector<index_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index_t{0});
  std::sort(order.begin(), order.end(), [&](index_t i, index_t j) { return at(a, i, i) < at(a, j, j); });
  std::vector<double> values;
  vectors.clear();
  for (const index_t i : order) {
    values.push_back(at(a, i, i));
    for (index_t k = 0; k < n; ++k) vectors.push_back(at(v, k, i));
  }
  return values;
}

/// Mean of p p^T over all windows of `kernel` x `kernel` pixels of the first `images` samples; p is in memory order (H, W, C).
template <class Data>
std::vector<double> window_moments(const Data& data, index_t images, index_t kernel) {
  const extents sample(data.sample);
  const index_t n = kernel * kernel * sample.channels, row = kernel * sample.channels;
  const index_t across = sample.width - kernel + 1, down = sample.height - kernel + 1;
  const sample_writer<Data, float> writer(data, "whiten");
  std::vector<float> x(static_cast<std::size_t>(sample.size()));
  std::vector<double> p(static_cast<std::size_t>(n)), sums(static_cast<std::size_t>(n * n), 0.0);
  for (index_t image = 0; image < images; ++image) {
    writer.write(image, x.data());
    for (index_t window = 0; window < across * down; ++window) {
      const float* const corner =
          x.data() + (window / across * sample.width + window % across) * sample.channels;
      for (index_t i = 0; i < n; ++i)
        p[static_cast<std::size_t>(i)] =
            static_cast<double>(corner[i / row * sample.width * sample.channels + i % row]);
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j <= i; ++j)
          sums[static_cast<std::size_t>(i * n + j)] +=
              p[static_cast<std::size_t>(i)] * p[static_cast<std::size_t>(j)];
    }
  }
  const double windows = static_cast<double>(images * across * down);
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j <= i; ++j)
      sums[static_cast<std::size_t>(j * n + i)] = sums[static_cast<std::size_t>(i * n + j)] /= windows;
  return sums;
}

/// Overwrites the filters of the convolution `layer` of `model`, which reads the samples of `data`. Errors: train.141 no
/// convolution of that name with k x k windows of C channels and 2 k k C outputs, train.142 no image, memory.105 no arena.
template <class Model, class Data>
void whiten(Model& model, std::string_view layer, const Data& data, const whitening_options& options = {}) {
  using T = typename Model::master;
  require_writable(model, "whiten");
  const extents sample(data.sample);
  const index_t images = std::min(options.images, data.size());
  if (images < 1) fail("train.142", "whiten", "found ", images, " images, expected at least 1");
  bool found = false;
  model.for_each_parameter([&](const scope& name, parameter<T>& p) {
    const parameter_extents& d = p.dims;
    const index_t n = d.i * d.h * d.w;
    if (std::string_view(name.str()) != std::string(layer) + ".weight") return;
    if (d.file_rank != 4 || d.i != sample.channels || d.h != d.w || d.o != 2 * n || d.h > sample.height ||
        d.w > sample.width)
      return;
    found = true;
    std::vector<double> moments = window_moments(data, images, d.h), vectors;
    const std::vector<double> values = symmetric_eigenvalues(moments, n, vectors);
    memory_of_model<Model>::write(p.value.data, d.size(), [&](T* w) {
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j < n; ++j) {
          const double filter =
              vectors[static_cast<std::size_t>(j * n + i)] /
              std::sqrt(std::max(0.0, values[static_cast<std::size_t>(j)]) + options.epsilon);
          w[i * d.o + j] = static_cast<T>(filter);
          w[i * d.o + n + j] = static_cast<T>(-filter);
        }
    });
  });
  if (!found)
    fail("train.141", "whiten", "found no convolution ", layer, " with as many outputs as twice the ",
         sample.channels, " channels times its window");
  mark_written(model);
}

}  // namespace spankey
