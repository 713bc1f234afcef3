#include "observers.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "metrics_report.hpp"
#include "text_report.hpp"

namespace {

// Seconds as 1:02:03 or 2:03.
std::string clock_text(double seconds) {
  const auto s = static_cast<long>(std::max(0.0, seconds));
  char text[32];
  if (s >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  }
  return text;
}

}  // namespace

progress_line::progress_line(const char* unit) : unit_(unit), terminal_(isatty(STDOUT_FILENO) != 0) {}

std::string progress_line::skipped_text(std::uint64_t steps) const {
  return steps == 0 ? "" : "  skipped " + std::to_string(steps);
}

void progress_line::on_step(const spankey::step_record& r) {
  if (r.skipped) ++skipped_;
  rate_ = rate_ == 0 ? r.images_per_second : 0.9 * rate_ + 0.1 * r.images_per_second;
  const std::uint64_t step = r.epoch * r.steps_per_epoch + r.step;
  if (!before_) before_ = step;
  const std::uint64_t tenth = std::max<std::uint64_t>(1, r.steps_per_epoch / 10);
  if (!terminal_ && (r.step + 1) % tenth != 0) return;
  const double done = static_cast<double>(step + 1 - *before_);
  const double ahead = static_cast<double>(r.epochs * r.steps_per_epoch - step - 1);
  const double left = ahead / done * std::chrono::duration<double>(clock::now() - start_).count();
  std::printf(
      "%sepoch %llu/%llu  step %llu/%llu  %.1f %s/s  loss %.4f  deny %.4f  accuracy %.3f%s  left %s%s",
      terminal_ ? "\r\033[K" : "", static_cast<unsigned long long>(r.epoch + 1),
      static_cast<unsigned long long>(r.epochs), static_cast<unsigned long long>(r.step + 1),
      static_cast<unsigned long long>(r.steps_per_epoch), rate_, unit_, r.loss, r.deny, r.accuracy,
      skipped_text(skipped_).c_str(), clock_text(left).c_str(), terminal_ ? "" : "\n");
  std::fflush(stdout);
}

void progress_line::on_epoch(const spankey::epoch_record& r) {
  std::printf("%sepoch %llu/%llu  %s  %.1f %s/s  loss %.4f  deny %.4f  accuracy %.3f%s\n",
              terminal_ ? "\r\033[K" : "", static_cast<unsigned long long>(r.epoch + 1),
              static_cast<unsigned long long>(r.epochs), clock_text(r.seconds).c_str(), r.images_per_second,
              unit_, r.loss, r.deny, r.accuracy, skipped_text(r.skipped).c_str());
  skipped_ = 0;
  std::fflush(stdout);
}

json_log::json_log(const std::string& path, const std::optional<spankey::file_mark>& mark) {
  if (mark) {
    file_.emplace(path, *mark);
  } else {
    file_.emplace(path);
  }
}

void json_log::on_step(const spankey::step_record& r) {
  nlohmann::json line = {{"epoch", r.epoch},
                         {"step", r.step},
                         {"loss", r.loss},
                         {"ce", r.cross_entropy},
                         {"deny", r.deny},
                         {"lr", r.learning_rate},
                         {"accuracy", r.accuracy},
                         {"gradient_norm", r.gradient_norm},
                         {"images_per_second", r.images_per_second}};
  if (r.skipped) line["skipped"] = true;
  file_->append(line.dump() + "\n");
}

void json_log::on_epoch(const spankey::epoch_record& r) {
  nlohmann::json line = {{"epoch_end", r.epoch},  {"loss", r.loss},
                         {"ce", r.cross_entropy}, {"deny", r.deny},
                         {"lr", r.learning_rate}, {"accuracy", r.accuracy},
                         {"seconds", r.seconds},  {"images_per_second", r.images_per_second}};
  if (r.skipped > 0) line["skipped"] = r.skipped;
  file_->append(line.dump() + "\n");
}

template <class Report>
void json_log::add_gate(std::uint64_t epoch, const Report& report) {
  nlohmann::json line = means_of(report);
  line["gate_epoch"] = epoch;
  file_->append(line.dump() + "\n");
}
void json_log::on_gate(std::uint64_t epoch, const spankey::gate_report& report) { add_gate(epoch, report); }
void json_log::on_gate(std::uint64_t epoch, const spankey::text_report& report) { add_gate(epoch, report); }
