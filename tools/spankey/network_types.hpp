// The types behind a run: deny loss, scalar, model and data set. Included by network_NAME.cpp alone.
#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "network.hpp"
#include "run_data.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/model/model.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/train/step.hpp"

/// What a network runs on. Specialised in cuda/network_on_cuda.hpp.
template <class Backend>
struct device_text {
  static std::string text() { return spankey::describe(); }
};

/// Calls f with the deny loss and a scalar of the precision that the run names.
template <class F>
void with_types(const run_options& o, F&& f) {
  const spankey::deny_settings deny{.mode = spankey::deny_mode_of(o.deny),
                                    .gap = o.gap,
                                    .margin1 = o.margin1,
                                    .margin2 = o.margin2,
                                    .seal_weight = o.seal_weight};
  spankey::with_deny(deny, [&](const auto& loss) {
    if (o.precision == "bf16") {
      f(loss, spankey::bf16{});
    } else {
      f(loss, 0.0F);
    }
  });
}

/// One model of the library for the program: Classes semantic classes, all of its sites gated.
template <template <spankey::head_outputs, class, class, class> class Model, spankey::index_t Classes,
          class Sites, class Backend = spankey::backend::cpu>
struct network_family {
  using backend = Backend;
  static constexpr spankey::index_t classes = Classes;
  template <class Deny, class Scalar>
  using model = Model<spankey::head_outputs(Deny::outputs(Classes)), spankey::gate<spankey::runtime, Sites>,
                      Backend, Scalar>;
  static constexpr auto& sites = model<spankey::no_deny, float>::sites;
  static constexpr spankey::extents input =
      spankey::extents_of<typename model<spankey::no_deny, float>::input>;
  /// Features where the input is a vector, else images.
  static constexpr bool takes_features = input.height == 1;

  static auto load(const run_options& options, spankey::split part) {
    if constexpr (takes_features) {
      return load_features(options, part, input, Classes);
    } else {
      return load_images(options, part, input, Classes);
    }
  }

  /// n training samples of the right shape, drawn.
  static auto drawn(spankey::index_t n, std::uint64_t seed) {
    if constexpr (takes_features) {
      return spankey::make_linear_task(n, seed, spankey::split::train);
    } else {
      return drawn_images(n, seed, input, Classes);
    }
  }

  /// What the run minimises.
  template <class Deny>
  static spankey::objective<Deny> goal(const run_options& options, const Deny& deny) {
    return {.classes = Classes,
            .weight = options.deny_weight,
            .on = options.groups(),
            .deny = deny,
            .statistics = options.statistics()};
  }

  /// A model whose gate and optimizer state are as the run wants them; its memory is not planned yet.
  template <class Deny, class Scalar>
  static auto make(const run_options& options) {
    auto made = std::make_unique<model<Deny, Scalar>>();
    spankey::set_gate(*made, options.injector(), active_sites(options));
    if (options.adam()) spankey::keep_second_moment(*made);
    return made;
  }
};
