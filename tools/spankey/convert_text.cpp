#include "convert_text.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "spankey/infer/image.hpp"

namespace {

// Appends to a std::string or to a wiped vector.
template <class Text>
void append(Text& text, std::string_view more) {
  text.insert(text.end(), more.begin(), more.end());
}

// Of a session, as C++ writes it.
std::string_view weight_argument(const made_image& image) {
  spankey::infer::image_header header;
  std::memcpy(&header, image.bytes.data(), sizeof header);
  using spankey::infer::weight_code;
  return header.weights == weight_code<float>           ? ""
         : header.weights == weight_code<spankey::bf16> ? ", spankey::bf16"
         : header.weights == weight_code<std::int8_t>   ? ", std::int8_t"
                                                        : ", spankey::int8_blocks";
}

}  // namespace

std::string image_header_text(const std::string& about, const std::string& name, const made_image& image,
                              const std::vector<std::string>& network) {
  std::string text;
  text.reserve(4096 + image.bytes.size() * 4);
  append(text, "// " + about + "\n");
  for (const std::string& line : network) append(text, "//   " + line + "\n");
  append(text, "//   spankey::infer::session<network" + std::string(weight_argument(image)) + "> session;\n");
  append(text, "//   session.open(std::as_bytes(std::span(" + name + ")), memory);\n");
  append(text, "// Weights only, no key. Written by spankey convert.\n#pragma once\n\n");
  append(text, "alignas(16) inline constexpr unsigned char " + name + "[" +
                   std::to_string(image.bytes.size()) + "] = {");
  std::array<char, 4> digits{};
  for (std::size_t i = 0; i < image.bytes.size(); ++i) {
    if (i % 32 == 0) text += '\n';
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), std::to_integer<unsigned>(image.bytes[i]))
            .ptr;
    text.append(digits.data(), end);
    text += ',';
  }
  append(text, "\n};\n");
  return text;
}

spankey::secret_vector<char> key_header_text(const std::string& about, const std::string& name,
                                             std::span<const spankey::site_key> key) {
  spankey::secret_vector<char> text;
  append(text, "// SECRET: one valid key. " + about + "\n");
  append(text, "//   session.bind(" + name + ");\n// Written by spankey convert.\n#pragma once\n\n");
  append(text, "#include <array>\n#include <span>\n");
  std::string list;
  for (const auto& [at, values] : key) {
    const std::string own = name + "_site" + std::to_string(at.number);
    append(text, "\nalignas(16) inline constexpr float " + own + "[" + std::to_string(values.size()) +
                     "] = {  // C=" + std::to_string(at.shape.channels) +
                     " H=" + std::to_string(at.shape.height) + " W=" + std::to_string(at.shape.width));
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::array<char, 40> number{};  // exact: hexadecimal
      const int length = std::snprintf(number.data(), number.size(), "%aF,", static_cast<double>(values[i]));
      append(text, i % 6 == 0 ? "\n" : " ");
      append(text, std::string_view(number.data(), static_cast<std::size_t>(length)));
      spankey::wipe(number.data(), number.size());
    }
    append(text, "\n};\n");
    list += (list.empty() ? "" : ", ") + own;
  }
  append(text, "\ninline constexpr std::array<std::span<const float>, " + std::to_string(key.size()) + "> " +
                   name + " = {" + list + "};\n");
  return text;
}
