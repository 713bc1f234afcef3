// One training step of a conformance case with one model, head and backend: case file in, result file out.
//
//   stacked batch (valid, invalid, no key) -> logits, losses, gradients -> one SGD step -> evaluation forward
// Everything in the file is checked before anything is computed.
#pragma once

#include <array>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "run.hpp"
#if defined(SPANKEY_CONFORMANCE_CUDA)
#include "spankey/backend/cuda/cuda.hpp"
#endif
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/optim/sgd.hpp"
#include "spankey/train/mirror.hpp"
#include "spankey/train/step.hpp"
#include "tensors.hpp"

namespace conformance {

inline std::string valid_key(int site) { return "key.valid." + std::to_string(site); }
inline std::string invalid_key(int site) { return "key.invalid." + std::to_string(site); }

/// Checks every tensor but the weights; returns n. Errors: safetensors.121 to .123, case.111 to .114.
template <class Model>
index_t check_tensors(const conformance_case& c, const safetensors_file& file) {
  const auto image = samples_shape(spankey::extents_of<typename Model::input>, spankey::any_extent);
  const index_t n = file.require("x", dtype::f32, image).shape[0];
  if (n < 1) fail("case.111", file.name(), "tensor \"x\": expected at least 1 sample, found 0");
  std::set<std::string, std::less<>> expected = {"x", "y"};
  for (const int site : c.sites) {
    const extents& e = Model::sites[static_cast<std::size_t>(site)];
    const std::string valid = valid_key(site), invalid = invalid_key(site);
    file.require(valid, dtype::f32, samples_shape(e, n));
    // Without a deny loss nobody needs the invalid keys; a writer may give them all the same.
    if (c.deny.mode != spankey::deny_mode::none || file.find(invalid) != nullptr)
      file.require(invalid, dtype::f32, samples_shape(e, 1));
    expected.insert({valid, invalid});
  }
  require_no_others(file, expected);
  require_sane_numbers(file);
  return n;
}

template <class Model, class Deny>
safetensors_writer run_step(const conformance_case& c, const safetensors_file& file, const Deny& deny) {
  using T = typename Model::scalar;       // of x and the activations
  using master = typename Model::master;  // of keys, logits and parameters
  constexpr std::size_t site_count = Model::sites.size();
  const spankey::objective<Deny> objective{.classes = classes_of(c.model),
                                           .weight = c.deny_weight,
                                           .on = c.on,
                                           .deny = deny,
                                           .statistics = c.statistics};
  const index_t groups = objective.groups();
  const extents image = spankey::extents_of<typename Model::input>;

  // The case is checked whole before anything is computed.
  const index_t n = check_tensors<Model>(c, file);
  const std::vector<int> labels = read_labels(file, n, classes_of(c.model));
  Model model;
  set_gate(model, c.injector, c.sites);
  require_memory_for(model, file, groups * n);
  const spankey::arena memory(model, groups * n);
  load_weights(model, file, {"param.", "buffer."});

  std::vector<T> x;
  const std::vector<T> once = read_samples<T>(file, "x", image, n);
  for (index_t g = 0; g < groups; ++g) x.insert(x.end(), once.begin(), once.end());
  spankey::model_keys<master, site_count> keys{};
  std::array<std::vector<master>, site_count> valid, invalid, gradient;
  // What the model reads, where it reads it.
  using place = spankey::memory_of_model<Model>;
  spankey::mirror<place, T> samples_there;
  spankey::mirror<place, int> labels_there;
  std::array<spankey::mirror<place, master>, site_count> valid_there, invalid_there, gradient_there;
  for (const int number : c.sites) {
    const auto site = static_cast<std::size_t>(number);
    const extents& e = Model::sites[site];
    valid[site] = read_samples<master>(file, valid_key(number), e, n);
    gradient[site].resize(valid[site].size());
    const auto size = static_cast<std::size_t>(e.size()), all = static_cast<std::size_t>(n) * size;
    keys[site].group[0] = {{valid_there[site].of(valid[site].data(), n * e.size()), all}, e.size()};
    keys[site].gradient[0] = {
        const_cast<master*>(gradient_there[site].of(gradient[site].data(), n * e.size())), all};
    if constexpr (Deny::denies) {
      invalid[site] = read_samples<master>(file, invalid_key(number), e, 1);
      keys[site].group[1] = {{invalid_there[site].of(invalid[site].data(), e.size()), size}, 0};
    }
  }

  safetensors_writer result;
  const T* const samples = samples_there.of(x.data(), static_cast<index_t>(x.size()));
  const auto step =
      compute_gradients(model, objective, {samples, groups * n}, labels_there.of(labels.data(), n), keys);
  const auto read = [](const auto* from, index_t count) {
    return place::read(from, count, [&](const master* v) { return std::vector<master>(v, v + count); });
  };
  const std::vector<master> logits = read(step.logits.data(), step.logits.size());
  constexpr const char* group_names[] = {"valid", "invalid", "none"};
  for (index_t g = 0; g < groups; ++g) {
    const std::string group = group_names[g];
    const master* const rows = logits.data() + g * n * Model::outputs;
    add_softmax(result, "logits." + group, Model::outputs, n, rows);
    add_aux(result, "aux." + group, Model::outputs, n, rows);
  }
  add_number(result, "loss.ce", step.cross_entropy);
  add_number(result, "loss.deny", step.deny);
  add_number(result, "loss.total", step.total);
  add_parameters(result, model, "grad.param.", spankey::parameter_part::gradient);
  for (const int number : c.sites) {
    const auto site = static_cast<std::size_t>(number);
    add_samples(result, "grad.key." + std::to_string(number), Model::sites[site], n,
                read(keys[site].gradient[0].data(), static_cast<index_t>(gradient[site].size())).data());
    keys[site].gradient[0] = {};
  }

  spankey::sgd optimizer(c.optimizer);
  optimizer.step(model, c.learning_rate);
  add_parameters(result, model, "next.param.");
  add_states(result, model, "next.buffer.");
  const auto evaluated = model.forward({.groups = 1, .training = false}, {samples, n}, keys);
  add_softmax(result, "eval.logits.valid", Model::outputs, n,
              read(evaluated.data(), evaluated.size()).data());
  return result;
}

/// Chooses the head that the deny loss wants.
template <template <spankey::head_outputs, class, class, class> class Model, int Classes, class Sites,
          class Backend, class T>
safetensors_writer run_with(const conformance_case& c, const safetensors_file& file) {
  const auto run = [&](const auto& deny) {
    using Deny = std::remove_cvref_t<decltype(deny)>;
    using gate = spankey::gate<spankey::runtime, Sites>;
    return run_step<Model<Deny::outputs(Classes), gate, Backend, T>>(c, file, deny);
  };
  return spankey::with_deny(c.deny, run);
}

template <template <spankey::head_outputs, class, class, class> class Model, int Classes, class Sites>
safetensors_writer run_on(backend_kind backend, const conformance_case& c, const safetensors_file& file) {
  if (backend == backend_kind::reference)
    return run_with<Model, Classes, Sites, spankey::backend::reference, double>(c, file);
#if defined(SPANKEY_CONFORMANCE_CUDA)
  if (backend == backend_kind::cuda) {
    if (c.precision == precision_kind::bf16)
      return run_with<Model, Classes, Sites, spankey::backend::cuda, spankey::bf16>(c, file);
    return run_with<Model, Classes, Sites, spankey::backend::cuda, float>(c, file);
  }
#endif
  if (c.precision == precision_kind::bf16)
    return run_with<Model, Classes, Sites, spankey::backend::cpu, spankey::bf16>(c, file);
  return run_with<Model, Classes, Sites, spankey::backend::cpu, float>(c, file);
}

}  // namespace conformance
