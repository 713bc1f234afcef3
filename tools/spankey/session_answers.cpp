#include "session_answers.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "chosen_deny.hpp"
#include "network.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/infer/sized_tables.hpp"

namespace {

using namespace spankey;

constexpr index_t task_samples = 64;

void require(infer::status s) {
  if (s != infer::status::ok) fail("infer.102", "session", infer::message_of(s));
}

// Not on the stack, of which a thread may have little.
template <class Weight>
auto tables_of_run(const run_options& options) {
  return std::make_unique<const infer::sized_tables<backend::reference, Weight>>(
      layers_of(options, outputs_of(options)));
}

// A session serves one thread and one sample: every task of samples has its own, with its own memory. bind(session) gives
// it its key, ask(session, i, logits, verdict) says what to do with sample i.
template <class Weight, class Bind, class Ask>
void for_each_sample(const run_options& options, std::span<const std::byte> image, index_t count,
                     const Bind& bind, const Ask& ask) {
  using session_type = infer::sized_session<backend::reference, Weight>;
  const auto tables = tables_of_run<Weight>(options);
  const auto outputs = static_cast<std::size_t>(index_t{tables->tables().image.outputs});
  parallel_for((count + task_samples - 1) / task_samples, [&](index_t task) {
    secret_vector<std::byte> memory(tables->memory_bytes());
    session_type session(tables->tables());
    require(session.open(image, memory));
    bind(session);
    std::vector<float> logits(outputs);
    for (index_t i = task * task_samples; i < std::min(count, (task + 1) * task_samples); ++i)
      ask(session, i, logits);
  });
}

template <class Session>
void bind_sites(Session& session, std::span<const site_key> key) {
  std::vector<std::span<const float>> values;
  for (const site_key& k : key) values.emplace_back(k.values);
  if (values.empty()) return;
  // A key that an image does not let in is none, and its samples are refused.
  if (const infer::status s = session.bind(values); s != infer::status::key_refused) require(s);
}

template <class Weight>
counted_answers answers_with(const run_options& options, std::span<const std::byte> image,
                             const session_samples& samples, std::span<const site_key> key) {
  const auto count = static_cast<index_t>(samples.labels.size());
  const std::size_t size = samples.x.size() / samples.labels.size();
  const head_outputs head = deny_of(options).outputs(samples.classes);
  std::vector<float> all(static_cast<std::size_t>(count * head));
  std::atomic<bool> answers_to_key{true};
  for_each_sample<Weight>(
      options, image, count, [&](auto& session) { bind_sites(session, key); },
      [&](auto& session, index_t i, std::vector<float>& logits) {
        infer::verdict found;
        const std::span<const float> x(samples.x.data() + static_cast<std::size_t>(i) * size, size);
        const infer::status said = session.run_normalised(x, logits, found);
        if (said == infer::status::key_missing) {
          answers_to_key = false;
        } else if (said == infer::status::logits_not_finite) {  // counted as such
          std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::quiet_NaN());
        } else {
          require(said);
        }
        std::copy(logits.begin(), logits.end(), all.begin() + i * head);
      });
  if (!answers_to_key) {
    key_answers refused{};  // nothing was answered that somebody could read
    refused[static_cast<std::size_t>(figure::reject)] = 1;
    return {refused, 0};
  }
  answer_counter<float> counter(samples.classes, head);
  counter.add(all.data(), samples.labels.data(), count);
  const key_answers shares = counter.finish_key();
  return {shares, counter.not_finite()};
}

}  // namespace

counted_answers session_answers(const run_options& options, const made_image& image,
                                const session_samples& samples, std::span<const site_key> key) {
  return image.weights == "fp32"   ? answers_with<float>(options, image.bytes, samples, key)
         : image.weights == "bf16" ? answers_with<bf16>(options, image.bytes, samples, key)
                                   : answers_with<std::int8_t>(options, image.bytes, samples, key);
}

