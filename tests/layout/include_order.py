"""Which header may include which: the table of folders, and the one place of every package.

usage: include_order.py INCLUDE_DIRECTORY      prints one line per violation; exit status 1 if there is any
"""
import pathlib
import re
import sys

# folder -> folders whose headers it may include (its own always). An entry with a dot is a single header.
CORE = {"core"}
BACKEND = CORE | {"backend"}
FILE = CORE | {"file"}
LAYER = BACKEND | FILE | {"layer"}
INJECT = LAYER | {"inject"}
MODEL = INJECT | {"model"}
STORED = BACKEND | FILE
WITH_PARAMETERS = STORED | {"layer/parameter.hpp"}
TRAIN = MODEL | {"data", "key", "loss", "optim", "checkpoint", "train"}
INFER = MODEL | {"key", "infer"}
LOCK = INFER | {"checkpoint", "lock"}
RELEASE = LOCK | {"release"}
MAY_INCLUDE = {
    "core": CORE,
    "backend": BACKEND,
    "file": FILE,
    "layer": LAYER,
    "inject": INJECT,
    "model": MODEL,
    "data": STORED,
    "key": STORED,
    "loss": STORED,
    "optim": WITH_PARAMETERS,
    "checkpoint": WITH_PARAMETERS | {"key"},  # the key-space file; key includes nothing of checkpoint
    "train": TRAIN,
    "infer": INFER,
    "lock": LOCK,
    "release": RELEASE,
    "diagnose": TRAIN | RELEASE,
    "attack": TRAIN | RELEASE,
    "interop": WITH_PARAMETERS | {"key"},
    "testing": MODEL | {"key", "loss"},
    "infer.hpp": INFER,
    "train.hpp": TRAIN,
    "cuda.hpp": TRAIN,
    "spankey.hpp": TRAIN | INFER | {"diagnose", "attack", "testing", "interop", "train.hpp", "infer.hpp"},
}

# package -> (what its include names look like, the only places that include it)
PACKAGES = {
    "oneTBB": (r"(tbb|oneapi)/", ["backend/cpu/parallel.hpp"]),
    "OpenBLAS": (r"(cblas|openblas\w*|f77blas)\.h$", ["backend/cpu/blas.hpp"]),
    "Eigen": (r"(unsupported/)?Eigen/", ["diagnose/", "attack/", "interop/eigen.hpp"]),
    "xtensor": (r"(xtensor|xtl|xsimd)/", ["interop/xtensor.hpp"]),
    "CUDA": (r"(cuda|cublas|cudnn)\w*\.h$", ["backend/cuda/"]),
    "zlib": (r"zlib\.h$", ["data/gzip.hpp"]),
    "MPI": (r"mpi\.h$", ["train/ranks.hpp"]),
    "NCCL": (r"nccl\w*\.h$", ["train/nccl.hpp"]),
    "libpng": (r"png\.h$", ["data/png.hpp"]),
    "libjpeg": (r"(jpeglib|jerror|turbojpeg)\.h$", ["data/jpeg.hpp"]),
    "libsodium": (r"sodium(\.h$|/)", ["key/derivation.hpp", "key/recipient.hpp", "key/sealed_bytes.hpp"]),
}
SYSTEM = re.compile(r"^[a-z_0-9]+$|^(immintrin|arm_neon|cpuid|fcntl|signal|unistd|dirent|windows|io)\.h$|^(sys|asm|linux)/\w+\.h$")
NO_PACKAGE = "infer.hpp"  # nothing it reaches may include a package
MAX_LINES = 300
UMBRELLAS = ("train.hpp", "infer.hpp", "cuda.hpp", "spankey.hpp")
MACRO_GUARDS = ["spankey/core/macros_off.hpp", "spankey/core/macros_on.hpp"]
NUMBER_TEST = re.compile(r"std::is(finite|nan|inf|normal)\b")
# A type of another folder, only declared, is an include that nobody sees.
DECLARED = re.compile(r"(?<!>)\n(?:struct|class) (\w+);")
DIALECT = "core/dialect.hpp"  # what every header reaches first
STOPS = "SpanKey: "  # a file that does not exist: its include ends a compilation

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def folder_of(header):
    return header.split("/")[0]


def allowed(header, included):
    if folder_of(included) == folder_of(header):
        return True
    names = MAY_INCLUDE.get(folder_of(header), set())
    return folder_of(included) in names or included in names


