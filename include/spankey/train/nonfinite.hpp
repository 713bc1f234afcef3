// NaN and infinity in a training step: what to do about them, and where the first of them is.
//
// A step looks at two numbers that it has anyway, its loss and the norm of its gradients. Only where one of them is not
// finite the layers are walked, in the order in which a step meets them:
//   input, parameters, running statistics, activations (forwards), gradients (backwards: where they begin to be wrong)
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/bf16.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

/// stop: an error that names the layer. skip_step: no update, running statistics as before the step; where a parameter
/// itself is not finite, which no later step can mend, it stops. ignore: trains on.
enum class nonfinite_policy { stop, skip_step, ignore };

/// The first of them: what it is in, the layer's or tensor's name, the value.
struct nonfinite_place {
  std::string what, name;
  double value = 0;
  bool lasts = false;  // in the model itself: later steps will meet it, too
};

/// The first of n values that is not finite, or nullptr.
template <class T>
const T* first_nonfinite(const T* values, index_t n) {
  for (index_t i = 0; values != nullptr && i < n; ++i)
    if (!is_finite(values[i])) return values + i;
  return nullptr;
}

/// Keeps the first place that is told to it.
class nonfinite_search {
 public:
  template <class T>
  void look(const char* what, const scope& at, const T* values, index_t n, bool lasts = false) {
    if (!found_.what.empty()) return;
    if (const T* const value = first_nonfinite(values, n); value != nullptr)
      found_ = {what, at.str(), static_cast<double>(*value), lasts};
  }
  [[nodiscard]] bool found() const { return !found_.what.empty(); }
  [[nodiscard]] const nonfinite_place& place() const { return found_; }

 private:
  nonfinite_place found_;
};

/// Parameters, what the optimizer keeps beside them, and running statistics: what a checkpoint holds.
template <class Model>
nonfinite_place nonfinite_in_model(Model& model) {
  nonfinite_search search;
  const auto look = [&](const char* what, const scope& at, const auto& tensor) {
    if (tensor.data == nullptr || search.found()) return;
    memory_of_model<Model>::read(tensor.data, tensor.count, [&](const auto* values) {
      search.look(what, at, values, tensor.count, true);
    });
  };
  model.for_each_parameter([&](const scope& at, auto& p) {
    look("parameter", at, p.value);
    look("momentum", at, p.momentum);
    look("second moment", at, p.second_moment);
    look("average", at, p.average);
  });
  model.for_each_state([&](const scope& at, auto& s) { look("running statistic", at, s.value); });
  return search.place();
}

/// Fails with train.132 where one of them is not finite: such a state is worth no file.
template <class Model>
void require_finite(Model& model) {
  const nonfinite_place place = nonfinite_in_model(model);
  if (!place.what.empty())
    fail("train.132", place.name, "the ", place.what, " is not finite (found ", place.value,
         "): the training diverged");
}

/// Running statistics of a model on the host as they were before a step. All memory is taken when it is made.
template <class T>
class kept_statistics {
 public:
  template <class Model>
  explicit kept_statistics(Model& model) {
    std::size_t count = 0;
    model.for_each_state([&](const scope&, auto& s) { count += static_cast<std::size_t>(s.count); });
    values_.resize(count);
  }
  template <class Model>
  void keep(Model& model) {
    T* at = values_.data();
    model.for_each_state([&](const scope&, auto& s) { at = std::copy_n(s.value.data, s.count, at); });
  }
  template <class Model>
  void put_back(Model& model) const {
    const T* at = values_.data();
    model.for_each_state([&](const scope&, auto& s) {
      std::copy_n(at, s.count, s.value.data);
      at += s.count;
    });
  }

 private:
  std::vector<T> values_;
};

/// Runs the forward pass of a step once more and walks everything; `loss` where nothing else is to blame. The model's
/// parameters stay as they are, running statistics do not. After compute_gradients with the same x and keys, on the host.
template <class Model, class Deny>
nonfinite_place find_nonfinite(Model& any_model, const objective<Deny>& o,
                               std::type_identity_t<samples_view<Model>> x,
                               std::type_identity_t<keys_view<Model>> keys, double loss) {
  auto& model = network_of(any_model);
  nonfinite_search search;
  search.look("input", scope{nullptr, "batch"}, x.data(), x.size());
  if (search.found()) return search.place();
  if (const nonfinite_place place = nonfinite_in_model(model); !place.what.empty()) return place;

  // Looked at as they come: what a later layer or the backward pass has no need of is overwritten.
  struct looks final : activation_watch<typename Model::scalar> {
    nonfinite_search& search;
    explicit looks(nonfinite_search& s) : search(s) {}
    void on_activation(std::string_view name, const typename Model::scalar* y, index_t count) override {
      search.look("activation", scope{nullptr, name}, y, count);
    }
  } watch(search);
  pass p{.groups = o.groups(), .training = true, .statistics = o.statistics, .seed = o.seed, .step = o.step};
  p.shared = p.groups > 1 && model.shares_pass(keys, p.groups);
  const index_t seen = p.shared ? x.samples() / p.groups : x.samples();
  const auto* const logits = model.forward(p, x.data(), seen, keys, &watch);
  search.look("logits", scope{nullptr, "head"}, logits, x.samples() * model.head());
  if (search.found()) return search.place();
  if (!is_finite(loss)) return {"loss", "objective", loss, false};

  nonfinite_place last{"norm of all gradients", "gradients", std::numeric_limits<double>::infinity(), false};
  model.for_each_parameter([&](const scope& at, auto& tensor) {
    if (const auto* value = first_nonfinite(tensor.gradient.data, tensor.gradient.count); value != nullptr)
      last = {"gradient", at.str(), static_cast<double>(*value), false};
  });
  return last;
}

}  // namespace spankey
