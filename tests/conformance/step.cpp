// One training step of a conformance case: case file in, result file out.
//
//   stacked batch (valid, invalid, no key) -> logits, losses, gradients -> one SGD step -> evaluation forward
// Everything in the file is checked before anything is computed.
#include <set>
#include <string>
#include <vector>

#include "run.hpp"
#if defined(SPANKEY_CONFORMANCE_CUDA)
#include "spankey/backend/cuda/cuda.hpp"
#endif
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/optim/sgd.hpp"
#include "spankey/train/mirror.hpp"
#include "spankey/train/step.hpp"
#include "tensors.hpp"

namespace conformance {
namespace {

template <class Backend, class T>
safetensors_writer step_on(const conformance_case& c, const safetensors_file& file) {
  using model_type = spankey::sized_model<spankey::runtime, Backend, T>;
  using master = typename model_type::master;  // of keys, logits and parameters; T of x and the activations
  using place = spankey::memory_of_model<model_type>;
  const spankey::objective<spankey::deny_of_any_mode> objective{.classes = c.classes,
                                                                .weight = c.deny_weight,
                                                                .on = c.on,
                                                                .deny = spankey::deny_of(c.deny),
                                                                .statistics = c.statistics};
  const index_t groups = objective.groups();

  // The case is checked whole before anything is computed.
  const index_t n = check_tensors(c, file);
  const std::vector<int> labels = read_labels(c, file, n);
  model_type model(c.layers);
  set_gate(model, c.injector, c.sites);
  require_memory_for(model, file, groups * n);
  const spankey::arena memory(model, groups * n);
  load_weights(model, file, {"param.", "buffer."});

  std::vector<T> x;
  const std::vector<T> once = read_samples<T>(c, file, n);
  for (index_t g = 0; g < groups; ++g) x.insert(x.end(), once.begin(), once.end());
  const std::size_t site_count = c.layers.site_count();
  std::vector<spankey::site_keys<master>> keys(site_count);
  std::vector<std::vector<master>> valid(site_count), invalid(site_count), gradient(site_count);
  // What the model reads, where it reads it.
  spankey::mirror<place, T> samples_there;
  spankey::mirror<place, int> labels_there;
  std::vector<spankey::mirror<place, master>> valid_there(site_count), invalid_there(site_count),
      gradient_there(site_count);
  for (const int number : c.sites) {
    const auto site = static_cast<std::size_t>(number);
    const extents& e = c.layers.site_shape(site);
    valid[site] = read_keys<master>(c, file, valid_key(number), e, n);
    gradient[site].resize(valid[site].size());
    const auto size = static_cast<std::size_t>(e.size()), all = static_cast<std::size_t>(n) * size;
    keys[site].group[0] = {{valid_there[site].of(valid[site].data(), n * e.size()), all}, e.size()};
    keys[site].gradient[0] = {
        const_cast<master*>(gradient_there[site].of(gradient[site].data(), n * e.size())), all};
    if (objective.deny.denies) {
      invalid[site] = read_keys<master>(c, file, invalid_key(number), e, 1);
      keys[site].group[1] = {{invalid_there[site].of(invalid[site].data(), e.size()), size}, 0};
    }
  }

  safetensors_writer result;
  const T* const samples = samples_there.of(x.data(), static_cast<index_t>(x.size()));
  const auto step =
      compute_gradients(model, objective, {samples, groups * n, c.layers.input().size()},
                        labels_there.of(labels.data(), static_cast<index_t>(labels.size())), keys);
  const auto read = [](const auto* from, index_t count) {
    return place::read(from, count, [&](const master* v) { return std::vector<master>(v, v + count); });
  };
  const head_outputs& head = model.head();
  const std::vector<master> logits = read(step.logits.data(), step.logits.size());
  constexpr const char* group_names[] = {"valid", "invalid", "none"};
  for (index_t g = 0; g < groups; ++g) {
    const std::string group = group_names[g];
    const master* const rows = logits.data() + g * n * model.answers() * head;
    add_softmax(result, "logits." + group, c, n, rows);
    add_aux(result, "aux." + group, head, n, rows);
  }
  add_number(result, "loss.ce", step.cross_entropy);
  add_number(result, "loss.deny", step.deny);
  add_number(result, "loss.total", step.total);
  add_parameters(result, model, "grad.param.", spankey::parameter_part::gradient);
  for (const int number : c.sites) {
    const auto site = static_cast<std::size_t>(number);
    add_keys(result, c, "grad.key." + std::to_string(number), c.layers.site_shape(site), n,
             read(keys[site].gradient[0].data(), static_cast<index_t>(gradient[site].size())).data());
    keys[site].gradient[0] = {};
  }

  spankey::sgd optimizer(c.optimizer);
  optimizer.step(model, c.learning_rate);
  add_parameters(result, model, "next.param.");
  add_states(result, model, "next.buffer.");
  const master* const evaluated = model.forward({.groups = 1, .training = false}, samples, n, keys);
  add_softmax(result, "eval.logits.valid", c, n, read(evaluated, n * model.answers() * head).data());
  return result;
}

}  // namespace

safetensors_writer run_step(backend_kind backend, const conformance_case& c, const safetensors_file& file) {
  const bool rounded = c.precision == precision_kind::bf16;
  if (backend == backend_kind::reference) return step_on<spankey::backend::reference, double>(c, file);
#if defined(SPANKEY_CONFORMANCE_CUDA)
  if (backend == backend_kind::cuda)
    return rounded ? step_on<spankey::backend::cuda, spankey::bf16>(c, file)
                   : step_on<spankey::backend::cuda, float>(c, file);
#endif
  return rounded ? step_on<spankey::backend::cpu, spankey::bf16>(c, file)
                 : step_on<spankey::backend::cpu, float>(c, file);
}

}  // namespace conformance
