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

  /// Errors: attack.121 a key of another size, attack.122 more samples than a batch.
  const float* ask(const float* x, index_t n, std::span<const float> key) override {
    if (!key.empty() && static_cast<index_t>(key.size()) != key_size())
      fail("attack.121", "attacked_network", "found a key of ", key.size(), " numbers, expected ",
           key_size());
    if (n < 1 || n > batch_)
      fail("attack.122", "attacked_network", "asked about ", n, " samples at once, expected 1 to ", batch_);
    key_.assign(key.begin(), key.end());
    bind(n);
    return model_.forward(pass{}, x, n, bound_, &before_head_);
  }
  [[nodiscard]] std::span<const float> features_of_last(index_t n) override {
    return {before_head_.last, static_cast<std::size_t>(n * model_.layers().back().in.size())};
  }

  void key_gradient(index_t n, std::span<const float> dz, std::span<float> dk) override {
    if (static_cast<index_t>(dk.size()) != key_size() || key_.empty())
      fail("attack.121", "attacked_network", "found ", dk.size(), " numbers for the gradient of a key of ",
           key_.size());
    packed_.reset();  // a backward pass reads the weights as they are
    std::copy(dz.begin(), dz.end(), model_.logit_gradient(n));
    model_.backward(pass{}, n);
    for (std::size_t s = 0; s < parts_.size(); ++s) {
      const float* const of_samples = gradients_[s].data();
      float* const to = dk.data() + parts_[s].first;
      for (index_t j = 0; j < parts_[s].size; ++j) {
        double sum = 0;
        for (index_t i = 0; i < n; ++i) sum += static_cast<double>(of_samples[i * parts_[s].size + j]);
        to[j] = static_cast<float>(sum);
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
  void bind(index_t n) {
    for (std::size_t s = 0; s < parts_.size(); ++s) {
      auto& of_site = bound_[static_cast<std::size_t>(sites_[s].number)];
      const auto size = static_cast<std::size_t>(parts_[s].size);
      if (key_.empty()) {
        of_site = {};
        continue;
      }
      of_site.group[0] = {{key_.data() + parts_[s].first, size}, 0};
      of_site.gradient[0] = {gradients_[s].data(), static_cast<std::size_t>(n) * size};
    }
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
  key_rows key_;  // of the samples that were asked last
  std::vector<std::vector<float>> gradients_;
  std::vector<bool> were_frozen_;
  std::optional<packed_weights<Network>> packed_;
};

template <class Model>
attacked_network(Model&, const key_space*, index_t, index_t)
    -> attacked_network<typename Model::network_type>;

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
