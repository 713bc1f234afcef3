// Tiles of Intel AMX: eight registers of 16 rows x 64 bytes, and TDPBF16PS, which multiplies two of them into a third:
//   c(m, n) += sum over words k and both halves of a word of a(m, k) b(k, n)     a, b: words of two bf16; c: float
//
// A kernel text that uses tiles is compiled for the processor's and for emulated ones, which tests select on machines
// without AMX. Tiles are configured where a task begins and released where it ends, so that no thread of the pool
// keeps their state, which the system would have to save. Source: Intel 64 and IA-32 manual, volume 2, TDPBF16PS.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spankey/backend/cpu/isa.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey::cpu {

inline constexpr std::size_t amx_tiles = 8, amx_tile_rows = 16, amx_tile_words = 16, amx_tile_bytes = 64;

/// The operand of LDTILECFG.
struct alignas(64) amx_configuration {
  std::uint8_t palette = 1, start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};
};
static_assert(sizeof(amx_configuration) == 64);

/// Every tile as large as it can be.
inline constexpr amx_configuration amx_full_tiles = [] {
  amx_configuration c;
  for (std::size_t tile = 0; tile < amx_tiles; ++tile) {
    c.row_bytes[tile] = amx_tile_bytes;
    c.rows[tile] = amx_tile_rows;
  }
  return c;
}();

/// The tiles of one thread, in memory. What the processor would refuse fails here; as there, denormal numbers may be
/// taken for zeros, though here they are not.
class emulated_tiles {
 public:
  void configure(const amx_configuration& c) {
    shape_ = c;
    tile_ = {};
  }
  void release() { configure({0}); }
  void zero(std::size_t t) { checked(t) = {}; }
  /// Rows `step` bytes apart.
  void load(std::size_t t, const void* from, index_t step) {
    tile& to = checked(t);
    to = {};
    for (std::size_t row = 0; row < shape_.rows[t]; ++row)
      std::memcpy(to.row[row], static_cast<const std::byte*>(from) + static_cast<index_t>(row) * step,
                  shape_.row_bytes[t]);
  }
  void store(std::size_t t, void* to, index_t step) {
    const tile& from = checked(t);
    for (std::size_t row = 0; row < shape_.rows[t]; ++row)
      std::memcpy(static_cast<std::byte*>(to) + static_cast<index_t>(row) * step, from.row[row],
                  shape_.row_bytes[t]);
  }
  /// TDPBF16PS: for each c(m, n), the first halves and the second halves are summed apart, then added to it.
  void multiply(std::size_t c, std::size_t a, std::size_t b) {
    const tile &left = checked(a), &right = checked(b);
    tile& sum = checked(c);
    const std::size_t rows = shape_.rows[c], words = shape_.row_bytes[a] / 4,
                      columns = shape_.row_bytes[c] / 4;
    if (a == b || b == c || a == c || shape_.rows[a] != rows || shape_.rows[b] != words ||
        shape_.row_bytes[b] != shape_.row_bytes[c]) {
      fail("backend.104", "emulated AMX", "tiles ", c, ", ", a, " and ", b, " do not form a product");
    }
    for (std::size_t m = 0; m < rows; ++m) {
      float first[amx_tile_words] = {}, second[amx_tile_words] = {};
      for (std::size_t k = 0; k < words; ++k) {
        const float low = half(left.row[m][k] << 16), high = half(left.row[m][k] & 0xFFFF0000U);
        const std::uint32_t* const b_row = right.row[k];
        for (std::size_t n = 0; n < amx_tile_words; ++n) {  // columns beyond the tile's are zeros
          first[n] += low * half(b_row[n] << 16);
          second[n] += high * half(b_row[n] & 0xFFFF0000U);
        }
      }
      for (std::size_t n = 0; n < columns; ++n)
        sum.row[m][n] = std::bit_cast<std::uint32_t>(half(sum.row[m][n]) + (first[n] + second[n]));
    }
  }

 private:
  struct tile {
    std::uint32_t row[amx_tile_rows][amx_tile_words];
  };

  static float half(std::uint32_t word) { return std::bit_cast<float>(word); }
  tile& checked(std::size_t t) {
    if (shape_.palette != 1 || shape_.rows[t] == 0)
      fail("backend.103", "emulated AMX", "tile ", t, " is not configured");
    return tile_[t];
  }

  amx_configuration shape_{0};
  std::array<tile, amx_tiles> tile_{};
};

/// The tiles of this thread.
inline emulated_tiles& this_threads_tiles() {
  thread_local emulated_tiles tiles;
  return tiles;
}

/// Which tiles the matrix products of bf16 use now.
enum class amx_unit { none, processor, emulated };

inline std::atomic<bool>& amx_emulated() {
  static std::atomic<bool> on = false;
  return on;
}

inline amx_unit active_amx() {
  if (amx_emulated().load(std::memory_order_relaxed)) return amx_unit::emulated;
  return active_isa() == isa::amx_bf16 ? amx_unit::processor : amx_unit::none;
}

/// For tests: while it lives, the matrix products of bf16 go through emulated tiles, on any processor; everything else
/// runs on the family in use. Not while kernels run.
class amx_emulation {
 public:
  amx_emulation() : before_(amx_emulated().exchange(true)) {}
  ~amx_emulation() { amx_emulated().store(before_); }
  amx_emulation(const amx_emulation&) = delete;
  amx_emulation& operator=(const amx_emulation&) = delete;

 private:
  bool before_;
};

}  // namespace spankey::cpu
