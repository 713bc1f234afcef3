// What a finished run answers to samples, by a session as a product has it. Included by network_NAME.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "network_convert.hpp"
#include "predict.hpp"

template <class Family>
struct network_prediction {
  /// One answer for every sample of all inputs, in order. Fails with what reading a run fails with, flag.144 a key of
  /// another network.
  static std::vector<prediction> predict(const run_options& options, const std::string& run,
                                         const chosen_key& key, const std::vector<input_samples>& inputs) {
    std::vector<prediction> answers;
    with_types(options, [&]<class Deny, class Scalar>(Deny, Scalar) {
      using namespace spankey;
      using session_model = typename Family::template model<Deny, float>;
      const auto model = Family::template make<Deny, Scalar>(options);
      const arena memory(*model, 1);
      const std::filesystem::path folder(run);
      load_weights(*model, (folder / "weights.safetensors").string());
      using model_type = typename decltype(model)::element_type;
      const auto image = infer::make_image<float>(
          *model, Family::classes, network_conversion<Family>::template image_pixels<model_type>(options));
      std::vector<site_key> issued;
      if (key.index) {
        const std::string file = (folder / "key_space.safetensors").string();
        key_space keys = read_keys(options, file);
        require_sites_of<model_type>(keys.sites(), file);
        issued = issue_key(keys, *key.index);
      }
      answers = answers_of<session_model>(image, key, issued, inputs);
    });
    return answers;
  }

 private:
  template <class Model>
  static std::vector<prediction> answers_of(std::span<const std::byte> image, const chosen_key& key,
                                            const std::vector<spankey::site_key>& issued,
                                            const std::vector<input_samples>& inputs) {
    using namespace spankey;
    using session_type = infer::session<Model>;
    const auto require = [](infer::status s) {
      if (s != infer::status::ok) fail("infer.102", "session", infer::message_of(s));
    };
    // The key's values stand in the session's memory alone.
    const auto bind = [&](session_type& session) {
      std::vector<std::span<const float>> values;
      for (const site_key& k : issued) values.emplace_back(k.values);
      if (!values.empty()) require(session.bind(values));
      if (key.index || key.file.empty()) return;
      if (const infer::status s = session.bind_file(key.file); s != infer::status::ok)
        fail("flag.144", "--key", infer::message_of(s));
    };
    struct place {
      const input_samples* in;
      index_t i;
    };
    std::vector<place> samples;
    for (const input_samples& in : inputs)
      for (index_t i = 0; i < in.count; ++i) samples.push_back({&in, i});
    std::vector<prediction> answers(samples.size());
    constexpr std::size_t task_samples = 64, size = static_cast<std::size_t>(Model::input::size);
    const std::size_t tasks = (samples.size() + task_samples - 1) / task_samples;
    parallel_for(static_cast<index_t>(tasks), [&](index_t task) {
      secret_vector<std::byte> memory(session_type::memory_bytes);
      session_type session;
      require(session.open(image, memory));
      bind(session);
      infer::answer<Model> answer;
      const std::size_t first = static_cast<std::size_t>(task) * task_samples;
      for (std::size_t s = first; s < std::min(samples.size(), first + task_samples); ++s) {
        const auto& [in, i] = samples[s];
        const std::size_t at = static_cast<std::size_t>(i) * size;
        const infer::status said =
            in->numbers.empty()
                ? session.run(std::span<const std::uint8_t>(in->pixels).subspan(at, size), answer)
                : session.run_normalised(std::span<const float>(in->numbers).subspan(at, size), answer);
        if (said == infer::status::logits_not_finite) continue;  // a refusal without a class
        require(said);
        answers[s] = {answer.semantic_class, answer.rejected, {answer.logits.begin(), answer.logits.end()}};
      }
    });
    return answers;
  }
};
