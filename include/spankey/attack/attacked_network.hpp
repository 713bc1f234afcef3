// A network in the host's memory as attackers ask it (attack/attacked_gate.hpp), in evaluation mode, as it is deployed.
//
// Its parameters are frozen for as long as this lives: the backward pass computes what leads to the keys and nothing else. Weights
// are packed until the first gradient is asked for.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/recalibrate.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/train/gate_keys.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

/// `Network`: the layered_network that runs a model.
template <class Network>
class attacked_network final : public attacked_gate {
 public:
  static_assert(memory_of_model<Network>::on_host && std::is_same_v<typename Network::scalar, float>,
                "SpanKey: attacks ask networks of float in the host's memory");

  /// The model has memory for `batch` samples, and is asked at the sites of `keys`; null for one without a gate, or whose gate
  /// nobody keys. Errors: train.111 to train.115 keys that do not fit the gate, memory.105 to memory.107.
  template <class Model>
  attacked_network(Model& model, const key_space* keys, index_t classes, index_t batch)
      : model_(network_of(model)), classes_(classes), batch_(batch), bound_(model_.site_shapes().size()) {
    require_keys_of_gate(model, keys, keys == nullptr, "attacked_network");
    require_written(model, batch, "attacked_network");
    if (keys != nullptr) sites_.assign(keys->sites().begin(), keys->sites().end());
    parts_ = parts_of(sites_);
    for (const key_part& part : parts_) gradients_.emplace_back(static_cast<std::size_t>(batch * part.size));
    model_.for_each_parameter([&](const scope&, auto& p) {
      were_frozen_.push_back(p.frozen);
      p.frozen = true;
    });
    packed_.emplace(model_);
  }
  ~attacked_network() override {
    auto was = were_frozen_.begin();
    model_.for_each_parameter([&](const scope&, auto& p) { p.frozen = *was++; });
  }

  [[nodiscard]] index_t classes() const override { return classes_; }
  [[nodiscard]] head_outputs head() const override { return model_.head(); }
  [[nodiscard]] index_t batch() const override { return batch_; }
  [[nodiscard]] std::span<const site> sites() const override { return sites_; }

  /// Errors: attack.121 keys of another size, attack.122 more samples, times the keys, than a batch.
  const float* ask(const float* x, index_t n, std::span<const float> keys) override {
    const index_t size = key_size(), numbers = static_cast<index_t>(keys.size());
    if (numbers > 0 && (size == 0 || numbers % size != 0))
      fail("attack.121", "attacked_network", "found keys of ", numbers, " numbers, expected a multiple of ",
           size);
    asked_keys_ = numbers > 0 ? numbers / size : 1;
    if (n < 1 || n > batch_ / asked_keys_)
      fail("attack.122", "attacked_network", "asked about ", n, " samples under ", asked_keys_,
           " keys at once, expected 1 to ", batch_, " of all together");
    has_key_ = numbers > 0;
    bind(n, keys);
    return model_.forward(pass{}, asked_keys_ > 1 ? repeated(x, n) : x, n * asked_keys_, bound_,
                          &before_head_);
  }
  [[nodiscard]] std::span<const float> features_of_last(index_t n) override {
    return {before_head_.last, static_cast<std::size_t>(n * asked_keys_ * model_.layers().back().in.size())};
  }

