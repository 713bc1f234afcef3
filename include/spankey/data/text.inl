// What data/text.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/text.hpp"

namespace spankey {

void text_piece::read(index_t first, index_t count, std::byte* to) const {
  if (file != nullptr) return file->read_at(begin + first, to, count);
  std::memcpy(to, memory->data() + begin + first, static_cast<std::size_t>(count));
}

index_t text_piece::next_line(index_t from) const {
  std::array<std::byte, 4096> bytes;
  const index_t count = std::min(static_cast<index_t>(bytes.size()), size() - from);
  read(from, count, bytes.data());
  for (index_t i = 0; i + 1 < count; ++i)
    if (bytes[static_cast<std::size_t>(i)] == std::byte{'\n'}) return from + i + 1;
  return from;
}

text_piece text_of_file(const std::string& path) {
  auto file = std::make_shared<const input_file>(path);
  if (file->size() < 1) fail("data.211", file->name(), "found an empty file, expected text");
  const index_t size = file->size();
  return {std::move(file), nullptr, 0, size};
}

text_piece text_in_memory(std::string text) {
  if (text.empty()) fail("data.211", "text", "found an empty text");
  const auto size = static_cast<index_t>(text.size());
  return {nullptr, std::make_shared<const std::string>(std::move(text)), 0, size};
}

text_parts cut_texts(const std::vector<text_piece>& pieces, double share) {
  if (!(share > 0 && share < 1))
    fail("data.212", "text", "found a share of ", share,
         " for training, expected more than 0 and less than 1");
  text_parts parts;
  for (const text_piece& piece : pieces) {
    const index_t cut = piece.next_line(static_cast<index_t>(share * static_cast<double>(piece.size())));
    text_piece before = piece, behind = piece;
    before.end = behind.begin = piece.begin + cut;
    if (before.size() > 0) parts.before.push_back(std::move(before));
    if (behind.size() > 0) parts.behind.push_back(std::move(behind));
  }
  return parts;
}

text_dataset::text_dataset(std::string of_text, std::vector<text_piece> pieces, index_t length)
    : name(std::move(of_text)), sample(token_sample(length)), pieces_(std::move(pieces)) {
  if (length < 1) fail("data.213", name, "found windows of ", length, " tokens, expected at least 1");
  for (const text_piece& piece : pieces_) {
    first_.push_back(tokens_);
    tokens_ += piece.tokens();
  }
  if (tokens_ < length + 1)
    fail("data.214", name, "found ", tokens_, " tokens, expected at least ", length + 1, ": a window of ",
         length, " and what follows it");
  windows_ = (tokens_ - 1) / length;
}

index_t text_dataset::drawn_window(std::uint64_t seed, index_t epoch, index_t i) const {
  const random_source source(seed, stream::windows, static_cast<std::uint64_t>(epoch));
  const auto words = source.block(static_cast<std::uint64_t>(i));
  const auto places = static_cast<std::uint64_t>(tokens_ - length());
  return static_cast<index_t>((std::uint64_t{words[0]} << 32 | words[1]) % places);
}

void text_dataset::read(index_t first, index_t count, int* to) const {
  if (first < 0 || count < 0 || first > tokens_ - count)
    fail("data.215", name, "asked for ", count, " tokens from ", first, " on, found ", tokens_);
  std::array<std::byte, 1024> bytes;
  auto k =
      static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), first) - first_.begin()) - 1;
  for (index_t at = first - first_[k]; count > 0; ++k, at = 0) {
    const text_piece& piece = pieces_[k];
    if (at == 0) *to++ = byte_tokens::begins, --count, ++at;
    while (count > 0 && at < piece.tokens()) {
      const index_t n = std::min({count, piece.tokens() - at, static_cast<index_t>(bytes.size())});
      piece.read(at - 1, n, bytes.data());
      for (index_t j = 0; j < n; ++j) *to++ = std::to_integer<int>(bytes[static_cast<std::size_t>(j)]);
      count -= n, at += n;
    }
  }
}

}  // namespace spankey
