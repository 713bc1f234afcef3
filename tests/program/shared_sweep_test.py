"""Several processes share a folder of a sweep: killed at random, starved of disk, or followed by others, they end as one alone.
Costs 15 s of processor time, 40 s on a busy machine."""
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import disk_test
import program
import sweep_folder

EXPERIMENT = {
    "name": "shared", "title": "Shared", "seeds": [1, 2],
    "flags": {"data": "linear", "train-limit": 400, "test-limit": 64, "batch": 16, "epochs": 25, "eval-keys": 4,
              "eval-images": 32, "optimizer": "adamw", "schedule": "cosine"},
    "rows": [{"name": "one"}, {"name": "two", "flags": {"lr": 0.01}}, {"name": "three", "flags": {"deny": "A"}}],
}
PROCESSES, KILLS = 4, 12


def begun(file, out, *more, text=subprocess.DEVNULL):
    """Nobody reads what it says while others are asked: in a pipe it would wait for that."""
    return subprocess.Popen([program.PROGRAM, *map(str, sweep_folder.command(file, out, "--threads", 1, *more))],
                            cwd=file.parent, stdin=subprocess.DEVNULL, stdout=text, stderr=subprocess.PIPE)


def check_same(out, alone):
    found = sweep_folder.outcome(out)
    assert set(found) == set(alone), set(found) ^ set(alone)
    for name in alone:
        assert found[name] == alone[name], name
    assert {p.name for p in out.iterdir()} == {"experiment.json", "cells", *sweep_folder.RESULTS}


def alone_in(folder):
    file = sweep_folder.written(folder, EXPERIMENT)
    begin = time.monotonic()
    sweep_folder.run(file, folder / "alone", "--threads", 1)
    return file, sweep_folder.outcome(folder / "alone"), time.monotonic() - begin


def test_four_processes_killed_at_random(folder):
    seed = int(os.environ.get("SPANKEY_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"SPANKEY_KILL_SEED={seed}")
    rng = random.Random(seed)
    file, alone, whole = alone_in(folder)
    killed, rounds = 0, 0
    while killed < KILLS:
        out = folder / "shared"
        shutil.rmtree(out, ignore_errors=True)
        running = [begun(file, out) for _ in range(PROCESSES)]
        while running:
            time.sleep(rng.uniform(0, min(1.0, whole / 8)))
            chosen = rng.randrange(len(running))
            if killed < KILLS and running[chosen].poll() is None:
                running[chosen].kill()
                killed += 1
            for i, process in enumerate(running):
                if process.poll() is None:
                    continue
                _, err = process.communicate()
                # A cell that two were at work on would have ended one of them: io.122.
                assert process.returncode in (0, -9) and err == b"", (process.returncode, err)
                running[i] = begun(file, out) if process.returncode == -9 else None
            running = [process for process in running if process]
        check_same(out, alone)
        rounds += 1
    print(f"{killed} kills in {rounds} sweeps of {PROCESSES} processes; alone one takes {whole:.1f} s")


def test_each_cell_is_trained_once(folder):
    file, alone, _ = alone_in(folder)
    out = folder / "shared"
    files = [open(folder / f"text-{i}", "w+", encoding="utf-8") for i in range(PROCESSES)]
    processes = [begun(file, out, text=text) for text in files]
    errors = [process.communicate()[1] for process in processes]
    assert not any(errors), errors
    texts = [(text.seek(0), text.read(), text.close())[1] for text in files]
    assert all(process.returncode == 0 for process in processes)
    assert sum(text.count("cell ") for text in texts) == 6, texts
    assert all("6 of 6 cells finished" in text for text in texts), texts
    check_same(out, alone)


def test_a_lease_of_another_machine(folder):
    """One that is renewed is waited for; one that is not is taken over, a second after it was last seen to change."""
    experiment = {**EXPERIMENT, "seeds": [1], "rows": [{"name": "one"}]}
    file = sweep_folder.written(folder, experiment)
    lease = folder / "out" / "leases" / "one-seed1"
    assert sweep_folder.run(file, folder / "alone")
    (folder / "out").mkdir()
    shutil.copy(folder / "alone" / "experiment.json", folder / "out")
    lease.parent.mkdir()
    lease.write_text("1-1-1-1 1 another-machine:pid:[1] 1 1\n")
    lives = threading.Event()

    def renew():
        while not lives.wait(0.1):
            os.utime(lease)

    thread = threading.Thread(target=renew)
    thread.start()
    with begun(file, folder / "out", "--stale-after", 30, text=subprocess.PIPE) as process:
        time.sleep(2.5)
        assert process.poll() is None and not (folder / "out" / "cells").exists()
        lives.set()
        thread.join()
        died = time.monotonic()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and err == b"", (process.returncode, err)
    assert time.monotonic() - died > 1
    assert b"waiting for 1 cells that other processes are at work on" in out, out
    check_same(folder / "out", sweep_folder.outcome(folder / "alone"))


def test_who_is_taken_for_dead_ends(folder):
    experiment = {**EXPERIMENT, "seeds": [1], "rows": [{"name": "one"}], "flags": {**EXPERIMENT["flags"], "epochs": 4000}}
    file = sweep_folder.written(folder, experiment)
    lease = folder / "out" / "leases" / "one-seed1"
    with begun(file, folder / "out", "--stale-after", 0.4) as process:
        program.wait_for(lease, process)
        token = lease.read_text().split()[0]
        (lease.parent / f"one-seed1.{token}").write_text("1-1-1-1 1 another-machine:pid:[1] 1 1\n")
        _, err = process.communicate(timeout=60)
    line = err.decode()
    assert process.returncode == 2 and line.startswith("[spankey.sweep.106] ") and line.count("\n") == 1, line


def test_a_full_disk_is_a_line(folder):
    with disk_test.SmallDisk(folder / "disk", "6m") as disk:
        if disk is None:
            print("SKIPPED a full disk: mounting is not allowed here")
            return
        file, alone, _ = alone_in(folder)
        out = disk / "out"
        processes = [begun(file, out, "--checkpoint-seconds", 0) for _ in range(2)]
        program.wait_for(out / "experiment.json", processes[0])
        disk_test.fill(disk / "filler")
        for process in processes:
            line = process.communicate(timeout=120)[1].decode()
            assert process.returncode == 2 and line.startswith("[spankey.") and line.count("\n") == 1, line
        (disk / "filler").unlink()
        sweep_folder.run(file, out, "--threads", 1)
        check_same(out, alone)


def test_another_experiment_is_refused_meanwhile(folder):
    file = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [1]})
    other = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [2]}, "other.json")
    with begun(file, folder / "out") as process:
        program.wait_for(folder / "out" / "experiment.json", process)
        program.refused(*sweep_folder.command(other, folder / "out"), cwd=folder, names=["sweep.102", "another experiment"])
        assert process.communicate(timeout=120)[1] == b""
    assert json.loads((folder / "out" / "results.json").read_text())["rows"][0]["finished"] == 1


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
