"""spankey_infer.hpp, made by cmake/amalgamate.py: compiles alone, twice in one program, and classifies with nothing else."""
import re
import shutil
import sys

import target

ROOT = target.HERE.parents[1]
CONSUMER = """
#include <cstdio>

#include "spankey_infer.hpp"
#include "case.hpp"

using namespace spankey;
using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
using network_session = infer::session<network, case_weight>;
alignas(infer::image_alignment) static std::byte memory[network_session::memory_bytes];

const char* other_unit();

int main() {
  network_session session;
  if (session.open(std::as_bytes(std::span(case_weights)), memory) != infer::status::ok) return 1;
  const std::array<std::span<const float>, 2> key = {case_valid.site1, case_valid.site2};
  infer::answer<network> answer;
  for (const bool keyed : {false, true}) {
    if (keyed && session.bind(key) != infer::status::ok) return 1;
    for (const auto& image : case_images) {
      if (session.run(image, answer) != infer::status::ok) return 1;
      std::printf("%d %d %d\\n", keyed, static_cast<int>(answer.semantic_class), answer.rejected);
    }
  }
  std::puts(other_unit());
}
"""
OTHER = """
#include "spankey_infer.hpp"
const char* other_unit() { return SPANKEY_VERSION_STRING; }
"""


def answers(case):
    """The consumer's lines for what x86-64 is expected to answer."""
    for keyed, state in ((0, "none"), (1, "valid")):
        for image in case.labels:
            semantic, rejected, _ = case.expected["float"].answers[state, image]
            yield f"{keyed} {semantic} {rejected}"


def main():
    compiler = target.host_compiler()
    with target.cases([]) as case:
        folder = case.folder / "consumer"
        folder.mkdir()
        header = folder / "spankey_infer.hpp"
        target.run(sys.executable, ROOT / "cmake" / "amalgamate.py", ROOT / "include", header)
        text = header.read_text(encoding="utf-8")
        target.run(sys.executable, ROOT / "cmake" / "amalgamate.py", folder / "same.hpp")
        assert (folder / "same.hpp").read_text(encoding="utf-8") == text
        assert "include" in target.run(sys.executable, ROOT / "cmake" / "amalgamate.py", "--help")
        assert '#include "' not in text and text.count("#pragma once") == 1
        for name in ("g++", "clang++"):
            if shutil.which(name):
                for flags in ([], ["-fno-exceptions", "-fno-rtti"]):
                    target.run(name, "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", *flags,
                               "-fsyntax-only", "-x", "c++", "-include", header, "/dev/null")
        shutil.copy(case.folder / "float" / "case.hpp", folder)
        (folder / "main.cpp").write_text(CONSUMER, encoding="utf-8")
        (folder / "other.cpp").write_text(OTHER, encoding="utf-8")
        program = folder / "consumer"
        target.run(compiler, "-std=c++20", "main.cpp", "other.cpp", "-o", program, cwd=folder)
        lines = target.run(program).splitlines()
        version = re.search(r'SPANKEY_VERSION_STRING "([^"]+)"',
                            (ROOT / "include/spankey/core/version.hpp").read_text(encoding="utf-8")).group(1)
        assert lines == [*answers(case), version], lines
        target.describe("amalgamation", header=len(text))


if __name__ == "__main__":
    main()
