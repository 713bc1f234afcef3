// Weights of a model packed once, for many evaluation passes: a pass of few samples spends more time on packing weights
// than on multiplying them.
//
//   const packed_weights packed(model);   // from here to the end of the scope, evaluation reads the packed weights
// While it lives the weights must not change: training refuses (layer.103), and so does what initialises or loads them
// (memory.108).
#pragma once

#include <cstddef>

#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

template <class Model>
class [[nodiscard]] packed_weights {
  using master = typename Model::master;

 public:
  /// Fails with memory.102 where there is no memory for a second copy of the weights, memory.105 and memory.107 where
  /// there is no first one.
  explicit packed_weights(Model& model) : model_(model) {
    require_written(model, 0, "packed_weights");
    std::size_t bytes = 0;
    model.for_each_packed([&](auto& layer) { bytes += bytes_of(layer); });
    memory_ = memory_of_model<Model>::reserve(bytes);
    if (memory_ == nullptr) fail("memory.102", "packed_weights", "cannot reserve ", bytes, " bytes");
    std::byte* next = memory_;
    model.for_each_packed([&](auto& layer) {
      layer.use_packed(reinterpret_cast<master*>(next));
      next += bytes_of(layer);
    });
    if constexpr (KnowsItsMemory<Model>) model.planned().pack(true);
  }
  ~packed_weights() {
    if constexpr (KnowsItsMemory<Model>) model_.planned().pack(false);
    model_.for_each_packed([](auto& layer) { layer.use_packed(nullptr); });
    memory_of_model<Model>::release(memory_);
  }
  packed_weights(const packed_weights&) = delete;
  packed_weights& operator=(const packed_weights&) = delete;

 private:
  template <class L>
  static std::size_t bytes_of(const L& layer) {
    return memory_plan::padded(static_cast<std::size_t>(layer.packed_size()) * sizeof(master));
  }
  Model& model_;
  std::byte* memory_ = nullptr;
};

}  // namespace spankey
