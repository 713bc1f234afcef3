// A block of key injection, CPU: what a policy makes of a piece of a key, applied to the columns that the piece acts on.
//
// A column is an element of a sample (channels last). With a key of its own for every element the piece is read where it
// lies; with one number a channel or a token, every number that the block meets is looked at once and then written down for
// each of its columns, so that the same kernels serve all shapes.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/elementwise.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/injection.hpp"
#include "spankey/core/key_shape.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/inject_key.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/inject.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey::cpu {

/// Columns of a block at most.
inline constexpr index_t inject_columns = 2048;

/// Columns [first, first + count) of a sample, and the key's numbers that they meet, in the order of meeting.
struct key_columns {
  site_geometry site;
  index_t first, count;

  [[nodiscard]] index_t numbers() const {
    if (site.key == key_shape::channel) return std::min(site.channels, count);
    return site.key_of(first + count - 1) - site.key_of(first) + 1;
  }
  /// to (numbers()): the numbers.
  void gather(const float* key, float* to) const {
    for (index_t j = 0; j < numbers(); ++j)
      to[j] = key[site.key == key_shape::channel ? site.key_of(first + j) : site.key_of(first) + j];
  }
  /// to (count): for every column the value of its number.
  void spread(const float* values, float* to) const {
    for_each_run([&](index_t column, index_t length, index_t number) {
      if (site.key == key_shape::token) {
        std::fill_n(to + column, length, values[number]);
      } else {
        std::copy_n(values + number, length, to + column);
      }
    });
  }
  /// key += the values of the columns, each to its number, in the order of the columns.
  void collect(const float* values, float* key) const {
    const auto add = SPANKEY_DISPATCH(add_elements);
    const auto total = SPANKEY_DISPATCH(inject_total);
    for_each_run([&](index_t column, index_t length, index_t) {
      float* const to = key + site.key_of(first + column);
      if (site.key == key_shape::token) {
        *to += total(length, values + column);
      } else {
        add(length, values + column, to);
      }
    });
  }

 private:
  // f(column of the block, columns, their first number among those met) for columns whose numbers are one (token), or
  // lie in sequence (channel).
  template <class F>
  void for_each_run(const F& f) const {
    const index_t channels = site.channels, begin = first % channels;
    for (index_t column = 0; column < count;) {
      const index_t channel = (begin + column) % channels;
      // Numbers are counted from the block's first one: a channel before it comes after the last.
      const index_t number = site.key == key_shape::token ? (begin + column) / channels
                             : channel >= begin           ? channel - begin
                                                          : channel + channels - begin;
      const index_t until = site.key == key_shape::channel && channel < begin ? begin : channels;
      const index_t length = std::min(until - channel, count - column);
      f(column, length, number);
      column += length;
    }
  }
};

/// A policy's effect on one block.
template <class Injector, class T>
class inject_block {
 public:
  inject_block(const Injector& injector, bool with_slopes) : injector_(injector), with_slopes_(with_slopes) {}

  /// Keys of `count` columns, a number each.
  void read(index_t count, const float* key) {
    key_ = key;
    if constexpr (multiplies) {
      SPANKEY_DISPATCH(multiplicative_factors)
      (count, injector_.gamma, Injector::lowest, Injector::highest, key, factor_,
       with_slopes_ ? slope_ : nullptr);
    }
  }
  /// Keys of numbers that act on several columns each.
  void read(const key_columns& columns, const float* key) {
    columns.gather(key, met_);
    read(columns.numbers(), met_);
    if constexpr (multiplies) {
      std::copy_n(factor_, columns.numbers(), met_);
      columns.spread(met_, factor_);
      if (!with_slopes_) return;
      std::copy_n(slope_, columns.numbers(), met_);
      columns.spread(met_, slope_);
    } else {
      columns.spread(met_, wide_);
      key_ = wide_;
    }
  }

  void forward(index_t count, const T* x, T* y) const {
    if constexpr (multiplies) {
      SPANKEY_DISPATCH(inject_scale)(count, x, static_cast<const float*>(factor_), y);
    } else if constexpr (adds) {
      SPANKEY_DISPATCH(inject_add)(count, injector_.gamma, x, key_, y);
    } else {
      for (index_t i = 0; i < count; ++i)
        y[i] = static_cast<T>(injector_.forward(static_cast<float>(x[i]), key_[i]));
    }
  }

  /// dk (count), of every column apart, may be null; it must not be where there are no slopes. dx may be dy.
  void backward(index_t count, const T* x, const T* dy, T* dx, float* dk) const {
    if constexpr (multiplies) {
      // Before dx, which may overwrite dy.
      if (dk != nullptr)
        SPANKEY_DISPATCH(inject_scale_key)(count, x, static_cast<const float*>(slope_), dy, dk);
      SPANKEY_DISPATCH(inject_scale)(count, dy, static_cast<const float*>(factor_), dx);
    } else if constexpr (adds) {
      if (dk != nullptr) SPANKEY_DISPATCH(inject_add_key)(count, injector_.gamma, dy, dk);
      if (dx != dy) std::copy_n(dy, count, dx);
    } else {
      for (index_t i = 0; i < count; ++i) {
        const auto g = injector_.backward(static_cast<float>(x[i]), key_[i], static_cast<float>(dy[i]));
        dx[i] = static_cast<T>(g.dx);
        if (dk != nullptr) dk[i] = g.dk;
      }
    }
  }

 private:
  static constexpr bool multiplies = formula_of<Injector> == injection_formula::multiply,
                        adds = formula_of<Injector> == injection_formula::add;
  const Injector& injector_;
  bool with_slopes_;
  const float* key_ = nullptr;
  float factor_[multiplies ? inject_columns : 1], slope_[multiplies ? inject_columns : 1];
  float met_[inject_columns], wide_[multiplies ? 1 : inject_columns];
};

}  // namespace spankey::cpu
