// Batch norm, reference: two groups of two rows by hand, running statistics in group order, evaluation.
#include "spankey/backend/reference/batch_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using kernels = spankey::batch_norm_kernels<spankey::backend::reference, double>;
using spankey::activation;

TEST_CASE("reference batch norm: groups are normalised apart; running statistics follow in group order") {
  const spankey::batch_norm_problem p{2, 2, 1, 0.5, 0.0};
  const std::vector<double> x{1, 3, 10, 30}, gamma{2}, beta{1}, residual{0.25, 0.25, 0.25, -8};
  std::vector<double> running_mean{0}, running_variance{1}, mean(2), rstd(2), y(4);
  kernels::forward_training(p, activation::relu,
                            {x.data(), gamma.data(), beta.data(), residual.data(), running_mean.data(),
                             running_variance.data(), mean.data(), rstd.data(), y.data()},
                            nullptr);
  CHECK(mean == std::vector<double>{2, 20});
  CHECK(rstd[0] == doctest::Approx(1.0));
  CHECK(rstd[1] == doctest::Approx(0.1));
  CHECK(y[0] == doctest::Approx(0));  // -2 + 1 + 0.25 < 0
  CHECK(y[1] == doctest::Approx(3.25));
  CHECK(y[2] == doctest::Approx(0));
  CHECK(y[3] == doctest::Approx(0));                      // 2 + 1 - 8
  CHECK(running_mean[0] == doctest::Approx(10.5));        // 0 -> 1 -> 10.5
  CHECK(running_variance[0] == doctest::Approx(100.75));  // unbiased: 1 -> 1.5 -> (1.5 + 200) / 2

  std::vector<double> evaluated(4);
  kernels::forward_evaluation(p, activation::identity,
                              {x.data(), gamma.data(), beta.data(), nullptr, running_mean.data(),
                               running_variance.data(), mean.data(), rstd.data(), evaluated.data()},
                              nullptr);
  CHECK(evaluated[2] == doctest::Approx(2 * (10 - 10.5) / std::sqrt(100.75) + 1));
  CHECK(mean == std::vector<double>{10.5, 10.5});  // for a backward pass
  CHECK(running_mean[0] == doctest::Approx(10.5));
}

TEST_CASE("reference batch norm: rows that stand for several count so in the unbiased variance") {
  const spankey::batch_norm_problem p{1, 2, 1, 1.0, 0.0, 1, 3};
  const std::vector<double> x{1, 3}, gamma{1}, beta{0};
  std::vector<double> running_mean{0}, running_variance{0}, mean(1), rstd(1), y(2);
  kernels::forward_training(p, activation::identity,
                            {x.data(), gamma.data(), beta.data(), nullptr, running_mean.data(),
                             running_variance.data(), mean.data(), rstd.data(), y.data()},
                            nullptr);
  CHECK(rstd[0] == doctest::Approx(1));                // biased variance 1, however often each is there
  CHECK(running_variance[0] == doctest::Approx(1.2));  // of 1, 1, 1, 3, 3, 3
}

TEST_CASE("reference batch norm: the mask reaches dy, dx sums to zero, dgamma and dbeta add up") {
  const spankey::batch_norm_problem p{1, 3, 1, 0.1, 0.0};
  const std::vector<double> x{-1, 0, 1}, y{0, 1, 2}, gamma{1}, mean{0}, rstd{std::sqrt(1.5)};
  std::vector<double> dy{5, 1, 2}, dgamma{10}, dbeta{20}, dx(3);
  kernels::backward(p, activation::relu,
                    {x.data(), y.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), dgamma.data(),
                     dbeta.data(), dx.data()},
                    nullptr);
  CHECK(dy == std::vector<double>{0, 1, 2});
  CHECK(dgamma[0] == doctest::Approx(10 + 2 * std::sqrt(1.5)));
  CHECK(dbeta[0] == doctest::Approx(23));
  // dx = rstd (g - 1 - xhat * 2 rstd / 3), xhat = x rstd, rstd^2 = 1.5
  CHECK(dx[0] == doctest::Approx(std::sqrt(1.5) * (0 - 1 + 1)));
  CHECK(dx[1] == doctest::Approx(0));
  CHECK(dx[2] == doctest::Approx(std::sqrt(1.5) * (2 - 1 - 1)));
}

TEST_CASE("reference batch norm: no scale is 1, no shift 0, and what is not wanted is not written") {
  const spankey::batch_norm_problem p{1, 3, 1};
  const std::vector<double> x{-1, 0.5, 4}, one{1}, zero{0};
  std::vector<double> rm{0}, rv{1}, mean(1), rstd(1), y(3), bare(3);
  const auto forward = [&](const double* gamma, const double* beta, std::vector<double>& to) {
    kernels::forward_training(
        p, activation::identity,
        {x.data(), gamma, beta, nullptr, rm.data(), rv.data(), mean.data(), rstd.data(), to.data()}, nullptr);
  };
  forward(one.data(), zero.data(), y);
  forward(nullptr, nullptr, bare);
  CHECK(bare == y);
  std::vector<double> dgamma{7}, dbeta{8}, dx(3), bare_dx(3);
  const auto backward = [&](const double* gamma, double* dg, double* db, std::vector<double>& to) {
    std::vector<double> dy{1, -2, 0.25};
    kernels::backward(p, activation::identity,
                      {x.data(), y.data(), gamma, mean.data(), rstd.data(), dy.data(), dg, db, to.data()},
                      nullptr);
  };
  backward(one.data(), nullptr, nullptr, dx);
  backward(nullptr, dgamma.data(), dbeta.data(), bare_dx);
  CHECK(bare_dx == dx);
  CHECK(dgamma[0] == 7);
  CHECK(dbeta[0] == doctest::Approx(7.25));
}
