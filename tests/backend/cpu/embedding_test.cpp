// Embeddings and the answers by their table on the CPU agree with reference<double>: tails of channels and vocabulary, no rows,
// accumulation, any number of threads; float, bf16, emulated matrix units.
#include "spankey/backend/cpu/embedding.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/embedding.hpp"
#include "spankey/core/token.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::embedding_problem;
template <class T>
using kernels = spankey::embedding_kernels<spankey::backend::cpu, T>;
using reference = spankey::embedding_kernels<spankey::backend::reference, double>;

template <class T>
std::vector<T> tokens(const embedding_problem& p) {
  std::vector<T> x(static_cast<std::size_t>(2 * p.rows));
  for (index_t r = 0; r < p.rows; ++r)
    spankey::write_token(static_cast<int>(r * r * 7 % p.vocabulary), x.data() + 2 * r);
  return x;
}

// Products read both as T: numbers that T has, so that the sums alone can differ.
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
  const std::vector<T> x = tokens<T>(p), h = values<T>(p.rows * p.channels, 1),
                       dy = values<T>(p.rows * p.channels, 2);
  const std::vector<float> table = rounded<T>(values(p.vocabulary * p.channels, 3)),
                           dz = rounded<T>(values(p.rows * p.vocabulary, 4));
  const std::vector<double> wx = widened(x), wh = widened(h), wdy = widened(dy), wt = widened(table),
                            wdz = widened(dz);
  std::vector<float> scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)) + 1, -7.0F);
  std::vector<T> y(h.size(), T(9.0F)), dh(h.size(), T(9.0F));
  std::vector<float> z(dz.size(), 9.0F), dtable = table;
  std::vector<double> ey(h.size()), edh(h.size()), ez(dz.size()), edt = wt;

  kernels<T>::forward(p, x.data(), table.data(), y.data());
  reference::forward(p, wx.data(), wt.data(), ey.data());
  CHECK(difference(y, ey) < 1e-7);
  kernels<T>::answers(p, h.data(), table.data(), z.data(), scratch.data());
  reference::answers(p, wh.data(), wt.data(), ez.data(), nullptr);
  kernels<T>::answers_data(p, dz.data(), table.data(), dh.data(), scratch.data());
  reference::answers_data(p, wdz.data(), wt.data(), edh.data(), nullptr);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p, x.data(), dy.data(), dtable.data());
    reference::backward(p, wx.data(), wdy.data(), edt.data());
    kernels<T>::answers_table(p, h.data(), dz.data(), dtable.data(), scratch.data());
    reference::answers_table(p, wh.data(), wdz.data(), edt.data(), nullptr);
  }
  const double each = 2e-6;
  CHECK(difference(z, ez) < each * (1 + std::sqrt(static_cast<double>(p.channels))));
  CHECK(difference(dh, edh) < each * (1 + std::sqrt(static_cast<double>(p.vocabulary))));
  CHECK(difference(dtable, edt) < 2 * each * (1 + std::sqrt(static_cast<double>(p.rows))));
  CHECK(scratch.back() == -7.0F);
}

}  // namespace

TEST_CASE_TEMPLATE("embedding: tails and few rows", T, float, bf16) {
  for_each_isa([] {
    for (const index_t rows : {0, 1, 3, 17, 100})
      for (const index_t vocabulary : {1, 19, 272})
        for (const index_t channels : {1, 24, 128}) check_agreement<T>({rows, vocabulary, channels});
  });
}

TEST_CASE("embedding: matrix units, emulated") {
  const spankey::cpu::amx_emulation emulated;
  for (const index_t rows : {17, 64}) check_agreement<bf16>({rows, 272, 64});
}

TEST_CASE_TEMPLATE("embedding: the same bits for any number of threads", T, float, bf16) {
  const embedding_problem p{150, 40, 96};
  const std::vector<T> x = tokens<T>(p), h = values<T>(150 * 96, 1);
  const std::vector<float> dz = values(150 * 40, 2);
  std::vector<float> scratch(static_cast<std::size_t>(kernels<T>::scratch_size(p)));
  check_thread_independence([&] {
    std::vector<float> dtable(40 * 96);
    kernels<T>::backward(p, x.data(), h.data(), dtable.data());
    kernels<T>::answers_table(p, h.data(), dz.data(), dtable.data(), scratch.data());
    return dtable;
  });
}
