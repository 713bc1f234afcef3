// Sums of equally long vectors along a fixed binary tree, whose leaves are held by R processes, K each; both powers of two.
//
//   level l joins the leaves 2^(l+1) j and 2^(l+1) j + 2^l:  v = a + b
// First the K vectors of this process, then between processes: of numbers all of them with the partner of each level
// (recursive doubling), of gradients halves and halves of halves, then the sums back the same way (recursive halving and
// doubling: 2 (1 - 1/R) of the vector a process sends, and 2 log R messages). a + b is b + a in IEEE 754, so every element is
// the same tree of the same numbers for any R.
// gradient_format::bf16: both numbers of every sum, and the last one, are rounded to bf16, whether they travel or not.
// Source: Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in MPICH", 2005.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// The processes that train together. Fails where one cannot be reached.
class process_group {
 public:
  virtual ~process_group() = default;
  [[nodiscard]] virtual index_t rank() const = 0;
  [[nodiscard]] virtual index_t size() const = 0;
  /// Sends to `peer`, which does the same, and receives as many bytes.
  virtual void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) = 0;
  /// Rank 0's bytes for all of them.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
  /// A second way to the same processes, for another thread at the same time: what goes one way never meets what goes the
  /// other. Null where there is none.
  [[nodiscard]] virtual process_group* beside() { return nullptr; }
  /// Called while another thread is in exchange(): that fails soon, as every later one does.
  virtual void give_up() {}
};

enum class gradient_format { fp32, bf16 };

class tree_sum {
 public:
  /// `others` is null where one process has all leaves.
  tree_sum(process_group* others, gradient_format format) : others_(others), format_(format) {}

  /// own[0] becomes the sum; the other vectors of this process are read, and overwritten.
  void add(std::span<const std::span<double>> own) { add<double, double>(own); }
  void add(std::span<const std::span<float>> own) {
    if (format_ == gradient_format::fp32) {
      add<float, float>(own);
    } else {
      add<float, bf16>(own);
    }
  }

 private:
  template <class Wire, class T>
  static T rounded(T value) {
    return static_cast<T>(static_cast<Wire>(value));
  }
  template <class Wire, class T>
  static void join(std::span<T> a, const T* b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = rounded<Wire>(a[i]) + rounded<Wire>(b[i]);
  }

  template <class T, class Wire>
  void add(std::span<const std::span<T>> own) {
    for (std::size_t apart = 1; apart < own.size(); apart *= 2)
      for (std::size_t i = 0; i + apart < own.size(); i += 2 * apart)
        join<Wire>(own[i], own[i + apart].data());
    const std::span<T> all = own.front();
    const index_t processes = others_ == nullptr ? 1 : others_->size();
    if (processes > 1 && std::is_same_v<T, double>) {
      for (index_t apart = 1; apart < processes; apart *= 2) exchange_and_add<Wire>(apart, all, all);
    } else if (processes > 1) {
      halve<Wire>(all, 1);
      return;
    }
    if (own.size() > 1)
      for (T& value : all) value = rounded<Wire>(value);
  }

  // This process keeps one half of `all` and gives the other away, and so on; then all of it comes back.
  template <class Wire, class T>
  void halve(std::span<T> all, index_t apart) {
    if (apart == others_->size()) {
      for (T& value : all) value = rounded<Wire>(value);
      return;
    }
    const std::size_t middle = all.size() / 2;
    const bool keeps_first = (others_->rank() & apart) == 0;
    const std::span<T> first = all.first(middle), last = all.subspan(middle);
    const std::span<T> kept = keeps_first ? first : last, given = keeps_first ? last : first;
    exchange_and_add<Wire>(apart, given, kept);
    halve<Wire>(kept, 2 * apart);
    if constexpr (std::is_same_v<T, Wire>) {
      others_->exchange(others_->rank() ^ apart, std::as_bytes(kept), std::as_writable_bytes(given));
    } else {
      const Wire* const back = pass<Wire>(apart, std::span<const T>(kept), given.size());
      for (std::size_t i = 0; i < given.size(); ++i) given[i] = static_cast<T>(back[i]);
    }
  }

  // `kept` += what the partner gives away.
  template <class Wire, class T>
  void exchange_and_add(index_t apart, std::span<T> given, std::span<T> kept) {
    const Wire* const b = pass<Wire>(apart, std::span<const T>(given), kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = rounded<Wire>(kept[i]) + static_cast<T>(b[i]);
  }
  // Exchanges vectors, which may differ by an element in length, with the partner at that distance. What the partner sent
  // stays until the next call.
  template <class Wire, class T>
  const Wire* pass(index_t apart, std::span<const T> given, std::size_t expected) {
    theirs_.resize(expected * sizeof(Wire));
    std::span<const std::byte> sent = std::as_bytes(given);
    if constexpr (!std::is_same_v<T, Wire>) {
      mine_.resize(given.size() * sizeof(Wire));
      auto* const to = reinterpret_cast<Wire*>(mine_.data());
      for (std::size_t i = 0; i < given.size(); ++i) to[i] = static_cast<Wire>(given[i]);
      sent = mine_;
    }
    others_->exchange(others_->rank() ^ apart, sent, theirs_);
    return reinterpret_cast<const Wire*>(theirs_.data());
  }

  process_group* others_;
  gradient_format format_;
  std::vector<std::byte> mine_, theirs_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
