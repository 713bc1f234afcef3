// JSON files as the report reads them: every entry knows its file and its place in it, so that whatever is missing
// or wrong is one line that names both.
//
//   report.103  the file cannot be read     report.104  it is not JSON
//   report.105  an entry is missing         report.106  an entry has the wrong type or value
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_text.hpp"

/// Members in the file's order.
using json_value = nlohmann::ordered_json;

/// The whole text of a file of at most `largest` bytes.
std::string read_text(const std::string& file, std::ptrdiff_t largest = results_cap);

/// `text`, whose first line is the file's `first_line`, as JSON.
json_value parse_json(std::string_view text, const std::string& file, std::size_t first_line = 1);

/// An entry of a JSON file; refers to the value.
class json_entry {
 public:
  json_entry(const json_value& value, std::string file, std::string place = {})
      : value_(&value), file_(std::move(file)), place_(std::move(place)) {}

  [[nodiscard]] const json_value& value() const { return *value_; }
  [[nodiscard]] json_entry at(const std::string& name) const;
  /// Nothing where there is no such member or it is null.
  [[nodiscard]] std::optional<json_entry> find(const std::string& name) const;
  /// Nothing where there is no such member. A null, which stands for a number that is none, is one: to be refused.
  [[nodiscard]] std::optional<json_entry> find_even_null(const std::string& name) const;
  [[nodiscard]] std::vector<std::pair<std::string, json_entry>> members() const;
  [[nodiscard]] std::vector<json_entry> elements() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] double share() const;  // from 0 to 1
  [[nodiscard]] std::int64_t count() const;
  [[nodiscard]] std::string text() const;
  /// Ends with report.106: "expected <wanted>, found <what is there>".
  [[noreturn]] void refuse(std::string_view wanted) const;

 private:
  [[nodiscard]] json_entry inside(const std::string& name, const json_value& value) const;
  const json_value* value_;
  std::string file_, place_;
};
