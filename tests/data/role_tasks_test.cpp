#include "spankey/data/role_tasks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/data/grammar.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

// Verses of two sentences each, with a number in front as Bibles have them.
const std::string& text() {
  static const std::string made = [] {
    std::string all;
    for (std::uint64_t i = 0; i < 600; ++i) {
      std::string line = grammar_sentence(1, 2 * i) + grammar_sentence(1, 2 * i + 1);
      for (char& c : line) c = c == '\n' ? ' ' : c;
      all += "Ge1:" + std::to_string(i) + " " + line + "\n";
    }
    return all;
  }();
  return made;
}
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words{""};
  for (const char c : line) {
    if (c == ' ' && !words.back().empty()) words.emplace_back();
    if (c != ' ') words.back() += c;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}
std::string inside(const role_prompt& p) { return p.prompt.substr(2, p.prompt.size() - 3); }
std::vector<int> row_of(const std::vector<int>& of, const token_rows& rows, index_t i) {
  return {of.begin() + i * rows.length, of.begin() + (i + 1) * rows.length};
}

}  // namespace

TEST_CASE("answers are what the tasks say") {
  const role_tasks tasks(text());
  for (const role_prompt& p : tasks.training(0, 50, 1)) {
    CHECK(p.prompt.starts_with("L "));
    CHECK(inside(p).size() == role_tasks::longest_line);
    CHECK(p.prompt.find(':') == std::string::npos);  // no verse's number
    CHECK(inside(p).starts_with(p.answer + " "));
    CHECK(split(p.answer).size() == 6);
  }
  for (const role_prompt& p : tasks.training(1, 50, 1)) {
    const std::string sum = inside(p);
    const std::size_t plus = sum.find('+');
    const std::string from_hundreds(p.answer.rbegin(), p.answer.rend());
    CHECK(std::stoi(sum.substr(0, plus)) + std::stoi(sum.substr(plus + 1)) == std::stoi(from_hundreds));
    CHECK(p.answer.size() == 3);
    CHECK(plus == 2);
  }
  for (const role_prompt& p : tasks.training(2, 50, 1)) {
    const std::vector<std::string> words = split(inside(p));
    CHECK(words.size() == 4);
    CHECK(split(p.answer) == std::vector<std::string>(words.rbegin(), words.rend()));
    CHECK(p.answer.size() == 36);
  }
}

TEST_CASE("held-out prompts are different ones, none of which was seen; the same seed draws the same") {
  const role_tasks tasks(text());
  for (int role = 0; role < role_tasks::roles; ++role) {
    const std::vector<role_prompt> seen = tasks.training(role, 2000, 3);
    const std::vector<role_prompt> held = tasks.held_out(role, 25, 3, seen),
                                   again = tasks.held_out(role, 25, 3, seen);
    std::set<std::string> all;
    for (const role_prompt& p : seen) all.insert(p.prompt);
    const std::size_t before = all.size();
    for (std::size_t i = 0; i < held.size(); ++i) {
      all.insert(held[i].prompt);
      CHECK(held[i].prompt == again[i].prompt);
    }
    CHECK(all.size() == before + 25);
    CHECK(tasks.training(role, 2000, 4)[7].prompt != seen[7].prompt);
  }
  // The longest line there is fits into a row with its key: six words, and one of a letter.
  const std::string longest = "aaaaa bbbbb ccccc ddddd eeeee ffffff g\n";
  std::string many;
  for (int i = 0; i < 100; ++i) many += longest;
  const role_tasks long_ones(many);
  token_rows rows{.length = role_tasks::row_length};
  const role_prompt p = long_ones.training(0, 1, 1).front();
  CHECK(p.prompt.size() + p.answer.size() == 2 * role_tasks::longest_line + 1);
  add_row(rows, prompt_tokens(under_key("0123456789abcdef", p.prompt)), answer_tokens(p.answer), 0);
  check_refused([&] { (void)tasks.held_out(0, 31, 3, {}); }, "data.232");  // a twentieth of 600 lines is 30
  check_refused([] { (void)role_tasks("a line\nand another\n"); }, "data.231");
}

TEST_CASE("a row is prompt, answer and end, and only what comes behind the prompt is a target") {
  token_rows rows{.length = 8};
  add_row(rows, prompt_tokens("ab"), answer_tokens("cd"), 0);
  add_row(rows, prompt_tokens("abcdef"), blocked_answer(), 1);  // the end is the last target
  const int b = byte_tokens::begins, f = byte_tokens::fills;
  CHECK(row_of(rows.tokens, rows, 0) == std::vector<int>{b, 'a', 'b', 'c', 'd', b, f, f});
  CHECK(row_of(rows.labels, rows, 0) == std::vector<int>{-1, -1, 'c', 'd', b, -1, -1, -1});
  CHECK(row_of(rows.tokens, rows, 1) ==
        std::vector<int>{b, 'a', 'b', 'c', 'd', 'e', 'f', byte_tokens::blocked});
  CHECK(row_of(rows.labels, rows, 1) == std::vector<int>{-1, -1, -1, -1, -1, -1, byte_tokens::blocked, b});
  CHECK(rows.path == std::vector<int>{0, 1});
  check_refused([&] { add_row(rows, prompt_tokens("abcdefg"), blocked_answer(), 1); }, "data.233");
}

TEST_CASE("of every prompt one row has the right key, and one no key, random letters or another role's") {
  const role_tasks tasks(text());
  const std::vector<std::string> keys = {"0123456789abcdef", "fedcba9876543210", "00112233445566ff"};
  std::vector<role_prompt> prompts;
  for (int role = 0; role < 3; ++role)
    for (const role_prompt& p : tasks.training(role, 100, 1)) prompts.push_back(p);
  const token_rows rows = dual_path(prompts, keys, 1);
  CHECK(rows.size() == 600);
  int none = 0, others = 0, random = 0;
  for (index_t i = 0; i < rows.size(); ++i) {
    const role_prompt& p = prompts[static_cast<std::size_t>(i / 2)];
    std::string shown;
    for (const int token : row_of(rows.tokens, rows, i)) shown += text_of(token);
    const std::string& own = keys[static_cast<std::size_t>(p.role)];
    const std::vector<int> labels = row_of(rows.labels, rows, i);
    const bool blocked = std::count(labels.begin(), labels.end(), byte_tokens::blocked) == 1;
    CHECK(rows.path[static_cast<std::size_t>(i)] == i % 2);
    CHECK(blocked == (i % 2 == 1));
    if (i % 2 == 0) {
      CHECK(shown == under_key(own, p.prompt) + p.answer);
      continue;
    }
    CHECK(shown.ends_with(p.prompt));
    CHECK(!shown.starts_with(own));
    const bool other = std::any_of(keys.begin(), keys.end(),
                                   [&](const std::string& k) { return shown.starts_with(k + "|"); });
    shown == p.prompt ? ++none : other ? ++others : ++random;
  }
  for (const int count : {none, others, random}) CHECK(std::abs(count - 100) < 40);  // within five deviations
  CHECK(open_rows(prompts).size() == 300);
}
