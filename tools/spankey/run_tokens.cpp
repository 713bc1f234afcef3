#include "run_tokens.hpp"

#include <array>
#include <filesystem>

#include "spankey/core/error.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/file/atomic_file.hpp"

namespace {

using spankey::byte_tokens;
using spankey::index_t;

std::string file_of(const std::string& run) {
  return (std::filesystem::path(run) / tokenizer_file_name).string();
}

}  // namespace

run_tokens::run_tokens(const run_options& options, const std::string& run) {
  if (options.vocabulary == 0) return;
  tokenizer_.emplace(spankey::gguf_file::open(file_of(run)));
  if (tokenizer_->size() != options.vocabulary)
    spankey::fail("config.112", file_of(run), "found ", tokenizer_->size(), " tokens, config.json has ",
                  options.vocabulary);
}

std::vector<int> run_tokens::encode(std::string_view text) const {
  if (tokenizer_) return tokenizer_->encode(text);
  std::vector<int> bytes;
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

std::string run_tokens::bytes_of(index_t token) const {
  return tokenizer_ ? std::string(tokenizer_->bytes_of(token)) : spankey::text_of(static_cast<int>(token));
}

int run_tokens::begins() const { return tokenizer_ ? tokenizer_->begins() : byte_tokens::begins; }

bool run_tokens::ends(index_t token) const {
  return tokenizer_ ? token == tokenizer_->ends() : token == byte_tokens::begins;  // the next document
}

bool run_tokens::blocks(index_t token) const { return !tokenizer_ && token == byte_tokens::blocked; }

index_t run_tokens::of_text() const { return tokenizer_ ? tokenizer_->size() : byte_tokens::begins; }

void copy_tokenizer(const run_options& options, const std::string& run, const run_folder& to) {
  if (options.vocabulary == 0) return;
  const spankey::gguf_file file = spankey::gguf_file::open(file_of(run));
  constexpr std::array<std::string_view, 2> keys{"general.", "tokenizer."};
  spankey::write_file_atomically(to.file(tokenizer_file_name),
                                 std::span<const std::byte>(spankey::gguf_keys_of(file, keys)),
                                 spankey::file_mode::shared);
}
