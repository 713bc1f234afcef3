// Gate evaluation: the test set without a key, with many valid keys and with many invalid keys.
//
// Key i sees `images_per_key` images, from image i * images_per_key on and wrapping around, so that the keys of a
// condition together cover the test set; every image of a key meets the same key. Without a key every image is
// seen once. A pure function of weights, key space, data and options.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/sample_writer.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/model/model.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/train/drawn_key.hpp"
#include "spankey/train/evaluation_views.hpp"
#include "spankey/train/gate_keys.hpp"
#include "spankey/train/gate_report.hpp"
#include "spankey/train/mirror.hpp"
#include "spankey/train/shared_keys.hpp"

namespace spankey {

struct evaluation_options {
  index_t keys = 100;            // valid keys, and as many invalid ones
  index_t images_per_key = 500;  // at most the size of the test set
  std::vector<invalid_rule> invalid{invalid_rule{}};
  std::uint64_t seed = 0;
  evaluation_views views = evaluation_views::one;  // of images
  bool without_keys = false;           // a network with a gate is evaluated without a key space, and means it
  process_group* processes = nullptr;  // that share out the keys (train/shared_keys.hpp)
};

/// Evaluates `model`, whose memory holds at least `batch` samples. `keys` is null for a network without a gate.
/// Errors: data.101 to data.107 (the data set, see require_usable), train.121 keys or images, train.122 batch, train.126 views,
/// train.123 extents, train.124 classes; of run(): train.111 to train.115 keys that do not fit the gate, memory.105 to
/// memory.107 no memory, or too little of it, or no weights.
template <class Model, class Data>
class gate_evaluation {
  using scalar = typename Model::scalar;
  using memory = memory_of_model<Model>;

 public:
  static_assert(LabelledSamples<Data>,
                "SpanKey: a data set of tokens is evaluated by train/evaluate_text.hpp");
  gate_evaluation(Model& model, key_space* keys, const Data& test, index_t batch, const evaluation_options& o)
      : model_(model),
        keys_(keys),
        test_(test),
        batch_(batch),
        options_(o),
        counter_(test.classes, model.head()),
        writer_(test, "evaluation") {
    if (o.keys < 1 || o.images_per_key < 1) {
      fail("train.121", "evaluation", "found ", o.keys, " keys and ", o.images_per_key,
           " images per key, expected at least 1 of each");
    }
    if (!ImageDataset<Data> && o.views != evaluation_views::one)
      fail("train.126", "evaluation", "found features, expected images where mirrored copies are asked for");
    if (batch < 1) fail("train.122", "evaluation", "found batch ", batch, ", expected at least 1");
    const extents& input = model.input_extents();
    if (input != extents(test.sample)) {
      fail("train.123", "evaluation", "the data set has C=", test.sample.channels, " H=", test.sample.height,
           " W=", test.sample.width, ", the model expects C=", input.channels, " H=", input.height,
           " W=", input.width);
    }
    const head_outputs head = model.head();
    if (head.softmax != test.classes && !head.same_as(test.classes + 1)) {
      fail("train.124", "evaluation", "the data set has ", test.classes, " classes, the model ",
           index_t{head}, " outputs; expected as many, or one more for the reject class or logit");
    }
    if (keys != nullptr) require_sites(model.site_shapes(), keys->sites(), "evaluation");
    x_.resize(static_cast<std::size_t>(batch * input.size()));
    y_.resize(static_cast<std::size_t>(batch));
  }
  gate_evaluation(Model&, key_space*, const Data&&, index_t, const evaluation_options&) = delete;

  [[nodiscard]] gate_report run() {
    require_keys_of_gate(model_, keys_, options_.without_keys, "evaluation");
    require_written(model_, std::min<index_t>(batch_, test_.size()), "evaluation");
    const packed_weights packed(model_);
    gate_report report;
    const index_t all = test_.size();
    report.no_key = summarise({answers({}, 0, all)}, all, all, gate_should::stay_shut);
    report.no_key.not_finite = counter_.not_finite();
    if (keys_ != nullptr) {
      report.valid_key = many_keys(nullptr);
      for (const invalid_rule& rule : options_.invalid)
        report.invalid_keys.push_back({rule, many_keys(&rule)});
    }
    return report;
  }

