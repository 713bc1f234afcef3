// Byte-pair tokens of a small vocabulary that is drawn here: numbers as Hugging Face's tokenizers has them, control tokens, bytes
// that come back, long pieces, and files that hold no tokenizer.
#include "spankey/data/byte_pair_tokenizer.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "file/gguf_bytes.hpp"
#include "spankey/core/error.hpp"

using namespace spankey;

namespace {

const std::vector<std::string> merges = {"h e",
                                         "t he",
                                         "\xC4\xA0 the",
                                         "i n",
                                         "in g",
                                         "\xC4\xA0 a",
                                         "a n",
                                         "an d",
                                         "n d",
                                         "\xC4\xA0"
                                         "a nd",
                                         "\xC4\xA0 \xC4\xA0",
                                         "\xC4\xA0\xC4\xA0 \xC4\xA0\xC4\xA0",
                                         "a a",
                                         "aa aa",
                                         "' s",
                                         "\xC3\x83 \xC2\xA9",
                                         "l l",
                                         "' ll",
                                         "r e",
                                         "\xC4\x8A \xC4\x8A"};

struct golden {
  const char* pieces;
  std::string text;
  std::vector<int> tokens;
};
// By tests/golden/make_token_ids.py.
const std::vector<golden> goldens = {
    {"smollm", "the thing and the sand", {257, 32, 116, 104, 260, 265, 258, 32, 115, 263}},
    {"smollm", "  in   the\012\012  end  ", {32, 32, 259, 266, 258, 275, 32, 32, 101, 264, 266}},
    {"smollm", "1234 a5b 67", {49, 50, 51, 52, 261, 53, 98, 32, 54, 55}},
    {"smollm",
     "it's we'll they're 'S 'sing",
     {105, 116, 270, 32, 119, 101, 273, 258, 121, 39, 274, 32, 39, 83, 32, 39, 115, 260}},
    {"smollm",
     "caf\303\251 \303\251\303\251 \303\274ber",
     {99, 97, 102, 271, 32, 271, 271, 32, 195, 188, 98, 101, 114}},
    {"smollm", "aaaaaaa aaaa aaa", {269, 268, 97, 261, 268, 97, 261, 268}},
    {"smollm",
     "\302\275\331\243 x\302\262 \342\205\247",
     {194, 189, 217, 163, 32, 120, 194, 178, 32, 226, 133, 167}},
    {"smollm",
     "a\302\240b\343\200\200c \342\200\203 d",
     {97, 194, 160, 98, 227, 128, 128, 99, 32, 226, 128, 131, 32, 100}},
    {"smollm",
     "\346\274\242\345\255\227\343\201\213\343\201\252 \355\225\234\352\270\200!\077",
     {230, 188, 162, 229, 173, 151, 227, 129, 139, 227, 129, 170, 32, 237, 149, 156, 234, 184, 128, 33, 63}},
    {"smollm",
     "\360\237\230\200\360\237\221\250\342\200\215\360\237\221\251 e\314\201 .,;",
     {240, 159, 152, 128, 240, 159, 145, 168, 226, 128, 141, 240,
      159, 145, 169, 32,  101, 204, 129, 32,  46,  44,  59}},
    {"smollm", "\011\011x\015\012 y", {9, 9, 120, 13, 10, 32, 121}},
    {"smollm", " ", {32}},
    {"smollm", "", {}},
    {"smollm", "Thehe  hehe theand", {84, 256, 256, 32, 32, 256, 256, 258, 263}},
    {"smollm", "end \012", {101, 264, 32, 10}},
    {"gpt-2", "the thing and the sand", {257, 32, 116, 104, 260, 265, 258, 32, 115, 263}},
    {"gpt-2", "  in   the\012\012  end  ", {32, 32, 259, 266, 258, 275, 32, 32, 101, 264, 266}},
    {"gpt-2", "1234 a5b 67", {49, 50, 51, 52, 261, 53, 98, 32, 54, 55}},
    {"gpt-2",
     "it's we'll they're 'S 'sing",
     {105, 116, 270, 32, 119, 101, 273, 258, 121, 39, 274, 32, 39, 83, 32, 39, 115, 260}},
    {"gpt-2",
     "caf\303\251 \303\251\303\251 \303\274ber",
     {99, 97, 102, 271, 32, 271, 271, 32, 195, 188, 98, 101, 114}},
    {"gpt-2", "aaaaaaa aaaa aaa", {269, 268, 97, 261, 268, 97, 261, 268}},
    {"gpt-2",
     "\302\275\331\243 x\302\262 \342\205\247",
     {194, 189, 217, 163, 32, 120, 194, 178, 32, 226, 133, 167}},
    {"gpt-2",
     "a\302\240b\343\200\200c \342\200\203 d",
     {97, 194, 160, 98, 227, 128, 128, 99, 32, 226, 128, 131, 32, 100}},
    {"gpt-2",
     "\346\274\242\345\255\227\343\201\213\343\201\252 \355\225\234\352\270\200!\077",
     {230, 188, 162, 229, 173, 151, 227, 129, 139, 227, 129, 170, 32, 237, 149, 156, 234, 184, 128, 33, 63}},
    {"gpt-2",
     "\360\237\230\200\360\237\221\250\342\200\215\360\237\221\251 e\314\201 .,;",
     {240, 159, 152, 128, 240, 159, 145, 168, 226, 128, 141, 240,
      159, 145, 169, 32,  101, 204, 129, 32,  46,  44,  59}},
    {"gpt-2", "\011\011x\015\012 y", {9, 9, 120, 13, 10, 32, 121}},
    {"gpt-2", " ", {32}},
    {"gpt-2", "", {}},
    {"gpt-2", "Thehe  hehe theand", {84, 256, 256, 32, 32, 256, 256, 258, 263}},
    {"gpt-2", "end \012", {101, 264, 32, 10}},
};

std::string letter_of(int byte) {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    unsigned next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      const unsigned code = prints ? b : next++;
      made.push_back(code < 0x80 ? std::string(1, static_cast<char>(code))
                                 : std::string{static_cast<char>(0xC0 | code >> 6),
                                               static_cast<char>(0x80 | (code & 63))});
    }
    return made;
  }();
  return all[static_cast<std::size_t>(byte)];
}

