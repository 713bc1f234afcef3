// Layer norm on the CPU agrees with reference<double>: every channel tail, few and many rows, without gamma and beta, far
// from zero, dx in place of dy, accumulation, NaN, any number of threads; float, bf16.
#include "spankey/backend/cpu/layer_norm.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/layer_norm.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::layer_norm_problem;
template <class T>
using kernels = spankey::layer_norm_kernels<spankey::backend::cpu, T>;
using reference = spankey::layer_norm_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const layer_norm_problem& p, bool trained, double offset = 0.5) {
  CAPTURE(p.rows);
  CAPTURE(p.channels);
  CAPTURE(trained);
  const index_t size = p.rows * p.channels;
  const std::vector<T> x = values<T>(size, 1, offset, 1.5), dy = values<T>(size, 2);
  const std::vector<float> gamma = values(p.channels, 3, 1, 0.3), beta = values(p.channels, 4);
  std::vector<T> y(x.size(), T(9.0F)), dx = y;
  std::vector<float> mean(static_cast<std::size_t>(p.rows), 9.0F),
      rstd = mean, dgamma = gamma, dbeta = beta,
      scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)) + 1, 9.0F);
  const std::vector<double> wx = widened(x), wdy = widened(dy), wg = widened(gamma), wb = widened(beta);
  std::vector<double> ey(x.size()), edx(x.size()), em(mean.size()), es(mean.size()), edg = wg, edb = wb;
  kernels<T>::forward(p, {x.data(), trained ? gamma.data() : nullptr, trained ? beta.data() : nullptr,
                          y.data(), mean.data(), rstd.data()});
  reference::forward(p, {wx.data(), trained ? wg.data() : nullptr, trained ? wb.data() : nullptr, ey.data(),
                         em.data(), es.data()});
  // A float mean is off by up to 2^-24 of itself, which rstd magnifies.
  double sharpness = 1;
  for (const double s : es) sharpness = std::max(sharpness, s);
  sharpness *= 1 + std::abs(offset);
  CHECK(difference(mean, em) < 1e-6);
  CHECK(difference(rstd, es) < 2e-6 * sharpness);
  CHECK(difference(y, ey) < 2e-6 * sharpness);

  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p,
                         {x.data(), dy.data(), trained ? gamma.data() : nullptr, mean.data(), rstd.data(),
                          dgamma.data(), trained ? dbeta.data() : nullptr, dx.data()},
                         scratch.data());
    reference::backward(p,
                        {wx.data(), wdy.data(), trained ? wg.data() : nullptr, em.data(), es.data(),
                         edg.data(), trained ? edb.data() : nullptr, edx.data()},
                        nullptr);
    const double of_sum = 1e-6 * (1 + std::sqrt(static_cast<double>(p.rows)));
    CHECK(difference(dgamma, edg) < of_sum * sharpness);
    CHECK(difference(dbeta, edb) < of_sum);
    CHECK(difference(dx, edx) < 4e-6 * sharpness * sharpness);
  }
  CHECK(scratch.back() == 9.0F);
  std::vector<T> in_place = dy;
  kernels<T>::backward(p,
                       {x.data(), in_place.data(), trained ? gamma.data() : nullptr, mean.data(), rstd.data(),
                        nullptr, nullptr, in_place.data()},
                       scratch.data());
  CHECK(same_bits(in_place, dx));
}

}  // namespace

TEST_CASE_TEMPLATE("layer norm: every channel tail, few rows", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {2, 3, 5, 16, 17, 33, 63, 64, 65, 130, 384})
      for (const index_t rows : {0, 1, 3, 17})
        for (const bool trained : {true, false}) check_agreement<T>({rows, channels}, trained);
    check_agreement<T>({5, 1, 1e-2}, true);  // a channel is its own mean
  });
}

TEST_CASE_TEMPLATE("layer norm: several blocks, a row larger than one, far from zero", T, float, bf16) {
  for_each_isa([] {
    check_agreement<T>({3000, 65}, true);
    check_agreement<T>({3, 17001}, true);
    check_agreement<T>({50, 96, 1e-6}, true, 100.0);
  });
}

TEST_CASE_TEMPLATE("layer norm: without a mean, as an RMS norm", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {1, 3, 16, 33, 64, 576})
      for (const index_t rows : {1, 3, 300}) check_agreement<T>({rows, channels, 1e-5, false}, true);
    check_agreement<T>({9, 40, 1e-5, false}, false, 20.0);
  });
}

TEST_CASE_TEMPLATE("layer norm: a NaN stays in its row", T, float, bf16) {
  for_each_isa([] {
    const layer_norm_problem p{3, 17};
    std::vector<T> x = values<T>(51, 1), y(51);
    x[20] = T(std::numeric_limits<float>::quiet_NaN());
    std::vector<float> mean(3), rstd(3);
    kernels<T>::forward(p, {x.data(), nullptr, nullptr, y.data(), mean.data(), rstd.data()});
    for (std::size_t i = 0; i < 51; ++i) CHECK(std::isnan(static_cast<float>(y[i])) == (i / 17 == 1));
  });
}

TEST_CASE_TEMPLATE("layer norm: the same bits for any number of threads", T, float, bf16) {
  const layer_norm_problem p{900, 70};
  const std::vector<T> x = values<T>(p.rows * p.channels, 1), dy = values<T>(p.rows * p.channels, 2);
  const std::vector<float> gamma = values(p.channels, 3);
  check_thread_independence([&] {
    std::vector<T> y(x.size()), dx(x.size());
    std::vector<float> mean(900), rstd(900), dgamma(70), dbeta(70),
        scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
    kernels<T>::forward(p, {x.data(), gamma.data(), nullptr, y.data(), mean.data(), rstd.data()});
    kernels<T>::backward(
        p,
        {x.data(), dy.data(), gamma.data(), mean.data(), rstd.data(), dgamma.data(), dbeta.data(), dx.data()},
        scratch.data());
    std::vector<float> all = floats(y);
    for (const T v : dx) all.push_back(static_cast<float>(v));
    for (const auto* part : {&mean, &rstd, &dgamma, &dbeta})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  });
}
