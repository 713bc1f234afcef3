// Evaluation of a network of tokens: the text without a key, with many valid keys and with many invalid keys.
//
// Windows lie side by side. Key i sees `windows_per_key` of them, from window i * windows_per_key on and wrapping around;
// without a key every window is seen once. A pure function of weights, key space, data and options.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/data/sample_writer.hpp"
#include "spankey/model/model.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/train/drawn_key.hpp"
#include "spankey/train/gate_keys.hpp"
#include "spankey/train/shared_keys.hpp"
#include "spankey/train/text_metrics.hpp"

namespace spankey {

struct text_evaluation_options {
  index_t keys = 20, windows_per_key = 20;  // windows: at most those of the text
  std::vector<invalid_rule> invalid{invalid_rule{}};
  std::uint64_t seed = 0;
  bool without_keys = false;           // a network with a gate is evaluated without a key space, and means it
  process_group* processes = nullptr;  // that share out the keys (train/shared_keys.hpp)
};

struct text_report {
  struct invalid_summary {
    invalid_rule rule;
    text_summary summary;
  };
  text_summary no_key;
  std::optional<text_summary> valid_key;  // absent where there are no keys, as invalid keys are
  std::vector<invalid_summary> invalid_keys;
};

/// Evaluates `model`, whose memory holds at least `batch` windows. `keys` is null for a network without a gate. Errors: train.121
/// keys or windows, train.122 batch, train.123 extents, train.124 tokens, those of the data set; of run() as gate_evaluation.
template <class Model, SequenceDataset Data>
class text_evaluation {
  using scalar = typename Model::scalar;
  using memory = memory_of_model<Model>;
  using keys_type = typename drawn_key<memory>::keys_type;

 public:
  text_evaluation(Model& model, key_space* keys, const Data& test, index_t batch,
                  const text_evaluation_options& o)
      : model_(model),
        keys_(keys),
        test_(test),
        batch_(batch),
        options_(o),
        counter_(test.classes, model.head()),
        writer_(test, "evaluation") {
    if (o.keys < 1 || o.windows_per_key < 1)
      fail("train.121", "evaluation", "found ", o.keys, " keys and ", o.windows_per_key,
           " windows per key, expected at least 1 of each");
    if (batch < 1) fail("train.122", "evaluation", "found batch ", batch, ", expected at least 1");
    const extents& input = model.input_extents();
    if (input != extents(test.sample) || model.answers() != labels_of(test))
      fail("train.123", "evaluation", "the text has windows of ", labels_of(test),
           " tokens, the model reads C=", input.channels, " H=", input.height, " W=", input.width,
           " and gives ", model.answers(), " answers");
    if (model.head().softmax < test.classes)
      fail("train.124", "evaluation", "the text has ", test.classes, " tokens, the model ",
           model.head().softmax);
    if (keys != nullptr) require_sites(model.site_shapes(), keys->sites(), "evaluation");
    x_.resize(static_cast<std::size_t>(batch * input.size()));
    y_.resize(static_cast<std::size_t>(batch * model.answers()));
  }
  text_evaluation(Model&, key_space*, const Data&&, index_t, const text_evaluation_options&) = delete;

  [[nodiscard]] text_report run() {
    require_keys_of_gate(model_, keys_, options_.without_keys, "evaluation");
    require_written(model_, std::min<index_t>(batch_, test_.size()), "evaluation");
    const packed_weights packed(model_);
    text_report report;
    report.no_key = seen({answers({}, 0, test_.size())}, test_.size(), gate_should::stay_shut);
    if (keys_ == nullptr) return report;
    report.valid_key = many_keys(nullptr);
    for (const invalid_rule& rule : options_.invalid) report.invalid_keys.push_back({rule, many_keys(&rule)});
    return report;
  }

 private:
  text_summary seen(const std::vector<key_text>& keys, index_t windows, gate_should purpose) const {
    return summarise(keys, windows * labels_of(test_), purpose);
  }
  // Under valid keys, or under invalid ones of a rule: each rule with the same random numbers.
  text_summary many_keys(const invalid_rule* rule) {
    drawn_key<memory> key(*keys_, model_.site_shapes().size());
    const index_t windows = std::min(options_.windows_per_key, test_.size());
    const std::vector<key_text> collected =
        answers_of_keys(options_.processes, options_.keys, [&](index_t i) {
          const random_source source{options_.seed, stream::evaluation,
                                     rule == nullptr ? valid_key_step(i) : invalid_key_step(i)};
          return answers(key.draw(*keys_, rule, source), i * windows % test_.size(), windows);
        });
    return seen(collected, windows, rule == nullptr ? gate_should::open : gate_should::stay_shut);
  }
  key_text answers(const keys_type& keys, index_t first, index_t count) {
    const index_t size = model_.input_extents().size(), labels = model_.answers(), outputs = model_.head();
    for (index_t done = 0; done < count;) {
      const index_t n = std::min(batch_, count - done);
      parallel_for(n, [&](index_t i) {
        writer_.write_window(test_.window((first + done + i) % test_.size()), x_.data() + i * size,
                             y_.data() + i * labels);
      });
      const float* const logits = model_.forward(pass{}, mirror_.of(x_.data(), n * size), n, keys);
      memory::read(logits, n * labels * outputs,
                   [&](const float* z) { counter_.add(z, y_.data(), n * labels); });
      done += n;
    }
    return counter_.finish_key();
  }

  Model& model_;
  key_space* keys_;
  const Data& test_;
  index_t batch_;
  text_evaluation_options options_;
  token_counter counter_;
  sample_writer<Data, scalar> writer_;
  std::vector<scalar> x_;
  mirror<memory, scalar> mirror_;
  std::vector<int> y_;
};

template <class Model, class Data>
text_evaluation(Model&, key_space*, const Data&, index_t, const text_evaluation_options&)
    -> text_evaluation<typename Model::network_type, Data>;

}  // namespace spankey
