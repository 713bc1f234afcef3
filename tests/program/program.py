"""The program under test, a run small enough for a test, and what the tests of this folder share."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))  # for whoever imports this, too
import safetensors_io

PROGRAM = pathlib.Path(os.environ.get("SPANKEY_BIN", ".")).resolve() / "spankey"
TINY = ["--train-limit", "24", "--test-limit", "16", "--batch", "8", "--epochs", "1", "--eval-keys", "2",
        "--eval-images", "8"]
FILES = {"config.json", "log.jsonl", "weights.safetensors", "key_space.safetensors", "metrics.json"}

if not PROGRAM.exists():
    print(f"skipped: there is no {PROGRAM}")
    sys.exit(77)


def start(*arguments, cwd):
    """Runs the program to its end; stdout and stderr are bytes."""
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=300, check=False)


def succeeds(*arguments, cwd):
    """The program ends with status 0 and says nothing on stderr."""
    result = start(*arguments, cwd=cwd)
    assert result.returncode == 0 and result.stderr == b"", (arguments, result.returncode, result.stderr)
    return result


def train_tiny(folder, *more, **other):
    """A finished tiny run in `folder`, which its parent holds; train_limit=0: with another value of --train-limit."""
    flags = list(map(str, TINY))
    for name, value in other.items():
        flags[flags.index("--" + name.replace("_", "-")) + 1] = value
    return succeeds("train", *flags, *more, "--out", folder, cwd=folder.parent)


def train_linear(folder, *more):
    """The quickest of tiny runs; returns its folder."""
    train_tiny(folder, "--data", "linear", *more)
    return folder


def evaluated_again(run, *more):
    """eval makes the same metrics.json once more, byte for byte, from the files, wherever they are."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "elsewhere" / "copy"
        shutil.copytree(run, copy)
        for name in ("metrics.json", "log.jsonl"):
            (copy / name).unlink()
        succeeds("eval", "--run", copy, *more, cwd=folder)
        expected = contents(run)
        del expected["log.jsonl"]
        assert contents(copy) == expected, f"eval of {run}"


def refused(*arguments, cwd, names):
    """The program refuses with status 2 and one line on stderr that holds every one of `names`."""
    result = start(*arguments, cwd=cwd)
    line = result.stderr.decode()
    what = f"{arguments}: status {result.returncode}, stderr {line!r}"
    assert result.returncode == 2, what
    assert line.startswith("[spankey.") and line.endswith("\n") and line.count("\n") == 1, what
    assert "\r" not in line and "\x1b" not in line, what
    for name in names:
        assert name in line, f"{what}: expected {name!r} in it"
    return result


def wait_until(condition, process, seconds=120):
    """Until something is so while a process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end, "it never came"
        time.sleep(0.005)


def wait_for(file, process, seconds=120):
    """Until a running process has made a file."""
    wait_until(file.exists, process, seconds)


def safetensors_header(file):
    """Names, types and shapes of a safetensors file, and its metadata."""
    tensors, metadata = safetensors_io.read(file)
    return {name: (kind, shape) for name, (kind, shape, _) in tensors.items()}, metadata


def tensor_bytes(file):
    """The bytes of every tensor."""
    return {name: bytes(content) for name, (_, _, content) in safetensors_io.read(file)[0].items()}


def without_checksums(data):
    """A safetensors file whose metadata has none, so that the next check is what finds a change."""
    header = safetensors_io.header_of(data)
    header["__metadata__"] = {name: value for name, value in header["__metadata__"].items()
                              if not name.startswith("crc32")}
    text = json.dumps(header, separators=(",", ":")).encode()
    return safetensors_io.with_header(text, data[safetensors_io.data_begin(data):])


def checkpoints_of(folder):
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob("checkpoint-*.safetensors"))


def contents(folder):
    """Every file below `folder` by relative name."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def state(folder):
    """What every write to a file below `folder` changes."""
    return {str(p.relative_to(folder)): (s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode)
            for p in sorted(folder.rglob("*")) for s in [p.stat()]}


def run_tests(module):
    """Calls every test_* function of a module with a fresh folder; exit status 1 when one fails."""
    failed = 0
    for name, test in list(vars(module).items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
                print(f"ok      {name}")
            except AssertionError as problem:
                failed += 1
                print(f"FAILED  {name}: {problem}" if str(problem) else f"FAILED  {name}")
                traceback_of(problem)
    sys.exit(1 if failed else 0)


def traceback_of(problem):
    frame = problem.__traceback__
    while frame is not None:
        print(f"          {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}")
        frame = frame.tb_next
