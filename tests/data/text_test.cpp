#include "spankey/data/text.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/bf16.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

std::string written(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("spankey_text_" + name);
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

std::vector<int> tokens_of(const text_dataset& data, index_t first, index_t count) {
  std::vector<int> tokens(static_cast<std::size_t>(count), -1);
  data.read(first, count, tokens.data());
  return tokens;
}

}  // namespace

TEST_CASE("text: tokens are bytes, and every piece begins with a token of its own") {
  const std::string bytes{"ab\0\xFF", 4};
  const text_dataset data("two", {text_of_file(written("bytes", bytes)), text_in_memory("xyz")}, 2);
  CHECK(data.tokens() == 9);
  CHECK(data.bytes() == 7);
  CHECK(data.size() == 4);
  CHECK(data.sample.size() == 4);
  const std::vector<int> all{256, 'a', 'b', 0, 255, 256, 'x', 'y', 'z'};
  CHECK(tokens_of(data, 0, 9) == all);
  // Any part of them, across pieces.
  for (index_t first = 0; first <= 9; ++first)
    for (index_t count = 0; first + count <= 9; ++count)
      CHECK(tokens_of(data, first, count) ==
            std::vector<int>(all.begin() + first, all.begin() + first + count));
  check_refused([&] { (void)tokens_of(data, 8, 2); }, "data.215", {"2", "8", "9"});
  check_refused([&] { (void)tokens_of(data, -1, 2); }, "data.215");
}

TEST_CASE("text: a file that is larger than what is read at once, and one that becomes shorter") {
  std::string long_text;
  for (int i = 0; i < 5000; ++i) long_text += static_cast<char>(i * 7 % 251);
  const std::string path = written("long", long_text);
  const text_dataset data("long", {text_of_file(path)}, 3000);
  const std::vector<int> tokens = tokens_of(data, 1, 5000);
  for (int i = 0; i < 5000; ++i) CHECK(tokens[static_cast<std::size_t>(i)] == i * 7 % 251);
  std::filesystem::resize_file(path, 100);
  check_refused([&] { (void)tokens_of(data, 50, 200); }, "io.104");
}

TEST_CASE("text: drawn windows are functions of seed, epoch and number, lie inside, and reach everything") {
  const text_dataset data("short", {text_in_memory("0123456789")}, 4);
  std::set<index_t> places;
  for (index_t i = 0; i < 300; ++i) {
    const index_t first = data.drawn_window(5, 2, i);
    CHECK(first == data.drawn_window(5, 2, i));
    places.insert(first);
  }
  // A window and its labels are five of eleven tokens: it begins at one of 0 to 6.
  CHECK(places == std::set<index_t>{0, 1, 2, 3, 4, 5, 6});
  int same = 0;
  for (index_t i = 0; i < 70; ++i) same += data.drawn_window(5, 2, i) == data.drawn_window(5, 3, i) ? 1 : 0;
  CHECK(same < 30);
}

TEST_CASE("text: a cut lies behind the end of a line, loses nothing, and is the share where no line ends") {
  const text_piece lines = text_in_memory("one\ntwo\nthree\nfour\n"), plain = text_in_memory("abcdefghij");
  const text_parts parts = cut_texts({lines, plain}, 0.5);
  REQUIRE(parts.before.size() == 2);
  REQUIRE(parts.behind.size() == 2);
  CHECK(parts.before[0].end == 14);  // byte 9 stands in "three"
  CHECK(parts.behind[0].begin == 14);
  CHECK(parts.before[1].size() == 5);
  CHECK(parts.behind[1].size() == 5);
  // The last line of a piece is not moved as a whole.
  CHECK(cut_texts({lines}, 0.9).before[0].size() == 17);
  // A piece too short to be cut stays whole.
  CHECK(cut_texts({text_in_memory("x")}, 0.5).before.empty());
  for (const double share : {0.0, 1.0, -1.0})
    check_refused([&] { (void)cut_texts({lines}, share); }, "data.212");
}

TEST_CASE("text: what is refused") {
  check_refused([] { (void)text_in_memory(""); }, "data.211");
  check_refused([] { (void)text_of_file(written("empty", "")); }, "data.211");
  check_refused([] { (void)text_of_file("/does/not/exist"); }, "io.101");
  check_refused([] { text_dataset("t", {text_in_memory("abc")}, 0); }, "data.213");
  check_refused([] { text_dataset("t", {text_in_memory("abc")}, 4); }, "data.214", {"4 tokens", "5"});
  CHECK(text_dataset("t", {text_in_memory("abc")}, 3).size() == 1);
}

TEST_CASE("byte tokens: two numbers carry every token through every scalar") {
  const auto passes = []<class T>(T) {
    bool same = true;
    for (int token = 0; token < most_tokens; ++token) {
      T x[2];
      write_token(token, x);
      same = same && read_token(x) == token;
    }
    return same;
  };
  CHECK(passes(float{}));
  CHECK(passes(double{}));
  CHECK(passes(bf16{}));
  CHECK(text_of('a') == "a");
  CHECK(text_of(byte_tokens::begins).empty());
}

TEST_CASE(
    "text: a limit is the first windows of an evaluation, and an epoch of as many that are drawn from "
    "everywhere") {
  const text_dataset data = take_first(text_dataset("few", {text_in_memory(std::string(99, 'a'))}, 10), 3);
  CHECK(data.size() == 3);
  CHECK(data.tokens() == 100);
  std::set<index_t> places;
  for (index_t i = 0; i < 2000; ++i) places.insert(data.drawn_window(1, 0, i));
  CHECK(places.size() == 90);
  CHECK(take_first(text_dataset("few", {text_in_memory(std::string(99, 'a'))}, 10), 30).size() == 9);
}
