// One arena: every buffer of a model is placed once, before the first step; a step allocates nothing.
//
// A model lists its buffers through for_each_buffer(visitor, scope, samples); visitor(scope, buffer, count, lifetime), or
// with a span_of_use behind it. The list is walked twice with the same code: once to measure (memory_plan, printable), once
// to hand out addresses. How long a buffer is needed decides with whom it shares its place: the plan is what a step needs
// at its peak, not the sum.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Name of a layer, parameter or buffer inside its model, without heap use: a list that lives on the stack.
struct scope {
  const scope* outer = nullptr;
  std::string_view name;
  /// The dotted name, as PyTorch writes it: "layer1.0.conv1.weight".
  [[nodiscard]] std::string str() const {
    const std::string before = outer != nullptr ? outer->str() : std::string();
    return before.empty() ? std::string(name) : before + "." + std::string(name);
  }
};

/// `count` elements whose address the arena decides.
template <class T>
struct buffer {
  T* data = nullptr;
  index_t count = 0;
};

/// How long the content of a buffer is needed.
enum class lifetime {
  kept,     // as long as the model: parameters, statistics
  step,     // from a layer's forward pass to its backward pass
  output,   // of a layer: as `step`, unless the network that it is part of knows better (span_of_use)
  inner,    // until the next layer has read it, and again in the backward pass: one place for all of them
  scratch,  // during one layer call: one place for all layers
};

/// Positions among the operations of one step, forward and then backward, between which a buffer of a step is needed:
/// two whose spans do not meet may lie over each other. What nobody said anything about is needed all the time.
struct span_of_use {
  int first = 0, last = std::numeric_limits<int>::max();
  [[nodiscard]] constexpr bool meets(const span_of_use& other) const {
    return first <= other.last && other.first <= last;
  }
};

struct memory_entry {
  std::string name;
  std::size_t bytes;
  lifetime life;
};

inline constexpr std::size_t arena_alignment = memory_alignment;

/// Where buffers of every lifetime lie, in bytes: those of a step at the lowest place that is free while they are needed,
/// in the order in which they are listed; those of their own place side by side; the others over each other.
class memory_layout {
 public:
  /// Offset of the next buffer inside the part that its lifetime belongs to.
  std::size_t place(std::size_t bytes, lifetime life, const span_of_use& use) {
    switch (life) {
      case lifetime::kept:
        return std::exchange(kept_, kept_ + bytes);
      case lifetime::step:
      case lifetime::output:
        return place_in_step(bytes, use);
      default:
        shared_[shared_index(life)] = std::max(shared_[shared_index(life)], bytes);
        return 0;
    }
  }

  /// First byte of the part that a lifetime belongs to; final once every buffer was placed.
  [[nodiscard]] std::size_t begin(lifetime life) const {
    if (life == lifetime::kept) return 0;
    if (life == lifetime::step || life == lifetime::output) return kept_;
    std::size_t at = kept_ + step_;
    for (std::size_t i = 0; i < shared_index(life); ++i) at += shared_[i];
    return at;
  }
  [[nodiscard]] std::size_t bytes() const { return begin(lifetime::scratch) + shared_.back(); }

 private:
  struct placed {
    std::size_t at, bytes;
    span_of_use use;
  };
  std::size_t place_in_step(std::size_t bytes, const span_of_use& use) {
    std::size_t at = 0;
    if (bytes != 0) {
      // In the order of their places: the first gap that is wide enough.
      for (const placed& p : in_step_) {
        if (!p.use.meets(use)) continue;
        if (p.at >= at + bytes) break;
        at = std::max(at, p.at + p.bytes);
      }
      const auto behind =
          std::find_if(in_step_.begin(), in_step_.end(), [&](const placed& p) { return p.at > at; });
      in_step_.insert(behind, {at, bytes, use});
    }
    step_ = std::max(step_, at + bytes);
    return at;
  }
  static constexpr std::size_t shared_index(lifetime life) {
    return static_cast<std::size_t>(life) - static_cast<std::size_t>(lifetime::inner);
  }
  std::size_t kept_ = 0, step_ = 0;
  std::vector<placed> in_step_;
  std::array<std::size_t, 2> shared_{};
};