def package_of(name):
    return next((package for package, (pattern, _) in PACKAGES.items() if re.match(pattern, name)), None)


def read_includes(root):
    """{header: (its spankey includes, its other includes)}, names relative to include/spankey."""
    includes = {}
    for path in sorted(root.glob("spankey/**/*")):
        if path.suffix not in {".hpp", ".inl", ".cuh"}:
            continue
        own, other = [], []
        for quoted, angled in INCLUDE.findall(path.read_text(encoding="utf-8")):
            (own if quoted else other).append(quoted or angled)
        includes[path.relative_to(root / "spankey").as_posix()] = (own, other)
    return includes


def violations(root):
    includes = read_includes(root)
    of_dialect = {DIALECT, *(name.removeprefix("spankey/") for name in includes.get(DIALECT, ([], []))[0])}
    for header, (own, other) in includes.items():
        if folder_of(header) not in MAY_INCLUDE:
            yield f"{header}: folder '{folder_of(header)}' is not in the table; known: {', '.join(MAY_INCLUDE)}"
            continue
        for name in own:
            if not name.startswith("spankey/"):
                yield f'{header}: includes "{name}"; expected "spankey/..."'
            elif name.removeprefix("spankey/") not in includes:
                yield f'{header}: includes "{name}", which does not exist'
            elif not allowed(header, name.removeprefix("spankey/")):
                may = ", ".join(sorted(MAY_INCLUDE[folder_of(header)]))
                yield f'{header}: includes "{name}"; {folder_of(header)} may include only: {may}'
        if not own and header.endswith(".hpp") and DIALECT in includes and header not in of_dialect:
            yield f'{header}: includes no header of the library; expected "spankey/{DIALECT}" at least'
        for name in other:
            if name.startswith(STOPS):
                continue
            package = package_of(name)
            if package is None:
                if not SYSTEM.match(name):
                    yield f"{header}: includes <{name}>, which is no system header and no package of the table"
            elif not any(header == place or (place.endswith("/") and header.startswith(place))
                         for place in PACKAGES[package][1]):
                yield f"{header}: includes <{name}>; {package} belongs in {', '.join(PACKAGES[package][1])} only"
        text = (root / "spankey" / header).read_text(encoding="utf-8")
        if NUMBER_TEST.search(text):
            yield f"{header}: asks the standard library whether a number is one; expected core/finite.hpp, which asks the bits"
        for name in DECLARED.findall(text):
            beside = (root / "spankey").glob(f"{folder_of(header)}/**/*.*pp")
            if not any(re.search(rf"\b(?:struct|class) {name}\b[^;]*\{{", path.read_text(encoding="utf-8")) for path in beside):
                yield f"{header}: declares {name}, which {folder_of(header)} does not define; expected a type of its own folder"
        lines = text.count("\n")
        if lines > MAX_LINES:
            yield f"{header}: {lines} lines; expected at most {MAX_LINES}"

    # Whatever a program includes first, or after an umbrella, meets no macro of others.
    reached, pending = set(), [header for header in UMBRELLAS if header in includes]
    while pending:
        header = pending.pop()
        if header not in reached:
            reached.add(header)
            pending.extend(name.removeprefix("spankey/") for name in includes.get(header, ([], []))[0])
    guards = {name.removeprefix("spankey/") for name in MACRO_GUARDS}
    for header, (own, _) in includes.items() if guards <= includes.keys() else ():
        begins = header in UMBRELLAS or header not in reached | guards
        if header.endswith(".hpp") and begins and own[:1] + own[-1:] != MACRO_GUARDS:
            yield f'{header}: an umbrella, or reached by none; expected "{MACRO_GUARDS[0]}" first and "{MACRO_GUARDS[1]}" last'

    # What gated inference reaches, with the way there.
    way = {NO_PACKAGE: NO_PACKAGE} if NO_PACKAGE in includes else {}
    pending = list(way)
    while pending:
        header = pending.pop()
        own, other = includes[header]
        for name in filter(package_of, other):
            yield f"{way[header]} -> <{name}>: {NO_PACKAGE} needs no package"
        for name in (name.removeprefix("spankey/") for name in own):
            if name in includes and name not in way:
                way[name] = f"{way[header]} -> {name}"
                pending.append(name)


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(violations(root))
    print("\n".join(found) if found else f"{len(read_includes(root))} headers in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
