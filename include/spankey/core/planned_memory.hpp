// What a model knows of its memory: for how many samples its arena was made, and whether anyone wrote its weights.
//
//   none     no arena yet, or the arena is gone: nothing may run
//   planned  an arena for samples() samples: weights may be initialised or loaded
//   written  weights were initialised or loaded: everything may run
// A model that has a member planned() which returns one is looked at once a pass; models without one are trusted.
#pragma once

#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// A member of a model; it is tied to the model's address, so that a model can neither be copied nor moved.
class planned_memory {
 public:
  planned_memory() = default;
  planned_memory(const planned_memory&) = delete;
  planned_memory& operator=(const planned_memory&) = delete;
  ~planned_memory() {
    if (owner_ != nullptr) *owner_ = nullptr;
  }

  /// Samples of all groups together that the memory holds; 0: there is none.
  [[nodiscard]] index_t samples() const { return samples_; }
  [[nodiscard]] bool written() const { return written_; }

  /// For whoever writes every parameter by other means than initialise and load_weights.
  void mark_written() { written_ = true; }
  /// While weights are packed (model/packed_weights.hpp) nobody may write them.
  void pack(bool on) { packed_ += on ? 1 : -1; }

  /// For the arena: the memory is there; `owner` is set to null where the model goes first.
  void plan(index_t samples, planned_memory** owner) { samples_ = samples, owner_ = owner, written_ = false; }
  void forget() { samples_ = 0, owner_ = nullptr, written_ = false; }

  /// Fails with memory.105 where there is no memory, memory.106 where it holds fewer than `samples` samples.
  void require(index_t samples, std::string_view where) const {
    if (samples_ == 0)
      fail("memory.105", where,
           "this model has no memory, or its arena is gone; expected an arena that lives as "
           "long as the model is used: const arena memory(model, samples)");
    if (samples > samples_)
      fail("memory.106", where, "found ", samples, " samples of all groups together, expected at most ",
           samples_, ", for which the model's arena was made");
  }
  /// Also with memory.107 where nobody wrote the parameters.
  void require_written(index_t samples, std::string_view where) const {
    require(samples, where);
    if (!written_)
      fail("memory.107", where,
           "nobody wrote this model's parameters since its arena was made; expected "
           "initialise(model, seed) or load_weights before");
  }
  /// Before parameters are written: memory.105, and memory.108 where they are packed.
  void require_writable(std::string_view where) const {
    require(0, where);
    if (packed_ > 0)
      fail("memory.108", where,
           "found packed_weights of this model alive, which would go on with the old weights");
  }

 private:
  index_t samples_ = 0;
  planned_memory** owner_ = nullptr;
  int packed_ = 0;
  bool written_ = false;
};

template <class Model>
concept KnowsItsMemory = requires(Model& model) {
  static_cast<planned_memory&>(model.planned());
};

/// The same questions to any model.
template <class Model>
void require_planned(Model& model, index_t samples, std::string_view where) {
  if constexpr (KnowsItsMemory<Model>) model.planned().require(samples, where);
}
template <class Model>
void require_written(Model& model, index_t samples, std::string_view where) {
  if constexpr (KnowsItsMemory<Model>) model.planned().require_written(samples, where);
}
template <class Model>
void require_writable(Model& model, std::string_view where) {
  if constexpr (KnowsItsMemory<Model>) model.planned().require_writable(where);
}
template <class Model>
void mark_written(Model& model) {
  if constexpr (KnowsItsMemory<Model>) model.planned().mark_written();
}

}  // namespace spankey
