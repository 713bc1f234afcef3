// A finished run as inference wants it: weight images, a key, and what sessions answer beside what the training library
// answers. And the way in: weights from elsewhere as a run. Included by network_NAME.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "convert.hpp"
#include "network_types.hpp"
#include "run_folder.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/infer/fingerprint.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/train/evaluate.hpp"

template <class Family>
struct network_conversion {
  /// Fails before anything is written: with what reading a run fails with, flag.121, flag.122, infer.1xx.
  static converted convert(const run_options& options, const convert_options& request) {
    converted made;
    with_types(options, [&]<class Deny, class Scalar>(Deny, Scalar) {
      // Sessions know no precision of training: one type serves both.
      made = convert_with<typename Family::template model<Deny, float>>(
          *Family::template make<Deny, Scalar>(options), options, request);
    });
    return made;
  }

  /// Writes the run folder of weights with PyTorch's names. Nothing is written where they do not fit.
  static void import_weights(const run_options& options, const import_options& request) {
    with_types(options, [&]<class Deny, class Scalar>(Deny, Scalar) {
      using namespace spankey;
      const auto model = Family::template make<Deny, Scalar>(options);
      using model_type = typename decltype(model)::element_type;
      const arena memory(*model, 1);
      for (const std::string& note : load_foreign_weights(*model, request.weights))
        std::printf("%s\n", note.c_str());
      std::optional<key_space> keys;
      if (options.keyed()) {
        keys.emplace(load_key_space(request.key_space));
        require_sites_of<model_type>(keys->sites(), request.key_space);
      }
      const run_folder folder(options, start_of_run::fresh);
      if (keys) save_key_space(*keys, folder.file("key_space.safetensors"));
      save_weights(*model, folder.file("weights.safetensors"));
    });
  }

  /// Nothing for features, and for a data set whose images are no input of the network: such an image takes no bytes.
  template <class Model>
  static spankey::infer::pixel_normalisation image_pixels(const run_options& options) {
    const spankey::pixel_constants known = pixels_of(options);
    if (static_cast<spankey::index_t>(known.mean.size()) != Model::input::channels) return {};
    return spankey::infer::pixels_of(known.mean, known.deviation);
  }

