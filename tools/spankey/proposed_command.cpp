#include "proposed_command.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "spankey/core/shell_word.hpp"

namespace {

using spankey::shell_word;

const char* program_name = "spankey";  // main has no memory to spare before it can say so

// A command of this program, flag by flag; what has its default is left out.
class command_text {
 public:
  explicit command_text(const char* command) : text_(shell_word(program_name) + " " + command) {}
  command_text& word(const std::string& value) {
    text_ += " " + shell_word(value);
    return *this;
  }
  command_text& flag(const char* name, const std::string& value) {
    text_ += std::string(" ") + name;
    return word(value);
  }
  command_text& of_machine(const std::string& data_root, std::int64_t threads, double checkpoint_seconds) {
    const run_options usual;
    if (data_root != usual.data_root) flag("--data-root", data_root);
    if (threads != usual.threads) flag("--threads", std::to_string(threads));
    if (checkpoint_seconds != usual.checkpoint_seconds)
      flag("--checkpoint-seconds", nlohmann::json(checkpoint_seconds).dump());
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

void set_program_name(const char* name) {
  if (name != nullptr && *name != '\0') program_name = name;
}

std::string help_command(const std::string& command) {
  return shell_word(program_name) + (command.empty() ? "" : " " + command) + " --help";
}

std::string resume_command(const std::string& folder, const run_options& options) {
  command_text text("train");
  text.flag("--resume", folder);
  text.of_machine(options.data_root, options.threads, options.checkpoint_seconds);
  if (options.device != run_options{}.device) text.flag("--device", options.device);
  if (!options.require.empty()) text.flag("--require", options.require);
  return text.text();
}

std::string sweep_command(const sweep_options& options) {
  command_text text("sweep");
  text.word(options.file).flag("--out", options.out);
  if (options.stale_after != sweep_options{}.stale_after)
    text.flag("--stale-after", nlohmann::json(options.stale_after).dump());
  text.of_machine(options.data_root, options.threads, options.checkpoint_seconds);
  if (!options.require.empty()) text.flag("--require", options.require);
  return text.text();
}
