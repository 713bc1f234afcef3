// A tensor of the host where the kernels of a backend read it: itself, or a copy in the backend's memory.
#pragma once

#include <algorithm>

#include "spankey/core/memory.hpp"
#include "spankey/core/memory_block.hpp"

namespace spankey {

/// Memory is a memory_of. A mirror shows one tensor at a time.
template <class Memory, class T>
class mirror {
 public:
  /// Where `count` elements of `host` can be read, until the next call. Fails with memory.104.
  const T* of(const T* host, index_t count) {
    if constexpr (Memory::on_host) {
      return host;
    } else {
      if (count > copy_.size()) {
        copy_ = memory_block<Memory, T>();  // first, so that there is room
        copy_ = memory_block<Memory, T>(count, "mirror");
      }
      Memory::write(copy_.data(), count, [&](T* to) { std::copy_n(host, count, to); });
      return copy_.data();
    }
  }

 private:
  memory_block<Memory, T> copy_;
};

}  // namespace spankey
