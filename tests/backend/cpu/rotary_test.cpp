// Rotary positions on the CPU agree with reference<double>: every tail of a head, channels that pass, late positions, in place,
// any number of threads; float, bf16.
#include "spankey/backend/cpu/rotary.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/rotary.hpp"

namespace {
using namespace agreement;
using spankey::bf16;
using spankey::rotary_problem;
template <class T>
using kernels = spankey::rotary_kernels<spankey::backend::cpu, T>;
using reference = spankey::rotary_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const rotary_problem& p) {
  CAPTURE(p.tokens);
  CAPTURE(p.channels);
  CAPTURE(p.heads);
  CAPTURE(p.size);
  const std::vector<T> x = values<T>(p.samples * p.tokens * p.channels, 1);
  std::vector<T> y(x.size(), T(9.0F)), in_place = x;
  std::vector<double> ey(x.size()), wide(static_cast<std::size_t>(p.table_size()));
  std::vector<float> table(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
  const std::vector<double> wx = widened(x);
  kernels<T>::forward(p, x.data(), y.data(), table.data());
  reference::forward(p, wx.data(), ey.data(), wide.data());
  CHECK(difference(y, ey) < 1e-6);
  kernels<T>::forward(p, in_place.data(), in_place.data(), table.data());
  CHECK(same_bits(in_place, y));
  kernels<T>::backward(p, x.data(), y.data(), table.data());
  reference::backward(p, wx.data(), ey.data(), wide.data());
  CHECK(difference(y, ey) < 1e-6);
}
}  // namespace

TEST_CASE_TEMPLATE("rotary: every tail, channels behind the heads", T, float, bf16) {
  for_each_isa([] {
    for (const index_t size : {2, 4, 6, 16, 30, 32, 64, 66})
      for (const index_t heads : {1, 3})
        for (const index_t rest : {0, 5}) check_agreement<T>({2, 7, heads * size + rest, heads, size});
    check_agreement<T>({0, 7, 8, 1, 8});
    check_agreement<T>({3, 300, 960, 12, 64, 100000, 7000});
  });
}

TEST_CASE_TEMPLATE("rotary: the same bits for any number of threads", T, float, bf16) {
  const rotary_problem p{5, 90, 96, 4, 16};
  const std::vector<T> x = values<T>(p.samples * p.tokens * p.channels, 1);
  check_thread_independence([&] {
    std::vector<T> y(x.size());
    std::vector<float> table(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
    kernels<T>::forward(p, x.data(), y.data(), table.data());
    return floats(y);
  });
}
