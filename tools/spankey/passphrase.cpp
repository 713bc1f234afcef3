#include "passphrase.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

using text_bytes = spankey::secret_vector<std::byte>;
constexpr std::size_t longest_passphrase = 4096;

// The terminal, as it was found again when this goes.
class silent_terminal {
 public:
  explicit silent_terminal(const passphrase_source& from)
      : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0 || ::tcgetattr(fd_, &before_) != 0) {
      if (fd_ >= 0) ::close(fd_);
      spankey::fail("flag.213", from.flag, "there is no terminal to ask for the ", from.asks,
                    "; expected a file, or the name of an environment variable");
    }
    termios quiet = before_;
    // No echo; and Ctrl-C comes as a letter, so that it does not end the program with the echo off.
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_lflag |= ECHONL;
    ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~silent_terminal() {
    ::tcsetattr(fd_, TCSAFLUSH, &before_);
    ::close(fd_);
  }
  silent_terminal(const silent_terminal&) = delete;
  silent_terminal& operator=(const silent_terminal&) = delete;

  text_bytes ask(const std::string& question) const {
    (void)!::write(fd_, question.data(), question.size());
    text_bytes line;
    line.reserve(longest_passphrase + 1);
    for (;;) {
      char letter = 0;
      const ssize_t got = ::read(fd_, &letter, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || letter == '\n') return line;
      if (letter == 3) spankey::fail("flag.213", "terminal", "no passphrase was given");
      if (line.size() <= longest_passphrase) line.push_back(static_cast<std::byte>(letter));
      spankey::wipe(&letter, 1);
    }
  }

 private:
  int fd_;
  termios before_{};
};

text_bytes first_line(const passphrase_source& from) {
  spankey::input_file file(from.file);
  text_bytes bytes(std::min<std::size_t>(static_cast<std::size_t>(file.size()), longest_passphrase + 2));
  file.read(bytes.data(), static_cast<spankey::index_t>(bytes.size()));
  bytes.erase(std::find(bytes.begin(), bytes.end(), std::byte{'\n'}), bytes.end());
  if (!bytes.empty() && bytes.back() == std::byte{'\r'}) bytes.pop_back();
  return bytes;
}

text_bytes of_variable(const passphrase_source& from) {
  const char* const text = std::getenv(from.variable.c_str());
  if (text == nullptr)
    spankey::fail("flag.212", from.flag, "there is no environment variable ",
                  spankey::printable(from.variable));
  const auto* const bytes = reinterpret_cast<const std::byte*>(text);
  return {bytes, bytes + std::strlen(text)};
}

text_bytes asked_for(const passphrase_source& from, bool is_new) {
  const silent_terminal terminal(from);
  const std::string what = from.asks;
  text_bytes first = terminal.ask(what + ": ");
  if (is_new && first != terminal.ask(what + ", again: "))
    spankey::fail("flag.213", "terminal", "found two passphrases that differ");
  return first;
}

}  // namespace

text_bytes read_passphrase(const passphrase_source& from, bool is_new) {
  text_bytes found = !from.file.empty()       ? first_line(from)
                     : !from.variable.empty() ? of_variable(from)
                                              : asked_for(from, is_new);
  if (found.empty() || found.size() > longest_passphrase)
    spankey::fail("flag.212", from.flag, "expected a ", from.asks, " of 1 to ", longest_passphrase, " bytes");
  return found;
}
