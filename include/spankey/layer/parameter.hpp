// A trainable tensor: value, gradient and optimizer state side by side, and how a file spells its shape.
//
// One order serves every parameter. In memory (H, W, I, O); in files (O, I, H, W), PyTorch's order:
//   convolution  O, I, kernel H, kernel W          file shape (O, I, H, W)
//   linear       O outputs of an I x H x W input   file shape (O, I*H*W), features numbered in C, H, W order; with
//                                                  inputs_first (I*H*W, O)
//   tokens       O channels of H tokens            file shape (1, H, O), inputs_first
//   vector       O                                 file shape (O)
#pragma once

#include <array>
#include <span>

#include "spankey/core/arena.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

struct parameter_extents {
  index_t o = 1, i = 1, h = 1, w = 1;
  int file_rank = 1;  // 1 vector, 2 linear, 3 tokens, 4 convolution
  bool inputs_first = false;

  [[nodiscard]] constexpr index_t size() const { return o * i * h * w; }
  /// Shape in files; only the first file_rank entries count.
  [[nodiscard]] constexpr std::array<index_t, 4> file_shape() const {
    if (file_rank == 1) return {o, 1, 1, 1};
    if (file_rank == 2 && inputs_first) return {i * h * w, o, 1, 1};
    if (file_rank == 2) return {o, i * h * w, 1, 1};
    if (file_rank == 3) return {1, h, o, 1};
    return {o, i, h, w};
  }
  /// Calls f(memory position, file position) for every element. Matrices go in tiles: where one of both orders lies in rows, the
  /// other one does in columns, and a tile of either fits into a cache.
  template <class F>
  constexpr void for_each_position(F&& f) const {
    constexpr index_t tile = 64;
    for (index_t y = 0; y < h; ++y)
      for (index_t x = 0; x < w; ++x)
        for (index_t first_in = 0; first_in < i; first_in += tile)
          for (index_t first_out = 0; first_out < o; first_out += tile)
            for (index_t in = first_in; in < i && in < first_in + tile; ++in)
              for (index_t out = first_out; out < o && out < first_out + tile; ++out) {
                const index_t feature = (in * h + y) * w + x;
                f(((y * w + x) * i + in) * o + out,
                  inputs_first ? feature * o + out : out * i * h * w + feature);
              }
  }
};

/// What fresh weights are drawn from (model/initialise.hpp).
enum class initialiser : unsigned char {
  zeros,
  ones,
  he_normal,         // N(0, 2 / fan_out): He et al. 2015, as torchvision's ResNets
  uniform_fan_in,    // U(-1/sqrt(fan_in), 1/sqrt(fan_in)): torch.nn.Linear
  xavier_uniform,    // U(-b, b), b = sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010
  normal,            // N(0, 0.02^2): timm's vision transformers, GPT-2
  truncated_normal,  // N(0, 0.02^2), drawn again beyond two deviations: transformers
  dirac,             // every output the input of its own number: torch.nn.init.dirac_, of a convolution
  dirac_uniform      // the same for the first outputs, as many as there are inputs; the rest uniform_fan_in
};

/// Backward passes accumulate (+=) into `gradient`; the optimizer owns `momentum` and, where it asked for one before
/// the memory was planned, `second_moment` and `average` (0 before the first step).
template <class T>
struct parameter {
  parameter_extents dims{};
  initialiser fill = initialiser::zeros;
  double gain = 1;  // what fresh weights are multiplied with
  /// What the optimizer multiplies its learning rate and weight decay with (optim/parameter_group.hpp).
  double rate_factor = 1, decay_factor = 1;
  /// It does not change, and its gradient is not computed: that of a bias where its weights are frozen, too.
  bool frozen = false;
  buffer<T> value{}, gradient{}, momentum{}, second_moment{}, average{};
  bool keeps_second_moment = false, keeps_average = false;

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at) {
    visit(scope{&at, "value"}, value, dims.size(), lifetime::kept);
    visit(scope{&at, "gradient"}, gradient, dims.size(), lifetime::kept);
    visit(scope{&at, "momentum"}, momentum, dims.size(), lifetime::kept);
    if (keeps_second_moment) visit(scope{&at, "second_moment"}, second_moment, dims.size(), lifetime::kept);
    if (keeps_average) visit(scope{&at, "average"}, average, dims.size(), lifetime::kept);
  }
};

/// State that training updates and files keep, but no gradient reaches (running statistics).
template <class T>
struct state {
  index_t count = 0;
  initialiser fill = initialiser::zeros;  // zeros or ones
  buffer<T> value{};

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at) {
    visit(scope{&at, "value"}, value, count, lifetime::kept);
  }
};

}  // namespace spankey
