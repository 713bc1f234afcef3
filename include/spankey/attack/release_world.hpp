// What the games about releases are played on (attack/release_games.hpp): the network, its text, and what an attacker has.
//
//   public_rows   of the text that the network was trained on: anybody has some         judged_rows   of the same text, decide
//   task_rows, task_judged   of another task, which a release may be fine-tuned for
// And what an attacker does with them: trains copies, compares distributions, counts right answers.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "spankey/attack/extract_network.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/release/compare_answers.hpp"
#include "spankey/release/locked_release.hpp"
#include "spankey/train/fine_tune.hpp"

namespace spankey {

/// Windows side by side of one text, each token's target the next one.
inline token_rows rows_of_text(std::span<const int> tokens, index_t length, index_t most) {
  token_rows rows{.length = length};
  for (index_t i = 0; i < most && (i + 1) * length < static_cast<index_t>(tokens.size()); ++i) {
    const int* const begin = tokens.data() + i * length;
    rows.tokens.insert(rows.tokens.end(), begin, begin + length);
    rows.labels.insert(rows.labels.end(), begin + 1, begin + 1 + length);
    rows.path.push_back(0);
  }
  return rows;
}

/// What an attacker may spend, and when he has won.
struct release_limits {
  index_t seeds = 5;           // of attackers that train
  index_t trials = 20;         // of games without training
  index_t batch = 8;           // rows
  std::uint64_t updates = 60;  // of every training
  double rate = 1e-3;
  index_t adapter_rank = 16;  // of an attacker who trains adapters
  double adapter_alpha = 32;
  double eta = 1e-3;    // PE: share of the protected entries that may be off by more than 1 %
  double kappa = 1e-3;  // FE: mean KL in nats
};

template <class Backend>
struct release_world {
  const layer_list& list;
  released_model<Backend>& network;
  std::vector<neuron_ranges> ranges;
  token_rows public_rows, judged_rows, task_rows, task_judged;
  release_limits limits{};

  [[nodiscard]] open_network<released_model<Backend>> owner() const { return {list, network}; }
};

/// A network of an attacker's, which can be trained.
template <class Backend>
class attacker_network {
 public:
  attacker_network(const layer_list& list, index_t batch) : model_(list), memory_(prepared(model_), batch) {}

  [[nodiscard]] released_model<Backend>& model() { return model_; }
  /// Fresh weights, or those of somebody else.
  void begin(std::uint64_t seed) { initialise(model_, seed); }
  template <class Model>
  void begin(Model& from) {
    copy_model(model_, from);
  }
  /// Those of somebody else, fresh ones in place of tensors of zeros: what was withheld could not be trained from there.
  template <class Model>
  void begin(Model& from, std::uint64_t seed) {
    initialise(model_, seed);
    from.for_each_parameter([&](const scope& at, auto& p) {
      const std::span<const float> values(p.value.data, static_cast<std::size_t>(p.dims.size()));
      if (std::any_of(values.begin(), values.end(), [](float x) { return x != 0; }))
        std::copy_n(p.value.data, p.dims.size(), model_.parameter_of(at.str()).value.data);
    });
  }
  /// `rows` at `updates` steps of AdamW; their targets, or another loss of their tokens (train/fine_tune.hpp).
  void train(const token_rows& rows, const release_limits& limits, std::uint64_t seed) {
    train(rows, limits, seed, target_loss{rows});
  }
  template <class Loss>
  void train(const token_rows& rows, const release_limits& limits, std::uint64_t seed, const Loss& loss) {
    fine_tune(
        model_, rows, {.steps = limits.updates, .batch = limits.batch, .rate = limits.rate, .seed = seed},
        [](std::uint64_t, double) {}, loss);
  }
  /// f(row, token, logits) for every token of some rows.
  template <class F>
  void answer(const token_rows& rows, F&& f) {
    const auto length = static_cast<std::size_t>(rows.length);
    std::vector<float> x(length * 2);
    const index_t outputs = model_.head();
    for (index_t r = 0; r < rows.size(); ++r) {
      for (std::size_t t = 0; t < length; ++t)
        write_token(rows.tokens[static_cast<std::size_t>(r) * length + t], x.data() + 2 * t);
      const float* const z = model_.forward(pass{}, x.data(), 1, {});
      for (std::size_t t = 0; t < length; ++t)
        f(r, t, std::span(z + static_cast<index_t>(t) * outputs, static_cast<std::size_t>(outputs)));
    }
  }
  /// Share of tokens that are predicted right.
  [[nodiscard]] double accuracy(const token_rows& rows) {
    index_t right = 0, all = 0;
    answer(rows, [&](index_t r, std::size_t t, std::span<const float> z) {
      const int label = rows.labels[static_cast<std::size_t>(r * rows.length) + t];
      ++all, right += std::max_element(z.begin(), z.end()) - z.begin() == label ? 1 : 0;
    });
    return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
  }
  /// Every logit of some rows.
  [[nodiscard]] std::vector<float> logits(const token_rows& rows) {
    std::vector<float> all;
    answer(rows, [&](index_t, std::size_t, std::span<const float> z) {
      all.insert(all.end(), z.begin(), z.end());
    });
    return all;
  }

