#include "release_text.hpp"

#include <utility>

#include "network.hpp"
#include "run_data.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/text.hpp"

namespace {

using namespace spankey;

std::vector<int> release_tokens_of_file(const run_options& options, const std::string& run,
                                        const std::string& file, split part) {
  const text_parts parts = cut_texts({text_of_file(file)}, 0.9);
  const text_piece& piece = (part == split::train ? parts.before : parts.behind).front();
  std::string bytes(static_cast<std::size_t>(piece.size()), '\0');
  piece.read(0, piece.size(), reinterpret_cast<std::byte*>(bytes.data()));
  return run_tokens(options, run).encode(bytes);
}

}  // namespace

token_windows release_text(const run_options& options, const std::string& run,
                           const release_text_options& text, split part) {
  const index_t context = input_of(options).height, length = text.window > 0 ? text.window : context;
  if (length > context)
    fail("flag.242", "--window", "found ", length, " tokens, expected at most the network's ", context);
  std::vector<int> tokens;
  if (!text.file.empty()) {
    tokens = release_tokens_of_file(options, run, text.file, part);
  } else if (options.vocabulary > 0) {
    fail("flag.241", "--text",
         "expected a text, found none: the network has tokens of its own, and "
         "no data");
  } else {
    const text_dataset data = load_text(options, part, length);
    tokens.resize(static_cast<std::size_t>(data.size() * length));
    data.read(0, static_cast<index_t>(tokens.size()), tokens.data());
  }
  token_windows windows(std::move(tokens), length);
  if (windows.size() < 1)
    fail("flag.242", "--window", "found fewer than ", length, " tokens of text, expected a window at least");
  return windows;
}
