#include "json_file.hpp"

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace {

using spankey::fail;
using spankey::printable;

// What an entry is, in few words.
std::string shown(const json_value& value) {
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  return printable(value.dump(-1, ' ', false, json_value::error_handler_t::replace), 40);
}

}  // namespace

std::string read_text(const std::string& file, std::ptrdiff_t largest) {
  return text_of_file(file, "report.103", largest);
}

json_value parse_json(std::string_view text, const std::string& file, std::size_t first_line) {
  return json_of<json_value>(text, file, "report.104", first_line);
}

json_entry json_entry::inside(const std::string& name, const json_value& value) const {
  return {value, file_, place_.empty() ? printable(name, 80) : place_ + "." + printable(name, 80)};
}

json_entry json_entry::at(const std::string& name) const {
  if (!value_->is_object()) refuse("an object");
  const auto found = value_->find(name);
  if (found == value_->end())
    fail("report.105", printable(file_), "has no entry '", place_.empty() ? name : place_ + "." + name, "'");
  return inside(name, *found);
}

std::optional<json_entry> json_entry::find(const std::string& name) const {
  const auto found = find_even_null(name);
  return found && !found->value().is_null() ? found : std::nullopt;
}

std::optional<json_entry> json_entry::find_even_null(const std::string& name) const {
  if (!value_->is_object()) refuse("an object");
  const auto found = value_->find(name);
  if (found == value_->end()) return std::nullopt;
  return inside(name, *found);
}

std::vector<std::pair<std::string, json_entry>> json_entry::members() const {
  if (!value_->is_object()) refuse("an object");
  std::vector<std::pair<std::string, json_entry>> all;
  for (const auto& [name, value] : value_->items()) all.emplace_back(name, inside(name, value));
  return all;
}

std::vector<json_entry> json_entry::elements() const {
  if (!value_->is_array()) refuse("an array");
  std::vector<json_entry> all;
  for (const json_value& value : *value_) all.push_back(inside(std::to_string(all.size()), value));
  return all;
}

double json_entry::number() const {
  if (!value_->is_number()) refuse("a number");
  return value_->get<double>();
}

double json_entry::share() const {
  const double value = value_->is_number() ? value_->get<double>() : -1;
  if (!(value >= 0 && value <= 1)) refuse("a share from 0 to 1");
  return value;
}

std::int64_t json_entry::count() const {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  const double value = value_->is_number_integer() ? value_->get<double>() : -1;
  if (!(value >= 0 && value <= static_cast<double>(most))) refuse("a whole number from 0");
  return value_->get<std::int64_t>();
}

std::string json_entry::text() const {
  if (!value_->is_string()) refuse("a text");
  return value_->get<std::string>();
}

void json_entry::refuse(std::string_view wanted) const {
  const std::string place = place_.empty() ? "" : "entry '" + place_ + "': ";
  fail("report.106", printable(file_), place, "expected ", wanted, ", found ", shown(*value_));
}
