// The types behind a run: its model, its data, what it minimises. Included where run_functions are compiled.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "chosen_deny.hpp"
#include "data_sets.hpp"
#include "network.hpp"
#include "pieces.hpp"
#include "run_data.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/file/number_text.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/parameter_group.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/step.hpp"

/// What a network runs on. Specialised in cuda/run_on_cuda.cpp.
template <class Backend>
struct device_text {
  static std::string text() { return spankey::describe(); }
};

template <class Backend, class Scalar>
using run_model = spankey::sized_model<spankey::runtime, Backend, Scalar>;

/// Fails with flag.151 where the network has no layer of this name.
template <class Model>
void freeze_named(Model& model, const std::string& name) {
  const spankey::index_t found =
      spankey::for_each_chosen(model, spankey::in_layer(name), [](auto& p) { p.frozen = true; });
  if (found > 0) return;
  std::string names;
  for (const spankey::layer_description& d : model.layers())
    if (d.has_weights()) names += (names.empty() ? "" : ", ") + std::string(d.name.view());
  spankey::fail("flag.151", "--freeze", "found '", spankey::printable(name),
                "', which is no layer with weights of this network: ", names);
}

/// What --rate-of says. Fails with flag.152 where a piece is no NAME=FACTOR, or names nothing of this network.
template <class Model>
void set_rates(Model& model, const std::string& text) {
  for_each_piece(text, [&](const std::string& piece) {
    if (text.empty()) return;
    const std::size_t sign = std::min(piece.find('='), piece.size());
    const std::string name = piece.substr(0, sign);
    double factor = -1;
    if (sign == piece.size() || !spankey::read_number(std::string_view(piece).substr(sign + 1), factor) ||
        !(factor >= 0 && factor <= 1e9))
      spankey::fail("flag.152", "--rate-of", "found '", spankey::printable(piece),
                    "', expected NAME=FACTOR with a number from 0 to 1e9");
    const spankey::index_t found = spankey::for_each_chosen(
        model,
        [&](std::string_view of, const spankey::parameter_extents& dims) {
          return name == "vectors" ? spankey::is_vector(of, dims)
                                   : of == name || spankey::in_layer(name)(of, dims);
        },
        [&](auto& p) { p.rate_factor = factor; });
    if (found == 0)
      spankey::fail("flag.152", "--rate-of", "found '", spankey::printable(name),
                    "', which names no parameter of this network");
  });
}

/// A model whose gate and optimizer state are as the run wants them; its memory is not planned yet.
template <class Backend, class Scalar>
std::unique_ptr<run_model<Backend, Scalar>> make_model(const run_options& options) {
  auto made = std::make_unique<run_model<Backend, Scalar>>(layers_of(options, outputs_of(options)));
  spankey::set_gate(*made, options.injector(), active_sites(options));
  if (options.adam()) spankey::keep_second_moment(*made);
  if (options.lookahead > 0) spankey::keep_average(*made);
  set_rates(*made, options.rate_of);
  if (options.decay_of == "weights")
    spankey::for_each_chosen(*made, spankey::is_vector, [](auto& p) { p.decay_factor = 0; });
  for_each_piece(options.freeze, [&](const std::string& name) {
    if (!name.empty()) freeze_named(*made, name);
  });
  return made;
}

/// What the run minimises.
inline spankey::objective<chosen_deny> goal_of(const run_options& options) {
  return {.classes = classes_of(options),
          .weight = options.deny_weight,
          .on = options.groups(),
          .deny = deny_of(options),
          .statistics = options.statistics(),
          .smoothing = options.smoothing};
}

/// Samples that a model of a run has memory for: those of a training step, or of its part of one, and where it evaluates, a
/// batch.
inline spankey::index_t planned_samples(const run_options& options, bool evaluates) {
  const spankey::index_t trained = goal_of(options).groups() * options.batch / options.part_count();
  return evaluates ? std::max<spankey::index_t>(trained, options.batch) : trained;
}

/// What the run's gate does with a part of its data.
template <class Model, class Data>
auto evaluation_of(Model& model, spankey::key_space* keys, const Data& test, const run_options& options) {
  if constexpr (spankey::SequenceDataset<Data>) {
    return spankey::text_evaluation(model, keys, test, options.batch, options.text_evaluation()).run();
  } else {
    return spankey::gate_evaluation(model, keys, test, options.batch, options.evaluation()).run();
  }
}

/// Calls f(load), load(part) being the run's data: images, features, or text.
template <class F>
void with_data(const run_options& options, F&& f) {
  if (network_named(options.model).takes_text()) {
    f([&](spankey::split part) { return load_text(options, part, input_of(options).height); });
  } else if (network_named(options.model).takes_features()) {
    f([&](spankey::split part) {
      return load_features(options, part, input_of(options), classes_of(options));
    });
  } else {
    f([&](spankey::split part) {
      return load_images(options, part, input_of(options), classes_of(options));
    });
  }
}
