#include "spankey/backend/cpu/conv2d_gather.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>
#include <vector>

using namespace spankey;

namespace {

conv2d_problem problem(index_t samples, index_t height, index_t width, index_t kernel, index_t stride) {
  const index_t padding = kernel / 2;
  const auto reduced = [&](index_t size) { return (size + 2 * padding - kernel) / stride + 1; };
  return {samples, {2, height, width}, {3, reduced(height), reduced(width)}, kernel, stride, padding};
}

// (source pixel, target pixel, kernel row, kernel column) of one product; pixels are numbered through the batch.
using product = std::tuple<index_t, index_t, index_t, index_t>;

// Every product of a convolution, from the definition.
std::vector<product> defined(const conv2d_problem& p, bool forward) {
  std::vector<product> all;
  for (index_t n = 0; n < p.samples; ++n)
    for (index_t row = 0; row < p.out.height; ++row)
      for (index_t column = 0; column < p.out.width; ++column)
        for (index_t a = 0; a < p.kernel; ++a)
          for (index_t b = 0; b < p.kernel; ++b) {
            const index_t h = row * p.stride + a - p.padding, w = column * p.stride + b - p.padding;
            if (h < 0 || h >= p.in.height || w < 0 || w >= p.in.width) continue;
            const index_t input = (n * p.in.height + h) * p.in.width + w;
            const index_t output = (n * p.out.height + row) * p.out.width + column;
            all.emplace_back(forward ? input : output, forward ? output : input, a, b);
          }
  std::sort(all.begin(), all.end());
  return all;
}

// The products that a gather's parts name; `targets` counts how often each target pixel is visited.
void gathered(const cpu::conv2d_gather& g, std::vector<product>& all, std::vector<int>& targets) {
  cpu::any_part(g, [&](const cpu::conv2d_part& part) {
    const index_t pixels = g.samples * part.pixels_per_sample(), cut = pixels / 2;
    const auto visit = [&](index_t source, index_t target) {
      const index_t pixel = target / g.target.channels;
      ++targets[static_cast<std::size_t>(pixel)];
      for (index_t i = part.rows.tap_begin; i < part.rows.tap_end; ++i)
        for (index_t j = part.columns.tap_begin; j < part.columns.tap_end; ++j) {
          const index_t offset = (i - part.rows.tap_begin) * g.source.width + (j - part.columns.tap_begin);
          all.emplace_back(source / g.source.channels + offset, pixel,
                           g.rows.kernel_first + i * g.rows.kernel_step,
                           g.columns.kernel_first + j * g.columns.kernel_step);
        }
    };
    cpu::for_each_pixel(g, part, 0, cut, visit);  // any cut gives the same pixels
    cpu::for_each_pixel(g, part, cut, pixels, visit);
    return false;
  });
}

void check(const conv2d_problem& p) {
  std::vector<product> all;
  std::vector<int> targets(static_cast<std::size_t>(p.samples * p.out.height * p.out.width));
  gathered(cpu::forward_gather(p), all, targets);
  std::sort(all.begin(), all.end());
  CHECK(all == defined(p, true));
  CHECK(std::all_of(targets.begin(), targets.end(), [](int visits) { return visits == 1; }));

  all.clear();
  targets.assign(static_cast<std::size_t>(p.samples * p.in.height * p.in.width), 0);
  for (index_t i = 0; i < cpu::backward_gathers(p); ++i) gathered(cpu::backward_gather(p, i), all, targets);
  std::sort(all.begin(), all.end());
  CHECK(all == defined(p, false));
  CHECK(std::all_of(targets.begin(), targets.end(), [](int visits) { return visits == 1; }));
}

}  // namespace

TEST_CASE("conv2d_gather: every product of the definition once, every target once, forward and backward") {
  for (const index_t kernel : {1, 3, 5}) {
    for (const index_t stride : {1, 2, 3}) {
      for (const auto& [height, width] :
           {std::pair<index_t, index_t>{1, 1}, {2, 5}, {4, 4}, {7, 3}, {8, 9}}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(height);
        CAPTURE(width);
        check(problem(2, height, width, kernel, stride));
      }
    }
  }
}

TEST_CASE("conv2d_gather: the interior of an image is one part") {
  index_t parts = 0, largest = 0;
  cpu::any_part(cpu::forward_gather(problem(1, 8, 8, 3, 1)), [&](const cpu::conv2d_part& part) {
    ++parts;
    largest = std::max(largest, part.pixels_per_sample());
    return false;
  });
  CHECK(parts == 9);
  CHECK(largest == 36);
}
