// What watches a run: the live line on a terminal (plain lines when piped) and log.jsonl.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "spankey/file/append_file.hpp"
#include "spankey/train/evaluate_text.hpp"
#include "spankey/train/gate_report.hpp"
#include "spankey/train/observer.hpp"

/// One line that is rewritten on a terminal; when piped, a line every tenth of an epoch.
class progress_line {
 public:
  /// `unit`: what a step's rate counts.
  explicit progress_line(const char* unit);
  void on_step(const spankey::step_record& record);
  void on_epoch(const spankey::epoch_record& record);

 private:
  using clock = std::chrono::steady_clock;
  const char* unit_;
  bool terminal_;
  clock::time_point start_ = clock::now();
  [[nodiscard]] std::string skipped_text(std::uint64_t steps) const;
  double rate_ = 0;                      // smoothed images per second
  std::uint64_t skipped_ = 0;            // steps of the epoch, as far as this process saw it
  std::optional<std::uint64_t> before_;  // steps of the run that this process did not do
};

/// Appends one JSON object per step and per epoch to a file, handed to the system line by line.
class json_log {
 public:
  /// A new file, or one that goes on after what `mark` says of it. Fails with log.101 to log.103.
  json_log(const std::string& path, const std::optional<spankey::file_mark>& mark);
  void on_step(const spankey::step_record& record);
  void on_epoch(const spankey::epoch_record& record);
  /// {"gate_epoch": epoch, and what means_of says of the gate}.
  void on_gate(std::uint64_t epoch, const spankey::gate_report& report);
  void on_gate(std::uint64_t epoch, const spankey::text_report& report);
  /// On the device, as far as it is now.
  spankey::file_mark flush() { return file_->flush(); }

 private:
  template <class Report>
  void add_gate(std::uint64_t epoch, const Report& report);

  std::optional<spankey::append_file> file_;
};
