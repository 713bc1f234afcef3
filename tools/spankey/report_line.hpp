// An evaluation on one line of the terminal.
#pragma once

#include <string>

/// "  WHAT: no key ...; valid key ...; wrong key ...", where text(condition) says the figures; the wrong keys are those of the
/// first family.
template <class Report, class Text>
std::string report_line(const char* what, const Report& report, const Text& text) {
  std::string line = "  " + std::string(what) + ": no key " + text(report.no_key);
  if (report.valid_key) line += "; valid key " + text(*report.valid_key);
  if (!report.invalid_keys.empty()) line += "; wrong key " + text(report.invalid_keys.front().summary);
  return line;
}
