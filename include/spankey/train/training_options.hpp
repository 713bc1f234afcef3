// What a training run is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "spankey/data/augment.hpp"
#include "spankey/key/mixture.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/lookahead.hpp"
#include "spankey/optim/muon.hpp"
#include "spankey/optim/schedule.hpp"
#include "spankey/optim/sgd.hpp"
#include "spankey/train/batch_part.hpp"
#include "spankey/train/nonfinite.hpp"

namespace spankey {

/// Makes the gradients of several processes that train one model on parts of a batch one: called once per step, before
/// their norm is taken and they are used, with every parameter's gradient in the same order everywhere. They lie in the
/// model's memory: on a GPU, work has to be put on its stream (cuda::native_stream(), where ncclAllReduce fits), and may be
/// recorded once for many steps.
using gradient_reduction = std::function<void(std::span<float> gradient)>;

/// Where a step is in its run; all numbers count from 0.
struct rate_position {
  std::uint64_t step = 0, steps = 0;    // of all steps of the run
  std::uint64_t epoch = 0, epochs = 0;  // `epoch` is the step's
};

/// A schedule of your own: the learning rate of a step, a finite number of at least 0. It is asked once a step, in order,
/// and after a resumption from the step at which the run goes on: a function of the position alone gives the same run.
using rate_function = std::function<double(const rate_position&)>;

struct training_options {
  std::uint64_t epochs = 40;
  index_t batch = 128;
  std::uint64_t seed = 0;
  schedule rate{};
  rate_function own_rate{};  // instead of `rate`
  sgd_options optimizer{};
  std::optional<adam_options> adam{};  // instead of SGD; the model then keeps second moments (optim/adam.hpp)
  std::optional<muon_options> muon{};  // instead of both
  std::optional<lookahead_options> average{};    // the model then keeps an average (optim/lookahead.hpp)
  augmentation augment{};                        // of the training images; {}: none
  invalid_rule invalid{};                        // one key per batch, where `invalid_mixture` is empty
  std::vector<weighted_rule> invalid_mixture{};  // else one per sample, whose family is drawn from it
  std::uint64_t deny_warmup = 0;                 // epochs
  double clip_norm = 0;  // gradients whose norm, of all together, is more are scaled to it; 0: none are
  nonfinite_policy nonfinite = nonfinite_policy::stop;
  bool without_keys = false;  // a network with a gate is trained without a key space, and means it
  gradient_reduction reduce_gradients{};  // where several processes train together in a way of their own
  batch_part* part = nullptr;  // of the batch, which this trainer's model sees; it outlives the trainer
};

/// Calls `reduce` with every gradient of `model`.
template <class Model>
void reduce_gradients(Model& model, const gradient_reduction& reduce) {
  using T = typename Model::master;
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    reduce(std::span<float>(p.gradient.data, static_cast<std::size_t>(p.dims.size())));
  });
}

}  // namespace spankey
