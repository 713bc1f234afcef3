// What a flag's value may be, strictly: the whole text is one decimal number inside its range, or one of the choices.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// A test of a value's text, and the words that help and refusals have for it. Empty: everything but an empty text.
struct value_check {
  std::string takes = "TEXT";          // what help calls a value
  std::string allowed = "a text";      // "a number from 0 to 1"
  std::vector<std::string> choices{};  // of a value that is a choice
  std::function<bool(const std::string&)> fits = [](const std::string& text) { return !text.empty(); };

  /// "found 'fast', expected a number from 0 to 1", and what may have been meant.
  [[nodiscard]] std::string refusal(const std::string& text) const;
};

/// Numbers from `low` to `high`; T: int, int64_t, uint64_t or double. Neither nan, nor -1 as 2^64 - 1, nor 0x10.
template <class T>
value_check from_to(T low, T high);
/// A count: from 1, or from 0.
value_check count_from(int lowest);
value_check one_of(std::vector<std::string> choices);
/// Also the empty text: what reads it refuses it, or has a meaning for it.
value_check any_text(const char* takes);
/// A file or a folder: `takes` is FILE or FOLDER.
value_check path_text(const char* takes);
/// What a C++ compiler takes for a name, in ASCII, without an underscore in front.
value_check identifier_text();

/// Number of type T of a text that fits; 0 of others.
template <class T>
T number_in(const std::string& text);

/// "; did you mean --epochs?": the candidates that differ from `found` in least letters, if those are few; else "".
/// Upper case, - and _ count as equal.
std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates);
