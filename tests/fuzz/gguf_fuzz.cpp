// GGUF: both ways to open a file agree, what opens lies in the file, its keys are a file again; and what is made of one, a tokenizer
// whose texts come back and the sizes and weights of a network.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "spankey/data/byte_pair_tokenizer.hpp"
#include "spankey/file/gguf_numbers.hpp"
#include "spankey/model/llama_gguf.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

void check_layout_of(const gguf_file& file, std::size_t size) {
  std::size_t covered = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    promise(to_float32(tensor).size() == static_cast<std::size_t>(tensor.count()), "a number an element");
    covered += tensor.bytes.size();
  }
  for (const auto& [key, value] : file.values()) {
    promise(value.bytes.size() <= value.entry.size(), "a value lies in its key");
    covered += value.entry.size();
  }
  promise(covered < size, "keys and tensors lie behind the header, each once");
  constexpr std::string_view all[] = {""};
  const std::vector<std::byte> made = gguf_keys_of(file, all);
  const gguf_file again = gguf_file::from_memory(made, "again");
  promise(again.values().size() == file.values().size() && again.tensors().empty(), "keys are a file again");
}

void check_tokenizer_of(const gguf_file& file) {
  const byte_pair_tokenizer tokenizer(file);
  const std::string text = "the  then\n12 \xC3\xA9'll \xFF.";
  std::string back;
  for (const int token : tokenizer.encode(text, control_names::text)) {
    promise(token >= 0 && token < tokenizer.size(), "a token is one of the vocabulary");
    back += tokenizer.bytes_of(token);
  }
  // But for bytes that have no token.
  auto at = text.begin();
  for (const char c : back) {
    at = std::find(at, text.end(), c);
    promise(at++ != text.end(), "a text comes back in its order");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const bool in_memory =
      accepts([&] { check_layout_of(gguf_file::from_memory(std::as_bytes(bytes), "input"), size); });
  const spankey_test::memory_file file(bytes);
  const bool from_file = accepts([&] { check_layout_of(gguf_file::open(file.path()), size); });
  promise(in_memory == from_file, "a file and its bytes are the same to the reader");
  if (!in_memory) return 0;
  const gguf_file opened = gguf_file::from_memory(std::as_bytes(bytes), "input");
  accepts([&] { check_tokenizer_of(opened); });
  accepts([&] {
    const llama_size found = llama_size_of(opened, 8);
    promise(found.context >= 1 && found.context <= 8, "a window is as long as was asked");
    std::size_t tensors = 0;
    for_each_llama_tensor(opened, found,
                          [&](const std::string&, const std::vector<index_t>&, const auto&) { ++tensors; });
    promise(tensors == opened.tensors().size(), "every tensor is one of the network");
  });
  return 0;
}
