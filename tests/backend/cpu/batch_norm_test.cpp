// Batch norm on the CPU agrees with reference<double>: groups, rows, every channel tail, both activations,
// with and without residual, evaluation, dx in place of dy, accumulation, NaN, any number of threads; float, bf16.
#include "spankey/backend/cpu/batch_norm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "agreement.hpp"
#include "error_probe.hpp"
#include "spankey/backend/reference/batch_norm.hpp"

namespace {

using namespace agreement;
using spankey::activation;
using spankey::batch_norm_problem;
using spankey::bf16;
using spankey::master_t;
template <class T>
using kernels = spankey::batch_norm_kernels<spankey::backend::cpu, T>;
using reference = spankey::batch_norm_kernels<spankey::backend::reference, double>;

// Every tensor of one layer.
template <class T>
struct tensors {
  std::vector<T> x, residual;
  std::vector<master_t<T>> gamma, beta, running_mean, running_variance, mean, rstd;
  std::vector<T> y, dy;
  std::vector<master_t<T>> dgamma, dbeta;
  std::vector<T> dx;
  std::vector<master_t<T>> scratch;
  bool with_residual = false;

  spankey::batch_norm_forward_operands<T> forward_operands() {
    return {x.data(),
            gamma.data(),
            beta.data(),
            with_residual ? residual.data() : nullptr,
            running_mean.data(),
            running_variance.data(),
            mean.data(),
            rstd.data(),
            y.data()};
  }
  spankey::batch_norm_backward_operands<T> backward_operands() {
    return {x.data(),  y.data(),      gamma.data(), mean.data(), rstd.data(),
            dy.data(), dgamma.data(), dbeta.data(), dx.data()};
  }
};

template <class T>
tensors<T> make_tensors(const batch_norm_problem& p, bool with_residual, double offset) {
  const index_t size = p.groups * p.rows * p.channels;
  tensors<T> t;
  t.x = values<T>(size, 1, offset, 1.5);
  t.residual = values<T>(size, 2);
  t.gamma = values(p.channels, 3, 1, 0.3);
  t.beta = values(p.channels, 4);
  t.running_mean = values(p.channels, 5);
  t.running_variance = std::vector<float>(t.gamma.size(), 0.75F);
  t.mean = t.rstd = std::vector<float>(static_cast<std::size_t>(p.groups * p.channels), 9.0F);
  t.y = t.dx = std::vector<T>(t.x.size(), T(9.0F));
  t.dy = values<T>(size, 6);
  t.dgamma = values(p.channels, 7);
  t.dbeta = values(p.channels, 8);
  t.scratch = std::vector<float>(static_cast<std::size_t>(kernels<T>::scratch_size(p)), 9.0F);
  t.with_residual = with_residual;
  return t;
}

template <class T>
tensors<double> widened(const tensors<T>& t) {
  using agreement::widened;
  return {widened(t.x),
          widened(t.residual),
          widened(t.gamma),
          widened(t.beta),
          widened(t.running_mean),
          widened(t.running_variance),
          widened(t.mean),
          widened(t.rstd),
          widened(t.y),
          widened(t.dy),
          widened(t.dgamma),
          widened(t.dbeta),
          widened(t.dx),
          {},
          t.with_residual};
}

template <class T>
void check_agreement(const batch_norm_problem& p, activation act, bool with_residual, double offset = 0.5) {
  CAPTURE(p.groups);
  CAPTURE(p.rows);
  CAPTURE(p.channels);
  CAPTURE(static_cast<int>(act));
  CAPTURE(with_residual);
  tensors<T> t = make_tensors<T>(p, with_residual, offset);
  tensors<double> e = widened(t);
  kernels<T>::forward_training(p, act, t.forward_operands(), t.scratch.data());
  reference::forward_training(p, act, e.forward_operands(), nullptr);
  CHECK(difference(t.mean, e.mean) < 1e-6);
  CHECK(difference(t.rstd, e.rstd) < 1e-6);
  CHECK(difference(t.running_mean, e.running_mean) < 1e-6);
  CHECK(difference(t.running_variance, e.running_variance) < 1e-6);
  // A float mean is off by up to 2^-24 of itself, which rstd magnifies: much where two rows lie close.
  const double sharpness =
      (1 + std::abs(offset)) * std::max(1.0, *std::max_element(e.rstd.begin(), e.rstd.end()));
  CAPTURE(sharpness);
  CHECK(difference(t.y, e.y) < 1e-6 * sharpness);

  // The mask is that of the forward tested, whose zeros the double one need not share.
  e.y = agreement::widened(t.y);
  const std::vector<T> dy = t.dy;
  for (int run = 0; run < 2; ++run) {  // dgamma and dbeta accumulate
    t.dy = dy;
    e.dy = agreement::widened(dy);
    kernels<T>::backward(p, act, t.backward_operands(), t.scratch.data());
    reference::backward(p, act, e.backward_operands(), nullptr);
    CHECK(difference(t.dy, e.dy) == 0);
    CHECK(difference(t.dgamma, e.dgamma) < 5e-6 * sharpness);  // of terms that cancel
    CHECK(difference(t.dbeta, e.dbeta) < 1e-5);
    CHECK(difference(t.dx, e.dx) < 2e-6 * sharpness * sharpness);
  }
  const std::vector<T> dx = t.dx;
  t.dy = dy;
  auto in_place = t.backward_operands();
  in_place.dx = in_place.dy;
  kernels<T>::backward(p, act, in_place, t.scratch.data());
  CHECK(same_bits(t.dy, dx));

  // With the running statistics, which do not follow from x.
  batch_norm_problem fixed = p;
  fixed.fixed = true;
  const std::vector<float> running = t.running_mean;
  t.dy = dy;
  e = widened(t);
  kernels<T>::forward_evaluation(fixed, act, t.forward_operands(), t.scratch.data());
  reference::forward_evaluation(fixed, act, e.forward_operands(), nullptr);
  CHECK(difference(t.y, e.y) < 1e-6 * sharpness);
  CHECK(same_bits(t.running_mean, running));
  e.y = agreement::widened(t.y);
  kernels<T>::backward(fixed, act, t.backward_operands(), t.scratch.data());
  reference::backward(fixed, act, e.backward_operands(), nullptr);
  CHECK(difference(t.dy, e.dy) == 0);
  CHECK(difference(t.dgamma, e.dgamma) < 5e-6 * sharpness);
  CHECK(difference(t.dbeta, e.dbeta) < 1e-5);
  CHECK(difference(t.dx, e.dx) < 2e-6 * sharpness);
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm: every channel tail, few rows", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {1, 3, 5, 16, 17, 63, 64, 65, 130})
      for (const index_t rows : {2, 3, 49})
        for (const index_t groups : {1, 3})
          for (const activation act : {activation::identity, activation::relu})
            for (const bool with_residual : {false, true})
              check_agreement<T>({groups, rows, channels}, act, with_residual);
  });
}

