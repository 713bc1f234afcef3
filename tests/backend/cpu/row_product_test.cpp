// One row times a matrix agrees with sums in double: every tail, many rows and few, all types of weights, every family, any
// number of threads. Costs 6 s to compile.
#include "spankey/backend/cpu/row_product.hpp"

#include <doctest/doctest.h>

#include <cstdint>

#include "agreement.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
template <class Weight>
using kernels = spankey::row_kernels<spankey::backend::cpu, Weight>;

template <class Weight>
std::vector<Weight> weights(index_t count) {
  std::vector<Weight> all;
  for (const float v : values(count, 1)) {
    if constexpr (std::is_same_v<Weight, std::int8_t>) {
      all.push_back(static_cast<std::int8_t>(std::clamp(40 * v, -127.0F, 127.0F)));
    } else {
      all.push_back(static_cast<Weight>(v));
    }
  }
  return all;
}

template <class Weight>
double as_double(Weight w) {
  return static_cast<double>(static_cast<float>(w));
}

template <class Weight>
std::vector<float> columns(index_t in, index_t out, bool affine) {
  const std::vector<Weight> w = weights<Weight>(in * out);
  const std::vector<float> x = values(in, 2), s = values(out, 3), b = values(out, 4);
  std::vector<float> y(static_cast<std::size_t>(out) + 1, 9.0F),
      scratch(static_cast<std::size_t>(kernels<Weight>::scratch_size(in, out)) + 1, 9.0F);
  kernels<Weight>::columns(
      {in, out, x.data(), w.data(), affine ? s.data() : nullptr, affine ? b.data() : nullptr, y.data()},
      scratch.data());
  CHECK(y.back() == 9.0F);
  CHECK(scratch.back() == 9.0F);
  y.pop_back();
  std::vector<double> expected;
  for (index_t o = 0; o < out; ++o) {
    const auto at = static_cast<std::size_t>(o);
    double sum = 0;
    for (index_t i = 0; i < in; ++i)
      sum += static_cast<double>(x[static_cast<std::size_t>(i)]) *
             as_double(w[static_cast<std::size_t>(i * out + o)]);
    expected.push_back(affine ? sum * static_cast<double>(s[at]) + static_cast<double>(b[at]) : sum);
  }
  CAPTURE(in);
  CAPTURE(out);
  CHECK(difference(y, expected) <
        (std::is_same_v<Weight, std::int8_t> ? 2e-4 : 4e-6) * (1 + std::sqrt(static_cast<double>(in))));
  return y;
}

template <class Weight>
std::vector<float> rows(index_t in, index_t out) {
  const std::vector<Weight> w = weights<Weight>(in * out);
  const std::vector<float> x = values(in, 2);
  std::vector<float> y(static_cast<std::size_t>(out) + 1, 9.0F);
  kernels<Weight>::rows({in, out, x.data(), w.data(), nullptr, nullptr, y.data()});
  CHECK(y.back() == 9.0F);
  y.pop_back();
  std::vector<double> expected;
  for (index_t o = 0; o < out; ++o) {
    double sum = 0;
    for (index_t i = 0; i < in; ++i)
      sum += static_cast<double>(x[static_cast<std::size_t>(i)]) *
             as_double(w[static_cast<std::size_t>(o * in + i)]);
    expected.push_back(sum);
  }
  CAPTURE(in);
  CAPTURE(out);
  CHECK(difference(y, expected) <
        (std::is_same_v<Weight, std::int8_t> ? 2e-4 : 4e-6) * (1 + std::sqrt(static_cast<double>(in))));
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("row product: every tail", Weight, float, bf16, std::int8_t) {
  for_each_isa([] {
    for (const index_t in : {1, 3, 4, 5, 17, 33})
      for (const index_t out : {1, 3, 16, 17, 63, 130}) {
        columns<Weight>(in, out, true);
        columns<Weight>(in, out, false);
        rows<Weight>(in, out);
      }
  });
}

TEST_CASE_TEMPLATE("row product: several tasks, and the same bits for any number of threads", Weight, float,
                   bf16, std::int8_t) {
  for_each_isa([] {
    check_thread_independence([] { return columns<Weight>(300, 1111, true); });
    check_thread_independence([] { return rows<Weight>(1111, 300); });
  });
}

TEST_CASE("row product: heads are done once each") {
  for (const index_t products : {1, 100000}) {
    std::vector<int> done(100);
    kernels<float>::each(100, products, [&](index_t i) { ++done[static_cast<std::size_t>(i)]; });
    CHECK(std::count(done.begin(), done.end(), 1) == 100);
  }
}
