// AMX: emulated tiles do what the manual says, and convolutions through tiles, emulated or the processor's own, agree
// with the reference in double.
#include "spankey/backend/cpu/amx.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>

#include "agreement.hpp"
#include "conv2d_cases.hpp"
#include "spankey/backend/cpu/conv2d_amx_tile.hpp"
#include "spankey/backend/cpu/linear.hpp"

namespace {

using namespace conv2d_cases;
using spankey::isa;
namespace cpu = spankey::cpu;

// Calls f with emulated tiles, then with the processor's own where it has them.
template <class F>
void for_each_unit(const F& f) {
  {
    const cpu::amx_emulation emulation;
    f();
  }
  if (spankey::best_isa() < isa::amx_bf16) return;
  const isa before = spankey::active_isa();
  spankey::use_isa(isa::amx_bf16);
  f();
  spankey::use_isa(before);
}

float half(std::uint32_t word, int which) {
  return std::bit_cast<float>(which == 0 ? word << 16 : word & 0xFFFF0000U);
}

std::vector<std::uint32_t> random_words(index_t count, std::uint64_t seed) {
  const std::vector<bf16> values = random_values<bf16>(2 * count, seed);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(count));
  std::memcpy(words.data(), values.data(), words.size() * 4);
  return words;
}

// Problems that tiles serve: all remainders of samples, channels, steps and regions, and every reason to slice.
std::vector<conv2d_problem> tiled_problems() {
  return {same(16, 16, 16, 5, 5, 3, 1),           // one word short of everything
          same(33, 64, 64, 8, 8, 3, 1),           // whole steps, one sample left over
          same(40, 96, 130, 4, 4, 3, 2),          // three blocks of targets, the last of 16 columns
          same(32, 17, 33, 5, 7, 3, 1),           // fewer than 16 words, odd channels
          same(16, 30, 65, 6, 6, 3, 2),           // the same backwards and not
          same(16, 31, 32, 3, 3, 3, 1),           // 16 words, the last one half empty
          same(35, 65, 48, 6, 5, 3, 1),           // a step of one word
          same(64, 62, 10, 1, 1, 1, 1),           // a linear map
          same(17, 4100, 20, 1, 1, 1, 1),         // channels in many steps
          same(16, 940, 16, 4, 4, 3, 1),          // slices of channels
          problem(18, 356, 20, 5, 4, 5, 1, 2),    // slices since the window is large
          same(32, 16, 64, 9, 9, 1, 2),           // sources that no target reaches
          problem(16, 32, 32, 4, 4, 1, 1, 2),     // targets that reach no source
          problem(32, 20, 24, 12, 11, 7, 2, 3),   // a window larger than the stride allows for
          problem(16, 24, 16, 8, 8, 2, 2, 0),     // windows side by side
          {16, {32, 6, 5}, {24, 6, 5}, 4, 1, 1},  // even windows, which reach further at the bottom
          {17, {18, 9, 7}, {16, 5, 4}, 6, 2, 2},
          {32, {64, 8, 9}, {33, 2, 3}, 7, 1, 0},
          {16, {64, 5, 4}, {96, 5, 4}, 3, 1, 1, 2},  // two groups
          same(16, 48, 40, 1, 6, 3, 2),              // a gather without targets
          same(33, 16, 16, 64, 64, 1, 1),            // several rounds of samples in dw
          same(130, 64, 64, 4, 4, 3, 1)};            // several blocks of samples in one unit of dw
}

}  // namespace

TEST_CASE("amx: emulated tiles multiply as the manual says, in every shape") {
  for (const auto& [rows, words, columns] :
       {std::array<std::size_t, 3>{16, 16, 16}, {1, 1, 1}, {5, 16, 3}, {16, 3, 16}, {7, 9, 11}}) {
    cpu::amx_configuration shape;
    shape.rows[0] = shape.rows[1] = static_cast<std::uint8_t>(rows);
    shape.rows[2] = static_cast<std::uint8_t>(words);
    shape.row_bytes[0] = shape.row_bytes[2] = static_cast<std::uint16_t>(columns * 4);
    shape.row_bytes[1] = static_cast<std::uint16_t>(words * 4);
    const auto a = random_words(16 * 20, 1), b = random_words(16 * 24, 2);
    std::vector<float> c = random_values<float>(16 * 18, 3), expected = c;
    for (std::size_t m = 0; m < rows; ++m)
      for (std::size_t n = 0; n < columns; ++n) {
        float sum[2] = {};
        for (std::size_t k = 0; k < words; ++k)
          for (int i = 0; i < 2; ++i) sum[i] += half(a[m * 20 + k], i) * half(b[k * 24 + n], i);
        expected[m * 18 + n] += sum[0] + sum[1];
      }
    cpu::emulated_tiles tiles;
    tiles.configure(shape);
    tiles.load(0, c.data(), 18 * 4);
    tiles.load(1, a.data(), 20 * 4);
    tiles.load(2, b.data(), 24 * 4);
    tiles.multiply(0, 1, 2);
    tiles.store(0, c.data(), 18 * 4);
    CHECK(same_bits(c, expected));
    tiles.zero(0);
    tiles.store(0, c.data(), 18 * 4);
    for (std::size_t m = 0; m < rows; ++m)
      for (std::size_t n = 0; n < 18; ++n) CHECK(c[m * 18 + n] == (n < columns ? 0 : expected[m * 18 + n]));
  }
}

