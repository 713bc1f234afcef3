#include "command_line.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "proposed_command.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace {

using spankey::printable;

constexpr std::size_t help_width = 100, help_indent = 30;

// Appends `text` in lines that begin at column `indent`; the first at the end of `page`'s last line, if it has room.
void append_wrapped(std::string& page, const std::string& text, std::size_t indent) {
  std::size_t column = page.size() - (page.find_last_of('\n') + 1);
  if (column > 0 && column + 2 > indent) {
    page += '\n';
    column = 0;
  }
  page.append(indent - column, ' ');
  column = indent;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (column > indent && column + 1 + end - begin > help_width) {
      page.append("\n").append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      page += ' ';
      ++column;
    }
    page.append(text, begin, end - begin);
    column += end - begin;
    begin = end + 1;
  }
  page += '\n';
}

bool asks_for_help(const std::string& argument) { return argument == "--help" || argument == "-h"; }

}  // namespace

void read_value(const std::string& text, std::string& value) { value = text; }
void read_value(const std::string& text, int& value) { value = number_in<int>(text); }
void read_value(const std::string& text, std::int64_t& value) { value = number_in<std::int64_t>(text); }
void read_value(const std::string& text, std::uint64_t& value) { value = number_in<std::uint64_t>(text); }
void read_value(const std::string& text, double& value) { value = number_in<double>(text); }
std::string shown_value(const std::string& value) { return value; }
std::string shown_value(int value) { return std::to_string(value); }
std::string shown_value(std::int64_t value) { return std::to_string(value); }
std::string shown_value(std::uint64_t value) { return std::to_string(value); }
std::string shown_value(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

flag* flag::check(value_check allowed) {
  check_ = std::move(allowed);
  return this;
}
flag* flag::required() {
  is_required_ = true;
  return this;
}
flag* flag::secret() {
  is_secret_ = true;
  return this;
}
flag* flag::under(std::string heading) {
  heading_ = std::move(heading);
  return this;
}

void flag::take(const std::string& text) {
  const auto element = [&](const std::string& one) {
    if (!check_.fits(one))
      spankey::fail("flag.100", name_,
                    is_secret_ ? "found something else, expected " + check_.allowed : check_.refusal(one));
    add_(one);
  };
  if (is_list_ && !is_positional()) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      element(text.substr(begin, end - begin));
      begin = end + 1;
    }
  } else {
    element(text);
  }
  origin = flag_origin::given;
}

flag& flag_set::add(std::string name, std::string help) {
  flag& made = flags_.emplace_back();
  made.name_ = std::move(name);
  made.help_ = std::move(help);
  return made;
}

flag* flag_set::add_flag(std::string name, bool& value, std::string help) {
  flag& made = add(std::move(name), std::move(help));
  made.is_switch_ = true;
  made.add_ = [&value](const std::string&) { value = true; };
  made.text_ = [&value] { return value ? "on" : "off"; };
  return &made;
}

const flag* flag_set::find(const std::string& name) const {
  const auto found =
      std::find_if(flags_.begin(), flags_.end(), [&](const flag& f) { return f.name() == name; });
  return found == flags_.end() ? nullptr : &*found;
}

bool flag_set::given(const std::string& name) const {
  const flag* const found = find(name);
  return found != nullptr && found->given();
}

void flag_set::refuse(const std::string& where, const std::string& what) const {
  spankey::fail("flag.100", where, what, " (see ", help_command(name_), ")");
}

void flag_set::take_positional(const std::string& text, const std::vector<std::string>& before) {
  for (flag& f : flags_) {
    if (f.is_positional() && (!f.given() || f.is_list_)) return f.take(text);
  }
  // "--sites 0 2" of other programs, and "epochs 3".
  std::vector<std::string> names;
  for (const flag& f : flags_) names.push_back(f.name());
  const flag* list = nullptr;
  for (std::size_t i = 0; i + 1 < before.size(); ++i)
    if (const flag* f = find(before[before.size() - 2 - i]); i == 0 && f != nullptr && f->is_list_) list = f;
  const std::string hint = list != nullptr
                               ? "; the values of a list have commas between them: " + list->name() + " " +
                                     printable(before.back()) + "," + printable(text)
                               : did_you_mean(text, names);
  refuse(name_, "found '" + printable(text) + "', expected flags only" + hint);
}

