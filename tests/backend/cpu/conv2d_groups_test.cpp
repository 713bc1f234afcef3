// The cpu convolution in groups of channels agrees with the reference: depthwise, narrow groups in bundles, wide groups;
// packed once and in one go give the same bits, and so does any number of threads.
#include <doctest/doctest.h>

#include "agreement.hpp"
#include "conv2d_cases.hpp"

namespace {

using namespace conv2d_cases;

conv2d_problem grouped(conv2d_problem p, index_t groups) {
  p.groups = groups;
  return p;
}

std::vector<conv2d_problem> grouped_problems() {
  std::vector<conv2d_problem> list;
  // Depthwise: every channel tail, windows, strides, pixels between windows, borders wider than the image.
  for (const index_t channels : {3, 5, 16, 33, 64, 65}) {
    list.push_back(grouped(same(3, channels, channels, 7, 6, 3, 1), channels));
    list.push_back(grouped(same(1, channels, channels, 5, 9, 5, 2), channels));
    list.push_back(grouped(problem(2, channels, channels, 4, 3, 7, 1, 3), channels));
    list.push_back(grouped(problem(17, channels, channels, 6, 6, 2, 3, 0), channels));
  }
  list.push_back(grouped(problem(1, 4, 4, 4, 4, 1, 1, 2), 4));  // outputs that see nothing but padding
  list.push_back(grouped(problem(1, 2, 2, 9, 9, 4, 4, 1), 2));
  list.push_back(grouped(same(3, 17, 17, 28, 30, 3, 1), 17));  // several slices in dw, several tasks
  // Bundles: two inputs or outputs a group, groups that divide nothing, a bundle that is not full.
  list.push_back(grouped(same(3, 8, 16, 5, 4, 3, 1), 8));
  list.push_back(grouped(same(3, 10, 5, 5, 4, 3, 2), 5));
  list.push_back(grouped(same(17, 9, 3, 4, 4, 2, 1), 3));
  list.push_back(grouped(same(1, 34, 51, 3, 3, 1, 1), 17));
  list.push_back(grouped(same(17, 32, 64, 4, 6, 3, 1), 8));
  list.push_back(grouped(problem(2, 28, 28, 7, 7, 4, 2, 1), 7));
  // Wide groups, one a bundle: also what Winograd and AMX tiles take.
  list.push_back(grouped(same(2, 40, 34, 5, 5, 3, 1), 2));
  list.push_back(grouped(same(16, 64, 64, 4, 4, 3, 1), 2));
  return list;
}

}  // namespace

TEST_CASE_TEMPLATE("cpu convolution in groups agrees with the reference", T, float, bf16) {
  for (const conv2d_problem& p : grouped_problems())
    check_agreement<T>(p, [](const auto& check) { agreement::for_each_isa(check); });
}

TEST_CASE_TEMPLATE("cpu convolution in groups: weights packed once give the same bits", T, float, bf16) {
  using kernels = typename operands<T>::kernels;
  for (const conv2d_problem& p :
       {grouped(same(3, 33, 33, 7, 6, 3, 1), 33), grouped(same(17, 32, 64, 4, 6, 3, 1), 8),
        grouped(same(2, 40, 34, 5, 5, 3, 1), 2)})
    agreement::for_each_isa([&] {
      operands<T> o(p);
      o.forward(true);
      const std::vector<T> y = o.y;
      std::vector<float> packed(static_cast<std::size_t>(kernels::packed_size(p)) + 16, operands<T>::guard);
      kernels::pack(p, o.w.data(), packed.data());
      CHECK(std::all_of(packed.end() - 16, packed.end(), [](float v) { return v == operands<T>::guard; }));
      std::fill(o.y.begin(), o.y.end(), T(9.0F));
      kernels::forward_packed(p, o.x.data(), packed.data(), o.bias.data(), o.y.data(), o.scratch.data());
      CHECK(same_bits(o.y, y));
      CHECK(o.scratch_respected());
    });
}

TEST_CASE_TEMPLATE("cpu convolution in groups has the same bits for any number of threads", T, float, bf16) {
  for (const conv2d_problem& p :
       {grouped(same(3, 17, 17, 28, 30, 3, 1), 17), grouped(same(17, 32, 64, 4, 6, 3, 1), 8)})
    agreement::for_each_isa([&p] { check_threads<T>(p); });
}
