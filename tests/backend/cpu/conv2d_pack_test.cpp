#include "spankey/backend/cpu/conv2d_pack.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <vector>

#include "agreement.hpp"

using namespace spankey;

namespace {

// The weight (tap row, tap column, in, out) that a packed word's term holds, from the layout's definition.
template <class T>
void check(index_t in, index_t out, index_t stride, cpu::conv2d_direction direction) {
  const conv2d_problem p{1, {in, 5, 5}, {out, (5 - 1) / stride + 1, (5 - 1) / stride + 1}, 3, stride, 1};
  const bool forward = direction == cpu::conv2d_direction::forward;
  std::vector<float> w(static_cast<std::size_t>(p.weight_size()));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 251);  // exact in bf16
  const index_t targets = forward ? out : in, sources = forward ? in : out;
  const cpu::conv2d_blocks<T> blocks{cpu::active_conv2d_tiles<T>(), targets};
  constexpr index_t terms = cpu::terms_of_word<T>;
  for (index_t i = 0; i < (forward ? 1 : cpu::backward_gathers(p)); ++i) {
    const cpu::conv2d_gather g = forward ? cpu::forward_gather(p) : cpu::backward_gather(p, i);
    const index_t depth = cpu::packed_depth<T>(g), words = cpu::words_for<T>(sources);
    std::vector<cpu::word_t<T>> packed(static_cast<std::size_t>(depth * cpu::padded_channels(targets)));
    cpu::pack_weights(p, direction, g, blocks, w.data(), packed.data());
    bool same = true;
    for (index_t block = 0; block < blocks.count(); ++block)
      for (index_t tap = 0; tap < g.rows.taps * g.columns.taps; ++tap)
        for (index_t source = 0; source < words * terms; ++source)
          for (index_t column = 0; column < blocks.width(block); ++column) {
            const index_t row = g.rows.kernel_first + tap / g.columns.taps * g.rows.kernel_step;
            const index_t col = g.columns.kernel_first + tap % g.columns.taps * g.columns.kernel_step;
            const index_t target = blocks.begin(block) + column;
            const index_t input = forward ? source : target, output = forward ? target : source;
            const bool there = source < sources && column < blocks.valid(block);
            const float expected =
                there ? w[static_cast<std::size_t>(((row * 3 + col) * in + input) * out + output)] : 0.0F;
            const index_t word =
                blocks.begin(block) * depth + (tap * words + source / terms) * blocks.width(block) + column;
            const auto term = std::bit_cast<std::array<T, static_cast<std::size_t>(terms)>>(
                packed[static_cast<std::size_t>(word)]);
            same = same && static_cast<float>(term[static_cast<std::size_t>(source % terms)]) == expected;
          }
    CHECK(same);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("pack_weights: every weight at its block, tap, word and column; zeros beyond the channels",
                   T, float, bf16) {
  agreement::for_each_isa([] {
    for (const index_t stride : {1, 2}) {
      for (const auto& [in, out] :
           {std::pair<index_t, index_t>{1, 1}, {3, 17}, {16, 64}, {33, 70}, {70, 33}}) {
        CAPTURE(stride);
        CAPTURE(in);
        CAPTURE(out);
        check<T>(in, out, stride, cpu::conv2d_direction::forward);
        check<T>(in, out, stride, cpu::conv2d_direction::backward);
      }
    }
  });
}
