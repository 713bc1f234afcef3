"""The firmware as a WebAssembly module in Node: it imports one function to print with, and nothing else.

Nothing counts instructions there.
"""
import subprocess

import target

STACK = 16 * 1024
TARGET = ["--target=wasm32-wasi", "--sysroot=/usr"]  # where Debian puts wasi-libc and libc++
# The stack comes first, so that it ends in a trap and not in the data.
LINKED = ["-nostartfiles", "-nostdlib++", "-Wl,--no-entry,--export=firmware,--gc-sections,--strip-debug,--no-demangle",
          f"-Wl,--stack-first,-z,stack-size={STACK}"]


def main():
    compiler, node, _ = target.need("clang++", "node", "wasm-ld")
    probe = subprocess.run([compiler, *TARGET, "-x", "c++", "-include", "vector", "-fsyntax-only", "/dev/null"],
                           capture_output=True, check=False)
    if probe.returncode != 0:
        target.skip("clang++ has no C++ library for wasm32-wasi")
    for case in target.each_case():
        target.compiles_alone(compiler, "spankey/infer.hpp", *TARGET)
        for weight in target.WEIGHTS:
            made = target.build(compiler, weight, case.folder, ["wasm.cpp"], *TARGET, *LINKED)
            found = target.report(target.run(node, target.HERE / "wasm.mjs", made, STACK).splitlines())
            imports = [line for line in found.others if line.startswith("import ")]
            assert imports == ["import host print function"], imports
            names = {name for line in found.others if line.startswith("functions ") for name in line.split()[1:]}
            assert "firmware" in names, found.others
            target.require_no_heap(names)
            difference = target.compare(found, case.expected[weight])
            module = made.stat().st_size - found.sizes["names"]
            assert 0 < found.sizes["stack"] < STACK, found.sizes
            target.describe(f"WebAssembly, {weight} weights", module=module, **target.parts(module, found),
                            RAM=found.sizes["memory"] + found.sizes["stack"], stack=found.sizes["stack"],
                            linear_memory=found.sizes["pages"], largest_difference=f"{difference:.1e}")


if __name__ == "__main__":
    main()
