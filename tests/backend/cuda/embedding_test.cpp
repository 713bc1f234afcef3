// Embeddings and the answers by their table on the device agree with reference<double>; float and bf16.
#include "spankey/backend/cuda/embedding.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/embedding.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::embedding_problem;
template <class T>
using kernels = spankey::embedding_kernels<spankey::backend::cuda, T>;
using reference = spankey::embedding_kernels<spankey::backend::reference, double>;

// Numbers that T has: products read the table and dz as T.
template <class T>
std::vector<float> rounded(std::vector<float> numbers) {
  for (float& v : numbers) v = static_cast<float>(T(v));
  return numbers;
}

template <class T>
void check_agreement(const embedding_problem& p) {
  CAPTURE(p.rows);
  CAPTURE(p.vocabulary);
  CAPTURE(p.channels);
  std::vector<T> x(static_cast<std::size_t>(2 * p.rows));
  for (index_t r = 0; r < p.rows; ++r)
    spankey::write_token(static_cast<int>(r * r * 7 % p.vocabulary), x.data() + 2 * r);
  const index_t size = p.rows * p.channels;
  const std::vector<T> h = values<T>(size, 1), dy = values<T>(size, 2);
  const std::vector<float> table = rounded<T>(values(p.vocabulary * p.channels, 3)),
                           dz = rounded<T>(values(p.rows * p.vocabulary, 4));
  const std::vector<double> wx = widened(x), wh = widened(h), wdy = widened(dy), wt = widened(table),
                            wdz = widened(dz);
  const tensor<T> on_x(x), on_h(h), on_dy(dy), y(size, T(9.0F)), dh(size, T(9.0F));
  const tensor<float> on_table(table), on_dz(dz), z(p.rows * p.vocabulary, 9.0F), dtable(table),
      scratch(kernels<T>::scratch_size(p), 0.0F);
  std::vector<double> ey(h.size()), edh(h.size()), ez(dz.size()), edt = wt;
  kernels<T>::forward(p, on_x.data(), on_table.data(), y.data());
  reference::forward(p, wx.data(), wt.data(), ey.data());
  CHECK(difference(y.host(), ey) < 1e-7);
  kernels<T>::answers(p, on_h.data(), on_table.data(), z.data(), scratch.data());
  reference::answers(p, wh.data(), wt.data(), ez.data(), nullptr);
  CHECK(difference(z.host(), ez) < 1e-5);
  kernels<T>::answers_data(p, on_dz.data(), on_table.data(), dh.data(), scratch.data());
  reference::answers_data(p, wdz.data(), wt.data(), edh.data(), nullptr);
  CHECK(difference(dh.host(), edh) < 1e-5);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p, on_x.data(), on_dy.data(), dtable.data());
    reference::backward(p, wx.data(), wdy.data(), edt.data());
    kernels<T>::answers_table(p, on_h.data(), on_dz.data(), dtable.data(), scratch.data());
    reference::answers_table(p, wh.data(), wdz.data(), edt.data(), nullptr);
  }
  CHECK(difference(dtable.host(), edt) < 1e-5);
}

}  // namespace

TEST_CASE_TEMPLATE("cuda embedding: agrees with the reference", T, float, bf16) {
  for (const index_t rows : {1, 17})
    for (const index_t vocabulary : {1, 40})
      for (const index_t channels : {3, 32}) check_agreement<T>({rows, vocabulary, channels});
}
