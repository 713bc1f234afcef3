// SIGINT and SIGTERM: a run finishes its step, saves and ends with status 130 or 143; elsewhere the program ends at once
// with the same status, as nothing of it is half done. Signals that were ignored when the program began (nohup, a job
// in the background) stay ignored.
#pragma once

/// Once, at the start of the program.
void install_stop_signals();

/// While one lives, a signal is only noted.
class finishes_step {
 public:
  finishes_step();
  ~finishes_step();
  finishes_step(const finishes_step&) = delete;
  finishes_step& operator=(const finishes_step&) = delete;
  /// The signal that came, or 0.
  [[nodiscard]] int stop() const;
};

/// The exit status of a program that a signal ended.
constexpr int status_of_signal(int signal) { return 128 + signal; }
