// spankey: train, gate, evaluate, convert and report on a key-gated network. `spankey --help`, `spankey train --help`.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "processes.hpp"
#include "program_command.hpp"
#include "proposed_command.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/version.hpp"
#include "standard_streams.hpp"
#include "stop_signal.hpp"

namespace {

// The last word of a program that cannot go on, and where no memory is left to say it with.
int end_with(const std::exception_ptr& problem) {
  try {
    if (problem) std::rethrow_exception(problem);
    std::fputs("[spankey.system.101] the program ended itself\n", stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("[spankey.memory.103] out of memory\n", stderr);
  } catch (const spankey::error& known) {
    std::fprintf(stderr, "%s\n", known.what());
  } catch (const std::exception& other) {
    std::fprintf(stderr, "[spankey.system.101] %s\n", spankey::on_one_line(other.what()).c_str());
  } catch (...) {
    std::fputs("[spankey.system.101] an exception without a text\n", stderr);
  }
  return 2;
}

// Where an exception meets a function that promised none (of a library, or on another thread): the same line and status.
[[noreturn]] void on_terminate() { std::_Exit(end_with(std::current_exception())); }

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

// Says in `text` what stdout is to the command.
int run_program(int argc, char** argv, output_text& text) {
  const std::vector<program_command> commands = commands_of_this_build();
  command_line line;
  std::vector<std::unique_ptr<opened_command>> opened;
  std::vector<const flag_set*> flags_of;
  for (const program_command& command : commands) {
    flag_set& flags = line.add(command.name, command.summary);
    flags_of.push_back(&flags);
    opened.push_back(command.open(flags));
  }
  for (const std::string& missing : commands_left_out())
    if (argc > 1 && argv[1] == missing)
      spankey::fail("flag.221", "command", "found ", missing,
                    ", which this program was built without, expected ", line.names(),
                    " (CMake's SPANKEY_PROGRAM_COMMANDS)");
  const command_wish wish = line.parse(argc, argv);
  if (wish.version) return print(SPANKEY_VERSION_STRING "\n");
  if (wish.command == nullptr) {
    print("spankey " SPANKEY_VERSION_STRING
          ": train, gate and evaluate key-gated neural networks on a CPU\n\nusage: spankey COMMAND "
          "[flags]\n\n" +
          line.usage() +
          "\nspankey COMMAND --help lists a command's flags and what they are where nothing is given.\n");
    if (!wish.help) spankey::fail("flag.100", "spankey", "expected a command: ", line.names());
    return 0;
  }
  std::size_t at = 0;
  while (flags_of[at] != wish.command) ++at;
  opened_command& command = *opened[at];
  command.complete(*wish.command, wish.help);
  if (wish.help) return print(wish.command->help(command.introduction()));
  text = command.text();
  std::optional<spankey::thread_limit> limit;
  if (command.threads() > 0) limit.emplace(command.threads());
  return command.run(*wish.command);
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  install_stop_signals();
  std::set_terminate(&on_terminate);
  set_program_name(argv[0]);
  output_text text = output_text::all_there_is;
  int status = 0;
  try {
    status = run_program(argc, argv, text);
    leave_processes();
  } catch (...) {
    let_first_process_report();
    status = end_with(std::current_exception());
    end_other_processes(status);
  }
  return status_after_output(status, text);
}
