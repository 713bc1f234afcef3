// What data/byte_pair_tokenizer.hpp declares.
#pragma once

#include <algorithm>
#include <queue>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/core/token.hpp"
#include "spankey/data/byte_pair_tokenizer.hpp"
#include "spankey/data/pieces_of_text.hpp"
#include "spankey/file/printable.hpp"

namespace spankey {

namespace byte_letters {

// GPT-2 writes a byte as a letter: those that print as themselves, the others as U+0100, U+0101, ... in their order.
inline std::array<std::uint16_t, 256> codes() {
  std::array<std::uint16_t, 256> made{};
  std::uint16_t next = 0x100;
  for (std::uint16_t b = 0; b < 256; ++b) {
    const bool prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    made[b] = prints ? b : next++;
  }
  return made;
}

/// The bytes that letters stand for; false where one is no byte's.
inline bool read(std::string_view letters, const std::unordered_map<std::uint32_t, unsigned char>& byte_of,
                 std::string& bytes) {
  for (std::size_t i = 0; i < letters.size();) {
    const auto first = static_cast<unsigned char>(letters[i]);
    std::uint32_t code = first;
    std::size_t size = 1;
    if (first >= 0xC0 && first < 0xE0 && i + 1 < letters.size()) {
      code = (first & 0x1FU) << 6 | (static_cast<unsigned char>(letters[i + 1]) & 0x3FU);
      size = 2;
    } else if (first >= 0x80) {
      return false;
    }
    const auto found = byte_of.find(code);
    if (found == byte_of.end()) return false;
    bytes += static_cast<char>(found->second);
    i += size;
  }
  return true;
}

}  // namespace byte_letters

byte_pair_tokenizer::byte_pair_tokenizer(const gguf_file& file) {
  const std::string_view model = file.text("tokenizer.ggml.model"), pre = file.text("tokenizer.ggml.pre");
  if (model != "gpt2" || (pre != "smollm" && pre != "gpt-2"))
    fail("tokenizer.101", file.name(), "found a tokenizer ", in_quotes(model), " with pieces ",
         in_quotes(pre), ", expected \"gpt2\" with \"smollm\" or \"gpt-2\"");
  numbers_apart_ = pre == "smollm";
  read_tokens(file);
  read_merges(file);
  const auto token_of = [&](const char* key) {
    const std::uint64_t found = file.whole(key);
    if (found >= bytes_.size())
      fail("tokenizer.104", file.name(), key, ": found ", found, ", expected one of ", bytes_.size(),
           " tokens");
    return static_cast<int>(found);
  };
  begins_ = token_of("tokenizer.ggml.bos_token_id");
  ends_ = token_of("tokenizer.ggml.eos_token_id");
}

void byte_pair_tokenizer::read_tokens(const gguf_file& file) {
  const std::vector<std::string_view> letters = file.texts("tokenizer.ggml.tokens");
  const std::vector<std::int32_t> types = file.numbers("tokenizer.ggml.token_type");
  if (letters.empty() || letters.size() > static_cast<std::size_t>(most_tokens) ||
      types.size() != letters.size())
    fail("tokenizer.102", file.name(), "found ", letters.size(), " tokens and ", types.size(),
         " types of them, expected as many of both, 1 to ", most_tokens);
  const auto codes = byte_letters::codes();
  std::unordered_map<std::uint32_t, unsigned char> byte_of;
  for (std::size_t b = 0; b < 256; ++b) byte_of[codes[b]] = static_cast<unsigned char>(b);
  constexpr std::int32_t control = 3;
  bytes_.resize(letters.size());
  of_byte_.fill(-1);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (types[i] == control) {
      if (!letters[i].empty()) controls_.emplace_back(letters[i], static_cast<int>(i));
      continue;
    }
    if (letters[i].empty() || !byte_letters::read(letters[i], byte_of, bytes_[i]))
      fail("tokenizer.102", file.name(), "found token ", i, ", ", in_quotes(letters[i]),
           ", expected letters of bytes");
    if (bytes_[i].size() == 1) of_byte_[static_cast<unsigned char>(bytes_[i][0])] = static_cast<int>(i);
  }
  std::sort(controls_.begin(), controls_.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a.first < b.first;
  });
}

