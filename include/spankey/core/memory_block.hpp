// One owner of a piece of memory, which is overwritten with zeros before it is given back: it may have held a key.
//
// Memory says which: a memory_of (core/memory.hpp), or any other class with its on_host, reserve and release; where the host
// cannot follow the pointers, with its zero as well.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

template <class Memory, class T>
class memory_block {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Nothing.
  memory_block() = default;
  /// `count` elements. Fails with memory.104, in the name of `where`.
  memory_block(index_t count, std::string_view where) : count_(count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    data_ = reinterpret_cast<T*>(Memory::reserve(bytes));
    if (data_ == nullptr) fail("memory.104", where, "cannot reserve ", bytes, " bytes");
  }
  ~memory_block() {
    if (data_ == nullptr) return;
    if constexpr (Memory::on_host) {
      wipe(data_, static_cast<std::size_t>(count_) * sizeof(T));
    } else {
      Memory::zero(data_, count_);
    }
    Memory::release(reinterpret_cast<std::byte*>(data_));
  }
  memory_block(memory_block&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  memory_block& operator=(memory_block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] index_t size() const { return count_; }

 private:
  T* data_ = nullptr;
  index_t count_ = 0;
};

}  // namespace spankey
