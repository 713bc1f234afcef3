// A finished run as inference wants it: weight images, a key, and what sessions answer beside what the training library
// answers. And the way in: weights from elsewhere as a run. Included where run_functions are compiled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "convert.hpp"
#include "invalid_text.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "run_syndrome.hpp"
#include "session_answers.hpp"
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/infer/fingerprint.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/train/evaluate.hpp"

template <class Backend, class Scalar>
struct run_conversion {
  /// Fails before anything is written: with what reading a run fails with, flag.121, flag.122, infer.1xx.
  static converted convert(const run_options& options, const convert_options& request) {
    using namespace spankey;
    const auto model = make_model<Backend, Scalar>(options);
    const std::filesystem::path run(request.run);
    const arena memory(*model, request.evaluate || tries_key(options, request) ? options.batch : 1);
    load_weights(*model, (run / "weights.safetensors").string());
    converted made;
    made.outputs = model->head();
    std::optional<key_space> keys;
    if (options.keyed() && (request.evaluate || request.wants_key() || options.asks_keys())) {
      const std::string file = (run / "key_space.safetensors").string();
      keys.emplace(read_keys(options, file));
      require_sites(model->site_shapes(), keys->sites(), file);
    }
    const auto guards = guards_of<network_type>(*model, keys, options);
    for (const std::string& weights : request.weights)
      made.images.push_back({weights, image_with(*model, options, weights)});
    made.fingerprint = infer::fingerprint_of(*model);
    made.key_number = request.key_index;
    if (!request.evaluate && !tries_key(options, request)) {
      if (request.wants_key()) made.key = issue_key(*keys, request.key_index);
      return made;
    }
    with_data(options, [&](const auto& load) {
      const auto test = load_test(options, request, load);
      if constexpr (SequenceDataset<std::remove_cvref_t<decltype(test)>>) {
        fail("flag.157", "--evaluate",
             "found it for a run of text: what sessions answer is compared for images and "
             "features");
      } else {
        use_test(*model, keys, test, options, request, made);
      }
    });
    return made;
  }

  /// Writes the run folder of weights with PyTorch's names. Nothing is written where they do not fit.
  static void import_weights(const run_options& options, const import_options& request) {
    using namespace spankey;
    const auto model = make_model<Backend, Scalar>(options);
    const arena memory(*model, 1);
    for (const std::string& note : load_foreign_weights(*model, request.weights))
      std::printf("%s\n", note.c_str());
    std::optional<key_space> keys;
    if (options.keyed()) {
      keys.emplace(load_key_space(request.key_space));
      require_sites(model->site_shapes(), keys->sites(), request.key_space);
    }
    const run_folder folder(options, start_of_run::fresh);
    if (keys) save_key_space(*keys, folder.file("key_space.safetensors"));
    save_weights(*model, folder.file("weights.safetensors"));
  }

  /// A finished run as a session takes it, with the key that `key` numbers or whose family it names.
  static run_image image_of(const run_options& options, const std::string& run, const chosen_key& key,
                            const std::string& weights) {
    using namespace spankey;
    const auto model = make_model<Backend, Scalar>(options);
    const arena memory(*model, 1);
    const std::filesystem::path folder(run);
    load_weights(*model, (folder / "weights.safetensors").string());
    const bool draws = key.index || !key.invalid.empty();
    std::optional<key_space> keys;
    if (draws || options.asks_keys()) {
      const std::string file = (folder / "key_space.safetensors").string();
      keys.emplace(read_keys(options, file));
      require_sites(model->site_shapes(), keys->sites(), file);
    }
    const auto guards = guards_of<network_type>(*model, keys, options);
    run_image made{image_with(*model, options, weights), {}};
    if (!draws) return made;
    if (key.index) {
      made.key = issue_key(*keys, *key.index);
    } else {
      const invalid_rule rule = invalid_rule_of(key.invalid);
      require_rule(rule, keys->config(), keys->sites());
      const site_buffers drawn(keys->sites(), 1);
      keys->draw_invalid(rule, {key.seed, stream::evaluation, invalid_key_step(0)}, 1, drawn.outputs());
      made.key = in_file_order(keys->sites(),
                               std::vector<const float*>(drawn.outputs().begin(), drawn.outputs().end()));
    }
    return made;
  }

 private:
  using network_type = spankey::layered_network<Backend, Scalar>;

  // int8 of a network that reads text is int8 in blocks.
  static std::vector<std::byte> image_with(run_model<Backend, Scalar>& model, const run_options& options,
                                           const std::string& weights) {
    using namespace spankey;
    const index_t classes = classes_of(options);
    const infer::pixel_normalisation pixels = image_pixels(options);
    return weights == "fp32"       ? infer::make_image<float>(model, classes, pixels)
           : weights == "bf16"     ? infer::make_image<bf16>(model, classes, pixels)
           : is_text(options.data) ? infer::make_image<int8_blocks>(model, classes, pixels)
                                   : infer::make_image<std::int8_t>(model, classes, pixels);
  }
  static bool tries_key(const run_options& options, const convert_options& request) {
    return request.wants_key() && request.key_bound > 0 && !is_text(options.data);
  }
  // A key that answers well, where one is wanted, and what sessions answer, where it is asked.
  template <class Data>
  static void use_test(network_type& model, std::optional<spankey::key_space>& keys, const Data& test,
                       const run_options& options, const convert_options& request, converted& made) {
    using namespace spankey;
    if (tries_key(options, request)) {
      made.tried = issue_tried_key(model, *keys, test, options.batch,
                                   {.number = request.key_index,
                                    .least = request.key_bound,
                                    .images = request.key_images,
                                    .seed = options.seed});
      made.key.swap(made.tried.key);
      made.key_number = made.tried.number;
    } else if (request.wants_key()) {
      made.key = issue_key(*keys, request.key_index);
    }
    if (request.evaluate) evaluate(model, keys, test, options, made);
  }