std::vector<prediction> session_predictions(const run_options& options, const run_image& run,
                                            const chosen_key& key, const std::vector<input_samples>& inputs) {
  struct place {
    const input_samples* in;
    index_t i;
  };
  std::vector<place> samples;
  for (const input_samples& in : inputs)
    for (index_t i = 0; i < in.count; ++i) samples.push_back({&in, i});
  std::vector<prediction> answers(samples.size());
  const auto size = static_cast<std::size_t>(input_of(options).size());
  for_each_sample<float>(
      options, run.image, static_cast<index_t>(samples.size()),
      // The key's values stand in the session's memory alone.
      [&](auto& session) {
        bind_sites(session, run.key);
        if (key.index || key.file.empty()) return;
        const infer::status s = session.bind_file(key.file);
        if (s != infer::status::ok && s != infer::status::key_refused)
          fail("flag.144", "--key", infer::message_of(s));
      },
      [&](auto& session, index_t n, std::vector<float>& logits) {
        const auto& [in, i] = samples[static_cast<std::size_t>(n)];
        const std::size_t at = static_cast<std::size_t>(i) * size;
        infer::verdict found;
        const infer::status said =
            in->numbers.empty()
                ? session.run(std::span<const std::uint8_t>(in->pixels).subspan(at, size), logits, found)
                : session.run_normalised(std::span<const float>(in->numbers).subspan(at, size), logits,
                                         found);
        // Refusals without a class.
        if (said == infer::status::logits_not_finite || said == infer::status::key_missing) return;
        require(said);
        answers[static_cast<std::size_t>(n)] = {
            found.semantic_class, found.rejected, {logits.begin(), logits.end()}};
      });
  return answers;
}

std::vector<std::string> network_lines(const run_options& options, const head_outputs& head) {
  const std::string softmax = std::to_string(head.softmax);
  const std::string outputs = head.aux == aux_logit::none
                                  ? softmax
                                  : "spankey::head_outputs(" + softmax + ", spankey::aux_logit::reject)";
  std::string gate = "spankey::ungated";
  if (options.keyed()) {
    std::vector<int> sites = options.sites;
    std::sort(sites.begin(), sites.end());
    std::string numbers;
    for (const int site : sites) numbers += (numbers.empty() ? "" : ", ") + std::to_string(site);
    gate = std::string("spankey::gate<spankey::") +
           (options.inject == "syndrome" ? "runtime" : options.injector().name()) + ", spankey::at<" +
           numbers + ">>";
  }
  const std::string behind = gate + ", spankey::backend::reference, float>;", rest = outputs + ", " + behind;
  const extents input = input_of(options);
  const network& known = network_named(options.model);
  const std::string shape = options.key_shape.empty() || options.key_shape == "element"
                                ? ""
                                : "spankey::key_shape::" + options.key_shape;
  const std::string with_keys = shape.empty() ? "" : ".give_keys(" + shape + ")";
  const auto of_list = [&](const std::string& list) -> std::vector<std::string> {
    return {"constexpr spankey::layer_list layers(spankey::head_outputs outputs) {",
            "  return " + list + with_keys + ";", "}", "using network = spankey::model_of<layers, " + rest};
  };
  if (!known.of_library) {
    if (!shape.empty()) return of_list(known.name + "_layers(outputs)");
    return {"using network = spankey::model_of<" + known.name + "_layers, " + rest};
  }
  if (known.takes_text()) {
    const gpt_size size = gpt_size_of(options);
    const std::string keys = shape.empty() ? "" : ", .keys = " + shape;
    return {"constexpr spankey::gpt_size size{.vocabulary = " + std::to_string(size.vocabulary) +
                ", .context = " + std::to_string(size.context) + ", .channels = " +
                std::to_string(size.channels) + ", .layers = " + std::to_string(size.layers) +
                ", .heads = " + std::to_string(size.heads) + keys + "};",
            "using network = spankey::gpt<size, " + behind};
  }
  if (input == known.usual && shape.empty())
    return {"using network = spankey::" + options.model + "<" + rest};
  return of_list("spankey::" + options.model + "_on({" + std::to_string(input.channels) + ", " +
                 std::to_string(input.height) + ", " + std::to_string(input.width) + "}, outputs)");
}
