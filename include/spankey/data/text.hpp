// Text as a data set: pieces of bytes, from files or from memory, and windows of T tokens of it.
//
// A piece is a document: `begins`, then its bytes (data/byte_tokens.hpp). The tokens of all pieces follow one another. A
// sample is T tokens in a row; its T labels are the tokens that come after each. For training, windows lie where numbers of
// (seed, epoch, i) say; for evaluation they lie side by side.
// Files are read where they are, a window at a time, and never as a whole: they may be larger than memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/core/token.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/file/input_file.hpp"

namespace spankey {

/// Bytes [begin, end) of a file, or of a text in memory where there is no file.
struct text_piece {
  std::shared_ptr<const input_file> file;
  std::shared_ptr<const std::string> memory;
  index_t begin = 0, end = 0;

  [[nodiscard]] index_t size() const { return end - begin; }
  /// A token for its beginning, and one a byte.
  [[nodiscard]] index_t tokens() const { return size() + 1; }
  /// to (count): bytes from byte `first` of the piece on. Errors: those of input_file::read_at.
  SPANKEY_INLINE void read(index_t first, index_t count, std::byte* to) const;
  /// The first byte behind the end of the line that byte `from` stands in; `from`, where no line ends near it.
  [[nodiscard]] SPANKEY_INLINE index_t next_line(index_t from) const;
};

/// The whole of a file. Errors: those of input_file, data.211 an empty one.
SPANKEY_INLINE text_piece text_of_file(const std::string& path);
/// The whole of a text. Errors: data.211 an empty one.
SPANKEY_INLINE text_piece text_in_memory(std::string text);

/// Every piece cut in two behind `share` of its bytes, at the end of a line where one is near (4,096 bytes): what comes
/// before is for training. Errors: data.212 unless 0 < share < 1.
struct text_parts {
  std::vector<text_piece> before, behind;
};
SPANKEY_INLINE text_parts cut_texts(const std::vector<text_piece>& pieces, double share);

class text_dataset {
 public:
  /// Windows of `length` tokens. Errors: data.213 a length below 1, data.214 fewer than length + 1 tokens.
  SPANKEY_INLINE text_dataset(std::string name, std::vector<text_piece> pieces, index_t length);

  std::string name;
  extents sample;
  index_t classes = byte_tokens::semantic;

  /// Windows side by side: samples of an evaluation, and as many are drawn in what is called an epoch.
  [[nodiscard]] index_t size() const { return windows_; }
  [[nodiscard]] index_t length() const { return sample.height; }
  [[nodiscard]] index_t tokens() const { return tokens_; }
  [[nodiscard]] index_t bytes() const { return tokens_ - static_cast<index_t>(pieces_.size()); }
  /// First token of window i of an evaluation, and of one of training.
  [[nodiscard]] index_t window(index_t i) const { return i * length(); }
  [[nodiscard]] SPANKEY_INLINE index_t drawn_window(std::uint64_t seed, index_t epoch, index_t i) const;
  /// to (count): tokens from `first` on. Errors: data.215 beyond the end, those of input_file.
  SPANKEY_INLINE void read(index_t first, index_t count, int* to) const;

 private:
  std::vector<text_piece> pieces_;
  std::vector<index_t> first_;  // token of every piece
  index_t tokens_ = 0, windows_ = 0;

  friend text_dataset take_first(text_dataset data, index_t windows);
};

/// The first windows of an evaluation; of training, an epoch of as many that are drawn from everywhere.
inline text_dataset take_first(text_dataset data, index_t windows) {
  data.windows_ = std::min(data.windows_, windows);
  return data;
}

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/data/text.inl"
#endif