TEST_CASE_TEMPLATE("batch norm: rows that stand for several samples", T, float, bf16) {
  for_each_isa([] {
    check_agreement<T>({.groups = 1, .rows = 3, .channels = 17, .copies = 3}, activation::relu, true);
  });
}

TEST_CASE_TEMPLATE("batch norm: several blocks of rows, the last one short", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {1, 3, 16, 17, 64, 65})
      check_agreement<T>({2, 40000 / channels + 7, channels}, activation::relu, true);
    check_agreement<T>({1, 70, 1030}, activation::identity, false);
    check_agreement<T>({1, 5, 17001}, activation::relu, false);  // a row larger than a block
  });
}

TEST_CASE_TEMPLATE("batch norm: statistics stay exact far from zero", T, float, bf16) {
  for_each_isa([] { check_agreement<T>({2, 3001, 17}, activation::identity, false, 100.0); });
}

TEST_CASE_TEMPLATE("batch norm: the variance of a large batch is accurate to 1e-6 of itself", T, float,
                   bf16) {
  for_each_isa([] {
    const batch_norm_problem p{1, 20000, 16};
    tensors<T> t = make_tensors<T>(p, false, 30.0);
    tensors<double> e = widened(t);
    kernels<T>::forward_training(p, activation::relu, t.forward_operands(), t.scratch.data());
    reference::forward_training(p, activation::relu, e.forward_operands(), nullptr);
    for (std::size_t c = 0; c < 16; ++c) {
      CHECK(std::abs(static_cast<double>(t.mean[c]) / e.mean[c] - 1) < 1e-6);
      CHECK(std::abs(static_cast<double>(t.rstd[c]) / e.rstd[c] - 1) < 1e-6);
    }
  });
}

TEST_CASE_TEMPLATE("batch norm: evaluation uses the running statistics and leaves them", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {1, 3, 16, 17, 65})
      for (const bool with_residual : {false, true}) {
        const batch_norm_problem p{3, 11, channels};
        tensors<T> t = make_tensors<T>(p, with_residual, 0.5);
        tensors<double> e = widened(t);
        const std::vector<float> mean = t.running_mean, variance = t.running_variance;
        kernels<T>::forward_evaluation(p, activation::relu, t.forward_operands(), t.scratch.data());
        reference::forward_evaluation(p, activation::relu, e.forward_operands(), nullptr);
        CHECK(difference(t.y, e.y) < 2e-6);
        CHECK(same_bits(t.running_mean, mean));
        CHECK(same_bits(t.running_variance, variance));
      }
  });
}

