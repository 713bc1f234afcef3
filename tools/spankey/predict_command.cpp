#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "convert_flags.hpp"
#include "data_sets.hpp"
#include "network.hpp"
#include "opened_key.hpp"
#include "predict.hpp"
#include "program_command.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "session_answers.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

using spankey::fail;
using spankey::index_t;
using spankey::printable;

std::string name_of(const input_samples& in, index_t i) {
  return printable(in.file) + (in.is_series ? "[" + std::to_string(i) + "]" : "");
}

void print_line(const input_samples& in, index_t i, const prediction& p) {
  const std::string name = p.semantic_class == spankey::no_class ? "-" : std::to_string(p.semantic_class);
  std::printf("%s %s %s\n", name.c_str(), p.refused ? "refused" : "answered", name_of(in, i).c_str());
}

void print_json(const input_samples& in, index_t i, const prediction& p) {
  nlohmann::ordered_json line = nlohmann::ordered_json::object();
  line["file"] = printable(in.file);
  if (in.is_series) line["index"] = i;
  line["class"] = nullptr;
  if (p.semantic_class != spankey::no_class) line["class"] = p.semantic_class;
  line["refused"] = p.refused;
  line["logits"] = p.logits;
  std::printf("%s\n", line.dump().c_str());
}

}  // namespace

// Numbers of issued keys are 32 bits; what is no number is a file.
chosen_key key_named(const std::string& text, const sealed_key_flags& opens) {
  chosen_key key;
  if (text.empty()) {
    require_unopened(opens, "no --key");
    return key;
  }
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  if (code == std::errc{} && stop == end) {
    require_unopened(opens, text);
    key.index = number;
    return key;
  }
  spankey::input_file file(text);
  if (file.size() == 0 || file.size() > spankey::key_file_cap)
    fail("flag.143", "--key", "found ", file.size(), " bytes in '", printable(text),
         "', expected the number of a key, or the file of one");
  key.file.resize(static_cast<std::size_t>(file.size()));
  file.read(key.file.data(), file.size());
  key.file = opened_key(std::move(key.file), text, spankey::key_payload::span, opens);
  return key;
}

run_options run_to_ask(const std::string& run, bool with_key) {
  run_options options = read_config((std::filesystem::path(run) / "config.json").string());
  require_keys_fit(options);
  if (!spankey::checkpoints_in(run).empty())
    fail("flag.121", "--run", "'", printable(run), "' holds checkpoints: its training is not finished");
  if (with_key && !options.keyed())
    fail("flag.120", "--key", "the run has no key: it was made with --inject none");
  return options;
}

int predict(const predict_options& request) {
  const run_options options = run_to_ask(request.run, !request.key.empty());
  if (is_text(options.data))
    fail("flag.158", "--run", "found a network of tokens, ", options.model,
         "; expected spankey generate for it");
  const chosen_key key = key_named(request.key, request.opens);
  // All of it is read before the first answer is printed.
  std::vector<input_samples> inputs;
  for (const std::string& file : request.inputs)
    inputs.push_back(read_input(file, input_of(options), request.normalised, options.resize > 0));
  const run_image run = functions_on("cpu", options).image_of(options, request.run, key, "fp32");
  report_lock(request.run);
  const auto answers = session_predictions(options, run, key, inputs);

  bool refused = false;
  std::size_t next = 0;
  for (const input_samples& in : inputs) {
    for (index_t i = 0; i < in.count; ++i) {
      const prediction& p = answers.at(next++);
      (request.json ? print_json : print_line)(in, i, p);
      refused |= p.refused;
    }
  }
  return refused ? some_refused : 0;
}

program_command predict_entry() {
  return plain<predict_options, declare_predict_flags, predict, output_text::all_there_is>(
      "predict",
      "answer to images or features from files: class, refused or not; status 3 where one was refused");
}