/// Visitor of the first walk: how much memory, and for what.
class memory_plan {
 public:
  template <class T>
  void operator()(const scope& at, buffer<T>&, index_t count, lifetime life, const span_of_use& use = {}) {
    const std::size_t bytes = padded(static_cast<std::size_t>(count) * sizeof(T));
    entries_.push_back({at.str(), bytes, life});
    layout_.place(bytes, life, use);
  }
  [[nodiscard]] std::size_t bytes() const { return layout_.bytes(); }
  [[nodiscard]] const memory_layout& layout() const { return layout_; }
  [[nodiscard]] const std::vector<memory_entry>& entries() const { return entries_; }

  static constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment;
  }

 private:
  std::vector<memory_entry> entries_;
  memory_layout layout_;
};

/// Plan of `model` for batches of `samples` samples (all groups together).
template <class Model>
[[nodiscard]] memory_plan plan_memory(Model& model, index_t samples) {
  memory_plan plan;
  model.for_each_buffer(plan, scope{}, samples);
  return plan;
}

/// Owns the memory of one model, in its backend's memory; a model has one at a time. Once it is gone, whatever needs the
/// model's memory fails (core/planned_memory.hpp). Errors: memory.101 not as much memory, memory.103 a model that has an
/// arena, memory.109 a number of samples that is none.
class [[nodiscard]] arena {
 public:
  template <class Model>
  [[nodiscard]] arena(Model& model, index_t samples) {
    // The limit keeps every product of extents and samples far from wrapping around.
    if (samples < 1 || samples > index_t{0x7FFFFFFF})
      fail("memory.109", "arena", "found ", samples, " samples, expected 1 to ", index_t{0x7FFFFFFF});
    if constexpr (KnowsItsMemory<Model>) {
      if (model.planned().samples() != 0)
        fail("memory.103", "arena", "the model has an arena for ", model.planned().samples(),
             " samples already; expected it to be gone before the next one is made");
    }
    const memory_plan plan = plan_memory(model, samples);
    bytes_ = plan.bytes();
    memory_ = memory_of_model<Model>::reserve(bytes_);
    release_ = memory_of_model<Model>::release;
    if (memory_ == nullptr) {
      fail("memory.101", "arena", "cannot reserve ", bytes_, " bytes for a batch of ", samples, " samples");
    }
    placement place{memory_, plan.layout(), {}};
    model.for_each_buffer(place, scope{}, samples);
    if constexpr (KnowsItsMemory<Model>) {
      model.planned().plan(samples, &model_);
      model_ = &model.planned();
      // Null where anyone looks: buffers that are gone must not look like buffers.
      take_back_ = [](void* of) {
        take_back visit;
        static_cast<Model*>(of)->for_each_buffer(visit, scope{}, 1);
      };
      whole_ = &model;
    }
  }
  ~arena() {
    if (model_ != nullptr) {
      take_back_(whole_);
      model_->forget();
    }
    release_(memory_);
  }
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // Visitor of the second walk: `whole` says where the parts begin.
  struct placement {
    std::byte* memory;
    const memory_layout& whole;
    memory_layout so_far;
    template <class T>
    void operator()(const scope&, buffer<T>& b, index_t count, lifetime life, const span_of_use& use = {}) {
      const std::size_t bytes = memory_plan::padded(static_cast<std::size_t>(count) * sizeof(T));
      b.count = count;
      b.data = reinterpret_cast<T*>(memory + whole.begin(life) + so_far.place(bytes, life, use));
    }
  };

  struct take_back {
    template <class T>
    void operator()(const scope&, buffer<T>& b, index_t, lifetime, const span_of_use& = {}) {
      b = {};
    }
  };

  planned_memory* model_ = nullptr;  // null: the model went first, or knows nothing of its memory
  void* whole_ = nullptr;
  void (*take_back_)(void*) = nullptr;
  std::byte* memory_ = nullptr;
  void (*release_)(std::byte*) = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace spankey
