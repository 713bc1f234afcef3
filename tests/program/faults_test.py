"""One system call of a training fails on purpose, every one in turn: a clear error or a correct end, never a loss."""
import errno
import os
import pathlib
import shutil
import subprocess
import sys

import interrupted
import program

LIBRARY = pathlib.Path(os.environ.get("SPANKEY_BIN", ".")).resolve() / "libspankey_faults.so"
LONG = "SPANKEY_LONG" in os.environ
# Of the calls of a kind; allocations are by the thousand.
ALLOCATIONS = int(os.environ.get("SPANKEY_ALLOCATIONS", "0" if LONG else "60"))  # 0: all of them
FLAGS = ["--data", "linear", "--train-limit", "16", "--batch", "8", "--epochs", "2", "--test-limit", "8",
         "--eval-keys", "1", "--eval-images", "8", "--threads", "1", "--checkpoint-seconds", "0"]

if not LIBRARY.exists():
    print(f"skipped: there is no {LIBRARY}")
    sys.exit(77)


def run_with(run, kind, at, code, *arguments):
    """The program with one failing call; the result, and how many calls there were."""
    count = run.parent / "count"
    count.unlink(missing_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(LIBRARY), "SPANKEY_FAULT_KIND": kind, "SPANKEY_FAULT_AT": str(at),
                   "SPANKEY_FAULT_CODE": str(code), "SPANKEY_FAULT_FOLDER": str(run),
                   "SPANKEY_FAULT_COUNT": str(count)}
    result = subprocess.run([program.PROGRAM, "train", *arguments], cwd=run.parent, env=environment,
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    return result, int(count.read_text()) if count.exists() else 0


def check_end(result, run, expected, what):
    """Status 0 and the right files, or status 2, one line, and a run that goes on to the right files."""
    if result.returncode == 0:
        assert result.stderr == b"", (what, result.stderr)
        interrupted.check_same(interrupted.outcome(run), expected)
        return "correct end"
    line = result.stderr.decode()
    assert result.returncode == 2 and line.startswith("[spankey.") and line.count("\n") == 1, (what, result)
    if not (run / "config.json").exists() or not (run / "key_space.safetensors").exists():
        return "clear error"  # nothing had begun
    again = program.start("train", "--resume", run, "--threads", "1", cwd=run.parent)
    assert again.returncode == 0 and again.stderr == b"", (what, again)
    interrupted.check_same(interrupted.outcome(run), expected)
    return "clear error"


def every_call(folder, kind, codes, sample=0):
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    result, calls = run_with(run, kind, 0, 0, *FLAGS, "--out", run)
    assert result.returncode == 0, result
    expected = interrupted.outcome(run)
    assert calls > 0, calls
    numbers = range(1, calls + 1)
    if sample and calls > sample:
        numbers = [1 + i * (calls - 1) // (sample - 1) for i in range(sample)]
    ends = {}
    for code in codes:
        for at in numbers:
            shutil.rmtree(run, ignore_errors=True)
            what = f"{kind} {at} of {calls}, {errno.errorcode.get(code, 'short')}"
            result, _ = run_with(run, kind, at, code, *FLAGS, "--out", run)
            end = check_end(result, run, expected, what)
            ends[end] = ends.get(end, 0) + 1
    print(f"{kind}: {sum(ends.values())} faults at {calls} calls: {ends}, lost 0")
    return ends


def test_writes(folder):
    ends = every_call(folder, "write", [errno.ENOSPC] + ([errno.EIO] if LONG else []))
    assert set(ends) == {"clear error"}, ends


def test_short_and_interrupted_writes(folder):
    ends = every_call(folder, "write", [0, errno.EINTR], sample=0 if LONG else 20)
    assert set(ends) == {"correct end"}, ends


def test_flushes(folder):
    ends = every_call(folder, "fsync", [errno.EIO])
    assert set(ends) == {"clear error"}, ends
    ends = every_call(folder, "fsync", [errno.EINTR], sample=0 if LONG else 10)
    assert set(ends) == {"correct end"}, ends


def test_renames(folder):
    ends = every_call(folder, "rename", [errno.ENOSPC, errno.EIO] if LONG else [errno.EIO])
    assert set(ends) == {"clear error"}, ends


def test_links(folder):
    """Where a file without a name cannot get one, it is written under a temporary one."""
    ends = every_call(folder, "link", [errno.EIO])
    assert set(ends) == {"correct end"}, ends


def test_killed_at_any_call(folder):
    """No file of keys is left in the making, and the run goes on to the same bytes."""
    run = folder / "run"
    result, calls = run_with(run, "any", 0, 0, *FLAGS, "--out", run)
    assert result.returncode == 0, result
    expected = interrupted.outcome(run)
    keys = max(program.tensor_bytes(run / "key_space.safetensors").values(), key=len)[:64]
    sample = calls if LONG else 40
    ends = {"went on": 0, "nothing had begun": 0}
    for at in sorted({1 + i * (calls - 1) // (sample - 1) for i in range(sample)}):
        shutil.rmtree(run)
        result, _ = run_with(run, "any", at, -1, *FLAGS, "--out", run)
        assert result.returncode == -9 and result.stderr == b"", (at, result)
        for file in run.rglob("*") if run.exists() else ():
            assert file.name == "key_space.safetensors" or keys not in file.read_bytes(), (at, file)
        if not (run / "config.json").exists() or not (run / "key_space.safetensors").exists():
            ends["nothing had begun"] += 1
            run.mkdir(exist_ok=True)
            continue
        program.succeeds("train", "--resume", run, "--threads", "1", cwd=folder)
        interrupted.check_same(interrupted.outcome(run), expected)
        ends["went on"] += 1
    print(f"killed before {sum(ends.values())} of {calls} calls: {ends}, lost 0")
    assert ends["went on"] > sample // 2, ends


def test_closes(folder):
    every_call(folder, "close", [errno.EIO], sample=0 if LONG else 40)


def test_allocations(folder):
    every_call(folder, "allocation", [errno.ENOMEM], sample=ALLOCATIONS)
    # A thread's first loop is among these, which would leave oneTBB waiting for ever if a limit of threads were there.
    every_call(folder, "scheduler", [errno.ENOMEM])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
