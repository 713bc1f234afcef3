"""What the tests of interrupted runs share: a run of some seconds, stopping it anywhere, and comparing what it ends with."""
import os
import random
import subprocess
import time

import program
import sweep_folder

# A keyed run with Adam, a schedule and a warm-up that change with every step, over features: a step takes microseconds.
FLAGS = ["--data", "linear", "--train-limit", "600", "--test-limit", "64", "--batch", "16", "--epochs", "12",
         "--optimizer", "adamw", "--schedule", "one-cycle", "--deny-warmup", "5", "--eval-keys", "2", "--eval-images",
         "32", "--threads", "1"]
STEPS_PER_EPOCH, EPOCHS = 38, 12


def seeded():
    """Random moments that can be had again: SPANKEY_KILL_SEED."""
    seed = int(os.environ.get("SPANKEY_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"SPANKEY_KILL_SEED={seed}")
    return random.Random(seed)


def outcome(run):
    """Every file of a run; of the log what does not depend on the clock."""
    return sweep_folder.outcome(run)


def whole_run(folder, *more):
    """One that nothing stops."""
    program.succeeds("train", *FLAGS, *more, "--out", folder, cwd=folder.parent)
    return outcome(folder)


def command(run, *more):
    """Begins a run, or goes on with it where it has begun."""
    if (run / "config.json").exists():
        return [program.PROGRAM, "train", "--resume", run, "--threads", "1", *more]
    return [program.PROGRAM, "train", *FLAGS, "--out", run, *more]


def started(run, *more, begin=()):
    process = command(run, *more)
    if not (run / "config.json").exists():
        process += begin
    return subprocess.Popen(list(map(str, process)), cwd=run.parent, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines_of(run):
    log = run / "log.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def stopped_after(run, lines, number, *more, begin=()):
    """Starts or goes on, sends a signal once the log has so many lines more; the exit status and stdout."""
    before = lines_of(run)
    with started(run, *more, begin=begin) as process:
        end = time.monotonic() + 120
        while process.poll() is None and lines_of(run) < before + lines:
            assert time.monotonic() < end
            time.sleep(0.0005)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert err == b"", err
    return process.returncode, out.decode()


def check_same(found, expected):
    assert set(found) == set(expected), set(found) ^ set(expected)
    for name in expected:
        assert found[name] == expected[name], name