  void key_gradient(index_t n, std::span<const float> dz, std::span<float> dk) override {
    const index_t size = key_size();
    if (static_cast<index_t>(dk.size()) != asked_keys_ * size || !has_key_)
      fail("attack.121", "attacked_network", "found ", dk.size(), " numbers for the gradient of ",
           has_key_ ? asked_keys_ : 0, " keys of ", size);
    packed_.reset();  // a backward pass reads the weights as they are
    std::copy(dz.begin(), dz.end(), model_.logit_gradient(n * asked_keys_));
    model_.backward(pass{}, n * asked_keys_);
    std::vector<double> sums;
    for (std::size_t s = 0; s < parts_.size(); ++s) {
      const index_t part = parts_[s].size;
      for (index_t k = 0; k < asked_keys_; ++k) {
        const float* const of_samples = gradients_[s].data() + k * n * part;
        sums.assign(static_cast<std::size_t>(part), 0.0);
        for (index_t i = 0; i < n; ++i)
          for (index_t j = 0; j < part; ++j)
            sums[static_cast<std::size_t>(j)] += static_cast<double>(of_samples[i * part + j]);
        std::transform(sums.begin(), sums.end(), dk.begin() + k * size + parts_[s].first,
                       [](double sum) { return static_cast<float>(sum); });
      }
    }
  }

  void change_weights(const std::function<void(const weight_tensor&)>& f) override {
    const bool was_packed = packed_.has_value();
    packed_.reset();
    model_.for_each_parameter([&](const scope&, auto& p) {
      f({p.dims.file_rank > 1 ? weight_tensor::kind::matrix : weight_tensor::kind::vector,
         p.dims.o,
         {p.value.data, static_cast<std::size_t>(p.dims.size())}});
    });
    model_.for_each_state([&](const scope&, auto& s) {
      f({weight_tensor::kind::statistic, s.count, {s.value.data, static_cast<std::size_t>(s.count)}});
    });
    if (was_packed) packed_.emplace(model_);
  }
  void recalibrate(const held_samples& samples) override {
    const bool was_packed = packed_.has_value();
    packed_.reset();
    spankey::recalibrate(model_, samples,
                         {.samples = samples.size(), .batch = std::min<index_t>(50, batch_)});
    if (was_packed) packed_.emplace(model_);
  }

 private:
  // One key serves all samples as it stands; of several every sample has its own.
  void bind(index_t n, std::span<const float> keys) {
    const index_t size = key_size(), rows = asked_keys_ > 1 ? n * asked_keys_ : 1;
    keys_.resize(has_key_ ? static_cast<std::size_t>(rows * size) : 0);
    float* to = keys_.data();
    for (std::size_t s = 0; s < parts_.size(); ++s) {
      auto& of_site = bound_[static_cast<std::size_t>(sites_[s].number)];
      const index_t part = parts_[s].size;
      of_site = {};
      if (!has_key_) continue;
      of_site.group[0] = {{to, static_cast<std::size_t>(rows * part)}, rows > 1 ? part : 0};
      of_site.gradient[0] = {gradients_[s].data(), static_cast<std::size_t>(n * asked_keys_ * part)};
      for (index_t row = 0; row < rows; ++row, to += part)
        std::copy_n(keys.data() + row / n * size + parts_[s].first, part, to);
    }
  }
  // The samples once for every key.
  const float* repeated(const float* x, index_t n) {
    const index_t size = n * model_.input_extents().size();
    x_.resize(static_cast<std::size_t>(asked_keys_ * size));
    for (index_t k = 0; k < asked_keys_; ++k) std::copy_n(x, size, x_.data() + k * size);
    return x_.data();
  }

  // The last that is shown is what the head reads.
  struct watched final : activation_watch<float> {
    const float* last = nullptr;
    void on_activation(std::string_view, const float* y, index_t) override { last = y; }
  };

  Network& model_;
  watched before_head_;
  index_t classes_, batch_;
  std::vector<site> sites_;
  std::vector<key_part> parts_;
  std::vector<site_keys<float>> bound_;
  // Of what was asked last.
  bool has_key_ = false;
  index_t asked_keys_ = 1;
  key_rows keys_;         // site after site
  std::vector<float> x_;  // of several keys
  std::vector<std::vector<float>> gradients_;
  std::vector<bool> were_frozen_;
  std::optional<packed_weights<Network>> packed_;
};

template <class Model>
attacked_network(Model&, const key_space*, index_t, index_t)
    -> attacked_network<typename Model::network_type>;

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
