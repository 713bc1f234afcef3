#include "run_progress.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "spankey/backend/cpu/isa.hpp"
#include "spankey/core/error.hpp"

namespace {

using namespace spankey;

const std::string& note(const training_state& state, const char* name) {
  const auto found = state.notes.find(name);
  if (found == state.notes.end())
    fail("checkpoint.108", "checkpoint", "expected a note '", name,
         "', found none: another program wrote it");
  return found->second;
}

template <class Number>
Number number_in(const training_state& state, const char* name, int base = 10) {
  const std::string& text = note(state, name);
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || code != std::errc{} || stop != end)
    fail("checkpoint.108", "checkpoint", "expected a number as note '", name, "', found ", in_quotes(text));
  return value;
}

// What computes, as far as bits depend on it.
std::string kernels_of(const run_options& options) {
  return options.device == "cpu" ? std::string(name_of(active_isa())) : options.device;
}

}  // namespace

safetensors_metadata run_progress::notes(const run_options& options) const {
  const file_mark mark = log.value_or(file_mark{});
  return {{"configuration", to_json(options).dump()},
          {"data", crc32_text(data_)},
          {"kernels", kernels_of(options)},
          {"log_bytes", std::to_string(mark.bytes)},
          {"log_crc32", crc32_text(mark.checksum)}};
}

file_mark run_progress::mark_in(const training_state& state) {
  return {number_in<std::uint64_t>(state, "log_bytes"), number_in<std::uint32_t>(state, "log_crc32", 16)};
}

void run_progress::accept(const training_state& state, const run_options& options) const {
  if (note(state, "configuration") != to_json(options).dump())
    fail("config.109", folder_ + "/config.json", "is not the configuration that the run began with");
  if (note(state, "data") != crc32_text(data_))
    fail("config.110", "--data-root", "the data set is not the one that the run in '", printable(folder_),
         "' began with");
  require_mark(folder_ + "/log.jsonl", mark_in(state));
}

void run_progress::report_other_kernels(const training_state& state, const run_options& options) {
  const std::string& before = note(state, "kernels");
  const std::string now = kernels_of(options);
  if (before != now)
    std::fprintf(
        stderr,
        "the run began with the kernels %s and goes on with %s: not the bytes of a run on one machine\n",
        printable(before).c_str(), now.c_str());
}
