// The work of a trainer's step where the model's memory is a GPU's: the second specialisation of train/step_runner.hpp.
//
// While a step runs, the host makes the next batch in pinned memory, and invalid keys of the families that the GPU does not
// draw (train/device_sampler.hpp); numbers come back with the step after next at the latest. Nothing within a step waits, so
// a step that is not finite is known when its update is done. From the second step on, what a whole
// batch launches is recorded once and repeated (cuda::recorded_step); a smaller last batch is launched piece by piece.
// Included where backend/cuda/cuda.hpp is.
#pragma once

#include <array>
#include <cmath>
#include <deque>
#include <memory>

#include "spankey/backend/cuda/cuda.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/memory_block.hpp"
#include "spankey/train/device_sampler.hpp"
#include "spankey/train/step_runner.hpp"

namespace spankey {

template <class Model, class Deny>
class step_runner<Model, Deny, false> {
  using scalar = typename Model::scalar;
  template <class T>
  using pinned = memory_block<cuda::pinned_memory, T>;
  template <class T>
  using on_device = memory_block<memory_of<backend::cuda>, T>;

 public:
  static constexpr std::size_t ahead = 1;

  step_runner(Model& model, const objective<Deny>& goal, key_space* keys, const training_options& options)
      : model_(model),
        goal_(goal),
        keys_(keys),
        options_(options),
        optimizer_(options),
        x_(goal.groups() * options.batch * model.input_extents().size(), here),
        y_(options.batch, here),
        valid_(keys, options.batch),
        invalid_(keys, goal.groups() < 2                 ? 0
                       : options.invalid_mixture.empty() ? 1
                                                         : options.batch),
        bound_(model.site_shapes().size()) {
    if (options.nonfinite == nonfinite_policy::skip_step)
      fail("train.133", "trainer",
           "steps that are not finite cannot be skipped on backend::cuda, where the update does not wait for "
           "the host; expected the policy stop or ignore");
    for (int i = 0; i < slots; ++i) slots_.emplace_back(*this);
    if (keys == nullptr) return;
    sampler_ = std::make_unique<device_key_sampler>(*keys, options.batch);
    valid_.bind(bound_, 0, true);
    if (goal.groups() > 1) invalid_.bind(bound_, 1, !options.invalid_mixture.empty());
  }
  ~step_runner() { cuda::synchronise(); }
  step_runner(const step_runner&) = delete;
  step_runner& operator=(const step_runner&) = delete;

  void resume(std::uint64_t updates) {
    cuda::synchronise();  // a run that an error ended may have left steps under way
    begun_ = finished_ = 0;
    optimizer_.resume(updates);
  }

  template <class Fill>
  void begin(const step_plan& plan, const Fill& fill) {
    slot& s = slots_[begun_++ % slots];
    s.done.wait();  // of the step before last: its memory is free
    const index_t n = fill(s.x.data(), s.y.data());
    s.deny_weight = plan.deny_weight;
    cuda::upload_pinned(s.x.data(), bytes_of<scalar>(n * model_.input_extents().size()), x_.data());
    cuda::upload_pinned(s.y.data(), bytes_of<int>(n), y_.data());
    if (host_draws_invalid()) {
      draw_step_invalid(*keys_, options_, plan.number, n, s.invalid.outputs);
      invalid_.upload(s.invalid, options_.invalid_mixture.empty() ? 1 : n);
    }
    cuda::set_step_values(values_of(plan));
    enqueue(n, plan);
    cuda::download_pinned(cuda::numbers(), sizeof(step_numbers), s.numbers.data());
    s.done.record();
  }
  step_outcome finish() {
    slot& s = slots_[finished_++ % slots];
    s.done.wait();
    const step_numbers& found = *s.numbers.data();
    step_outcome outcome{found.cross_entropy,
                         found.deny,
                         found.cross_entropy + s.deny_weight * found.deny,
                         std::sqrt(found.squared_gradient_norm),
                         static_cast<index_t>(found.correct),
                         {}};
    if (options_.nonfinite == nonfinite_policy::ignore) return outcome;
    if (!is_finite(outcome.total)) {
      outcome.nonfinite = {"loss", "objective", outcome.total};
    } else if (!is_finite(outcome.gradient_norm)) {
      outcome.nonfinite = {"norm of all gradients", "gradients", outcome.gradient_norm};
    }
    return outcome;
  }

 private:
  static constexpr int slots = 2;
  static constexpr const char* here = "trainer";
  template <class T>
  static std::size_t bytes_of(index_t count) {
    return static_cast<std::size_t>(count) * sizeof(T);
  }

  // Keys of up to `capacity` samples at every site: site_buffers in another memory.
  template <class Memory>
  struct key_memory {
    std::span<const site> sites;
    std::vector<memory_block<Memory, float>> keys;
    std::vector<float*> outputs;
    index_t capacity;

