// Batch norm on the device agrees with reference<double>: groups, rows, channels with and without whole packs, both
// activations, residual, evaluation, recomputation, dx in place of dy, accumulation, repeats, copies, NaN; float and bf16.
#include "spankey/backend/cuda/batch_norm.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/batch_norm.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::activation;
using spankey::batch_norm_problem;
using spankey::bf16;
template <class T>
using kernels = spankey::batch_norm_kernels<spankey::backend::cuda, T>;
using reference = spankey::batch_norm_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const batch_norm_problem& p, activation act, bool with_residual, double offset = 0.5) {
  CAPTURE(p.groups);
  CAPTURE(p.rows);
  CAPTURE(p.channels);
  CAPTURE(with_residual);
  CAPTURE(act == activation::relu);
  const index_t size = p.groups * p.rows * p.channels, statistics = p.groups * p.channels;
  const auto whole = static_cast<std::size_t>(size), small = static_cast<std::size_t>(statistics);
  const std::vector<T> x = values<T>(size, 1, offset, 1.5), residual = values<T>(size, 2),
                       dy = values<T>(size, 6);
  const std::vector<float> gamma = values(p.channels, 3, 1, 0.3), beta = values(p.channels, 4),
                           mean0 = values(p.channels, 5);
  const tensor<T> on_x(x), on_r(residual), y(size, T(9.0F)), on_dy(dy), dx(size, T(9.0F));
  const tensor<float> on_gamma(gamma), on_beta(beta), running_mean(mean0),
      running_variance(p.channels, 0.75F), mean(statistics, 9.0F), rstd(statistics, 9.0F), dgamma(gamma),
      dbeta(beta), scratch(kernels<T>::scratch_size({1, p.groups * p.rows, p.channels}), 9.0F);
  const spankey::batch_norm_forward_operands<T> f{on_x.data(),
                                                  on_gamma.data(),
                                                  on_beta.data(),
                                                  with_residual ? on_r.data() : nullptr,
                                                  running_mean.data(),
                                                  running_variance.data(),
                                                  mean.data(),
                                                  rstd.data(),
                                                  y.data()};
  std::vector<double> wx = widened(x), wr = widened(residual), wg = widened(gamma), wb = widened(beta),
                      rm = widened(mean0), rv(gamma.size(), 0.75), em(small), es(small), ey(whole),
                      edy = widened(dy), edx(whole), edg = widened(gamma), edb = widened(beta);
  const spankey::batch_norm_forward_operands<double> e{
      wx.data(), wg.data(), wb.data(), with_residual ? wr.data() : nullptr, rm.data(), rv.data(),
      em.data(), es.data(), ey.data()};
  kernels<T>::forward_training(p, act, f, scratch.data());
  reference::forward_training(p, act, e, nullptr);
  CHECK(difference(mean.host(), em) < 1e-6);
  CHECK(difference(rstd.host(), es) < 2e-6);
  CHECK(difference(running_mean.host(), rm) < 1e-6);
  CHECK(difference(running_variance.host(), rv) < 2e-6);
  const double sharpness = (1 + std::abs(offset)) * std::max(1.0, *std::max_element(es.begin(), es.end()));
  CHECK(difference(y.host(), ey) < 2e-6 * sharpness);
  const std::vector<T> first = y.host();
  kernels<T>::reapply(p, act, f, scratch.data());
  CHECK(same_bits(y.host(), first));

  // The mask is the device's own y: where y rounds to 0, only the sign of a zero differs.
  std::vector<double> masked_y = widened(first);
  const spankey::batch_norm_backward_operands<T> b{on_x.data(),   y.data(),     on_gamma.data(),
                                                   mean.data(),   rstd.data(),  on_dy.data(),
                                                   dgamma.data(), dbeta.data(), dx.data()};
  const spankey::batch_norm_backward_operands<double> eb{wx.data(),  masked_y.data(), wg.data(),
                                                         em.data(),  es.data(),       edy.data(),
                                                         edg.data(), edb.data(),      edx.data()};
  reference::backward(p, act, eb, nullptr);
  const tensor<T> in_place(dy);
  kernels<T>::backward(p, act, b, scratch.data());
  const double tolerance = 1e-5 * sharpness * std::max(1.0, *std::max_element(es.begin(), es.end()));
  CHECK(difference(dx.host(), edx) < tolerance);
  CHECK(difference(on_dy.host(), edy) < 1e-6);
  CHECK(difference(dgamma.host(), edg) < tolerance);
  CHECK(difference(dbeta.host(), edb) < 1e-5);
  spankey::batch_norm_backward_operands<T> same = b;
  same.dy = same.dx = in_place.data();
  kernels<T>::backward(p, act, same, scratch.data());
  CHECK(same_bits(in_place.host(), dx.host()));

  kernels<T>::forward_evaluation(p, act, f, scratch.data());
  reference::forward_evaluation(p, act, e, nullptr);
  CHECK(difference(y.host(), ey) < 5e-6);
  batch_norm_problem fixed = p;
  fixed.fixed = true;
  std::vector<double> evaluated = widened(y.host());
  const tensor<T> new_dy(dy);
  std::vector<double> expected_dy = widened(dy);
  spankey::batch_norm_backward_operands<T> fb = b;
  fb.dy = new_dy.data();
  spankey::batch_norm_backward_operands<double> feb = eb;
  feb.y = evaluated.data(), feb.dy = expected_dy.data();
  kernels<T>::backward(fixed, act, fb, scratch.data());
  reference::backward(fixed, act, feb, nullptr);
  CHECK(difference(dx.host(), edx) < 1e-5);
  CHECK(difference(new_dy.host(), expected_dy) < 1e-6);
}

}  // namespace

