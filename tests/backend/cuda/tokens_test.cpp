// Tokens and positions on the device agree with reference<double>; float and bf16.
#include "spankey/backend/cuda/tokens.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/tokens.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::tokens_problem;
template <class T>
using kernels = spankey::tokens_kernels<spankey::backend::cuda, T>;
using reference = spankey::tokens_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const tokens_problem& p) {
  CAPTURE(p.samples);
  CAPTURE(p.tokens);
  CAPTURE(p.channels);
  CAPTURE(p.class_token);
  const index_t size = p.samples * p.tokens * p.channels, inputs = p.samples * p.inputs() * p.channels;
  const std::vector<T> x = values<T>(inputs, 1), dy = values<T>(size, 2);
  const std::vector<float> first = values(p.channels, 3), positions = values(p.tokens * p.channels, 4);
  const tensor<T> on_x(x), on_dy(dy), y(size, T(9.0F)), dx(inputs, T(9.0F)),
      one(p.samples * p.channels, T(9.0F)), all(size, T(9.0F));
  const tensor<float> on_first(first), on_positions(positions), dfirst(first), dpositions(positions);
  const std::vector<double> wx = widened(x), wdy = widened(dy), wf = widened(first), wp = widened(positions);
  std::vector<double> ey(dy.size()), edx(x.size()), edf = wf, edp = wp, eall(dy.size()),
                                                    eone(static_cast<std::size_t>(p.samples * p.channels));
  kernels<T>::forward(p, on_x.data(), on_first.data(), on_positions.data(), y.data());
  reference::forward(p, wx.data(), wf.data(), wp.data(), ey.data());
  CHECK(difference(y.host(), ey) < 1e-7);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p, on_dy.data(), dfirst.data(), dpositions.data(), dx.data());
    reference::backward(p, wdy.data(), edf.data(), edp.data(), edx.data());
  }
  CHECK(difference(dfirst.host(), edf) < 1e-5);
  CHECK(difference(dpositions.host(), edp) < 1e-5);
  CHECK(difference(dx.host(), edx) == 0);
  kernels<T>::backward(p, on_dy.data(), nullptr, nullptr, dx.data());
  CHECK(difference(dx.host(), edx) == 0);
  const index_t token = p.tokens / 2;
  kernels<T>::take(p, token, on_dy.data(), one.data());
  reference::take(p, token, wdy.data(), eone.data());
  CHECK(difference(one.host(), eone) == 0);
  kernels<T>::put(p, token, one.data(), all.data());
  reference::put(p, token, eone.data(), eall.data());
  CHECK(difference(all.host(), eall) == 0);
}

}  // namespace

TEST_CASE_TEMPLATE("cuda tokens: agree with the reference", T, float, bf16) {
  for (const index_t channels : {3, 40})
    for (const index_t samples : {0, 1, 5})
      for (const index_t tokens : {1, 7})
        for (const bool class_token : {false, true})
          check_agreement<T>({samples, tokens, channels, class_token});
}
