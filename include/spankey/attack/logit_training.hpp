// Training by whatever has a gradient in the logits: a teacher's answers (attack/distil.hpp), or how sure a network is without
// any labels (attack/key_losses.hpp). Adam with a cosine, batches drawn with replacement.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/attack/held_samples.hpp"
#include "spankey/core/random.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/schedule.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

struct logit_training {
  std::uint64_t updates = 1000;
  index_t batch = 64;
  double rate = 1e-3;
  std::uint64_t seed = 0;
};

/// gradient(chosen, z, dz): dz (n, outputs) of the logits z of n samples, whose numbers in `samples` are `chosen`. Before:
/// keep_second_moment(model), an arena for the batch. At least one sample.
template <class Model, class Gradient>
void train_by_logits(Model& any_model, const held_samples& samples, const logit_training& how,
                     const Gradient& gradient) {
  auto& model = network_of(any_model);
  adam optimizer(adam_options{});
  const schedule rate{.kind = schedule_kind::cosine, .learning_rate = how.rate};
  const index_t batch = std::min(how.batch, samples.size()), size = samples.sample.size();
  require_written(model, batch, "train_by_logits");
  std::vector<float> x(static_cast<std::size_t>(batch * size));
  std::vector<index_t> chosen(static_cast<std::size_t>(batch));
  for (std::uint64_t u = 0; u < how.updates; ++u) {
    const random_source drawn(how.seed, stream::attack, 1000 + u);
    for (index_t i = 0; i < batch; ++i) {
      const auto s = static_cast<index_t>(
          drawn.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(samples.size())));
      std::copy_n(samples.features(s), size, x.data() + i * size);
      chosen[static_cast<std::size_t>(i)] = s;
    }
    zero_gradients(model);
    const pass p{.training = true};
    const float* const z = model.forward(p, x.data(), batch, {});
    gradient(std::span<const index_t>(chosen), z, model.logit_gradient(batch));
    model.backward(p, batch);
    optimizer.step(model, rate.at(u, 1, how.updates));
  }
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