TEST_CASE("amx: emulated tiles refuse what the processor would") {
  cpu::emulated_tiles tiles;
  std::array<float, 256> memory{};
  CHECK_THROWS_AS(tiles.zero(0), spankey::error);
  tiles.configure(cpu::amx_full_tiles);
  CHECK_NOTHROW(tiles.load(0, memory.data(), 64));
  CHECK_THROWS_AS(tiles.multiply(0, 1, 1), spankey::error);
  cpu::amx_configuration uneven = cpu::amx_full_tiles;
  uneven.rows[2] = 15;
  tiles.configure(uneven);
  CHECK_THROWS_AS(tiles.multiply(0, 1, 2), spankey::error);
  CHECK_NOTHROW(tiles.multiply(0, 1, 3));
  tiles.release();
  CHECK_THROWS_AS(tiles.load(0, memory.data(), 64), spankey::error);
}

TEST_CASE("amx: emulation is chosen by its guard alone, and the family by the processor") {
  CHECK(spankey::name_of(isa::amx_bf16) == "amx_bf16");
  CHECK((spankey::best_isa() == isa::amx_bf16) <= cpu::has_amx_bf16());
  const isa before = spankey::active_isa();
  if (spankey::best_isa() < isa::amx_bf16) {
    CHECK_THROWS_AS(spankey::use_isa(isa::amx_bf16), spankey::error);
    CHECK(cpu::active_amx() == cpu::amx_unit::none);
  }
  {
    const cpu::amx_emulation emulation;
    CHECK(cpu::active_amx() == cpu::amx_unit::emulated);
    CHECK(spankey::active_isa() == before);
  }
  spankey::use_isa(isa::portable);
  CHECK(cpu::active_amx() == cpu::amx_unit::none);
  spankey::use_isa(before);
}

TEST_CASE("amx: the micro-kernel walks its places, and starts from zero or from what is there") {
  constexpr index_t width = 40, sums_width = 35;
  cpu::amx_walk walk{2, 3, 2, 3 * 2048, 2048, 4000, 33 * width, width, 17 * width};
  const auto a = random_words(6 * 3 * 2048, 1), b = random_words(2 * 4000 + 64 * width, 2);
  const std::vector<float> before = random_values<float>(32 * sums_width, 3);
  for (const index_t columns : {16, 32})
    for (const bool fresh : {false, true}) {
      std::vector<double> expected(before.begin(), before.end());
      for (index_t m = 0; m < 32; ++m)
        for (index_t n = 0; n < columns; ++n) {
          double& sum = expected[static_cast<std::size_t>(m * sums_width + n)];
          if (fresh) sum = 0;
          for (index_t place = 0; place < 6; ++place)
            for (index_t step = 0; step < 2; ++step)
              for (index_t k = 0; k < 16; ++k) {
                const index_t from = place / 3 * walk.a_row + place % 3 * walk.a_column + step * 512;
                const index_t with = place / 3 * walk.b_row + place % 3 * walk.b_column + step * walk.b_last;
                const auto x = a[static_cast<std::size_t>(from + m * 16 + k)];
                const auto w = b[static_cast<std::size_t>(with + k * width + n)];
                for (int i = 0; i < 2; ++i)
                  sum += static_cast<double>(half(x, i)) * static_cast<double>(half(w, i));
              }
        }
      for_each_unit([&] {
        std::vector<float> sums = before;
        const cpu::amx_kernels kernels = cpu::active_amx_kernels();
        const cpu::amx_session session(kernels);
        (columns == 16 ? kernels.narrow : kernels.wide)(walk, a.data(), b.data(), fresh, sums.data(),
                                                        sums_width);
        CHECK(relative_error(sums, expected) < 1e-6);
      });
    }
}

TEST_CASE("amx: convolutions agree with the reference") {
  for (const conv2d_problem& p : tiled_problems()) {
    CHECK(cpu::fits_amx(p, p.in.channels));
    check_agreement<bf16>(p, [](const auto& check) { for_each_unit(check); });
  }
}

TEST_CASE("amx: the vectors of every family serve emulated tiles") {
  const cpu::amx_emulation emulation;
  for (const conv2d_problem& p : {same(33, 65, 48, 4, 3, 3, 1), same(17, 18, 130, 5, 4, 3, 2)})
    check_agreement<bf16>(p, [](const auto& check) { agreement::for_each_isa(check); });
}