TEST_CASE_TEMPLATE("cuda batch_norm: agrees with the reference", T, float, bf16) {
  for (const index_t groups : {1, 2, 3})
    for (const index_t rows : {2, 63, 200})
      for (const index_t channels : {3, 16})
        for (const bool with_residual : {false, true})
          check_agreement<T>({groups, rows, channels}, groups == 2 ? activation::identity : activation::relu,
                             with_residual);
  check_agreement<T>({2, 5000, 8}, activation::relu, false);  // several chunks
  check_agreement<T>({1, 70, 520}, activation::relu, true);   // several blocks of channels
  check_agreement<T>({1, 40, 16, 0.1, 1e-5, 3}, activation::relu, false);
  check_agreement<T>({.groups = 1, .rows = 3, .channels = 17, .copies = 3}, activation::relu, true);
}
TEST_CASE("cuda batch_norm: statistics far from 0 keep their digits") {
  check_agreement<float>({1, 1000, 8}, activation::identity, false, 100);
}
TEST_CASE("cuda batch_norm: a NaN stays a NaN, in its channel") {
  const batch_norm_problem p{1, 10, 8};
  std::vector<float> x = values(80, 1);
  x[19] = std::numeric_limits<float>::quiet_NaN();  // channel 3
  const tensor<float> on_x(x), y(80, 0.0F), ones(8, 1.0F), zeros(8, 0.0F), rm(8, 0.0F), rv(8, 1.0F),
      mean(8, 0.0F), rstd(8, 0.0F), scratch(kernels<float>::scratch_size(p), 0.0F);
  kernels<float>::forward_training(p, activation::relu,
                                   {on_x.data(), ones.data(), zeros.data(), nullptr, rm.data(), rv.data(),
                                    mean.data(), rstd.data(), y.data()},
                                   scratch.data());
  const std::vector<float> found = y.host();
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::isnan(found[i]) == (i % 8 == 3));
}
TEST_CASE_TEMPLATE("cuda batch_norm: without a scale and a shift of its own it is that of 1 and 0", T, float,
                   bf16) {
  for (const index_t channels : {3, 16}) {
    const batch_norm_problem p{2, 20, channels};
    const index_t size = p.groups * p.rows * channels;
    const tensor<T> x(values<T>(size, 1)), y(size, T(9.0F)), bare(size, T(9.0F)), dy(values<T>(size, 2)),
        dx(size, T(9.0F)), bare_dx(size, T(9.0F));
    const tensor<float> ones(channels, 1.0F), zeros(channels, 0.0F), rm(channels, 0.0F), rv(channels, 1.0F),
        mean(2 * channels, 9.0F), rstd(2 * channels, 9.0F), dgamma(channels, 3.0F), dbeta(channels, 3.0F),
        scratch(kernels<T>::scratch_size({1, p.groups * p.rows, channels}), 9.0F);
    spankey::batch_norm_forward_operands<T> f{x.data(),  ones.data(), zeros.data(), nullptr, rm.data(),
                                              rv.data(), mean.data(), rstd.data(),  y.data()};
    kernels<T>::forward_training(p, activation::identity, f, scratch.data());
    f.gamma = f.beta = nullptr;
    f.y = bare.data();
    kernels<T>::forward_training(p, activation::identity, f, scratch.data());
    CHECK(same_bits(bare.host(), y.host()));
    spankey::batch_norm_backward_operands<T> b{x.data(),  y.data(), ones.data(), mean.data(), rstd.data(),
                                               dy.data(), nullptr,  nullptr,     dx.data()};
    kernels<T>::backward(p, activation::identity, b, scratch.data());
    b.gamma = nullptr;
    b.dgamma = dgamma.data();
    b.dbeta = dbeta.data();
    b.dx = bare_dx.data();
    kernels<T>::backward(p, activation::identity, b, scratch.data());
    CHECK(same_bits(bare_dx.host(), dx.host()));
    CHECK(dgamma.host() == std::vector<float>(static_cast<std::size_t>(channels), 3.0F));
    CHECK(dbeta.host()[0] != 3.0F);
  }
}
