// A student that learns a teacher's answers, and nothing else:
//
//   L = share T^2 KL(p || q) + (1 - share) CE(q at T = 1, the teacher's answer)
// p and q are the softmax of the teacher's and of the student's logits of the classes over T. Source: Hinton et al., 2015.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/attack/held_samples.hpp"
#include "spankey/attack/logit_training.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

struct distilling {
  double temperature = 4, share = 0.9;
  std::uint64_t updates = 1000;
  index_t batch = 64;
  double rate = 1e-3;  // of Adam, with a cosine
  std::uint64_t seed = 0;
};

/// p = softmax(z / temperature), and log p.
struct tempered {
  std::vector<double> p, log_p;

  tempered(const float* z, index_t classes, double temperature) {
    double sum = 0;
    const auto most = static_cast<double>(*std::max_element(z, z + classes));
    for (index_t c = 0; c < classes; ++c) {
      log_p.push_back((static_cast<double>(z[c]) - most) / temperature);
      sum += std::exp(log_p.back());
    }
    for (double& l : log_p) l -= std::log(sum), p.push_back(std::exp(l));
  }
};

/// The mean L of n answers of `classes` logits; overwrites dz with its gradient in the student's.
inline double distilling_loss(const float* student, const float* teacher, index_t n, index_t classes,
                              const distilling& how, float* dz) {
  const double each = 1 / static_cast<double>(n), t = how.temperature;
  double loss = 0;
  for (index_t i = 0; i < n; ++i) {
    const float *const z = student + i * classes, *const y = teacher + i * classes;
    const tempered p(y, classes, t), q(z, classes, t), sharp(z, classes, 1);
    const auto answer = static_cast<std::size_t>(std::max_element(y, y + classes) - y);
    loss -= (1 - how.share) * each * sharp.log_p[answer];
    for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c) {
      loss += how.share * each * t * t * p.p[c] * (p.log_p[c] - q.log_p[c]);
      dz[i * classes + static_cast<index_t>(c)] =
          static_cast<float>(each * (how.share * t * (q.p[c] - p.p[c]) +
                                     (1 - how.share) * (sharp.p[c] - (c == answer ? 1.0 : 0.0))));
    }
  }
  return loss;
}

/// Trains a student with a head of the classes alone, which was initialised, on a teacher's logits (samples, classes). Before:
/// keep_second_moment(student), an arena for the batch. Fails with attack.131 unless there are logits of every sample, and one sample.
template <class Model>
void distil(Model& any_student, const held_samples& samples, std::span<const float> teacher,
            const distilling& how) {
  auto& student = network_of(any_student);
  const index_t classes = student.head();
  if (samples.size() < 1 || static_cast<index_t>(teacher.size()) != samples.size() * classes)
    fail("attack.131", "distil", "found ", teacher.size(), " logits for ", samples.size(), " samples of ",
         classes, " classes");
  std::vector<float> taught;
  train_by_logits(
      student, samples, {how.updates, how.batch, how.rate, how.seed},
      [&](std::span<const index_t> chosen, const float* z, float* dz) {
        taught.clear();
        for (const index_t s : chosen)
          taught.insert(taught.end(), teacher.begin() + s * classes, teacher.begin() + (s + 1) * classes);
        (void)distilling_loss(z, taught.data(), static_cast<index_t>(chosen.size()), classes, how, dz);
      });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
