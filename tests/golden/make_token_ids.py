"""Token numbers of a few texts in a small vocabulary, for tests/data/byte_pair_tokenizer_test.cpp, by Hugging Face's `tokenizers`
(pip install tokenizers): bytes 0 to 255 are tokens 0 to 255, then one token a merge. Prints C++."""
from tokenizers import Tokenizer, models, pre_tokenizers

MERGES = ["h e", "t he", "\u0120 the", "i n", "in g", "\u0120 a", "a n", "an d", "n d", "\u0120a nd", "\u0120 \u0120", "\u0120\u0120 \u0120\u0120",
          "a a", "aa aa", "' s", "\u00c3 \u00a9", "l l", "' ll", "r e", "\u010a \u010a"]
TEXTS = ["the thing and the sand", "  in   the\n\n  end  ", "1234 a5b 67", "it's we'll they're 'S 'sing", "caf\u00e9 \u00e9\u00e9 \u00fcber",
         "aaaaaaa aaaa aaa", "\u00bd\u0663 x\u00b2 \u2167", "a\u00a0b\u3000c \u2003 d", "\u6f22\u5b57\u304b\u306a \ud55c\uae00!?", "\U0001f600\U0001f468\u200d\U0001f469 e\u0301 .,;", "\t\tx\r\n y", " ", "",
         "Thehe  hehe theand", "end \n"]


def byte_letters():
    prints = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in prints]
    return {b: chr(b) for b in prints} | {b: chr(256 + i) for i, b in enumerate(others)}


letters = byte_letters()
tokens = [letters[b] for b in range(256)] + [m.replace(" ", "") for m in MERGES]
tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in MERGES]))
for name, steps in (("smollm", [pre_tokenizers.Digits(individual_digits=True)]), ("gpt-2", [])):
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    for text in TEXTS:
        literal = "".join(c if " " <= c <= "~" and c not in '"\\?' else "".join(f"\\{b:03o}" for b in c.encode()) for c in text)
        print(f'{{"{name}", "{literal}", {{{", ".join(map(str, tokenizer.encode(text).ids))}}}}},')
