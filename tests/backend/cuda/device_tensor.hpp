// A vector on the device, for tests: uploaded when made, downloaded when asked for.
#pragma once

#include <vector>

#include "backend/cpu/agreement.hpp"
#include "spankey/backend/cuda/memory.hpp"

namespace device {

using spankey::index_t;
using memory = spankey::memory_of<spankey::backend::cuda>;

template <class T>
class tensor {
 public:
  explicit tensor(const std::vector<T>& values)
      : count_(static_cast<index_t>(values.size())),
        data_(reinterpret_cast<T*>(memory::reserve(values.size() * sizeof(T)))) {
    memory::write(data_, count_, [&](T* host) { std::copy(values.begin(), values.end(), host); });
  }
  /// `count` times `value`.
  tensor(index_t count, T value) : tensor(std::vector<T>(static_cast<std::size_t>(count), value)) {}
  ~tensor() { memory::release(reinterpret_cast<std::byte*>(data_)); }
  tensor(const tensor&) = delete;
  tensor& operator=(const tensor&) = delete;

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::vector<T> host() const {
    return memory::read(data_, count_,
                        [&](const T* values) { return std::vector<T>(values, values + count_); });
  }

 private:
  index_t count_;
  T* data_;
};

}  // namespace device
