"""The firmware on 64-bit Arm under qemu-aarch64. Nothing counts instructions there, and nothing watches the stack."""
import target


def main():
    compiler, nm, size, qemu = target.need("aarch64-linux-gnu-g++", "aarch64-linux-gnu-nm", "aarch64-linux-gnu-size",
                                           "qemu-aarch64")
    with target.cases() as case:
        target.compiles_alone(compiler, "spankey/infer.hpp")
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
            target.describe(f"aarch64, {weight} weights", flash=constants,
                            code=constants - found.sizes["weights"] - found.sizes["case"], weights=found.sizes["weights"],
                            keys_and_images=found.sizes["case"], static_RAM=data + zeros,
                            largest_difference=f"{difference:.1e}")


if __name__ == "__main__":
    main()