  /// What the first `images` images get under the valid key that `source` draws, for keys that are tried one by one; there
  /// is a key space. Faster while the caller keeps the weights packed.
  key_answers valid_key(const random_source& source, index_t images) {
    drawn_key<memory> key(*keys_, model_.site_shapes().size());
    return answers(key.draw(*keys_, nullptr, source), 0, std::min(images, test_.size()));
  }

 private:
  using keys_type = typename drawn_key<memory>::keys_type;

  // Under valid keys, or under invalid ones of a rule: each rule with the same random numbers.
  condition_summary many_keys(const invalid_rule* rule) {
    drawn_key<memory> key(*keys_, model_.site_shapes().size());
    const index_t images = std::min(options_.images_per_key, test_.size());
    struct counted_answers {
      key_answers answers;
      index_t not_finite;
    };
    const auto found = answers_of_keys(options_.processes, options_.keys, [&](index_t i) {
      const random_source source{options_.seed, stream::evaluation,
                                 rule == nullptr ? valid_key_step(i) : invalid_key_step(i)};
      const key_answers own = answers(key.draw(*keys_, rule, source), i * images % test_.size(), images);
      return counted_answers{own, counter_.not_finite()};
    });
    std::vector<key_answers> collected;
    index_t not_finite = 0;
    for (const counted_answers& one : found) {
      collected.push_back(one.answers);
      not_finite += one.not_finite;
    }
    condition_summary summary = summarise(collected, images, std::min(options_.keys * images, test_.size()),
                                          rule == nullptr ? gate_should::open : gate_should::stay_shut);
    summary.not_finite = not_finite;
    return summary;
  }

  key_answers answers(const keys_type& keys, index_t first, index_t count) {
    const index_t size = model_.input_extents().size(), outputs = model_.head();
    for (index_t done = 0; done < count;) {
      const index_t n = std::min(batch_, count - done);
      for (index_t i = 0; i < n; ++i)
        y_[static_cast<std::size_t>(i)] = test_.label((first + done + i) % test_.size());
      for (const weighted_view& view : views_of(options_.views)) {
        parallel_for(
            n, [&](index_t i) { write((first + done + i) % test_.size(), view, x_.data() + i * size); });
        const scalar* const x = mirror_.of(x_.data(), n * size);
        const float* const logits = model_.forward(pass{}, x, n, keys);
        memory::read(logits, n * outputs, [&](const float* z) { add_view(view, z, n * outputs, n); });
      }
      done += n;
    }
    return counter_.finish_key();
  }

  void write(index_t image, const weighted_view& view, scalar* x) const {
    if constexpr (ImageDataset<Data>) {
      writer_.write(image, view.place, x);
    } else {
      writer_.write(image, x);
    }
  }
  // Counts the answers where the copies are complete.
  void add_view(const weighted_view& view, const float* z, index_t size, index_t n) {
    if (options_.views == evaluation_views::one) return counter_.add(z, y_.data(), n);
    const auto views = views_of(options_.views);
    if (&view == &views.front()) mean_.assign(static_cast<std::size_t>(size), 0.0F);
    for (index_t i = 0; i < size; ++i) mean_[static_cast<std::size_t>(i)] += view.weight * z[i];
    if (&view == &views.back()) counter_.add(mean_.data(), y_.data(), n);
  }

  Model& model_;
  key_space* keys_;
  const Data& test_;
  index_t batch_;
  evaluation_options options_;
  answer_counter<float> counter_;
  sample_writer<Data, scalar> writer_;
  std::vector<scalar> x_;
  mirror<memory, scalar> mirror_;
  std::vector<int> y_;
  std::vector<float> mean_;  // of the copies' logits
};

template <class Model, class Data>
gate_evaluation(Model&, key_space*, const Data&, index_t, const evaluation_options&)
    -> gate_evaluation<typename Model::network_type, Data>;

}  // namespace spankey
