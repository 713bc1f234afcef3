// Signals that end a run: a run finishes its step, saves and ends with status 128 + the signal's number; elsewhere the
// program ends at once with the same status, as nothing of it is half done.
//
//   SIGINT SIGTERM SIGQUIT     asked for by somebody; one that comes half a second after another signal ends at once
//   SIGHUP                     the terminal or the connection is gone
//   SIGXCPU SIGUSR1 SIGUSR2 SIGALRM SIGVTALRM SIGPROF SIGPWR     what batch systems send before they kill
// A signal that was ignored when the program began (nohup, a job in the background) stays ignored, and one that somebody
// handles (a profiler) is theirs. Ones that the parent had blocked are let in. SIGPIPE and SIGXFSZ are ignored: the write
// that meets them fails instead, and says so.
#pragma once

#include <string>

/// Once, at the start of the program.
void install_stop_signals();

/// While one lives, a signal is only noted.
class finishes_step {
 public:
  finishes_step();
  ~finishes_step();
  finishes_step(const finishes_step&) = delete;
  finishes_step& operator=(const finishes_step&) = delete;
  /// The first signal that came, or 0.
  [[nodiscard]] int stop() const;
};

/// While one lives, it is the text on stdout with which a signal ends the program at once; of several the outermost.
class last_words {
 public:
  explicit last_words(std::string text);
  ~last_words();
  last_words(const last_words&) = delete;
  last_words& operator=(const last_words&) = delete;

 private:
  std::string text_;
};

/// The exit status of a program that a signal ended.
constexpr int status_of_signal(int signal) { return 128 + signal; }
