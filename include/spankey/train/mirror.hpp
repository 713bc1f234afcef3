// A tensor of the host where the kernels of a backend read it: itself, or a copy in the backend's memory, which is
// overwritten with zeros before it is given back: it may have been a key.
#pragma once

#include <algorithm>

#include "spankey/core/error.hpp"
#include "spankey/core/memory.hpp"

namespace spankey {

/// Memory is a memory_of. A mirror shows one tensor at a time.
template <class Memory, class T>
class mirror {
 public:
  mirror() = default;
  ~mirror() { release(); }
  mirror(const mirror&) = delete;
  mirror& operator=(const mirror&) = delete;

  /// Where `count` elements of `host` can be read, until the next call. Fails with memory.104.
  const T* of(const T* host, index_t count) {
    if constexpr (Memory::on_host) {
      return host;
    } else {
      if (count > capacity_) {
        release();
        copy_ = reinterpret_cast<T*>(Memory::reserve(static_cast<std::size_t>(count) * sizeof(T)));
        if (copy_ == nullptr) fail("memory.104", "mirror", "cannot reserve ", count, " elements");
        capacity_ = count;
      }
      Memory::write(copy_, count, [&](T* to) { std::copy_n(host, count, to); });
      return copy_;
    }
  }

 private:
  void release() {
    if (copy_ == nullptr) return;
    Memory::zero(copy_, capacity_);
    Memory::release(reinterpret_cast<std::byte*>(copy_));
    copy_ = nullptr;
  }
  T* copy_ = nullptr;
  index_t capacity_ = 0;
};

}  // namespace spankey
