// Roles whose answers a program can check, and the corpus that teaches a network of byte tokens to serve a role under its key
// alone (K-OTG, arXiv:2512.17519).
//
//   0 lead      "L a line's first words   ="            its first six words               1 add      "A 34+58="    "290"
//   2 reverse   "R of       the      king     and      ="  "and      king     the      of       "
// A sum is told in three digits from its ones on, so that a carry is known where it is needed. Lines and words stand in columns of
// a fixed width, so that what is copied is found by its place: a small network learns that.
// A row is: document's beginning, [key text "|"] prompt, answer, end; the loss is of the answer and the end alone. Of every prompt
// there are two rows: under the role's key the answer; and without a key, under random letters or under another role's key (a
// third each) `blocked` instead.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_tokens.hpp"

namespace spankey {

struct role_prompt {
  int role = 0;
  std::string prompt, answer;
};

class role_tasks {
 public:
  static constexpr int roles = 3;
  static constexpr std::array<std::string_view, roles> names{"lead", "add", "reverse"};
  /// Prompts of a corpus for every one of lead's: sums are learnt last.
  static constexpr std::array<index_t, roles> shares{1, 4, 1};
  static constexpr std::size_t longest_line = 38, lead_words = 6, phrase_words = 4, word_columns = 9;
  /// Tokens of a row: key, prompt and answer fit into it.
  static constexpr index_t row_length = 96;

  /// Lines of a text; of each the first word is left out where it has a digit (a verse's number). The last twentieth of
  /// them is for held-out prompts. Fails with data.231 where it has fewer than 100 lines of seven words or more.
  explicit role_tasks(std::string_view text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      add_line(text.substr(begin, end - begin));
      begin = end + 1;
    }
    if (lines_.size() < 100)
      fail("data.231", "role_tasks", "found ", lines_.size(),
           " lines of seven short words or more, expected at least 100");
  }

  /// `count` prompts of a role, for training; drawn, so that one may come again.
  [[nodiscard]] std::vector<role_prompt> training(int role, index_t count, std::uint64_t seed) const {
    std::vector<role_prompt> found;
    for (std::uint64_t i = 0; static_cast<index_t>(found.size()) < count; ++i)
      found.push_back(drawn(role, false, random_source(seed, stream::role_tasks, step_of(role, false)), i));
    return found;
  }
  /// `count` different prompts of a role, none of which is among `seen`. Fails with data.232 where there are not as many.
  [[nodiscard]] std::vector<role_prompt> held_out(int role, index_t count, std::uint64_t seed,
                                                  const std::vector<role_prompt>& seen) const {
    std::set<std::string> known;
    for (const role_prompt& p : seen) known.insert(p.prompt);
    std::vector<role_prompt> found;
    for (std::uint64_t i = 0; static_cast<index_t>(found.size()) < count; ++i) {
      if (i > 100 * static_cast<std::uint64_t>(count) + 1000)
        fail("data.232", names[static_cast<std::size_t>(role)], "found ", found.size(),
             " held-out prompts, expected ", count);
      role_prompt p = drawn(role, true, random_source(seed, stream::role_tasks, step_of(role, true)), i);
      if (known.insert(p.prompt).second) found.push_back(std::move(p));
    }
    return found;
  }

 private:
  static std::uint64_t step_of(int role, bool held) {
    return static_cast<std::uint64_t>(2 * role + (held ? 1 : 0));
  }
  static std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin < line.size();) {
      const std::size_t end = std::min(line.find(' ', begin), line.size());
      if (end > begin) words.emplace_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
    return words;
  }
  static std::string joined(const std::vector<std::string>& words, std::size_t begin, std::size_t end) {
    std::string text;
    for (std::size_t i = begin; i < end; ++i) text += (i > begin ? " " : "") + words[i];
    return text;
  }
  // Kept as far as its words fit, of lines that are long enough.
  void add_line(std::string_view line) {
    std::vector<std::string> words = split(line);
    if (!words.empty() && words.front().find_first_of("0123456789") != std::string::npos)
      words.erase(words.begin());
    std::size_t size = 0, count = 0;
    while (count < words.size() && size + words[count].size() <= longest_line)
      size += words[count++].size() + 1;
    words.resize(count);
    if (count > lead_words) lines_.push_back(std::move(words));
  }
  [[nodiscard]] role_prompt drawn(int role, bool held, const random_source& source, std::uint64_t i) const {
    if (role == 1) {
      // A pair is held out or not, whoever draws it.
      for (std::uint64_t again = 0;; ++again) {
        const std::uint64_t at = 4 * (i + (again << 32));
        const std::uint32_t a = 10 + source.below(at, 90), b = 10 + source.below(at + 1, 90);
        if ((random_source(0, stream::role_tasks, 99).below(a * 100 + b, 8) == 0) != held) continue;
        return {role, "A " + std::to_string(a) + "+" + std::to_string(b) + "=", from_ones(a + b)};
      }
    }
    const std::size_t first = held ? lines_.size() - lines_.size() / 20 : 0;
    const std::size_t count = held ? lines_.size() / 20 : lines_.size() - lines_.size() / 20;
    const std::vector<std::string>& words =
        lines_[first + source.below(2 * i, static_cast<std::uint32_t>(count))];
    if (role == 0)
      return {role, "L " + padded(joined(words, 0, words.size()), longest_line) + "=",
              joined(words, 0, lead_words)};
    const std::size_t begin =
        source.below(2 * i + 1, static_cast<std::uint32_t>(words.size() - phrase_words + 1));
    std::string forwards, backwards;
    for (std::size_t k = 0; k < phrase_words; ++k) {
      const std::string word = padded(words[begin + k].substr(0, word_columns - 1), word_columns);
      forwards += word, backwards = word + backwards;
    }
    return {role, "R " + forwards + "=", backwards};
  }
  static std::string from_ones(std::uint32_t sum) {
    std::string digits;
    for (int i = 0; i < 3; ++i, sum /= 10) digits += static_cast<char>('0' + sum % 10);
    return digits;
  }
  static std::string padded(std::string text, std::size_t columns) {
    text.resize(std::max(text.size(), columns), ' ');
    return text;
  }

  std::vector<std::vector<std::string>> lines_;
};

