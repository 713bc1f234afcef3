// Attention on the CPU agrees with reference<double>: every tail of tokens and of channels, several blocks, causal or not,
// scores far from zero, NaN, any number of threads; float, bf16.
#include "spankey/backend/cpu/attention.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/attention.hpp"

namespace {

using namespace agreement;
using spankey::attention_problem;
using spankey::bf16;
template <class T>
using kernels = spankey::attention_kernels<spankey::backend::cpu, T>;
using reference = spankey::attention_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const attention_problem& p, double deviation = 1) {
  CAPTURE(p.samples);
  CAPTURE(p.tokens);
  CAPTURE(p.heads);
  CAPTURE(p.size);
  CAPTURE(p.causal);
  CAPTURE(p.kv_heads);
  const index_t size = p.samples * p.tokens * p.channels(), width = p.samples * p.tokens * p.width();
  const std::vector<T> x = values<T>(width, 1, 0.1, deviation), dy = values<T>(size, 2);
  std::vector<T> y(dy.size(), T(9.0F)), dx(x.size(), T(9.0F));
  std::vector<float> lse(static_cast<std::size_t>(p.rows()), 9.0F),
      scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)) + 1,
              std::numeric_limits<float>::quiet_NaN());
  scratch.back() = 9.0F;
  const std::vector<double> wx = widened(x), wdy = widened(dy);
  std::vector<double> ey(y.size()), el(lse.size()), edx(x.size());
  kernels<T>::forward(p, {x.data(), y.data(), lse.data()}, scratch.data());
  reference::forward(p, {wx.data(), ey.data(), el.data()}, nullptr);
  // An exponential is off by what its argument is, and that by 2^-24 of itself.
  const double sharpness = 1 + deviation * deviation;
  CHECK(difference(lse, el) < 1e-6 * sharpness);
  CHECK(difference(y, ey) < 2e-6 * sharpness);
  // Both read the y that was stored.
  const std::vector<double> wy = widened(y);
  kernels<T>::backward(p, {x.data(), y.data(), dy.data(), lse.data(), dx.data()}, scratch.data());
  reference::backward(p, {wx.data(), wy.data(), wdy.data(), el.data(), edx.data()}, nullptr);
  CHECK(difference(dx, edx) < 1e-5 * sharpness * sharpness);
  CHECK(scratch.back() == 9.0F);
}

}  // namespace

TEST_CASE_TEMPLATE("attention: tails of tokens and channels, one head and several", T, float, bf16) {
  for_each_isa([] {
    for (const bool causal : {false, true})
      for (const index_t tokens : {1, 2, 5, 13, 17, 64, 65})
        for (const index_t size : {1, 3, 8, 20, 64})
          for (const index_t heads : {1, 3})
            check_agreement<T>({tokens < 20 ? 3 : 1, tokens, heads, size, causal});
    check_agreement<T>({0, 5, 2, 8});
    check_agreement<T>({2, 0, 2, 8});
    check_agreement<T>({17, 5, 3, 20, true});
  });
}

TEST_CASE_TEMPLATE("attention: several blocks of queries and keys, wide heads", T, float, bf16) {
  for_each_isa([] {
    for (const bool causal : {false, true}) {
      for (const index_t tokens : {96, 97, 128, 129, 200, 300})
        check_agreement<T>({1, tokens, 2, 16, causal});
      check_agreement<T>({2, 33, 1, 100, causal});
      check_agreement<T>({1, 140, 1, 130, causal});
    }
  });
}

TEST_CASE_TEMPLATE("attention: heads of queries that share keys and values", T, float, bf16) {
  for_each_isa([] {
    for (const bool causal : {false, true})
      for (const index_t kv_heads : {1, 2, 3, 6})
        for (const index_t tokens : {1, 13, 65}) check_agreement<T>({2, tokens, 6, 20, causal, kv_heads});
    check_agreement<T>({1, 140, 9, 64, true, 3});  // several blocks
    check_agreement<T>({30, 5, 9, 8, true, 3});    // more groups than tasks
  });
}

TEST_CASE_TEMPLATE("attention: more heads than tasks; large scores", T, float, bf16) {
  for_each_isa([] {
    check_agreement<T>({40, 6, 5, 8});
    check_agreement<T>({2, 150, 2, 8}, 6);
    check_agreement<T>({2, 150, 2, 8, true}, 6);
  });
}

TEST_CASE_TEMPLATE("attention: a NaN stays in its sample and head", T, float, bf16) {
  for_each_isa([] {
    const attention_problem p{2, 5, 2, 4};
    std::vector<T> x = values<T>(2 * 5 * 24, 1), y(2 * 5 * 8);
    x[5 * 24 + 2 * 24 + 8 + 4 + 1] = T(std::numeric_limits<float>::quiet_NaN());  // a key of sample 1, head 1
    std::vector<float> lse(20), scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
    kernels<T>::forward(p, {x.data(), y.data(), lse.data()}, scratch.data());
    for (std::size_t i = 0; i < y.size(); ++i)
      CHECK(std::isnan(static_cast<float>(y[i])) == (i / 40 == 1 && i % 8 / 4 == 1));
  });
}

TEST_CASE_TEMPLATE("attention: the same bits for any number of threads", T, float, bf16) {
  const attention_problem p{15, 19, 6, 12, true, 3};
  const index_t tokens = p.samples * p.tokens;
  const std::vector<T> x = values<T>(tokens * p.width(), 1), dy = values<T>(tokens * p.channels(), 2);
  check_thread_independence([&] {
    std::vector<T> y(dy.size()), dx(x.size());
    std::vector<float> lse(static_cast<std::size_t>(p.rows())),
        scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
    kernels<T>::forward(p, {x.data(), y.data(), lse.data()}, scratch.data());
    kernels<T>::backward(p, {x.data(), y.data(), dy.data(), lse.data(), dx.data()}, scratch.data());
    std::vector<float> all = floats(y);
    for (const T v : dx) all.push_back(static_cast<float>(v));
    all.insert(all.end(), lse.begin(), lse.end());
    return all;
  });
}

TEST_CASE("attention: scratch that is planned serves every smaller batch, and grows with the tokens") {
  const auto size = [](index_t samples, index_t tokens) {
    return kernels<float>::scratch_size({samples, tokens, 3, 64});
  };
  for (index_t n = 1; n < 60; ++n) CHECK(size(n, 65) <= size(n + 1, 65));
  CHECK(size(1, 4096) < 17 * size(1, 256));
}
