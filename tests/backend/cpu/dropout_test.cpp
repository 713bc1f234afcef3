// Dropout on the CPU equals the reference in float, bit for bit, in every family: every length and first number, in place,
// any number of threads; float and bf16.
#include "spankey/backend/cpu/dropout.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/dropout.hpp"

namespace {
using namespace agreement;
using spankey::bf16;
using spankey::dropout_problem;
template <class T>
using kernels = spankey::dropout_kernels<spankey::backend::cpu, T>;
using reference = spankey::dropout_kernels<spankey::backend::reference, float>;
}  // namespace

TEST_CASE_TEMPLATE("dropout: every length, first number and probability", T, float, bf16) {
  for_each_isa([] {
    for (const index_t count : {0, 1, 3, 5, 16, 17, 64, 65, 1025, 20003})
      for (const std::uint64_t first :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{7}, (std::uint64_t{5} << 40) + 2})
        for (const double probability : {0.0, 1e-12, 0.1, 0.5, 1.0}) {
          CAPTURE(count);
          CAPTURE(first);
          CAPTURE(probability);
          const dropout_problem p{probability, 0x123456789ULL, 77, first};
          const std::vector<T> x = values<T>(count + 1, 1);
          std::vector<T> y(x.size(), T(9.0F)), in_place = x;
          std::vector<float> expected(x.size(), 9.0F);
          kernels<T>::forward(p, count, x.data(), y.data());
          reference::forward(p, count, floats(x).data(), expected.data());
          CHECK(same_bits(y, rounded<T>(expected)));
          kernels<T>::backward(p, count, in_place.data(), in_place.data());
          in_place.back() = y.back();
          CHECK(same_bits(in_place, y));
        }
  });
}

TEST_CASE_TEMPLATE("dropout: the same bits for any number of threads", T, float, bf16) {
  const std::vector<T> x = values<T>(100003, 1);
  check_thread_independence([&] {
    std::vector<T> y(x.size());
    kernels<T>::forward({0.3, 5, 6, 1}, 100003, x.data(), y.data());
    return floats(y);
  });
}

TEST_CASE("random words: those of random_source") {
  for_each_isa([] {
    const spankey::random_source random(0xFFFFFFFF00000001ULL, spankey::stream::dropout, 9);
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{3}, (std::uint64_t{1} << 34) - 5}) {
      std::vector<std::uint32_t> found(100), expected;
      for (std::uint64_t i = 0; i < 99; ++i) expected.push_back(random.bits(first + i));
      expected.push_back(0);
      SPANKEY_DISPATCH(random_words)(random, first, index_t{99}, found.data());
      CHECK(found == expected);
    }
  });
}