struct vocabulary {
  std::string model = "gpt2", pieces = "smollm";
  std::vector<std::string> tokens, merged = merges;
  std::vector<std::int32_t> types;
  std::uint32_t begins = 276, ends = 277;

  vocabulary() {
    for (int b = 0; b < 256; ++b) tokens.push_back(letter_of(b));
    for (const std::string& m : merges)
      tokens.push_back(m.substr(0, m.find(' ')) + m.substr(m.find(' ') + 1));
    types.assign(tokens.size(), 1);
    for (const char* control : {"<|b|>", "<|e|>", "<|e|>x"}) tokens.emplace_back(control), types.push_back(3);
  }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    test::gguf_bytes file;
    file.text("tokenizer.ggml.model", model).text("tokenizer.ggml.pre", pieces);
    file.texts("tokenizer.ggml.tokens", tokens).i32s("tokenizer.ggml.token_type", types);
    file.texts("tokenizer.ggml.merges", merged);
    file.u32("tokenizer.ggml.bos_token_id", begins).u32("tokenizer.ggml.eos_token_id", ends);
    return file.bytes();
  }
  [[nodiscard]] byte_pair_tokenizer made() const {
    const std::vector<std::byte> all = bytes();
    return byte_pair_tokenizer(gguf_file::from_memory(all, "test"));
  }
  [[nodiscard]] std::string refusal() const {
    try {
      (void)made();
    } catch (const error& problem) {
      return problem.what();
    }
    return "opened";
  }
};

std::string text_of(const byte_pair_tokenizer& tokenizer, const std::vector<int>& tokens) {
  std::string text;
  for (const int t : tokens) text += tokenizer.bytes_of(t);
  return text;
}

}  // namespace

