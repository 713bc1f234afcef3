"""What the tests of this folder share: firmware.cpp is built for a target, run there, and must answer as x86-64 does.

target_case, a program of the build, trains the network and writes what the firmware holds; see target_case.cpp.
Where SPANKEY_MNIST names a folder with MNIST, everything is done twice: with drawn images, and with those of MNIST.
"""
import math
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
INCLUDE = HERE.parents[1] / "include"
CASE_PROGRAM = pathlib.Path(os.environ.get("SPANKEY_BIN", ".")).resolve() / "target_case"
WEIGHTS = ("float", "int8")
STATES = ("none", "valid", "invalid", "wiped")
FLAGS = ["-std=c++20", "-Os", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-fno-exceptions", "-fno-rtti",
         "-ffunction-sections", "-fdata-sections", f"-I{INCLUDE}", f"-I{HERE}"]
TOLERANCE = 1e-4
# Whatever takes memory from a heap ends in one of these.
HEAP = {"malloc", "calloc", "realloc", "_malloc_r", "_sbrk", "sbrk", "_sbrk_r", "dlmalloc"}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need(*programs):
    """The paths of programs; the test is skipped where one is missing."""
    found = []
    for name in programs:
        path = shutil.which(name)
        if path is None:
            skip(f"there is no {name}")
        found.append(path)
    return found


def host_compiler():
    """For the build machine itself."""
    return os.environ.get("CXX") or need("c++")[0]


def run(*command, **more):
    """stdout and stderr of a command that must succeed."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
                          **more)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def build(compiler, weight, folder, sources, *flags):
    """firmware.cpp and `sources` for one weight type, without a warning; returns the file."""
    made = folder / f"firmware-{weight}"
    files = [HERE / name for name in ("firmware.cpp", *sources)]
    text = run(compiler, *FLAGS, f"-I{folder / weight}", *files, *flags, "-o", made)
    assert text == "", text
    return made


def compiles_alone(compiler, header, *flags):
    """A header, with the firmware's flags."""
    text = run(compiler, *FLAGS, *flags, "-fsyntax-only", "-include", header, "-x", "c++", os.devnull)
    assert text == "", text


def defined(nm, file):
    """The names that a linked file defines or wants, as they are mangled."""
    return {line.split()[-1] for line in run(nm, file).splitlines() if line.strip()}


def require_no_heap(names):
    """operator new is _Znw, operator new[] _Zna, and their deletes _Zdl and _Zda."""
    found = sorted(name for name in names if name in HEAP or name.startswith(("_Znw", "_Zna", "_Zdl", "_Zda")))
    assert not found, f"the firmware links the heap: {found}"


class report:
    """The lines that the firmware printed."""

    def __init__(self, lines):
        self.answers, self.sizes, self.costs, self.others = {}, {}, {}, []
        for line in lines:
            word, *rest = line.split()
            if word == "answer":
                state, image, semantic, rejected, *logits = rest
                values = [struct.unpack(">f", bytes.fromhex(bits))[0] for bits in logits]
                self.answers[state, int(image)] = int(semantic), int(rejected), values
            elif word == "size":
                self.sizes[rest[0]] = int(rest[1])
            elif word == "cost":
                self.costs[rest[0]] = int(rest[1])
            else:
                self.others.append(line)


def distance(got, wanted):
    """|got - wanted| / |wanted|"""
    assert len(got) == len(wanted), (len(got), len(wanted))
    return math.dist(got, wanted) / math.hypot(*wanted)


def compare(found, expected):
    """The firmware did all it should and answers as expected; returns the largest relative difference."""
    assert "end ok" in found.others, found.others
    assert found.sizes["left-by-key"] == 0, "the key's traces are still in memory"
    images = 1 + max(image for _, image in expected.answers)
    assert images >= 4
    assert expected.answers.keys() == {(state, image) for state in STATES for image in range(images)}
    assert found.answers.keys() == expected.answers.keys(), found.answers.keys()
    largest = 0.0
    for at, (semantic, rejected, logits) in expected.answers.items():
        largest = max(largest, distance(found.answers[at][2], logits))
        assert found.answers[at][:2] == (semantic, rejected), (at, found.answers[at], expected.answers[at])
    assert largest <= TOLERANCE, f"logits differ by {largest}, expected at most {TOLERANCE}"
    return largest


class cases:
    """The trained network's files, in a folder of their own, and what x86-64 answers. data: target_case's arguments."""

    def __init__(self, data):
        self.data = data
        if platform.machine() not in ("x86_64", "AMD64"):
            skip(f"what is compared with is x86-64; this is {platform.machine()}")
        if not CASE_PROGRAM.exists():
            skip(f"there is no {CASE_PROGRAM}")

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        lines = run(CASE_PROGRAM, self.folder, *self.data).splitlines()
        print(*(self.data or ["drawn images"]), *(line for line in lines if line.startswith("gate ")), sep=": ")
        self.expected = {w: report(line.removeprefix(w + " ") for line in lines if line.startswith(w + " "))
                         for w in WEIGHTS}
        self.labels = {int(line.split()[1]): int(line.split()[2]) for line in lines if line.startswith("label ")}
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()


def each_case():
    """With drawn images; then with MNIST's, where SPANKEY_MNIST names its folder."""
    mnist = os.environ.get("SPANKEY_MNIST")
    for data in [[]] if mnist is None else [[], [mnist]]:
        with cases(data) as case:
            yield case


def parts(whole, found):
    """What `whole` bytes of code and constants are made of."""
    weights, case = found.sizes["weights"], found.sizes["case"]
    return {"code": whole - weights - case, "weights": weights, "keys_and_images": case}


def describe(title, **figures):
    print(title + ":", ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))
