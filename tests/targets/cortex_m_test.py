"""The firmware on Arm Cortex-M boards that QEMU emulates: -Os, newlib, no exceptions, no heap, 64 KiB of RAM.

An instruction count is QEMU's (-icount shift=0, read through SysTick, calibrated by the firmware); cycles of a real
processor are more.
"""
import target

RAM_LIMIT = 64 * 1024  # beyond the weights, which stay in flash
BOARDS = {  # QEMU's machine, compiler flags
    "Cortex-M4F": ("mps2-an386", ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
    "Cortex-M3": ("mps2-an385", ["-mcpu=cortex-m3"]),
}
# Arithmetic in double is a call of these on both.
DOUBLE = {"__aeabi_dadd", "__aeabi_dsub", "__aeabi_dmul", "__aeabi_ddiv"}


def sections(size, file):
    """{name: bytes} of what is in flash or RAM."""
    lines = [line.split() for line in target.run(size, "-A", file).splitlines()]
    return {name: int(count) for name, count, *_ in (line for line in lines if len(line) == 3 and line[0][0] == ".")}


def check(name, weight, case, tools):
    compiler, nm, size, qemu = tools
    machine, flags = BOARDS[name]
    flags = ["-mthumb", *flags]
    made = target.build(compiler, weight, case.folder, ["cortex_m.cpp"], *flags, "-nostartfiles", "-specs=nano.specs",
                        "-Wl,--gc-sections", "-T", target.HERE / "cortex_m.ld")
    names = target.defined(nm, made)
    assert "firmware" in names, names
    target.require_no_heap(names)
    doubles = sorted(DOUBLE & names)
    assert not doubles, f"arithmetic in double: {doubles}"

    found = target.report(target.run(qemu, "-M", machine, "-nographic", "-monitor", "none", "-serial", "none",
                                     "-icount", "shift=0", "-semihosting-config", "enable=on,target=native",
                                     "-kernel", made).splitlines())
    assert "calibration ok" in found.others, found.others
    difference = target.compare(found, case.expected[weight])

    linked = sections(size, made)
    static = linked.get(".data", 0) + linked[".bss"]
    ram = static + found.sizes["stack"]
    flash = sum(linked.get(section, 0) for section in (".text", ".init_array", ".data"))
    assert static >= found.sizes["memory"] and found.sizes["stack"] > 0
    assert ram <= RAM_LIMIT, f"{ram} bytes of RAM, expected at most {RAM_LIMIT}"
    target.describe(f"{name} ({machine}), {weight} weights", flash=flash, **target.parts(flash, found), RAM=ram,
                    static=static, stack=found.sizes["stack"], largest_difference=f"{difference:.1e}")
    target.describe("  instructions", **found.costs)
    assert found.costs.keys() == {"open", "bind", *target.STATES}, found.costs


def check_sealed_key(tools, folder):
    """What binds a sealed key calls the firmware's cipher, and neither a heap nor arithmetic in double."""
    made = folder / "sealed_key.o"
    said = target.run(tools[0], *target.FLAGS, "-mthumb", *BOARDS["Cortex-M4F"][1], "-c", target.HERE / "sealed_key.cpp", "-o", made)
    assert said == "", said
    names = target.defined(tools[1], made)
    target.require_no_heap(names)
    assert "open_sealed_bytes" in names and not DOUBLE & names, names


def main():
    tools = target.need("arm-none-eabi-g++", "arm-none-eabi-nm", "arm-none-eabi-size", "qemu-system-arm")
    for case in target.each_case():
        check_sealed_key(tools, case.folder)
        target.compiles_alone(tools[0], "spankey/infer.hpp", "-mthumb", *BOARDS["Cortex-M4F"][1])
        for name in BOARDS:
            for weight in target.WEIGHTS:
                check(name, weight, case, tools)


if __name__ == "__main__":
    main()
