"""A training that is killed (kill -9) at 100 random moments ends with the bytes of one that was left alone."""
import os
import shutil
import subprocess
import sys
import time

import interrupted
import program

KILLS = int(os.environ.get("SPANKEY_KILLS", "100"))


def test_killed_at_random_moments(folder):
    rng = interrupted.seeded()
    begin = time.monotonic()
    program.succeeds("--version", cwd=folder)
    start = time.monotonic() - begin  # a tenth of a second where a GPU's libraries are loaded
    begin = time.monotonic()
    expected = interrupted.whole_run(folder / "whole", "--checkpoint-seconds", "0")
    whole = time.monotonic() - begin
    run, kills, finished, steps = folder / "run", 0, 0, set()
    while kills < KILLS:
        process = interrupted.started(run, "--checkpoint-seconds", "0")
        with process:
            try:
                process.wait(rng.uniform(start / 2, start + whole / 8))
            except subprocess.TimeoutExpired:
                process.kill()
            errors = process.stderr.read()
        if process.returncode == -9:
            kills += 1
            steps.add(program.checkpoints_of(run)[-1].name if program.checkpoints_of(run) else "none")
            if run.exists() and not (run / "config.json").exists():
                shutil.rmtree(run)  # killed before it was a run
            elif run.exists() and not (run / "key_space.safetensors").exists():
                shutil.rmtree(run)
            continue
        assert process.returncode == 0 and errors == b"", errors
        interrupted.check_same(interrupted.outcome(run), expected)
        shutil.rmtree(run)
        finished += 1
    if run.exists():
        with interrupted.started(run) as process:
            assert process.wait(300) == 0, process.stderr.read()
        interrupted.check_same(interrupted.outcome(run), expected)
        finished += 1
    print(f"killed {kills} times, at {len(steps)} different checkpoints; {finished} runs ended, all with the same bytes")
    assert len(steps) > KILLS // 10, steps


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
