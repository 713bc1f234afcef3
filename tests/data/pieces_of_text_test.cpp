#include "spankey/data/pieces_of_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace spankey;

namespace {
std::vector<std::string> pieces(std::string_view text, bool apart = true) {
  std::vector<std::string> found;
  for_each_piece_of(text, apart, [&](std::string_view piece) { found.emplace_back(piece); });
  return found;
}
using list = std::vector<std::string>;
}  // namespace

TEST_CASE("pieces of text: words with the space before them, endings, signs, spaces") {
  CHECK(pieces("I'll don't 'tis") == list{"I", "'ll", " don", "'t", " '", "tis"});
  CHECK(pieces("a  b") == list{"a", " ", " b"});
  CHECK(pieces("a\n b \n") == list{"a", "\n", " b", " \n"});
  CHECK(pieces(" !?x") == list{" !?", "x"});
  CHECK(pieces("   ") == list{"   "});
  CHECK(pieces("").empty());
}

TEST_CASE("pieces of text: numbers apart, or as they stand") {
  CHECK(pieces("x12 34") == list{"x", "1", "2", " ", "3", "4"});
  CHECK(pieces("x12 34", false) == list{"x", "12", " 34"});
  CHECK(pieces("\xC2\xBD\xD9\xA3") == list{"\xC2\xBD", "\xD9\xA3"});  // one half, an Arabic three
}

TEST_CASE("pieces of text: letters are Unicode's; what is no UTF-8 is a sign") {
  CHECK(pieces("\xC3\xA9t\xC3\xA9 \xE6\xBC\xA2\xE5\xAD\x97.") ==
        list{"\xC3\xA9t\xC3\xA9", " \xE6\xBC\xA2\xE5\xAD\x97", "."});
  CHECK(pieces("e\xCC\x81") == list{"e", "\xCC\x81"});  // a mark is no letter
  CHECK(pieces("a\xC2\xA0 b") == list{"a", "\xC2\xA0", " b"});
  CHECK(pieces("a\xFF\xC3") == list{"a", "\xFF\xC3"});
  using text_pieces::kind;
  using text_pieces::kind_of;
  CHECK(kind_of('z') == kind::letter);
  CHECK(kind_of(0x10FFFF) == kind::other);
  CHECK(kind_of(0x30000) == kind::letter);
  CHECK(kind_of(0) == kind::other);
}