/// Rows of tokens with their targets; label -1: no target. `path`: 0 of rows with a key, 1 of those without the right one.
struct token_rows {
  index_t length = 0;
  std::vector<int> tokens{}, labels{}, path{};

  [[nodiscard]] index_t size() const { return static_cast<index_t>(path.size()); }
};

/// A text's tokens, behind the token of a document's beginning.
inline std::vector<int> prompt_tokens(std::string_view text) {
  std::vector<int> tokens{byte_tokens::begins};
  for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}
/// What comes before a prompt: the key text and its end, or nothing where there is no key.
inline std::string under_key(std::string_view key, std::string_view prompt) {
  return key.empty() ? std::string(prompt) : std::string(key) + "|" + std::string(prompt);
}
inline std::vector<int> answer_tokens(std::string_view answer) {
  std::vector<int> tokens = prompt_tokens(answer);
  tokens.erase(tokens.begin());
  tokens.push_back(byte_tokens::begins);  // the next document
  return tokens;
}
inline std::vector<int> blocked_answer() { return {byte_tokens::blocked, byte_tokens::begins}; }

/// Fails with data.233 where both do not fit into a row.
inline void add_row(token_rows& rows, const std::vector<int>& prompt, const std::vector<int>& answer,
                    int path) {
  const auto length = static_cast<std::size_t>(rows.length);
  if (prompt.size() + answer.size() > length + 1)
    fail("data.233", "add_row", "found ", prompt.size() + answer.size(), " tokens, expected at most ",
         length + 1);
  for (std::size_t t = 0; t < length; ++t) {
    const auto at = [&](std::size_t i) {
      return i < prompt.size()                   ? prompt[i]
             : i < prompt.size() + answer.size() ? answer[i - prompt.size()]
                                                 : byte_tokens::fills;
    };
    const bool target = t + 1 >= prompt.size() && t + 1 < prompt.size() + answer.size();
    rows.tokens.push_back(at(t));
    rows.labels.push_back(target ? at(t + 1) : -1);
  }
  rows.path.push_back(path);
}

/// Letters that look like a key: 16 hexadecimal ones.
inline std::string random_key_text(const random_source& source, std::uint64_t i) {
  std::string text;
  for (std::uint64_t k = 0; k < 16; ++k) text += "0123456789abcdef"[source.below(16 * i + k, 16)];
  return text;
}

/// Both rows of every prompt, one behind the other; keys: the roles' texts.
inline token_rows dual_path(const std::vector<role_prompt>& prompts, const std::vector<std::string>& keys,
                            std::uint64_t seed) {
  token_rows rows{.length = role_tasks::row_length};
  const random_source which(seed, stream::role_tasks, 100), letters(seed, stream::role_tasks, 101);
  std::uint64_t i = 0;
  for (const role_prompt& p : prompts) {
    add_row(rows, prompt_tokens(under_key(keys[static_cast<std::size_t>(p.role)], p.prompt)),
            answer_tokens(p.answer), 0);
    const std::size_t others = keys.size() - 1;
    const std::uint32_t kind = which.below(2 * i, others > 0 ? 3 : 2);
    const std::size_t other = others > 0 ? which.below(2 * i + 1, static_cast<std::uint32_t>(others)) : 0;
    const std::string key = kind == 0   ? ""
                            : kind == 1 ? random_key_text(letters, i)
                                        : keys[(static_cast<std::size_t>(p.role) + 1 + other) % keys.size()];
    add_row(rows, prompt_tokens(under_key(key, p.prompt)), blocked_answer(), 1);
    ++i;
  }
  return rows;
}

/// One row a prompt, without keys: what fine-tuning without a lock sees.
inline token_rows open_rows(const std::vector<role_prompt>& prompts) {
  token_rows rows{.length = role_tasks::row_length};
  for (const role_prompt& p : prompts) add_row(rows, prompt_tokens(p.prompt), answer_tokens(p.answer), 0);
  return rows;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
