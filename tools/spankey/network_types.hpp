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
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/entropy_floor.hpp"
#include "spankey/loss/deny/margin.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/runtime.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/model.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/train/step.hpp"

/// What a network runs on. Specialised in cuda/network_on_cuda.hpp.
template <class Backend>
struct device_text {
  static std::string text() { return spankey::describe(); }
};

/// Deny losses by the head that they need: one model serves all of a group.
using semantic_deny = spankey::runtime_deny<spankey::entropy, spankey::entropy_floor, spankey::margin,
                                            spankey::margin_top, spankey::entropy_and_margin>;
using reject_deny = spankey::runtime_deny<spankey::reject_class, spankey::sealed>;

/// Calls f with the deny loss and a scalar of the precision that the run names.
template <class F>
void with_types(const run_options& o, F&& f) {
  using namespace spankey;
  const margin apart{.margin1 = o.margin1};
  const entropy_floor floor{.gap = o.gap};
  const auto with_deny = [&](auto scalar) {
    if (o.deny == "none") return f(no_deny{}, scalar);
    if (o.deny == "A") return f(semantic_deny{entropy{}}, scalar);
    if (o.deny == "A_soft") return f(semantic_deny{floor}, scalar);
    if (o.deny == "C") return f(semantic_deny{apart}, scalar);
    if (o.deny == "C_plus")
      return f(semantic_deny{margin_top{.margin1 = o.margin1, .margin2 = o.margin2}}, scalar);
    if (o.deny == "AC") return f(semantic_deny{entropy_and_margin{.parts = {floor, apart}}}, scalar);
    if (o.deny == "B") return f(reject_deny{reject_class{}}, scalar);
    if (o.deny == "sealed") return f(reject_deny{sealed{.weight = o.seal_weight}}, scalar);
    return f(reject_head{}, scalar);  // B_aux
  };
  if (o.precision == "bf16") {
    with_deny(bf16{});
  } else {
    with_deny(0.0F);
  }
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
      return load_features(options, part);
    } else {
      return load_images(options, part, input);
    }
  }

  /// n training samples of the right shape, drawn.
  static auto drawn(spankey::index_t n, std::uint64_t seed) {
    if constexpr (takes_features) {
      return spankey::make_linear_task(n, seed, spankey::split::train);
    } else {
      return drawn_images(n, seed, input);
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
