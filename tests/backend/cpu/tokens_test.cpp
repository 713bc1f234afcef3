// Tokens and positions on the CPU agree with reference<double>: every channel tail, no samples, with and without a class
// token, accumulation, any number of threads; float, bf16.
#include "spankey/backend/cpu/tokens.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/tokens.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::tokens_problem;
template <class T>
using kernels = spankey::tokens_kernels<spankey::backend::cpu, T>;
using reference = spankey::tokens_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const tokens_problem& p) {
  CAPTURE(p.samples);
  CAPTURE(p.tokens);
  CAPTURE(p.channels);
  CAPTURE(p.class_token);
  const index_t size = p.samples * p.tokens * p.channels;
  const std::vector<T> x = values<T>(p.samples * p.inputs() * p.channels, 1), dy = values<T>(size, 2);
  const std::vector<float> first = values(p.channels, 3), positions = values(p.tokens * p.channels, 4);
  std::vector<T> y(dy.size(), T(9.0F)), dx(x.size(), T(9.0F)),
      all = dy, one(static_cast<std::size_t>(p.samples * p.channels));
  std::vector<float> dfirst = first, dpositions = positions;
  const std::vector<double> wx = widened(x), wdy = widened(dy), wf = widened(first), wp = widened(positions);
  std::vector<double> ey(y.size()), edx(x.size()), edf = wf, edp = wp, eall(dy.size()), eone(one.size());
  kernels<T>::forward(p, x.data(), first.data(), positions.data(), y.data());
  reference::forward(p, wx.data(), wf.data(), wp.data(), ey.data());
  CHECK(difference(y, ey) < 1e-7);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p, dy.data(), dfirst.data(), dpositions.data(), dx.data());
    reference::backward(p, wdy.data(), edf.data(), edp.data(), edx.data());
  }
  const double of_sum = 1e-6 * (1 + std::sqrt(static_cast<double>(p.samples)));
  CHECK(difference(dfirst, edf) < of_sum);
  CHECK(difference(dpositions, edp) < of_sum);
  CHECK(difference(dx, edx) == 0);
  kernels<T>::backward(p, dy.data(), nullptr, nullptr, dx.data());
  CHECK(difference(dx, edx) == 0);
  const index_t token = p.tokens / 2;
  kernels<T>::take(p, token, dy.data(), one.data());
  reference::take(p, token, wdy.data(), eone.data());
  CHECK(difference(one, eone) == 0);
  kernels<T>::put(p, token, one.data(), all.data());
  reference::put(p, token, eone.data(), eall.data());
  CHECK(difference(all, eall) == 0);
}

}  // namespace

TEST_CASE_TEMPLATE("tokens: tails, with and without a class token", T, float, bf16) {
  for_each_isa([] {
    for (const index_t channels : {1, 3, 16, 19, 64, 192})
      for (const index_t samples : {0, 1, 3, 17})
        for (const index_t tokens : {1, 5, 65})
          for (const bool class_token : {false, true})
            check_agreement<T>({samples, tokens, channels, class_token});
    check_agreement<T>({3, 40, 1000, true});
  });
}

TEST_CASE_TEMPLATE("tokens: the same bits for any number of threads", T, float, bf16) {
  const tokens_problem p{37, 9, 50, true};
  const std::vector<T> dy = values<T>(37 * 9 * 50, 1);
  check_thread_independence([&] {
    std::vector<float> all(50 + 9 * 50);
    kernels<T>::backward(p, dy.data(), all.data(), all.data() + 50, nullptr);
    return all;
  });
}