  /// Nothing for features, and for a data set whose images are no input of the network: such an image takes no bytes.
  static spankey::infer::pixel_normalisation image_pixels(const run_options& options) {
    const spankey::pixel_constants known = pixels_of(options);
    const auto most = static_cast<spankey::index_t>(spankey::infer::pixel_normalisation::most_channels);
    const spankey::index_t channels = input_of(options).channels;
    if (static_cast<spankey::index_t>(known.mean.size()) != channels || channels > most) return {};
    return spankey::infer::pixels_of(known.mean, known.deviation);
  }

  // Says why it wants images where nobody asked for an evaluation.
  template <class Load>
  static auto load_test(const run_options& options, const convert_options& request, const Load& load) {
    using namespace spankey;
    const auto read = [&] {
      if (request.evaluate) return load(split::test);
      try {
        return load(split::test);
      } catch (const error& problem) {
        fail("flag.129", "--key-out",
             "a key is tried on the run's test images before it is written, and they cannot be "
             "read; expected them below --data-root, or --key-bound 0 for a key that is not tried: ",
             problem.what());
      }
    };
    auto test = read();
    const extents input = input_of(options);
    if (input != test.sample || test.classes != classes_of(options))
      fail("flag.122", request.evaluate ? "--evaluate" : "--key-out", "the run's data set ", options.data,
           " has C=", test.sample.channels, " H=", test.sample.height, " W=", test.sample.width, " and ",
           test.classes, " classes; ", options.model, " expects C=", input.channels, " H=", input.height,
           " W=", input.width, " and ", classes_of(options));
    return test;
  }

  template <class Data>
  static void evaluate(network_type& model, std::optional<spankey::key_space>& keys, const Data& test,
                       const run_options& options, converted& made) {
    using namespace spankey;
    made.samples = test.size();
    // The conditions' keys, in memory order.
    std::vector<site_buffers> drawn;
    if (keys) {
      drawn.emplace_back(keys->sites(), 1);
      keys->draw_valid(issued_key_source(*keys, made.key_number), 1, drawn.back().outputs());
      drawn.emplace_back(keys->sites(), 1);
      keys->draw_invalid(invalid_family::gaussian, {options.seed, stream::evaluation, invalid_key_step(0)}, 1,
                         drawn.back().outputs());
    }
    const auto judge = [&](std::string who, auto&& answers) {
      answers_of found{std::move(who), {answers(nullptr)}};
      for (const site_buffers& key : drawn) found.conditions.push_back(answers(&key));
      made.evaluations.push_back(std::move(found));
    };
    {
      const packed_weights packed(model);
      judge("library " + options.precision, [&](const site_buffers* key) {
        std::vector<site_keys<float>> bound(model.site_shapes().size());
        if (key != nullptr) key->bind(bound, 0, false);
        return library_answers(model, test, options.batch, bound);
      });
    }
    const session_samples samples = samples_of_session(test);
    for (const made_image& image : made.images) {
      judge("session " + image.weights, [&](const site_buffers* key) {
        std::vector<site_key> given;
        if (key != nullptr) {
          const auto rows = key->outputs();
          given = in_file_order(keys->sites(), std::vector<const float*>(rows.begin(), rows.end()));
        }
        return session_answers(options, image, samples, given);
      });
    }
  }

  template <class Data>
  static session_samples samples_of_session(const Data& test) {
    const spankey::sample_writer<Data, float> writer(test, "evaluation");
    const spankey::index_t size = test.sample.size();
    session_samples all{test.classes, {}, {}};
    all.x.resize(static_cast<std::size_t>(test.size() * size));
    for (spankey::index_t i = 0; i < test.size(); ++i) {
      writer.write(i, all.x.data() + i * size);
      all.labels.push_back(test.label(i));
    }
    return all;
  }

  template <class Data>
  static counted_answers library_answers(network_type& model, const Data& test, spankey::index_t batch,
                                         std::span<const spankey::site_keys<float>> keys) {
    using namespace spankey;
    const sample_writer<Data, Scalar> writer(test, "evaluation");
    const index_t size = model.input_extents().size();
    std::vector<Scalar> x(static_cast<std::size_t>(batch * size));
    answer_counter<float> counter(test.classes, model.head());
    for (index_t first = 0; first < test.size(); first += batch) {
      const index_t n = std::min(batch, test.size() - first);
      std::vector<int> labels;
      for (index_t i = 0; i < n; ++i) {
        writer.write(first + i, x.data() + i * size);
        labels.push_back(test.label(first + i));
      }
      counter.add(model.forward(pass{}, x.data(), n, keys), labels.data(), n);
    }
    const key_answers shares = counter.finish_key();
    return {shares, counter.not_finite()};
  }
};
