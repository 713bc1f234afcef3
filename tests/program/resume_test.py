"""A training that was stopped goes on with train --resume and ends with the bytes of one that was not."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys

import data_files
import interrupted
import program
from interrupted import FLAGS, check_same, command, outcome, stopped_after, whole_run


def test_stopped_by_signals_at_any_step(folder):
    rng = interrupted.seeded()
    expected = whole_run(folder / "whole")
    run, statuses = folder / "run", []
    for _ in range(200):
        number = rng.choice([signal.SIGINT, signal.SIGTERM])
        # Only the signal saves: the clock never does.
        status, text = stopped_after(run, rng.randrange(1, 60), number, "--checkpoint-seconds", "1e9")
        statuses.append(status)
        if status == 0:
            break
        assert status == 128 + number, status
        if (run / "metrics.json").exists() or not program.checkpoints_of(run):
            continue  # before the first step, or after the last: there was nothing to save
        if "stopped by a signal" in text:
            assert f"train --resume {run}" in text, text
    assert statuses[-1] == 0 and len(statuses) > 5, statuses
    check_same(outcome(run), expected)


def test_a_checkpoint_is_after_the_step_that_was_begun(folder):
    """Most stops are inside an epoch, and lose no step."""
    run, inside = folder / "run", 0
    for stop, lines in enumerate((5, 40, 7, 3, 3, 3)):
        if stop >= 3 and inside:
            break  # on a busy machine the first three may all come at an epoch's end
        status, _ = stopped_after(run, lines, signal.SIGTERM, "--checkpoint-seconds", "1e9")
        assert status == 143
        _, metadata = program.safetensors_header(program.checkpoints_of(run)[-1])
        inside += metadata["step"] != "0"
        steps = [line for line in (run / "log.jsonl").read_text().splitlines() if "epoch_end" not in line]
        assert len(steps) == int(metadata["steps"]) == int(metadata["updates"])
        assert int(metadata["run.log_bytes"]) == (run / "log.jsonl").stat().st_size
    assert inside >= 1


def test_own_key_seed_and_secrets(folder):
    """The keys go on from their file; their seed is in no checkpoint."""
    seed = 6148914691236517205
    expected = whole_run(folder / "whole", "--key-seed", seed)
    run = folder / "run"
    begin = ["--key-seed", seed]
    status, _ = stopped_after(run, 50, signal.SIGTERM, begin=begin)
    assert status == 143
    spellings = [str(seed).encode(), b"%x" % seed, seed.to_bytes(8, "little")]
    keys = set(program.tensor_bytes(run / "key_space.safetensors").values())
    for checkpoint in program.checkpoints_of(run):
        data = checkpoint.read_bytes()
        assert not any(spelling in data for spelling in spellings)
        assert not any(key[:64] in data for key in keys)
    program.succeeds("train", "--resume", run, cwd=folder)
    check_same(outcome(run), expected)


def stopped_run(folder, name="run", *more):
    run = folder / name
    status, _ = stopped_after(run, 45, signal.SIGTERM, *more)
    assert status == 143
    status, _ = stopped_after(run, 20, signal.SIGTERM, *more)
    assert status == 143 and len(program.checkpoints_of(run)) >= 2
    return run


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(folder):
    expected = whole_run(folder / "whole")
    good = stopped_run(folder, "good")

    def resumed(change, *names):
        run = folder / "run"
        shutil.copytree(good, run)
        change(run)
        result = program.start("train", "--resume", run, cwd=folder)
        line = result.stderr.decode()
        assert result.returncode == 0 and line.count("\n") == 1 and "going on from" in line, (result, names)
        for name in names:
            assert name in line, (line, name)
        check_same(outcome(run), expected)
        shutil.rmtree(run)

    def newest(run):
        return program.checkpoints_of(run)[-1]

    def flip(run):
        data = bytearray(newest(run).read_bytes())
        data[-1000] ^= 16
        newest(run).write_bytes(data)

    def shorter_log(run):
        log = (run / "log.jsonl").read_bytes()
        (run / "log.jsonl").write_bytes(log[:-3])

    name = newest(good).name
    resumed(lambda run: newest(run).write_bytes(newest(run).read_bytes()[:-1]), name, "safetensors.109")
    resumed(lambda run: newest(run).write_bytes(b""), name, "safetensors.101")
    resumed(flip, name, "checksum.103", "damaged")
    resumed(shorter_log, "log.jsonl", "log.103")


def test_what_cannot_go_on_is_refused_and_left_alone(folder):
    run = stopped_run(folder)
    good = program.contents(run)

    def refused(*names, flags=()):
        before = program.state(run)
        program.refused("train", "--resume", run, *flags, cwd=folder, names=names)
        assert program.state(run) == before
        for name, data in good.items():
            (run / name).write_bytes(data)

    for checkpoint in program.checkpoints_of(run):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-5])
    refused("checkpoint.107", "none of its")
    config = json.loads(good["config.json"])
    (run / "config.json").write_text(json.dumps({**config, "lr": 0.02}))
    refused("config.109", "config.json")
    (run / "config.json").write_bytes(good["config.json"][:-10])
    refused("config.105")
    (run / "key_space.safetensors").unlink()
    refused("flag.126")
    keys = bytearray(good["key_space.safetensors"])
    keys[-7] ^= 1
    (run / "key_space.safetensors").write_bytes(keys)
    refused("checksum.103", "key_space.safetensors")
    (run / "key_space.safetensors").write_bytes(good["key_space.safetensors"])
    refused("flag.125", "--epochs", flags=["--epochs", "3"])
    refused("flag.125", "--out", flags=["--out", folder / "other"])
    program.refused("train", "--resume", folder / "none", cwd=folder, names=["config.104", "none"])
    program.refused("eval", "--run", run, cwd=folder, names=["flag.124", "not finished"])
    program.succeeds("eval", "--run", run, "--out", folder / "m.json", cwd=folder)
    program.succeeds("train", "--resume", run, cwd=folder)


def test_a_finished_run_stays_as_it_is(folder):
    run = program.train_linear(folder / "run")
    before = program.state(run)
    assert b"is finished" in program.succeeds("train", "--resume", run, cwd=folder).stdout
    assert program.state(run) == before
    # Killed between its last file and the removal of its checkpoints.
    (run / "checkpoint-000000000003.safetensors").write_text("of the last epoch")
    program.succeeds("train", "--resume", run, cwd=folder)
    assert program.state(run) == before


def test_other_data_is_refused(folder):
    data_files.write_idx(folder / "root" / "mnist")
    flags = ["--data", "mnist", "--data-root", folder / "root", "--batch", "8", "--epochs", "400", "--eval-keys", "2"]
    run = folder / "run"
    with subprocess.Popen([program.PROGRAM, "train", *map(str, flags), "--out", run], cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        program.wait_until(lambda: program.checkpoints_of(run), process)
        process.terminate()
    assert process.returncode == 143
    file = folder / "root" / "mnist" / "train-images-idx3-ubyte"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    before = program.state(run)
    program.refused("train", "--resume", run, "--data-root", folder / "root", cwd=folder, names=["config.110"])
    assert program.state(run) == before


def test_one_process_at_a_time(folder):
    run = stopped_run(folder)
    before = program.state(run)
    handle = os.open(run, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        program.refused("train", "--resume", run, cwd=folder, names=["io.122", str(run), "another process"])
        assert program.state(run) == before
    finally:
        os.close(handle)
    program.succeeds("train", "--resume", run, cwd=folder)


def test_a_sweep_is_stopped_and_goes_on(folder):
    experiment = {"name": "e", "seeds": [1, 2], "rows": [{"name": "one"}],
                  "flags": {"data": "linear", "epochs": 40, "train-limit": 400, "batch": 16, "eval-keys": 2,
                            "eval-images": 16, "test-limit": 32}}
    (folder / "e.json").write_text(json.dumps(experiment))
    program.succeeds("sweep", folder / "e.json", "--out", folder / "whole", cwd=folder)
    out = folder / "out"
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([program.PROGRAM, "sweep", folder / "e.json", "--out", out, "--checkpoint-seconds",
                               "1e9"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            logs = lambda: sum(log.read_bytes().count(b"\n") for log in out.glob("cells/*/log.jsonl"))
            before = logs()
            program.wait_until(lambda: logs() > before + 60, process)
            process.send_signal(number)
        assert process.returncode == 128 + number, process.returncode
    # A cell is a run: train goes on with it, too.
    cell = out / "cells" / "one-seed1"
    program.succeeds("train", "--resume", cell, cwd=folder)
    program.succeeds("sweep", folder / "e.json", "--out", out, cwd=folder)
    check_same(outcome(out), outcome(folder / "whole"))


def test_steps_that_are_not_finite(folder):
    flags = ["--data", "linear", "--train-limit", "64", "--test-limit", "16", "--batch", "16", "--epochs", "3",
             "--eval-keys", "1", "--lr", "1e9", "--optimizer", "sgd", "--schedule", "constant"]
    result = program.start("train", *flags, "--out", folder / "run", cwd=folder)
    line = result.stderr.decode()
    assert result.returncode == 2 and line.startswith("[spankey.train.13") and line.count("\n") == 1, line
    assert "not finite" in line and not (folder / "run" / "metrics.json").exists()
    program.succeeds("train", *flags, "--nonfinite", "ignore", "--out", folder / "ignored", cwd=folder)
    assert json.loads((folder / "ignored" / "config.json").read_text())["nonfinite"] == "ignore"


def test_a_run_that_was_killed_before_its_first_checkpoint(folder):
    expected = whole_run(folder / "whole")
    run = folder / "run"
    status, _ = stopped_after(run, 3, signal.SIGKILL, "--checkpoint-seconds", "1e9")
    if program.checkpoints_of(run):
        print("SKIPPED: the machine was too slow to be killed in the first epoch")
        return
    assert status == -signal.SIGKILL
    with open(run / "log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"epoch": 0, "st')  # torn
    program.succeeds(*command(run)[1:], cwd=folder)
    check_same(outcome(run), expected)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
