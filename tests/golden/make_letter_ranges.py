"""Writes include/spankey/data/letter_ranges.inl: which code points are letters (\\p{L}) and numbers (\\p{N}), as ranges, from the
tables of this Python (`unicodedata`). usage: make_letter_ranges.py > include/spankey/data/letter_ranges.inl"""

import unicodedata


def ranges(kind):
    found = []
    for code in range(0x110000):
        if unicodedata.category(chr(code))[0] != kind:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def array(name, kind, sentence):
    found = ranges(kind)
    print(f"// {sentence}")
    print(f"inline constexpr std::array<code_range, {len(found)}> {name} = {{{{")
    line = "   "
    for i, (first, last) in enumerate(found):
        piece = f" {{0x{first:X}, 0x{last:X}}}" + ("," if i + 1 < len(found) else "")
        if len(line) + len(piece) > 110:
            print(line)
            line = "   "
        line += piece
    print(line + "}};")


print(f"// Letters and numbers of Unicode {unicodedata.unidata_version}, in order. Written by tests/golden/make_letter_ranges.py.")
print("// clang-format off")
array("letter_ranges", "L", "\\p{L}")
array("number_ranges", "N", "\\p{N}")
print("// clang-format on")
