#include "json_text.hpp"

#include <cstddef>

#include "spankey/checkpoint/input_file.hpp"

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
