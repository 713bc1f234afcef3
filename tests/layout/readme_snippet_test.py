"""The first C++ block of README.md is the whole first example, includes and all, which the build compiles and runs."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
README = ROOT / "README.md"
EXAMPLE = ROOT / "examples" / "01_gated_training.cpp"
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAX_LINES = 45


def complaint():
    block = BLOCK.search(README.read_text(encoding="utf-8"))
    if block is None:
        return "README.md has no ```cpp block"
    shown, run = block.group(1).splitlines(), EXAMPLE.read_text(encoding="utf-8").splitlines()
    if len(shown) > MAX_LINES:
        return f"the block has {len(shown)} lines; expected at most {MAX_LINES}"
    for number, (left, right) in enumerate(zip(shown + [None], run + [None]), start=1):
        if left != right:
            return f"line {number} of the block is {left!r}; {EXAMPLE.name} has {right!r}"
    return None


if __name__ == "__main__":
    found = complaint()
    print(found or "README.md shows what the example runs")
    sys.exit(1 if found else 0)