TEST_CASE("amx: sums rest between slices of the channels") {
  const cpu::amx_emulation emulation;
  const conv2d_problem p = same(17, 80, 16, 4, 3, 3, 1);  // three steps, the last one half empty
  operands<bf16> o(p);
  o.forward(true);
  std::vector<float> packed(static_cast<std::size_t>(operands<bf16>::kernels::packed_size(p)));
  operands<bf16>::kernels::pack(p, o.w.data(), packed.data());
  const cpu::conv2d_gather g = cpu::forward_gather(p);
  const cpu::conv2d_blocks<bf16> blocks = cpu::amx_blocks(p.out.channels);
  const cpu::amx_kernels kernels = cpu::active_amx_kernels();
  for (const index_t steps : {1, 2}) {
    std::vector<bf16> y(o.y.size(), static_cast<bf16>(std::nanf("")));
    const cpu::conv2d_product_operands<bf16, bf16> data{
        o.x.data(), reinterpret_cast<const std::uint32_t*>(packed.data()), o.bias.data(), y.data()};
    const cpu::amx_plan plan{4, 3, 1, steps};
    const auto task = std::make_unique<cpu::amx_product_task<bf16>>(
        g, plan, blocks, data, kernels, cpu::amx_product_task<bf16>::region{0, 0, 4, 0, 3});
    task->run(0, 1);
    CHECK(relative_error(y, exact(o.y)) <= 1.0 / 256);
  }
}

TEST_CASE("amx: what tiles do not serve goes another way") {
  const cpu::amx_emulation emulation;
  for (const conv2d_problem& p : problems()) check_agreement<bf16>(p, [](const auto& check) { check(); });
}

TEST_CASE("amx: a linear map goes through tiles, into logits of float too") {
  using kernels = spankey::linear_kernels<spankey::backend::cpu, bf16>;
  const spankey::linear_problem p{40, 70, 10};
  const auto x = random_values<bf16>(p.samples * p.in, 1);
  const auto w = random_values<float>(p.in * p.out, 2), dy = random_values<float>(p.samples * p.out, 3);
  const auto run = [&] {
    std::vector<float> scratch(static_cast<std::size_t>(kernels::scratch_size(p)));
    std::vector<float> y(dy.size()), dw(w.size());
    kernels::forward(p, x.data(), w.data(), nullptr, y.data(), scratch.data());
    kernels::backward_weights(p, x.data(), dy.data(), dw.data(), nullptr, scratch.data());
    y.insert(y.end(), dw.begin(), dw.end());
    return y;
  };
  const isa before = spankey::active_isa();
  spankey::use_isa(std::min(spankey::best_isa(), isa::avx512_bf16));
  const std::vector<float> expected = run();
  const cpu::amx_emulation emulation;
  CHECK(relative_error(run(), exact(expected)) < 1e-6);
  CHECK(!same_bits(run(), expected));  // it was another order of additions
  spankey::use_isa(before);
}

TEST_CASE("amx: the bits do not depend on the number of threads") {
  const cpu::amx_emulation emulation;
  for (const conv2d_problem& p : {same(70, 64, 80, 6, 6, 3, 1), same(33, 65, 64, 8, 8, 3, 2),
                                  same(33, 16, 16, 64, 64, 1, 1), same(20, 940, 16, 4, 4, 3, 1)}) {
    check_threads<bf16>(p);
  }
}

TEST_CASE("amx: a whole block of samples does not depend on the others") {
  const cpu::amx_emulation emulation;
  const conv2d_problem all = same(70, 40, 72, 5, 5, 3, 1);
  operands<bf16> o(all);
  o.forward(true);
  conv2d_problem first = all;
  first.samples = 32;
  operands<bf16> part(first);
  std::copy_n(o.x.begin(), part.x.size(), part.x.begin());
  part.bias = o.bias;
  part.w = o.w;
  part.forward(true);
  CHECK(std::memcmp(part.y.data(), o.y.data(), part.y.size() * sizeof(bf16)) == 0);
}

TEST_CASE("amx: the processor's tiles agree with emulated ones") {
  if (spankey::best_isa() < isa::amx_bf16) return;
  const isa before = spankey::active_isa();
  spankey::use_isa(isa::amx_bf16);
  for (const conv2d_problem& p : tiled_problems()) {
    const auto run = [&p](bool emulated) {
      std::optional<cpu::amx_emulation> emulation;
      if (emulated) emulation.emplace();
      operands<bf16> o(p);
      o.forward(true);
      o.backward_data(true);
      o.backward_weights(true);
      return o;
    };
    const operands<bf16> found = run(false), expected = run(true);
    CHECK(relative_error(found.y, exact(expected.y)) < 1e-3);
    CHECK(relative_error(found.dx, exact(expected.dx)) < 1e-3);
    CHECK(relative_error(found.dw, exact(expected.dw)) < 1e-6);
  }
  spankey::use_isa(before);
}
