// One arena: every buffer of a model is placed once, before the first step; a step allocates nothing.
//
// A model lists its buffers through for_each_buffer(visitor, scope, samples). The list is walked twice with
// the same code: once to measure (memory_plan, printable), once to hand out addresses. `kept` buffers have a
// place of their own; `scratch` buffers live during one layer call only, so all of them share one place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
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

enum class lifetime { kept, scratch };

struct memory_entry {
  std::string name;
  std::size_t bytes;
  lifetime life;
};

inline constexpr std::size_t arena_alignment = 64;

/// Visitor of the first walk: how much memory, and for what.
class memory_plan {
 public:
  template <class T>
  void operator()(const scope& at, buffer<T>&, index_t count, lifetime life) {
    const std::size_t bytes = padded(static_cast<std::size_t>(count) * sizeof(T));
    entries_.push_back({at.str(), bytes, life});
    if (life == lifetime::kept) {
      kept_ += bytes;
    } else {
      scratch_ = std::max(scratch_, bytes);
    }
  }
  [[nodiscard]] std::size_t bytes() const { return kept_ + scratch_; }
  [[nodiscard]] std::size_t kept_bytes() const { return kept_; }
  [[nodiscard]] const std::vector<memory_entry>& entries() const { return entries_; }

  static constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment;
  }

 private:
  std::vector<memory_entry> entries_;
  std::size_t kept_ = 0, scratch_ = 0;
};

/// Plan of `model` for batches of `samples` samples (all groups together).
template <class Model>
memory_plan plan_memory(Model& model, index_t samples) {
  memory_plan plan;
  model.for_each_buffer(plan, scope{}, samples);
  return plan;
}

/// Owns the memory of one model. The model must not outlive it.
class arena {
 public:
  template <class Model>
  arena(Model& model, index_t samples) {
    const memory_plan plan = plan_memory(model, samples);
    bytes_ = plan.bytes();
    memory_ =
        static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{arena_alignment}, std::nothrow));
    if (memory_ == nullptr) {
      fail("memory.101", "arena", "cannot reserve ", bytes_, " bytes for a batch of ", samples, " samples");
    }
    std::memset(memory_, 0, bytes_);
    placement place{memory_, memory_ + plan.kept_bytes()};
    model.for_each_buffer(place, scope{}, samples);
  }
  ~arena() { ::operator delete (memory_, std::align_val_t{arena_alignment}); }
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // Visitor of the second walk.
  struct placement {
    std::byte* next;
    std::byte* scratch;
    template <class T>
    void operator()(const scope&, buffer<T>& b, index_t count, lifetime life) {
      b.count = count;
      b.data = reinterpret_cast<T*>(life == lifetime::kept ? next : scratch);
      if (life == lifetime::kept) next += memory_plan::padded(static_cast<std::size_t>(count) * sizeof(T));
    }
  };

  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace spankey
