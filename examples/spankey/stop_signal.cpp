#include "stop_signal.hpp"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace {

volatile std::sig_atomic_t noting = 0, noted = 0;

extern "C" void on_stop_signal(int signal) {
  if (noting == 0) ::_exit(status_of_signal(signal));
  noted = signal;
}

}  // namespace

void install_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = &on_stop_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

finishes_step::finishes_step() { noting = 1; }
finishes_step::~finishes_step() { noting = 0; }
int finishes_step::stop() const { return noted; }
