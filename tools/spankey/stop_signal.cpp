#include "stop_signal.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <utility>

namespace {

constexpr int stop_signals[] = {SIGINT,  SIGTERM, SIGQUIT, SIGHUP,    SIGXCPU,
                                SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
#if defined(SIGPWR)
                                SIGPWR
#endif
};

// Handlers of several threads may run at a time.
std::atomic<int> noting{0}, noted{0};
std::atomic<std::int64_t> noted_at{0};
std::atomic<const char*> words{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free &&
                  std::atomic<const char*>::is_always_lock_free,
              "a handler may touch lock-free atomics only");

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// One request often comes twice: `timeout` and terminals send it to a process and to its group, wrappers pass it on.
constexpr std::int64_t same_request_ms = 500;

bool asked_for(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT; }

[[noreturn]] void end_at_once(int signal) {
  const char* const text = words.exchange(nullptr);
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (text != nullptr && ::poll(&output, 1, 0) > 0)  // a full pipe would hold the end up
    (void)!::write(STDOUT_FILENO, text, std::strlen(text));
  ::_exit(status_of_signal(signal));
}

extern "C" void on_stop_signal(int signal) {
  const int code = errno;
  if (noting == 0) end_at_once(signal);
  int none = 0;
  if (noted.compare_exchange_strong(none, signal)) {
    noted_at = milliseconds();
  } else if (asked_for(signal) && noted_at != 0 && milliseconds() - noted_at > same_request_ms) {
    end_at_once(signal);
  }
  errno = code;
}

// Sets what happens where nobody has decided that yet.
bool set_default(int signal, void (*handler)(int)) {
  struct sigaction before {};
  if (::sigaction(signal, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 ||
      before.sa_handler != SIG_DFL)
    return false;
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(signal, &action, nullptr) == 0;
}

}  // namespace

void install_stop_signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : stop_signals)
    if (set_default(signal, &on_stop_signal)) ::sigaddset(&ours, signal);
  set_default(SIGPIPE, SIG_IGN);
  set_default(SIGXFSZ, SIG_IGN);
  ::sigprocmask(SIG_UNBLOCK, &ours, nullptr);
}

finishes_step::finishes_step() { noting = 1; }
finishes_step::~finishes_step() { noting = 0; }
int finishes_step::stop() const { return noted; }

last_words::last_words(std::string text) : text_(std::move(text)) {
  const char* none = nullptr;
  words.compare_exchange_strong(none, text_.c_str());
}
last_words::~last_words() {
  const char* own = text_.c_str();
  words.compare_exchange_strong(own, nullptr);
}
