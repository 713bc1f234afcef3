"""Programs that run a session, compiled for a test: from embedded headers, or from the files of `convert`."""
import os
import pathlib
import re
import shutil
import subprocess

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))

EMBEDDED = """
#include <cstdio>
#include "spankey/infer.hpp"
#include "weights.hpp"
#include "key.hpp"
{network}
{session}
alignas(16) static std::byte memory[decltype(session)::memory_bytes];
int main() {{
  static float x[network::input::size];
  for (int i = 0; i < int(network::input::size); ++i) x[i] = float(i % 7) * 0.25F - 0.5F;
  spankey::infer::answer<network> answer;
  {open}
  for (int keyed = 0; keyed < 2; ++keyed) {{
    if (keyed && session.bind(net_key) != spankey::infer::status::ok) return 2;
    if (session.run_normalised(x, answer) != spankey::infer::status::ok) return 3;
    for (float z : answer.logits) std::printf("%.9g ", double(z));
    std::puts("");
  }}
}}
"""

# IMAGE INPUT [KEY FILE]: logits of the input, floats in (H, W, C) order; status 10 + the session's where the key is refused.
FROM_FILES = """
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>
#include "spankey/infer.hpp"
using network = {network};
std::vector<char> bytes_of(const char* path) {{
  std::ifstream in(path, std::ios::binary);
  return {{std::istreambuf_iterator<char>(in), {{}}}};
}}
int main(int count, char** names) {{
  const auto image = bytes_of(names[1]), input = bytes_of(names[2]);
  std::vector<std::byte> memory(spankey::infer::session<network>::memory_bytes);
  spankey::infer::session<network> session;
  if (session.open(std::as_bytes(std::span(image)), memory) != spankey::infer::status::ok) return 1;
  if (count > 3) {{
    const auto key = bytes_of(names[3]);
    const auto bound = session.bind_file(std::as_bytes(std::span(key)));
    if (bound != spankey::infer::status::ok) return 10 + static_cast<int>(bound);
  }}
  if (input.size() != sizeof(float) * network::input::size) return 3;
  spankey::infer::answer<network> answer;
  const std::span<const float> x(reinterpret_cast<const float*>(input.data()), network::input::size);
  if (session.run_normalised(x, answer) != spankey::infer::status::ok) return 4;
  for (float z : answer.logits) std::printf("%.9g ", double(z));
}}
"""


def build(folder, text):
    source, program = folder / "program.cpp", folder / "program"
    source.write_text(text)
    result = subprocess.run([COMPILER, "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-I", INCLUDE, "-I", folder,
                             source, "-o", program], capture_output=True, check=False, text=True)
    assert result.returncode == 0, result.stderr[:4000]
    return program


def logits(program, *arguments):
    """One list for every line that the program prints."""
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, check=False, text=True)
    assert result.returncode == 0, (program, result.returncode, result.stderr)
    return [[float(z) for z in line.split()] for line in result.stdout.splitlines()]


def embedded(folder, name="net"):
    """Compiles weights.hpp and key.hpp of `folder` with the lines that weights.hpp's own comment names."""
    comment = (folder / "weights.hpp").read_text().split("#pragma once")[0]
    lines = [line.lstrip("/ ") for line in comment.splitlines()]
    last = next(i for i, line in enumerate(lines) if line.startswith("using network = "))
    first = next((i for i, line in enumerate(lines) if line.startswith("constexpr ")), last)
    network = "\n".join(lines[first:last + 1])
    session = re.search(r"spankey::infer::session<network.*> session;", comment)[0]
    opening = re.search(rf"(session\.open\(std::as_bytes\(std::span\({name}\)\), memory\));", comment)[1]
    text = EMBEDDED.format(network=network, session=session,
                           open=f"if ({opening} != spankey::infer::status::ok) return 1;")
    return build(folder, text)