TEST_CASE_TEMPLATE("batch norm: a NaN stays a NaN, in its channel and group only", T, float, bf16) {
  for_each_isa([] {
    const batch_norm_problem p{2, 20, 17};
    tensors<T> t = make_tensors<T>(p, false, 0);
    t.x[5 * 17 + 3] = T(std::numeric_limits<float>::quiet_NaN());
    kernels<T>::forward_training(p, activation::relu, t.forward_operands(), t.scratch.data());
    CHECK(std::isnan(static_cast<float>(t.y[3])));
    CHECK(std::isnan(t.running_mean[3]));
    CHECK_FALSE(std::isnan(static_cast<float>(t.y[4])));
    CHECK_FALSE(std::isnan(static_cast<float>(t.y[20 * 17 + 3])));
    t.dy[20 * 17 + 8] = T(std::numeric_limits<float>::quiet_NaN());
    t.y[20 * 17 + 8] = T(1.0F);
    kernels<T>::backward(p, activation::relu, t.backward_operands(), t.scratch.data());
    CHECK(std::isnan(static_cast<float>(t.dx[3])));
    CHECK(std::isnan(static_cast<float>(t.dx[20 * 17 + 8])));
    CHECK(std::isnan(t.dgamma[8]));
    CHECK_FALSE(std::isnan(static_cast<float>(t.dx[8])));
    CHECK_FALSE(std::isnan(t.dgamma[4]));
  });
}

TEST_CASE_TEMPLATE("batch norm: the same bits for any number of threads", T, float, bf16) {
  check_thread_independence([] {
    const batch_norm_problem p{3, 4000, 24};
    tensors<T> t = make_tensors<T>(p, true, 0.5);
    kernels<T>::forward_training(p, activation::relu, t.forward_operands(), t.scratch.data());
    kernels<T>::backward(p, activation::relu, t.backward_operands(), t.scratch.data());
    std::vector<float> all;
    for (const auto* part : {&t.y, &t.dy, &t.dx}) all.insert(all.end(), part->begin(), part->end());
    for (const auto* part : {&t.mean, &t.rstd, &t.running_mean, &t.running_variance, &t.dgamma, &t.dbeta})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  });
}

TEST_CASE_TEMPLATE("batch norm: without a scale and a shift of its own it is that of 1 and 0", T, float,
                   bf16) {
  for_each_isa([] {
    for (const index_t channels : {3, 17, 64}) {
      const batch_norm_problem p{2, 49, channels, 0.3, 1e-3};
      tensors<T> t = make_tensors<T>(p, true, 0.5);
      std::fill(t.gamma.begin(), t.gamma.end(), 1.0F);
      std::fill(t.beta.begin(), t.beta.end(), 0.0F);
      tensors<T> without = t;
      const std::vector<float> dgamma = t.dgamma, dbeta = t.dbeta;
      auto forward = without.forward_operands();
      forward.gamma = forward.beta = nullptr;
      kernels<T>::forward_training(p, activation::relu, t.forward_operands(), t.scratch.data());
      kernels<T>::forward_training(p, activation::relu, forward, without.scratch.data());
      CHECK(same_bits(without.y, t.y));
      CHECK(same_bits(without.running_variance, t.running_variance));
      auto backward = without.backward_operands();
      backward.gamma = nullptr;
      kernels<T>::backward(p, activation::relu, t.backward_operands(), t.scratch.data());
      kernels<T>::backward(p, activation::relu, backward, without.scratch.data());
      CHECK(same_bits(without.dx, t.dx));
      CHECK(same_bits(without.dbeta, t.dbeta));
      CHECK(same_bits(without.dgamma, dgamma));  // nobody's
      backward.dgamma = backward.dbeta = nullptr;
      const std::vector<T> dy = values<T>(static_cast<index_t>(t.dy.size()), 6);
      std::copy(dy.begin(), dy.end(), without.dy.begin());
      kernels<T>::backward(p, activation::relu, backward, without.scratch.data());
      CHECK(same_bits(without.dx, t.dx));
      kernels<T>::forward_evaluation(p, activation::relu, t.forward_operands(), t.scratch.data());
      kernels<T>::forward_evaluation(p, activation::relu, forward, without.scratch.data());
      CHECK(same_bits(without.y, t.y));
    }
  });
}

TEST_CASE("batch norm: an activation that is not fused is refused") {
  const batch_norm_problem p{1, 4, 3};
  tensors<float> t = make_tensors<float>(p, false, 0.5);
  for (const activation act : {activation::gelu, activation::gelu_tanh, activation::silu}) {
    CHECK(spankey_test::id_of([&] {
            kernels<float>::forward_evaluation(p, act, t.forward_operands(), t.scratch.data());
          }) == "backend.105");
    CHECK(spankey_test::id_of([&] {
            kernels<float>::backward(p, act, t.backward_operands(), t.scratch.data());
          }) == "backend.105");
  }
}
