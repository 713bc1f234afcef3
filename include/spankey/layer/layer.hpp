// What a layer is. (To write a new one, and what must exist for it: model/README.md.)
//
// A layer knows its input and output extents and has hand-written passes over n samples, channels last:
//   forward(pass, n, x, addend) -> y    y lies in the layer's own memory; the layer keeps pointers to what its backward
//                                       reads, never copies. addend: what a batch norm or a sum adds; else null
//   backward(pass, n, gradients)        dx overwritten, or += with `accumulate`; null: not wanted. Gradients of
//                                       parameters: always +=
// It lists what it owns by name in visit(), for the arena, the optimizer and files. traits() says what its backward
// reads: from it a network (model/layered_network.hpp) knows how long every activation is needed.
// The sizes of a layer are known at run time, so that kernels are compiled once, not once a shape. The templates with
// static shapes (conv2d<shape<3, 32, 32>, 64, window<3>, ...>) are the same layers for networks composed by hand: there
// a shape mismatch does not compile.
// Layers know nothing of keys (inject/key_site.hpp does) and nothing of threads (the backend does).
#pragma once

#include <cstddef>
#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/part_sums.hpp"
#include "spankey/core/view.hpp"
#include "spankey/layer/options.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// Groups of one stacked batch: valid keys, invalid keys, no key.
inline constexpr std::size_t max_groups = 3;

/// What a batch norm normalises a stacked training batch with.
enum class batch_statistics {
  per_group,  // every group with its own, as if it passed alone; the running ones take up one after the other
  joint,      // all groups with those of the whole batch: as in evaluation, which has one set for every key
  running     // none of it: with the running ones, as in evaluation, which stay as they are
};

/// Is told by a backward pass which entry's parameters have their whole gradient, the head's first: whoever passes them on to
/// other processes need not wait for the rest.
class gradient_watch {
 public:
  virtual void on_gradients(std::size_t entry) = 0;

 protected:
  ~gradient_watch() = default;
};

/// One trip through a model. The batch is `groups` equal parts; training passes use batch statistics and drop out. A backward
/// pass may follow either kind, so that a network can be differentiated as it is deployed. While the pass is
/// `shared`, all groups are the same samples and layers see them once; the first site that gives groups different
/// keys makes it a stacked one (inject/key_site.hpp).
struct pass {
  index_t groups = 1;
  bool training = false;
  bool shared = false;
  batch_statistics statistics = batch_statistics::per_group;
  /// Which numbers dropout draws in training: of a run and a step.
  std::uint64_t seed = 0, step = 0;
  /// Where the samples of a group are a part of the batch (core/part_sums.hpp): the first one's number in it.
  index_t first_sample = 0;
  part_sums* across = nullptr;
  gradient_watch* watch = nullptr;  // of the backward pass
  /// Parts that a layer has to tell apart.
  [[nodiscard]] constexpr index_t parts() const { return shared ? 1 : groups; }
};

/// What a layer's backward pass reads besides dy, and what it can do with dx.
struct layer_traits {
  bool reads_x = true, reads_y = false;
  bool in_place = false;     // dx may be dy
  bool accumulates = false;  // dx += is possible
  bool may_pass_on = false;  // y may be x itself: a site without a key, a dropout in evaluation
};

/// dy (n, out): read, and where the layer works in place or added something, overwritten. dx (n, in), or null.
template <class T>
struct layer_gradients {
  T *dy = nullptr, *dx = nullptr;
  bool accumulate = false;
};

/// Is shown everything that a layer owns.
template <class T>
class layer_visitor {
 public:
  using master = master_t<T>;
  virtual void on_parameter(const scope&, parameter<master>&) {}
  virtual void on_state(const scope&, state<master>&) {}
  virtual void on_activations(const scope&, buffer<T>&, index_t /*count*/, lifetime) {}
  virtual void on_numbers(const scope&, buffer<master>&, index_t /*count*/, lifetime) {}

 protected:
  ~layer_visitor() = default;
};

/// Something that owns parameters, states and buffers by name.
template <class T>
class visited {
 public:
  using master = master_t<T>;
  visited() = default;
  visited(const visited&) = delete;
  visited& operator=(const visited&) = delete;
  virtual ~visited() = default;

  /// Shows everything, in PyTorch's order; buffers as large as `samples` samples need them.
  virtual void visit(layer_visitor<T>& v, const scope& at, index_t samples) = 0;

  /// f(scope, parameter&)
  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    struct shows final : layer_visitor<T> {
      F& call;
      explicit shows(F& c) : call(c) {}
      void on_parameter(const scope& name, parameter<master>& p) override { call(name, p); }
    } shown(f);
    visit(shown, at, 1);
  }
  /// f(scope, state&)
  template <class F>
  void for_each_state(F&& f, const scope& at) {
    struct shows final : layer_visitor<T> {
      F& call;
      explicit shows(F& c) : call(c) {}
      void on_state(const scope& name, state<master>& s) override { call(name, s); }
    } shown(f);
    visit(shown, at, 1);
  }
  /// visit(scope, buffer&, count, lifetime)
  template <class Visitor>
  void for_each_buffer(Visitor& shown_to, const scope& at, index_t samples) {
    struct shows final : layer_visitor<T> {
      Visitor& call;
      explicit shows(Visitor& c) : call(c) {}
      void on_parameter(const scope& name, parameter<master>& p) override { p.for_each_buffer(call, name); }
      void on_state(const scope& name, state<master>& s) override { s.for_each_buffer(call, name); }
      void on_activations(const scope& name, buffer<T>& b, index_t count, lifetime life) override {
        call(name, b, count, life);
      }
      void on_numbers(const scope& name, buffer<master>& b, index_t count, lifetime life) override {
        call(name, b, count, life);
      }
    } shown(shown_to);
    visit(shown, at, samples);
  }
};

template <class Backend, class T>
class layer : public visited<T> {
 public:
  using scalar = T;
  using master = master_t<T>;
  layer(const extents& in, const extents& out) : in_(in), out_(out) { require_backend<Backend, T>(); }

  [[nodiscard]] const extents& in() const { return in_; }
  [[nodiscard]] const extents& out() const { return out_; }
  [[nodiscard]] virtual layer_traits traits() const = 0;

  virtual const T* forward(const pass& p, index_t n, const T* x, const T* addend) = 0;
  virtual void backward(const pass& p, index_t n, const layer_gradients<T>& g) = 0;
  /// Writes y of the last training pass once more, the same bits, where it was not kept (lifetime::inner).
  virtual void recompute(const pass&) {}

  /// Elements of packed weights; 0: there are none. use_packed(to) packs them, and evaluation passes read them there
  /// until use_packed(nullptr).
  [[nodiscard]] virtual index_t packed_size() const { return 0; }
  virtual void use_packed(master* /*to*/) {}

 private:
  extents in_, out_;
};

/// Backward reads what forward of the same samples left. Fails with layer.104 where that was not the last pass.
inline void require_forward(index_t seen, index_t samples) {
  if (seen != samples)
    fail("layer.104", "backward", "found ", samples, " samples after a forward pass of ", seen,
         ", expected the same");
}

}  // namespace spankey
