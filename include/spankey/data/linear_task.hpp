// The synthetic linear data set of the MLP experiment: 20 Gaussian features, 5 classes, no file.
//
//   x ~ N(0, I), label = argmax_k (W x + b)_k,  W (5 x 20) and b (5) ~ N(0, 1)
// W and b, the teacher, are a function of the seed alone, sample i one of (seed, i): training and test part have the
// teacher in common and no sample. A linear map tells all classes apart; they are not equally frequent (the rarest has
// 6 to 19 % of the samples, the most frequent 22 to 40 %, by seed). The published experiment names no generator: this
// one is ours.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

inline constexpr index_t linear_task_features = 20;
inline constexpr index_t linear_task_classes = 5;
/// First index of the test part; training samples come before it.
inline constexpr index_t linear_task_test_begin = index_t{1} << 30;

/// What gives the labels.
struct linear_teacher {
  std::array<std::array<double, linear_task_features>, linear_task_classes> w;
  std::array<double, linear_task_classes> b;

  /// The class of one sample's features; the first one where several are equal.
  [[nodiscard]] int label(const float* x) const {
    int best = 0;
    double most = 0;
    for (std::size_t k = 0; k < b.size(); ++k) {
      double score = b[k];
      for (std::size_t j = 0; j < w[k].size(); ++j) score += w[k][j] * static_cast<double>(x[j]);
      if (k == 0 || score > most) {
        best = static_cast<int>(k);
        most = score;
      }
    }
    return best;
  }
};

/// The teacher of `seed`.
inline linear_teacher draw_linear_teacher(std::uint64_t seed) {
  const random_source source(seed, stream::linear_task, 0);
  linear_teacher teacher{};
  std::uint64_t drawn = 0;
  for (auto& row : teacher.w)
    for (double& weight : row) weight = source.gaussian(drawn++);
  for (double& bias : teacher.b) bias = source.gaussian(drawn++);
  return teacher;
}

/// The first `count` samples of a part. Error data.161 unless 1 <= count <= linear_task_test_begin - 1.
inline feature_dataset make_linear_task(index_t count, std::uint64_t seed, split part) {
  if (count < 1 || count >= linear_task_test_begin) {
    fail("data.161", "linear task", "found ", count, " samples, expected 1 to ", linear_task_test_begin - 1);
  }
  feature_dataset data;
  data.name = "linear_task";
  data.sample = {linear_task_features, 1, 1};
  data.classes = linear_task_classes;
  data.values.resize(static_cast<std::size_t>(count * linear_task_features));
  data.labels.resize(static_cast<std::size_t>(count));
  const linear_teacher teacher = draw_linear_teacher(seed);
  const random_source source(seed, stream::linear_task, 1);
  const index_t begin = part == split::train ? index_t{0} : linear_task_test_begin;
  parallel_for(count, [&](index_t i) {
    float* x = data.values.data() + i * linear_task_features;
    const auto first = static_cast<std::uint64_t>((begin + i) * linear_task_features);
    for (std::uint64_t j = 0; j < linear_task_features; ++j)
      x[j] = static_cast<float>(source.gaussian(first + j));
    data.labels[static_cast<std::size_t>(i)] = static_cast<class_label>(teacher.label(x));
  });
  return data;
}

}  // namespace spankey
