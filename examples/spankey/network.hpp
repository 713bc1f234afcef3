// From flags to types: the model that a run names, its memory, its keys and its data.
#pragma once

#include <memory>
#include <string>

#include "run_options.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/cifar10.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/train/site_buffers.hpp"

/// Semantic classes of every data set here.
inline constexpr spankey::index_t semantic_classes = 10;

template <class Deny, class Scalar>
using keyed_resnet18 = spankey::resnet18<Deny::outputs(semantic_classes),
                                         spankey::gate<spankey::runtime, spankey::at<0, 1, 2, 3, 4>>,
                                         spankey::backend::cpu, Scalar>;

/// Calls f with the deny loss and a scalar of the precision that the run names.
template <class F>
decltype(auto) with_types(const run_options& options, F&& f) {
  const auto with_deny = [&](auto scalar) {
    if (options.deny == "B") return f(spankey::reject_class{}, scalar);
    return f(spankey::no_deny{}, scalar);
  };
  return options.precision == "bf16" ? with_deny(spankey::bf16{}) : with_deny(0.0F);
}

/// Sites that carry keys: none without an injector.
inline std::vector<int> active_sites(const run_options& options) {
  return options.keyed() ? options.sites : std::vector<int>{};
}

/// Key spaces that no site of the model can hold: fails with flag.1xx before any work.
inline void require_keys_fit(const run_options& options) {
  for (const int number : active_sites(options)) {
    const auto d = keyed_resnet18<spankey::no_deny, float>::sites[static_cast<std::size_t>(number)].size();
    if (options.subspace_dim > d)
      spankey::fail("flag.105", "--subspace-dim", "found ", options.subspace_dim, ", expected 1 to ", d,
                    ", the elements of site ", number);
    if (options.invalid == "orthogonal" && options.subspace_dim == d)
      spankey::fail("flag.106", "--invalid", "found orthogonal with --subspace-dim ", d,
                    ", which leaves nothing outside the span at site ", number, ", expected gaussian");
  }
}

/// A model whose gate is set as the run wants it; its memory is not planned yet.
template <class Deny, class Scalar>
std::unique_ptr<keyed_resnet18<Deny, Scalar>> make_model(const run_options& options) {
  auto model = std::make_unique<keyed_resnet18<Deny, Scalar>>();
  spankey::set_gate(*model, options.injector(), active_sites(options));
  return model;
}

/// The part of the run's data set, cut to its limit.
inline spankey::image_dataset load_data(const run_options& options, spankey::split part) {
  const bool training = part == spankey::split::train;
  const spankey::index_t limit = training ? options.train_limit : options.test_limit;
  if (options.data == "glyphs") {
    const spankey::index_t count = limit > 0 ? limit : training ? 4000 : 1000;
    return spankey::make_glyphs(count, options.seed, part);
  }
  spankey::image_dataset data = spankey::load_cifar10(options.data, part);
  return limit > 0 && limit < data.size() ? spankey::take_first(std::move(data), limit) : data;
}