std::size_t flag_set::take(const std::vector<std::string>& arguments, std::size_t at,
                           const std::deque<flag_set>& all) {
  const std::string& argument = arguments[at];
  if (asks_for_help(argument)) return at + 1;
  const bool is_number = argument.size() > 1 && argument[0] == '-' &&
                         (argument[1] == '.' || (argument[1] >= '0' && argument[1] <= '9'));
  if (argument.empty() || argument.front() != '-' || argument == "-" || is_number) {
    take_positional(argument, {arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(at)});
    return at + 1;
  }
  const std::size_t equals = argument.find('=');
  const std::string name = argument.substr(0, equals);
  flag* const found = find(name);
  if (found == nullptr) {
    std::vector<std::string> names = {"--help"}, owners;
    for (const flag& f : flags_) names.push_back(f.name());
    for (const flag_set& other : all)
      if (other.find(name) != nullptr) owners.push_back(other.name());
    std::string hint;
    for (const std::string& owner : owners) hint += (hint.empty() ? "; a flag of spankey " : ", ") + owner;
    if (hint.empty()) hint = did_you_mean(name, names);
    refuse(name_, "found '" + printable(name) + "', which it does not take" + hint);
  }
  if (found->given()) refuse(name, "found twice, expected once");
  if (found->is_switch_) {
    if (equals != std::string::npos)
      refuse(name, "found '" + printable(argument.substr(equals)) + "' behind it; it takes no value");
    found->add_({});
    found->origin = flag_origin::given;
    return at + 1;
  }
  std::string text;
  std::size_t next = at + 1;
  if (equals != std::string::npos) {
    text = argument.substr(equals + 1);
  } else if (next < arguments.size() && !arguments[next].starts_with("--")) {
    text = arguments[next++];
  } else {
    const std::string instead = next < arguments.size() ? "'" + printable(arguments[next]) + "'" : "nothing";
    refuse(name, "found " + instead + " behind it, expected " + found->check_.allowed);
  }
  try {
    found->take(text);
  } catch (const spankey::error& problem) {
    refuse(name, std::string(problem.message()));
  }
  return next;
}

void flag_set::parse(const std::vector<std::string>& arguments, bool lenient,
                     const std::deque<flag_set>& all) {
  for (std::size_t at = 0; at < arguments.size();) {
    try {
      at = take(arguments, at, all);
    } catch (const spankey::error&) {
      if (!lenient) throw;
      ++at;
    }
  }
  for (const flag& f : flags_)
    if (f.is_required_ && !f.given() && !lenient)
      refuse(name_,
             "expected " + f.name() + (f.is_positional() ? "" : " " + f.check_.takes) + " (" + f.help_ + ")");
}

std::string flag_set::help(const std::string& introduction) const {
  std::string page = "usage: spankey " + name_;
  for (const flag& f : flags_)
    if (f.is_positional()) page += " " + f.name() + (f.is_list_ ? "..." : "");
  for (const flag& f : flags_)
    if (!f.is_positional() && f.is_required_) page += " " + f.name() + " " + f.check_.takes;
  page += " [flags]\n\n";
  append_wrapped(page, summary_ + ". " + introduction, 0);
  std::string heading;
  for (const flag& f : flags_) {
    if (&f == &flags_.front() && f.heading_.empty()) page += '\n';
    if (!f.heading_.empty() && f.heading_ != heading) page += "\n" + f.heading_ + "\n";
    if (!f.heading_.empty()) heading = f.heading_;
    page += "  " + f.name() + " ";
    std::string takes = f.is_switch_ || f.is_positional() ? "" : f.check_.takes + (f.is_list_ ? ",..." : "");
    std::string text = f.help_;
    if (takes.size() > help_indent - 4) {  // many choices: behind the text
      text += ": " + takes;
      takes = "";
    }
    page += takes;
    const std::string value = f.is_switch_ && f.value() == "off" ? "" : f.value();
    if (!value.empty()) text += " [" + value + "]";
    append_wrapped(page, text, help_indent);
  }
  page += "  --help, -h";
  append_wrapped(page, "this text", help_indent);
  return page;
}

flag_set& command_line::add(std::string name, std::string summary) {
  return commands_.emplace_back(std::move(name), std::move(summary));
}

std::string command_line::names() const {
  std::string all;
  for (std::size_t i = 0; i < commands_.size(); ++i)
    all += (i == 0 ? "" : i + 1 == commands_.size() ? " or " : ", ") + commands_[i].name();
  return all;
}

std::string command_line::usage() const {
  std::string page;
  for (const flag_set& command : commands_) {
    page += "  " + command.name();
    append_wrapped(page, command.summary(), 12);
  }
  return page;
}

command_wish command_line::parse(int argc, const char* const* argv) {
  const std::vector<std::string> all(argv + std::min(argc, 1), argv + argc);
  if (all.empty()) return {};
  std::string name = all.front();
  std::vector<std::string> arguments(all.begin() + 1, all.end());
  if (name == "help" && !arguments.empty()) {  // spankey help train
    name = arguments.front();
    arguments = {"--help"};
  }
  if (asks_for_help(name) || name == "help") return {.help = true};
  if (name == "--version") return {.version = true};
  for (flag_set& command : commands_) {
    if (command.name() != name) continue;
    const bool help = std::any_of(arguments.begin(), arguments.end(), asks_for_help);
    command.parse(arguments, help, commands_);
    return {.command = &command, .help = help};
  }
  std::vector<std::string> candidates = {"--help", "--version"};
  for (const flag_set& command : commands_) candidates.push_back(command.name());
  const std::string where = name.starts_with("-") ? "before the command" : "command";
  spankey::fail("flag.100", where, "found '", printable(name), "', expected ", names(),
                did_you_mean(name, candidates), " (see ", help_command(""), ")");
}