 private:
  template <class SessionModel, class Model>
  static converted convert_with(Model& model, const run_options& options, const convert_options& request) {
    using namespace spankey;
    const std::filesystem::path run(request.run);
    const bool tries = request.wants_key() && request.key_bound > 0;
    const arena memory(model, request.evaluate || tries ? options.batch : 1);
    load_weights(model, (run / "weights.safetensors").string());
    converted made;
    made.network = spelled_network(options, Model::outputs);
    const infer::pixel_normalisation pixels = image_pixels<Model>(options);
    for (const std::string& weights : request.weights)
      made.images.push_back(
          {weights, weights == "fp32"   ? infer::make_image<float>(model, Family::classes, pixels)
                    : weights == "bf16" ? infer::make_image<bf16>(model, Family::classes, pixels)
                                        : infer::make_image<std::int8_t>(model, Family::classes, pixels)});
    made.fingerprint = infer::fingerprint_of(model);
    std::optional<key_space> keys;
    if (options.keyed() && (request.evaluate || request.wants_key())) {
      const std::string file = (run / "key_space.safetensors").string();
      keys.emplace(read_keys(options, file));
      require_sites_of<Model>(keys->sites(), file);
    }
    made.key_number = request.key_index;
    if (!request.evaluate && !tries) {
      if (request.wants_key()) made.key = issue_key(*keys, request.key_index);
      return made;
    }
    const auto test = load_test<Model>(options, request);
    if (tries) {
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
    if (request.evaluate) evaluate<SessionModel>(model, keys, test, options, made);
    return made;
  }

  // Says why it wants images where nobody asked for an evaluation.
  template <class Model>
  static auto load_test(const run_options& options, const convert_options& request) {
    using namespace spankey;
    const auto load = [&] {
      if (request.evaluate) return Family::load(options, split::test);
      try {
        return Family::load(options, split::test);
      } catch (const error& problem) {
        fail("flag.129", "--key-out",
             "a key is tried on the run's test images before it is written, and they cannot be "
             "read; expected them below --data-root, or --key-bound 0 for a key that is not tried: ",
             problem.what());
      }
    };
    auto test = load();
    if (extents_of<typename Model::input> != test.sample || test.classes != Family::classes)
      fail("flag.122", request.evaluate ? "--evaluate" : "--key-out", "the run's data set ", options.data,
           " has C=", test.sample.channels, " H=", test.sample.height, " W=", test.sample.width, " and ",
           test.classes, " classes; ", options.model, " expects C=", Model::input::channels,
           " H=", Model::input::height, " W=", Model::input::width, " and ", Family::classes);
    return test;
  }

  template <class SessionModel, class Model, class Data>
  static void evaluate(Model& model, std::optional<spankey::key_space>& keys, const Data& test,
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
        model_keys<float, Model::sites.size()> bound{};
        if (key != nullptr) key->bind(bound, 0, false);
        return library_answers(model, test, options.batch, bound);
      });
    }
    for (const made_image& image : made.images) {
      judge("session " + image.weights, [&](const site_buffers* key) {
        std::vector<site_key> given;
        if (key != nullptr) {
          const auto rows = key->outputs();
          given = in_file_order(keys->sites(), std::vector<const float*>(rows.begin(), rows.end()));
        }
        return image.weights == "fp32" ? session_answers<SessionModel, float>(image.bytes, test, given)
               : image.weights == "bf16"
                   ? session_answers<SessionModel, bf16>(image.bytes, test, given)
                   : session_answers<SessionModel, std::int8_t>(image.bytes, test, given);
      });
    }
  }

  template <class Model, class Data, class Keys>
  static counted_answers library_answers(Model& model, const Data& test, spankey::index_t batch,
                                         const Keys& keys) {
    using namespace spankey;
    using scalar = typename Model::scalar;
    const sample_writer<Data, scalar> writer(test, "evaluation");
    std::vector<scalar> x(static_cast<std::size_t>(batch * Model::input::size));
    answer_counter<float> counter(Family::classes, Model::outputs);
    for (index_t first = 0; first < test.size(); first += batch) {
      const index_t n = std::min(batch, test.size() - first);
      std::vector<int> labels;
      for (index_t i = 0; i < n; ++i) {
        writer.write(first + i, x.data() + i * Model::input::size);
        labels.push_back(test.label(first + i));
      }
      const auto logits =
          model.forward(pass{}, batch_view<const scalar, typename Model::input>(x.data(), n), keys);
      counter.add(logits.data(), labels.data(), n);
    }
    const key_answers shares = counter.finish_key();
    return {shares, counter.not_finite()};
  }

  // A session serves one thread and one sample: every task has its own, with its own memory.
  template <class Model, class Weight, class Data>
  static counted_answers session_answers(std::span<const std::byte> image, const Data& test,
                                         std::span<const spankey::site_key> key) {
    using namespace spankey;
    using session_type = infer::session<Model, Weight>;
    constexpr index_t task_samples = 64, outputs = Model::outputs;
    const auto require = [](infer::status s) {
      if (s != infer::status::ok) fail("infer.102", "session", infer::message_of(s));
    };
    const sample_writer<Data, float> writer(test, "evaluation");
    const index_t size = test.size();
    std::vector<float> logits(static_cast<std::size_t>(size * outputs));
    std::vector<int> labels(static_cast<std::size_t>(size));
    parallel_for((size + task_samples - 1) / task_samples, [&](index_t task) {
      secret_vector<std::byte> memory(session_type::memory_bytes);
      session_type session;
      require(session.open(image, memory));
      std::vector<std::span<const float>> values;
      for (const site_key& k : key) values.emplace_back(k.values);
      if (!key.empty()) require(session.bind(values));
      std::vector<float> x(static_cast<std::size_t>(Model::input::size));
      infer::answer<Model> answer;
      for (index_t i = task * task_samples; i < std::min(size, (task + 1) * task_samples); ++i) {
        writer.write(i, x.data());
        const infer::status said = session.run_normalised(x, answer);
        if (said == infer::status::logits_not_finite) {  // counted as such
          answer.logits.fill(std::numeric_limits<float>::quiet_NaN());
        } else {
          require(said);
        }
        std::copy(answer.logits.begin(), answer.logits.end(), logits.begin() + i * outputs);
        labels[static_cast<std::size_t>(i)] = test.label(i);
      }
    });
    answer_counter<float> counter(Family::classes, Model::outputs);
    counter.add(logits.data(), labels.data(), size);
    const key_answers shares = counter.finish_key();
    return {shares, counter.not_finite()};
  }

  // small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>, with every name's namespace.
  static std::string spelled_network(const run_options& options, spankey::head_outputs head) {
    std::string text = "spankey::" + options.model + "<";
    const std::string softmax = std::to_string(head.softmax);
    text += head.aux == spankey::aux_logit::none
                ? softmax
                : "spankey::head_outputs(" + softmax + ", spankey::aux_logit::reject)";
    if (!options.keyed()) return text + ", spankey::ungated, spankey::backend::reference, float>";
    std::vector<int> sites = options.sites;
    std::sort(sites.begin(), sites.end());
    std::string numbers;
    for (const int site : sites) numbers += (numbers.empty() ? "" : ", ") + std::to_string(site);
    return text + ", spankey::gate<spankey::" + (options.inject == "add" ? "additive" : "multiplicative") +
           ", spankey::at<" + numbers + ">>, spankey::backend::reference, float>";
  }
};
