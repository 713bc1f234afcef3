// Who a process is, so that another one can tell whether it has ended.
//
//   MACHINE PID START    machine: the kernel's boot and the process's namespace of numbers; start: when it began, in the
//                        kernel's ticks, because numbers are given again
// Of a process of another machine, or of another container, nothing can be told: it counts as alive. Linux; elsewhere no
// process has a machine.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

namespace spankey {

struct process_identity {
  std::string machine = "-";
  std::int64_t pid = 0;
  std::uint64_t start = 0;
  bool operator==(const process_identity&) const = default;
};

/// When a process of this machine began; 0 where there is none, or it has ended and its parent has not asked how.
inline std::uint64_t start_of_process(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // "pid (name, which may hold anything) state ...": threads are the 18th word behind the name, the start the 20th.
  std::size_t at = text.rfind(')');
  if (at == std::string::npos || at + 2 >= text.size()) return 0;
  const char state = text[at + 2];
  const auto number_of_word = [&](int words) {
    for (int word = 0; word < words && at != std::string::npos; ++word) at = text.find(' ', at + 1);
    std::uint64_t number = 0;
    if (at == std::string::npos) return number;
    for (std::size_t i = at + 1; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      number = number * 10 + static_cast<std::uint64_t>(text[i] - '0');
    return number;
  };
  const std::uint64_t threads = number_of_word(18), start = number_of_word(2);
  // Killed, it is a zombie as soon as its first thread has ended; the others hold its files and locks until they have, too.
  if (state == 'X' || (state == 'Z' && threads <= 1)) return 0;
  return start;
}

inline process_identity own_identity() {
  process_identity own;
  own.pid = ::getpid();
  own.start = start_of_process(own.pid);
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::string id;
  char numbers[64] = {};
  const ssize_t length = ::readlink("/proc/self/ns/pid", numbers, sizeof numbers - 1);
  if (boot >> id && length > 0 && own.start != 0) own.machine = id + ":" + numbers;
  return own;
}

/// True where `other` was a process of this machine, and is none any more.
inline bool has_ended(const process_identity& other) {
  if (other.machine == "-" || other.machine != own_identity().machine) return false;
  if (::kill(static_cast<pid_t>(other.pid), 0) != 0 && errno == ESRCH) return true;
  const std::uint64_t start = start_of_process(other.pid);
  return start == 0 || start != other.start;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
