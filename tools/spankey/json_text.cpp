#include "json_text.hpp"

#include <algorithm>
#include <cstddef>

#include "spankey/file/input_file.hpp"

std::string text_of_file(const std::string& file, const char* id, std::ptrdiff_t largest) {
  using spankey::fail;
  try {
    spankey::input_file in(file);
    if (in.size() > largest) fail(id, in.name(), "expected at most ", largest, " bytes, found ", in.size());
    std::string text(static_cast<std::size_t>(in.size()), '\0');
    in.read(reinterpret_cast<std::byte*>(text.data()), in.size());
    return text;
  } catch (const spankey::error& problem) {
    if (problem.id() == id) throw;
    fail(id, spankey::printable(file), problem.message());
  }
}

void refuse_json(std::string_view text, const std::string& where, const char* id, std::size_t first_line,
                 std::size_t byte, const std::string& why) {
  const std::string_view before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = first_line + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t column = before.size() - (before.find_last_of('\n') + 1) + 1;
  std::string place = spankey::printable(where);
  if (byte > 0) {
    place += ", line " + std::to_string(line) + ", column " + std::to_string(column);
  } else if (first_line > 1) {
    place += ", line " + std::to_string(first_line);
  }
  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - unexpected ..."
  std::size_t begin = why.find("] ");
  if (const std::size_t dash = why.find(" - "); dash != std::string::npos) {
    begin = dash + 3;
  } else {
    begin = begin == std::string::npos ? 0 : begin + 2;
  }
  spankey::fail(id, place, "is not JSON: ", spankey::printable(std::string_view(why).substr(begin)));
}
