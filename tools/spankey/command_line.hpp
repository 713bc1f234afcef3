// The program's commands and their flags as data: what each is called, takes and means. Parsing, help and refusals
// follow from it.
//
//   spankey COMMAND --flag value --other=value --list 1,2,3 --switch POSITIONAL
// A flag is given once; a value that begins with -- follows an =. Every value is checked while it is read. Refusals are
// flag.100, one line that names the flag, what is allowed, and what may have been meant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flag_checks.hpp"

/// Where a flag's value comes from: the program, the recipe of the run's data and regime, or the command line.
enum class flag_origin { fixed, recipe, given };

/// One flag, or one positional value.
class flag {
 public:
  flag* check(value_check allowed);
  flag* required();
  /// Its value is never printed.
  flag* secret();
  /// The heading of help under which it and those after it stand.
  flag* under(std::string heading);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool given() const { return origin == flag_origin::given; }
  /// Its value now, "3,4"; "" where it has none or is secret.
  [[nodiscard]] std::string value() const { return is_secret_ ? "" : text_(); }

  flag_origin origin = flag_origin::fixed;

 private:
  friend class flag_set;
  [[nodiscard]] bool is_positional() const { return name_.front() != '-'; }
  void take(const std::string& text);

  std::string name_, help_, heading_;
  value_check check_;
  bool is_switch_ = false, is_list_ = false, is_required_ = false, is_secret_ = false;
  std::function<void(const std::string&)> add_;  // one element of a list, or the value
  std::function<std::string()> text_;
};

/// The flags of one command.
class flag_set {
 public:
  flag_set(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}

  /// A flag "--name", or a positional value "NAME", of a std::string, a number, an optional or a vector of those. Its
  /// value stays as it is where it is not given. The flag lives as long as the set.
  template <class T>
  flag* add_option(std::string name, T& value, std::string help);
  /// A flag without a value.
  flag* add_flag(std::string name, bool& value, std::string help);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& summary() const { return summary_; }
  [[nodiscard]] const std::deque<flag>& flags() const { return flags_; }
  /// The flag of this name, or null.
  [[nodiscard]] const flag* find(const std::string& name) const;
  [[nodiscard]] flag* find(const std::string& name) {
    return const_cast<flag*>(std::as_const(*this).find(name));
  }
  [[nodiscard]] bool given(const std::string& name) const;

  /// Reads what stands behind the command. Fails with flag.100; with `lenient`, for a help text, it passes over
  /// whatever is wrong instead. `all` are the program's commands.
  void parse(const std::vector<std::string>& arguments, bool lenient, const std::deque<flag_set>& all);

  /// The command's help: every flag with its value now.
  [[nodiscard]] std::string help(const std::string& introduction) const;

 private:
  std::size_t take(const std::vector<std::string>& arguments, std::size_t at,
                   const std::deque<flag_set>& all);
  void take_positional(const std::string& text, const std::vector<std::string>& before);
  flag& add(std::string name, std::string help);
  [[noreturn]] void refuse(const std::string& where, const std::string& what) const;

  std::string name_, summary_;
  std::deque<flag> flags_;
};

/// What a command line asks for.
struct command_wish {
  flag_set* command = nullptr;  // null: none was named
  bool help = false, version = false;
};

class command_line {
 public:
  flag_set& add(std::string name, std::string summary);
  /// Fails with flag.100.
  command_wish parse(int argc, const char* const* argv);
  /// The commands, a line each.
  [[nodiscard]] std::string usage() const;
  /// "train, eval or report".
  [[nodiscard]] std::string names() const;

 private:
  std::deque<flag_set> commands_;
};

// ------------------------------------------------------------------------------------------------------------------

/// How a type of value is read from a text that fits it, and shown.
void read_value(const std::string& text, std::string& value);
void read_value(const std::string& text, int& value);
void read_value(const std::string& text, std::int64_t& value);
void read_value(const std::string& text, std::uint64_t& value);
void read_value(const std::string& text, double& value);
std::string shown_value(const std::string& value);
std::string shown_value(int value);
std::string shown_value(std::int64_t value);
std::string shown_value(std::uint64_t value);
std::string shown_value(double value);

template <class T>
flag* flag_set::add_option(std::string name, T& value, std::string help) {
  flag& made = add(std::move(name), std::move(help));
  if constexpr (requires { value.push_back({}); } && !std::is_same_v<T, std::string>) {
    made.is_list_ = true;
    made.add_ = [&value, &made](const std::string& text) {
      if (!made.given()) value.clear();
      made.origin = flag_origin::given;
      read_value(text, value.emplace_back());
    };
    made.text_ = [&value] {
      std::string all;
      for (const auto& one : value) all += (all.empty() ? "" : ",") + shown_value(one);
      return all;
    };
  } else if constexpr (requires { value.has_value(); }) {
    made.add_ = [&value](const std::string& text) { read_value(text, value.emplace()); };
    made.text_ = [&value] { return value ? shown_value(*value) : ""; };
  } else {
    made.add_ = [&value](const std::string& text) { read_value(text, value); };
    made.text_ = [&value] { return shown_value(value); };
    if constexpr (std::is_arithmetic_v<T>)
      made.check_ = from_to(std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max());
  }
  return &made;
}
