// The cpu convolution agrees with the reference in double, for awkward shapes, on every instruction set.
#include <doctest/doctest.h>

#include "agreement.hpp"
#include "conv2d_cases.hpp"

using namespace conv2d_cases;

TEST_CASE_TEMPLATE("cpu convolution agrees with the reference", T, float, bf16) {
  for (const conv2d_problem& p : problems())
    check_agreement<T>(p, [](const auto& check) { agreement::for_each_isa(check); });
}

TEST_CASE_TEMPLATE("cpu convolution has the same bits for any number of threads", T, float, bf16) {
  for (const conv2d_problem& p : {same(17, 16, 65, 14, 14, 3, 1), same(17, 65, 64, 8, 8, 3, 2),
                                  same(3, 3, 16, 32, 32, 3, 1), same(33, 64, 128, 8, 8, 1, 2)}) {
    agreement::for_each_isa([&p] { check_threads<T>(p); });
  }
}