void byte_pair_tokenizer::read_merges(const gguf_file& file) {
  // By their letters: a control token that is spelt as a text is none of them.
  const std::vector<std::string_view> letters = file.texts("tokenizer.ggml.tokens");
  std::unordered_map<std::string_view, int> token_of;
  for (std::size_t i = 0; i < letters.size(); ++i)
    if (!bytes_[i].empty() && !token_of.try_emplace(letters[i], static_cast<int>(i)).second)
      fail("tokenizer.102", file.name(), "found token ", in_quotes(letters[i]), " twice");
  std::uint32_t rank = 0;
  std::string both;
  for (const std::string_view line : file.texts("tokenizer.ggml.merges")) {
    const std::size_t space = line.find(' ');
    const auto find = [&](std::string_view text) {
      const auto found = token_of.find(text);
      if (found == token_of.end())
        fail("tokenizer.103", file.name(), "found merge ", rank, ", ", in_quotes(line), ", whose ",
             in_quotes(text), " is no token");
      return found->second;
    };
    if (space == std::string_view::npos)
      fail("tokenizer.103", file.name(), "found merge ", rank, ", ", in_quotes(line),
           ", expected two tokens with a space between them");
    const int left = find(line.substr(0, space)), right = find(line.substr(space + 1));
    both.assign(line.substr(0, space)).append(line.substr(space + 1));
    merges_.try_emplace(pair_of(left, right), merge{rank++, find(both)});
  }
}

void byte_pair_tokenizer::encode_piece(std::string_view piece, std::vector<int>& to) const {
  // Symbols are a list whose links are their places; what is merged away has token -1.
  struct symbol {
    int token;
    std::size_t before, after;
  };
  const std::size_t none = piece.size();
  std::vector<symbol> symbols(piece.size());
  for (std::size_t i = 0; i < piece.size(); ++i)
    symbols[i] = {of_byte_[static_cast<unsigned char>(piece[i])], i == 0 ? none : i - 1, i + 1};
  // The merge of a symbol with the next, the first in the list of merges and then the first in the text on top; it is out of
  // date where either symbol has become another.
  struct candidate {
    std::uint32_t rank;
    std::size_t at;
    int left, right, token;
    bool operator>(const candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::priority_queue<candidate, std::vector<candidate>, std::greater<>> waiting;
  const auto propose = [&](std::size_t at) {
    if (at == none || symbols[at].after == none) return;
    const int left = symbols[at].token, right = symbols[symbols[at].after].token;
    if (const auto found = merges_.find(pair_of(left, right)); found != merges_.end())
      waiting.push({found->second.rank, at, left, right, found->second.token});
  };
  for (std::size_t i = 0; i < piece.size(); ++i) propose(i);
  while (!waiting.empty()) {
    const candidate best = waiting.top();
    waiting.pop();
    symbol& left = symbols[best.at];
    if (left.token != best.left || left.after == none || symbols[left.after].token != best.right) continue;
    symbol& right = symbols[left.after];
    left.token = best.token, right.token = -1;
    left.after = right.after;
    if (left.after != none) symbols[left.after].before = best.at;
    propose(best.at);
    propose(left.before);
  }
  for (std::size_t i = 0; i < piece.size(); i = symbols[i].after)
    if (symbols[i].token >= 0) to.push_back(symbols[i].token);
}

std::vector<int> byte_pair_tokenizer::encode(std::string_view text, control_names names) const {
  std::vector<int> found;
  const auto add_text = [&](std::string_view part) {
    for_each_piece_of(part, numbers_apart_, [&](std::string_view piece) { encode_piece(piece, found); });
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; names == control_names::tokens && at < text.size();) {
    const auto control = std::find_if(controls_.begin(), controls_.end(), [&](const auto& c) {
      return text.compare(at, c.first.size(), c.first) == 0;
    });
    if (control == controls_.end()) {
      ++at;
      continue;
    }
    add_text(text.substr(begin, at - begin));
    found.push_back(control->second);
    begin = at += control->first.size();
  }
  add_text(text.substr(begin));
  return found;
}

}  // namespace spankey
