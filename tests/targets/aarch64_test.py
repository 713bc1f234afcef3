"""The firmware on 64-bit Arm under qemu-aarch64, whose instructions a plugin counts where this QEMU takes it.

Nothing watches the stack there.
"""
import re
import subprocess

import target

# The calls between two marks, in the order of firmware.cpp.
MARKED = ["open", "none", "bind", "valid", "bind", "invalid", "wiped"]


def counting_plugin(case, qemu):
    """The plugin's file. QEMU 9 counts its plugins' interface anew; what is used of it stayed as it was."""
    version = int(re.search(r"version (\d+)", target.run(qemu, "--version")).group(1))
    made = case.folder / "count_instructions.so"
    text = target.run(target.host_compiler(), *target.FLAGS, "-shared", "-fPIC", target.HERE / "count_instructions.cpp",
                      f"-DAPI_VERSION={1 if version < 9 else 2}", "-o", made)
    assert text == "", text
    return made


def counts(qemu, plugin, program):
    """{call: instructions}, or None where this QEMU does not take the plugin."""
    done = subprocess.run([qemu, "-plugin", plugin, program], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        return None
    marks = [int(line) for line in done.stderr.split()]
    assert len(marks) == 2 * len(MARKED), marks
    return {call: after - before for call, before, after in zip(MARKED, marks[::2], marks[1::2])}


def main():
    compiler, nm, size, qemu = target.need("aarch64-linux-gnu-g++", "aarch64-linux-gnu-nm", "aarch64-linux-gnu-size",
                                           "qemu-aarch64")
    for case in target.each_case():
        target.compiles_alone(compiler, "spankey/infer.hpp")
        plugin = counting_plugin(case, qemu)
        objects = case.folder / "firmware.o"
        for weight in target.WEIGHTS:
            # The system's own library has a heap: what the network itself takes is seen before it is linked.
            text = target.run(compiler, *target.FLAGS, f"-I{case.folder / weight}", "-c", target.HERE / "firmware.cpp",
                              "-o", objects)
            assert text == "", text
            names = target.defined(nm, objects)
            assert "firmware" in names, names
            target.require_no_heap(names)
            made = target.build(compiler, weight, case.folder, ["hosted.cpp"], "-Wl,--gc-sections", "-static")
            found = target.report(target.run(qemu, made).splitlines())
            difference = target.compare(found, case.expected[weight])
            constants, data, zeros = (int(n) for n in target.run(size, objects).splitlines()[1].split()[:3])
            target.describe(f"aarch64, {weight} weights", flash=constants, **target.parts(constants, found),
                            static_RAM=data + zeros, largest_difference=f"{difference:.1e}")
            counted = counts(qemu, plugin, made)
            if counted is None:
                print("  instructions: not counted, this QEMU does not take the plugin")
            else:
                target.describe("  instructions", **counted)


if __name__ == "__main__":
    main()
