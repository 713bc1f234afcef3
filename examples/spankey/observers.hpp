// What watches a run: the live line on a terminal (plain lines when piped) and log.jsonl.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "spankey/train/observer.hpp"

/// One line that is rewritten on a terminal; when piped, a line every tenth of an epoch.
class progress_line {
 public:
  progress_line();
  void on_step(const spankey::step_record& record);
  void on_epoch(const spankey::epoch_record& record);

 private:
  using clock = std::chrono::steady_clock;
  bool terminal_;
  clock::time_point start_ = clock::now();
  double rate_ = 0;                      // smoothed images per second
  std::optional<std::uint64_t> before_;  // steps of the run that this process did not do
};

/// Appends one JSON object per step and per epoch to a file, flushed line by line.
class json_log {
 public:
  /// A new file, or one that goes on after its first `epochs` epochs. Fails with log.101 when it cannot be opened.
  json_log(const std::string& path, std::uint64_t epochs);
  ~json_log();
  json_log(const json_log&) = delete;
  json_log& operator=(const json_log&) = delete;
  void on_step(const spankey::step_record& record);
  void on_epoch(const spankey::epoch_record& record);

 private:
  void write(const std::string& line);
  std::string path_;
  std::FILE* file_;
};
