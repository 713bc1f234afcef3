#include "spankey/core/shell_word.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

// What a shell prints of a word; bash, as the plainest shells do not know $'...'.
std::string as_read(const std::string& word) {
  const std::string command = "exec bash -c \"$(cat <<'END'\nprintf %s " + word + "\nEND\n)\"";
  FILE* const shell = ::popen(command.c_str(), "r");
  REQUIRE(shell != nullptr);
  std::string text;
  std::array<char, 256> part{};
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(part.data(), 1, part.size(), shell);
    text.append(part.data(), got);
  }
  ::pclose(shell);
  return text;
}

}  // namespace

TEST_CASE("a word is what a shell reads again") {
  const std::string plain = "runs/mnist-mul_B.2:x@y%+=,";
  CHECK(spankey::shell_word(plain) == plain);
  CHECK(spankey::shell_word("") == "''");
  CHECK(spankey::shell_word("-x") == "./-x");
  CHECK(spankey::shell_word("it's") == "'it'\\''s'");
  if (as_read("x") != "x") return;  // no bash here
  for (const std::string text :
       {"a b", "it's", "$(x) `y` \"z\" \\ !", "~", "a*b?[c]", "a\nb\t\\'c", "\x7f\x01", "ä;&|<>#"})
    CHECK(as_read(spankey::shell_word(text)) == text);
}
