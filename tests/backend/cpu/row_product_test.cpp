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

TEST_CASE("row product: heads among kept tokens, every tail") {
  for_each_isa([] {
    for (const index_t tokens : {1, 3, 17, 700})
      for (const index_t size : {1, 5, 16, 40, 130}) {
        const index_t heads = 3, stride = heads * size + 2;
        const std::vector<float> query = values(stride, 1), keys = values(tokens * stride, 2),
                                 kept = values(tokens * stride, 3);
        const auto at = [](const std::vector<float>& v, index_t i) {
          return static_cast<double>(v[static_cast<std::size_t>(i)]);
        };
        std::vector<double> expected(static_cast<std::size_t>(heads * size));
        for (index_t head = 0; head < heads; ++head) {
          std::vector<double> share(static_cast<std::size_t>(tokens));
          double total = 0;
          for (index_t t = 0; t < tokens; ++t) {
            double sum = 0;
            for (index_t c = head * size; c < (head + 1) * size; ++c)
              sum += at(query, c) * at(keys, t * stride + c);
            total += share[static_cast<std::size_t>(t)] =
                std::exp(sum / std::sqrt(static_cast<double>(size)));
          }
          for (index_t t = 0; t < tokens; ++t)
            for (index_t c = head * size; c < (head + 1) * size; ++c)
              expected[static_cast<std::size_t>(c)] +=
                  share[static_cast<std::size_t>(t)] / total * at(kept, t * stride + c);
        }
        const auto found = [&] {
          std::vector<float> y(static_cast<std::size_t>(heads * size) + 1, 9.0F),
              scores(static_cast<std::size_t>(heads * tokens) + 1, 9.0F);
          kernels<float>::attend(heads, [&](index_t head) {
            const index_t first = head * size;
            return spankey::kept_tokens{.tokens = tokens,
                                        .size = size,
                                        .stride = stride,
                                        .query = query.data() + first,
                                        .keys = keys.data() + first,
                                        .values = kept.data() + first,
                                        .scores = scores.data() + head * tokens,
                                        .y = y.data() + first};
          });
          CHECK(y.back() == 9.0F);
          CHECK(scores.back() == 9.0F);
          y.pop_back();
          return y;
        };
        CAPTURE(tokens);
        CAPTURE(size);
        CHECK(difference(found(), expected) < 2e-5);
        check_thread_independence(found);
      }
  });
}

TEST_CASE("row product: what is done for each is done once") {
  for (const index_t products : {1, 100000}) {
    std::vector<int> done(100);
    kernels<float>::each(100, products, [&](index_t i) { ++done[static_cast<std::size_t>(i)]; });
    CHECK(std::count(done.begin(), done.end(), 1) == 100);
  }
}