    key_memory(const key_space* space, index_t keys_at_most)
        : sites(sites_or_none(space)), capacity(keys_at_most) {
      for (const site& s : sites)
        outputs.push_back(keys.emplace_back(capacity * s.shape.size(), here).data());
    }
    void upload(const key_memory<cuda::pinned_memory>& from, index_t n) const {
      for (std::size_t i = 0; i < outputs.size(); ++i)
        cuda::upload_pinned(from.outputs[i], bytes_of<float>(n * sites[i].shape.size()), outputs[i]);
    }
    template <class Bound>
    void bind(Bound& bound, std::size_t group, bool one_per_sample) const {
      for (std::size_t i = 0; i < outputs.size(); ++i)
        bound[static_cast<std::size_t>(sites[i].number)].group[group] = {
            {outputs[i], static_cast<std::size_t>((one_per_sample ? capacity : 1) * sites[i].shape.size())},
            one_per_sample ? sites[i].shape.size() : 0};
    }
  };

  // The host's side of a step that is under way.
  struct slot {
    pinned<scalar> x;
    pinned<int> y;
    key_memory<cuda::pinned_memory> invalid;
    pinned<step_numbers> numbers{1, here};
    cuda::event done;
    double deny_weight = 0;
    explicit slot(const step_runner& r)
        : x(r.options_.batch * r.model_.input_extents().size(), here),
          y(r.options_.batch, here),
          invalid(r.host_draws_invalid() ? r.keys_ : nullptr, r.goal_.groups() < 2 ? 0
                                                              : r.options_.invalid_mixture.empty()
                                                                  ? 1
                                                                  : r.options_.batch) {}
  };

  cuda::step_values values_of(const step_plan& plan) const {
    const std::uint64_t done = optimizer_.steps();
    cuda::step_values values{.learning_rate = plan.learning_rate,
                             .deny_weight = plan.deny_weight,
                             .random_step = plan.number,
                             .first_step = done == 0 ? 1 : 0};
    if (options_.adam) {
      const adam_update update{.learning_rate = plan.learning_rate,
                               .beta1 = options_.adam->beta1,
                               .beta2 = options_.adam->beta2,
                               .step = done + 1};
      values.adam_step_size = update.step_size();
      values.adam_root_correction = update.root_correction();
    }
    return values;
  }

  void enqueue(index_t n, const step_plan& plan) {
    const cuda::reading_step_values reading;
    if (n != options_.batch || eager_++ == 0)
      return launch(n, plan);  // the first step also opens the libraries
    const std::uint64_t done = optimizer_.steps();
    if (!recorded_.ready()) {
      recorded_.begin();
      try {
        launch(n, plan);
      } catch (...) {
        recorded_.abandon();
        throw;
      }
      recorded_.end();
    }
    recorded_.run();
    optimizer_.resume(done + 1);
  }

  [[nodiscard]] bool host_draws_invalid() const {
    return keys_ != nullptr && goal_.groups() > 1 &&
           !(options_.invalid_mixture.empty() && device_key_sampler::draws(options_.invalid));
  }

  void launch(index_t n, const step_plan& plan) {
    if (keys_ != nullptr)
      sampler_->draw_valid({options_.seed, stream::coefficients, plan.number}, n, valid_.outputs);
    if (keys_ != nullptr && goal_.groups() > 1 && !host_draws_invalid())
      sampler_->draw_gaussian({options_.seed, stream::invalid_keys, plan.number}, 1, invalid_.outputs);
    const index_t size = n * model_.input_extents().size();
    const bool shared = goal_.groups() > 1 && model_.shares_pass(bound_, goal_.groups());
    for (index_t g = 1; g < goal_.groups() && !shared; ++g)
      memory_of_model<Model>::copy(x_.data(), size, x_.data() + g * size);
    objective<Deny> goal = goal_;
    goal.seed = options_.seed, goal.step = plan.number;
    enqueue_gradients(model_, goal, {x_.data(), goal_.groups() * n, model_.input_extents().size()}, y_.data(),
                      bound_);
    if (options_.reduce_gradients) reduce_gradients(model_, options_.reduce_gradients);
    leave_squared_norm(model_);
    optimizer_.step(model_, plan.learning_rate);
  }

  Model& model_;
  objective<Deny> goal_;
  key_space* keys_;
  training_options options_;
  chosen_optimizer optimizer_;
  on_device<scalar> x_;
  on_device<int> y_;
  key_memory<memory_of<backend::cuda>> valid_, invalid_;
  std::unique_ptr<device_key_sampler> sampler_;
  std::deque<slot> slots_;
  cuda::recorded_step recorded_;
  std::vector<site_keys<float>> bound_;
  std::uint64_t begun_ = 0, finished_ = 0, eager_ = 0;
};

}  // namespace spankey