 private:
  static released_model<Backend>& prepared(released_model<Backend>& model) {
    keep_second_moment(model);
    return model;
  }

  released_model<Backend> model_;
  arena memory_;
};

/// What attackers come to without a release, by their seed: the same for every scheme, so found once.
template <class Backend>
class release_floors {
 public:
  explicit release_floors(const release_world<Backend>& world) : world_(world) {}

  /// The weights of who has public text alone, for an attacker's network.
  void begin_from_nothing(attacker_network<Backend>& network, std::uint64_t seed) {
    std::vector<float>& known = from_nothing_[seed];
    network.begin(seed);
    if (known.empty()) {
      network.train(world_.public_rows, world_.limits, seed);
      network.model().for_each_parameter([&](const scope&, auto& p) {
        known.insert(known.end(), p.value.data, p.value.data + p.dims.size());
      });
      return;
    }
    const float* from = known.data();
    network.model().for_each_parameter([&](const scope&, auto& p) {
      std::copy_n(from, p.dims.size(), p.value.data);
      from += p.dims.size();
    });
  }

  /// FT's right answers without the release: of who trains from nothing, and of a student that first learns what Infer answers to
  /// public text; the better one.
  double other_task(attacker_network<Backend>& network, std::uint64_t seed) {
    if (const auto known = other_task_.find(seed); known != other_task_.end()) return known->second;
    network.begin(world_.network);
    token_rows answered = world_.public_rows;
    network.answer(world_.public_rows, [&](index_t r, std::size_t t, std::span<const float> z) {
      answered.labels[static_cast<std::size_t>(r * answered.length) + t] =
          static_cast<int>(std::max_element(z.begin(), z.end()) - z.begin());
    });
    network.begin(seed);
    network.train(answered, world_.limits, seed);
    network.train(world_.task_rows, world_.limits, seed);
    const double oracle = network.accuracy(world_.task_judged);
    network.begin(seed);
    network.train(world_.task_rows, world_.limits, seed);
    return other_task_[seed] = std::max(oracle, network.accuracy(world_.task_judged));
  }

 private:
  const release_world<Backend>& world_;
  std::map<std::uint64_t, std::vector<float>> from_nothing_;
  std::map<std::uint64_t, double> other_task_;
};

/// Mean KL of answers of `outputs` each.
inline double mean_kl(std::span<const float> of_network, std::span<const float> found, index_t outputs) {
  answer_comparison all;
  const auto size = static_cast<std::size_t>(outputs);
  for (std::size_t at = 0; at + size <= of_network.size(); at += size)
    all.add(of_network.subspan(at, size), found.subspan(at, size));
  return all.mean_kl();
}

/// Share of the protected entries that an attacker has within 1 %, MLPs compared modulo the order of neurons. Protected is what the
/// release does not hand out as it is; where it hands out everything, everything.
template <class Model>
double recovered_share(const open_network<Model>& owner, const weight_release& r, Model& found) {
  const auto is_public = [&](const std::string& name, const auto& p) {
    const auto given = r.tensors.find(name);
    return given != r.tensors.end() && given->second.values == to_file_order(p.dims, p.value.data);
  };
  bool hides = false;
  owner.model.for_each_parameter([&](const scope& at, auto& p) { hides = hides || !is_public(at.str(), p); });
  const auto is_protected = [&](const std::string& name, const auto& p) {
    return !hides || !is_public(name, p);
  };

  index_t entries = 0, within = 0;
  const auto count = [&](const float* a, const float* b, index_t n) {
    for (index_t i = 0; i < n; ++i)
      ++entries, within += is_within(static_cast<double>(a[i]), static_cast<double>(b[i])) ? 1 : 0;
  };
  const std::vector<mlp_place> places = owner.places();
  for (const mlp_place& place : places) {
    bool counts = false;
    owner.model.for_each_parameter([&](const scope& at, auto& p) {
      counts = counts || (is_of_mlp(at.str(), place.name) && is_protected(at.str(), p));
    });
    if (!counts) continue;
    extraction_report report;
    const mlp_weights truth = mlp_of(owner.model, place);
    const mlp_weights ordered = aligned_to(truth, mlp_of(found, place));
    compare_mlp(
        truth, ordered, [](index_t) { return true; }, report);
    entries += report.entries, within += report.within;
    count(ordered.down_bias.data(), truth.down_bias.data(), static_cast<index_t>(truth.down_bias.size()));
  }
  owner.model.for_each_parameter([&](const scope& at, auto& p) {
    const std::string name = at.str();
    const bool in_mlp = std::any_of(places.begin(), places.end(),
                                    [&](const mlp_place& place) { return is_of_mlp(name, place.name); });
    if (!in_mlp && is_protected(name, p))
      count(found.parameter_of(name).value.data, p.value.data, p.dims.size());
  });
  return entries == 0 ? 0 : static_cast<double>(within) / static_cast<double>(entries);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
