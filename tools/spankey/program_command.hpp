// A command of the program: its name, what it is for, its flags and what it does. Parsing, help, threads and the exit status
// follow from the table of them, which the build writes from CMake's SPANKEY_PROGRAM_COMMANDS.
//
// A new command is a function NAME_command() in the file of what it does, and a line in tools/CMakeLists.txt.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "standard_streams.hpp"

/// A command whose flags are declared, and bound to options that it owns.
class opened_command {
 public:
  opened_command() = default;
  opened_command(const opened_command&) = delete;
  opened_command& operator=(const opened_command&) = delete;
  virtual ~opened_command() = default;

  /// After parsing: options that follow from those that were given. With `help` only what its text shows.
  virtual void complete(flag_set& /*flags*/, bool /*help*/) {}
  /// What its help says before its flags.
  [[nodiscard]] virtual std::string introduction() const { return {}; }
  [[nodiscard]] virtual output_text text() const { return output_text::beside_files; }
  [[nodiscard]] virtual std::int64_t threads() const { return 0; }  // 0: all
  /// The exit status.
  virtual int run(const flag_set& flags) = 0;
};

struct program_command {
  std::string name, summary;
  std::unique_ptr<opened_command> (*open)(flag_set& flags);  // declares its flags
};

/// Those of this build, in the order of CMake's SPANKEY_PROGRAM_COMMANDS; the build writes these functions.
std::vector<program_command> commands_of_this_build();
/// Names of those that it was built without.
std::vector<std::string> commands_left_out();

/// What most commands are: Declare(flags, options) binds their flags, Run(options) does their work. Options::threads is --threads.
template <class Options, auto Declare, auto Run, output_text Text>
class plain_command final : public opened_command {
 public:
  explicit plain_command(flag_set& flags) { Declare(flags, options_); }
  [[nodiscard]] output_text text() const override { return Text; }
  [[nodiscard]] std::int64_t threads() const override {
    if constexpr (requires { options_.threads; }) return options_.threads;
    return 0;
  }
  int run(const flag_set&) override { return Run(options_); }

 private:
  Options options_;
};

template <class Command>
std::unique_ptr<opened_command> open_command(flag_set& flags) {
  return std::make_unique<Command>(flags);
}

template <class Options, auto Declare, auto Run, output_text Text = output_text::beside_files>
program_command plain(const char* name, const char* summary) {
  return {name, summary, &open_command<plain_command<Options, Declare, Run, Text>>};
}
