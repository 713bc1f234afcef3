// A network's forward pass, one sample or one token at a time, whose MLP pairs somebody watches or computes instead.
//
//   on_mlp(i, x, tokens, y)    x (tokens, inputs) of pair i (mlp_places); true: y (tokens, outputs) was written, and the pair's own
//                              weights are not used; false: they are
// All else is what a session runs (infer/engine.hpp), in fp32 and without keys: the same numbers.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/release/mlp_places.hpp"

namespace spankey {

class mlp_watcher {
 public:
  virtual bool on_mlp(std::size_t place, const float* x, index_t tokens, float* y) = 0;

 protected:
  ~mlp_watcher() = default;
};

template <class Backend>
class watched_session {
  using runs = infer::engine<Backend, float>;

 public:
  /// A copy of the model's weights. Errors: those of infer::make_image, release.105 a network that takes keys.
  template <class Model>
  watched_session(const layer_list& list, Model& model)
      : tables_(list),
        places_(mlp_places({list.begin(), list.size()})),
        memory_(tables_.memory_bytes() / sizeof(float)),
        image_(infer::make_image<float>(model, list.outputs().softmax)) {
    infer::image_header header;
    std::copy_n(image_.data(), sizeof header, reinterpret_cast<std::byte*>(&header));
    if (header.injector != 0)
      fail("release.105", list.name(), "found a network that takes keys, expected one without");
    for (const mlp_place& p : places_)
      mlp_output_.resize(
          std::max(mlp_output_.size(), static_cast<std::size_t>(p.outputs * list[p.last].out.height)));
    for (std::size_t i = 0; i < operations().size(); ++i)
      runs::prepare(operations()[i], weights(i), memory_.data() + t().prepared[i],
                    memory_.data() + t().scratch);
  }

  [[nodiscard]] const std::vector<mlp_place>& places() const { return places_; }
  [[nodiscard]] index_t outputs() const { return index_t{t().image.outputs}; }

  /// Of a network of tokens: takes the next one of the window, returns the logits behind it, until the next call. Fails with
  /// release.106 for a token that there is not, and where the window is full.
  std::span<const float> read(index_t token, mlp_watcher* watcher) {
    if (t().context == 0 || token < 0 || token >= outputs() || position_ == t().context)
      fail("release.106", "read", "found token ", token, " at place ", position_, ", expected one of ",
           outputs(), " of a window of ", t().context);
    const float* const z = run({}, {token, position_, memory_.data() + t().cache}, watcher);
    ++position_;
    return {z, static_cast<std::size_t>(outputs())};
  }
  void restart() { position_ = 0; }
  [[nodiscard]] index_t position() const { return position_; }
  [[nodiscard]] index_t context() const { return t().context; }

  /// Of another network: the logits of x (H, W, C), until the next call. Fails with release.106 for another size.
  std::span<const float> answer(std::span<const float> x, mlp_watcher* watcher) {
    if (t().context != 0 || x.size() != static_cast<std::size_t>(t().image.input.size()))
      fail("release.106", "answer", "found ", x.size(), " numbers, expected ", t().image.input.size(),
           " of a network that reads no tokens");
    return {run(x.data(), {}, watcher), static_cast<std::size_t>(outputs())};
  }

 private:
  [[nodiscard]] const infer::session_tables& t() const { return tables_.tables(); }
  [[nodiscard]] std::span<const infer::operation> operations() const { return t().image.operations; }
  [[nodiscard]] infer::weight_view<float> weights(std::size_t part) const {
    return infer::view_of<float>(image_.data(), t().image.parts[part]);
  }
  float* slot(int number) { return memory_.data() + t().slot[static_cast<std::size_t>(number)]; }
  // Which pair an operation is the first or the last map of; none: places().size().
  [[nodiscard]] std::size_t pair_with(std::size_t mlp_place::*end, const infer::operation& op) const {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const mlp_place& p) {
      return op.kind == infer::operation_kind::convolution && static_cast<int>(p.*end) == op.entry;
    });
    return static_cast<std::size_t>(found - places_.begin());
  }

  const float* run(const float* x, const infer::token_place& at, mlp_watcher* watcher) {
    const float* read[infer::operation_table::most_slots] = {x};
    std::size_t replaced = places_.size();
    for (std::size_t i = 0; i < operations().size(); ++i) {
      const infer::operation& op = operations()[i];
      float* const y = slot(op.writes);
      const float* const residual = op.adds == infer::no_slot ? nullptr : read[op.adds];
      const float* const from = read[op.reads];
      read[op.writes] = y;
      if (watcher != nullptr && replaced == places_.size()) {
        const std::size_t pair = pair_with(&mlp_place::first, op);
        if (pair < places_.size() &&
            watcher->on_mlp(pair, from, op.in.height * op.in.width, mlp_output_.data())) {
          replaced = pair;
          continue;
        }
      }
      if (replaced < places_.size()) {
        // The activation is done with the first map; the last one adds what the block adds.
        if (pair_with(&mlp_place::last, op) != replaced) continue;
        for (index_t c = 0; c < op.out().size(); ++c)
          y[c] = mlp_output_[static_cast<std::size_t>(c)] + (residual == nullptr ? 0.0F : residual[c]);
        replaced = places_.size();
        continue;
      }
      const std::size_t part = op.kind == infer::operation_kind::token_head ? 0 : i;
      runs::template run<infer::every_kind>(op, {.x = from,
                                                 .weights = weights(part),
                                                 .prepared = memory_.data() + t().prepared[i],
                                                 .residual = residual,
                                                 .key = {},
                                                 .y = y,
                                                 .scratch = memory_.data() + t().scratch,
                                                 .at = at});
    }
    return read[operations().back().writes];
  }

  infer::sized_tables<Backend, float> tables_;
  std::vector<mlp_place> places_;
  std::vector<float> memory_, mlp_output_;
  std::vector<std::byte> image_;
  index_t position_ = 0;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