TEST_CASE("byte pair tokenizer: numbers are those of another program, and texts come back") {
  vocabulary v;
  const byte_pair_tokenizer digits_apart = v.made();
  v.pieces = "gpt-2";
  const byte_pair_tokenizer plain = v.made();
  REQUIRE(goldens.size() == 30);
  for (const golden& g : goldens) {
    CAPTURE(g.text);
    const byte_pair_tokenizer& t = std::string(g.pieces) == "smollm" ? digits_apart : plain;
    CHECK(t.encode(g.text) == g.tokens);
    CHECK(text_of(t, t.encode(g.text)) == g.text);
  }
  CHECK(digits_apart.size() == 279);
  CHECK(digits_apart.begins() == 276);
  CHECK(digits_apart.ends() == 277);
}

TEST_CASE("byte pair tokenizer: control tokens by their names, the longest first, or as letters") {
  const byte_pair_tokenizer t = vocabulary().made();
  CHECK(t.encode("<|b|>a<|e|><|e|>x") == std::vector<int>{276, 'a', 277, 278});
  CHECK(t.encode("<|e|>", control_names::text) == std::vector<int>{'<', '|', 'e', '|', '>'});
  CHECK(t.bytes_of(276).empty());
  CHECK(t.bytes_of(-1).empty());
  CHECK(t.bytes_of(279).empty());
  CHECK(t.bytes_of(257) == "the");
}

TEST_CASE("byte pair tokenizer: what is no UTF-8 comes back, too; a byte without a token is left out") {
  const byte_pair_tokenizer t = vocabulary().made();
  std::string all;
  for (int i = 0; i < 1024; ++i) all += static_cast<char>(i * 37 % 256);
  for (const char* hostile :
       {"\xC3", "\xE6\xBC", "\xF0\x9F\x98", "\xFF\xFE", "\xED\xA0\x80", "\xC0\x80", "a\x80z"})
    all += hostile;
  CHECK(text_of(t, t.encode(all)) == all);
  vocabulary fewer;
  fewer.types[0x04] = 3;  // no text has it any more
  CHECK(fewer.made().encode("a\x04z") == std::vector<int>{'a', 'z'});
}

TEST_CASE("byte pair tokenizer: a piece of a hundred thousand letters takes no square of that") {
  const byte_pair_tokenizer t = vocabulary().made();
  const auto begin = std::chrono::steady_clock::now();
  CHECK(t.encode(std::string(100'000, 'a')).size() == 25'000);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("byte pair tokenizer: files that hold none") {
  const auto refused = [](auto&& change, const char* id) {
    vocabulary v;
    change(v);
    const std::string found = v.refusal();
    CAPTURE(found);
    CHECK(found.find(std::string("[spankey.") + id + "] test: ") == 0);
  };
  refused([](vocabulary& v) { v.model = "llama"; }, "tokenizer.101");
  refused([](vocabulary& v) { v.pieces = "qwen2"; }, "tokenizer.101");
  refused([](vocabulary& v) { v.types.pop_back(); }, "tokenizer.102");
  refused([](vocabulary& v) { v.tokens.clear(), v.types.clear(); }, "tokenizer.102");
  refused([](vocabulary& v) { v.tokens[300 - 30] = ""; }, "tokenizer.102");
  refused([](vocabulary& v) { v.tokens[270] = "a b"; }, "tokenizer.102");           // a space is no letter
  refused([](vocabulary& v) { v.tokens[270] = "\xE6\xBC\xA2"; }, "tokenizer.102");  // nor is that
  refused([](vocabulary& v) { v.tokens[270] = "\xC3"; }, "tokenizer.102");
  refused([](vocabulary& v) { v.tokens[270] = "a"; }, "tokenizer.102");  // twice
  refused([](vocabulary& v) { v.merged[3] = "in"; }, "tokenizer.103");
  refused([](vocabulary& v) { v.merged[3] = "i zz"; }, "tokenizer.103");
  refused([](vocabulary& v) { v.merged[3] = "z z"; }, "tokenizer.103");  // which is no token together
  refused([](vocabulary& v) { v.merged[3] = ""; }, "tokenizer.103");
  refused([](vocabulary& v) { v.begins = 279; }, "tokenizer.104");
  refused([](vocabulary& v) { v.ends = ~0U; }, "tokenizer.104");
}
