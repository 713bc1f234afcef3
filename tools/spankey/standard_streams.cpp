#include "standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool stdout_was_closed = false;

int cannot_write(const char* reason) {
  std::fprintf(stderr, "[spankey.stdout.101] stdout: what was printed could not be written: %s\n", reason);
  return 2;
}

}  // namespace

void open_standard_streams() {
  for (int number = 0; number <= 2; ++number) {
    if (::fcntl(number, F_GETFD) != -1 || errno != EBADF) continue;
    if (number == 1) stdout_was_closed = true;
    // The lowest free number is this one. Where there is no /dev/null anything that takes no text does.
    int opened = ::open("/dev/null", O_RDWR);
    if (opened < 0) opened = ::open("/", O_RDONLY);
    if (opened != number) std::_Exit(2);
  }
}

int status_after_output(int status, output_text text) {
  errno = 0;
  bool lost = std::fflush(stdout) != 0;
  int code = errno;
  if (!lost && std::ferror(stdout) != 0) {  // an earlier part of it: the next write knows why
    lost = true;
    errno = 0;
    code = ::write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
  }
  if (std::fclose(stdout) != 0 && !lost) {  // some file systems say only here that they are full
    lost = true;
    code = errno;
  }
  if (status != 0) return status;
  if (stdout_was_closed) return text == output_text::all_there_is ? cannot_write("it is closed") : 0;
  if (!lost) return 0;
  if (code == EPIPE && text == output_text::all_there_is) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  return cannot_write(code != 0 ? std::strerror(code) : "a part of it was lost");
}
