"""Training and evaluation on several processes of mpirun: the same bytes on 1, 2 and 4, and for any number of threads.
Costs 75 s of processor time on a
busy machine, a third of it in MPI's waiting."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import data_files
import disk_test
import program

MPIRUN = shutil.which("mpirun")
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
               "OMPI_MCA_mpi_yield_when_idle": "1"}

if MPIRUN is None:
    print("skipped: there is no mpirun")
    sys.exit(77)
if b"built without MPI" in subprocess.run([program.PROGRAM, "train", "--data", "linear", "--epochs", "1"],
                                          env={**os.environ, "OMPI_COMM_WORLD_SIZE": "2"}, cwd="/", check=False,
                                          stdin=subprocess.DEVNULL, capture_output=True).stderr:
    print("skipped: the program was built without MPI")
    sys.exit(77)

SMALL = ["--eval-keys", "5", "--eval-images", "4", "--test-limit", "8"]
CNN = ["--data", "mnist", "--train-limit", "40", "--batch", "16", "--epochs", "2"]  # batches of 16, the last one of 8
GPT = ["--data", "grammar", "--model", "gpt", "--context", "16", "--channels", "32", "--layers", "2", "--train-limit", "42",
       "--batch", "16", "--epochs", "1"]
RESNET = ["--model", "resnet18", "--data", "mnist", "--train-limit", "8", "--batch", "8", "--epochs", "1"]
SEALED = ["--deny", "sealed", "--seal-weight", "0.5", "--deny-on", "wrong+no"]
BF16 = ["--precision", "bf16"]
PER_GROUP, JOINT = ["--batch-statistics", "per_group"], ["--batch-statistics", "joint"]
# Every network under B and sealed, with both kinds of statistics and both precisions; gpt has no batch norm.
RUNS = {
    "small_cnn B": [*CNN, "--deny", "B", *PER_GROUP],
    "small_cnn B joint bf16": [*CNN, "--deny", "B", *JOINT, *BF16, "--families", "gaussian,zero"],
    "small_cnn sealed joint": [*CNN, *SEALED, *JOINT],
    "small_cnn sealed bf16": [*CNN, *SEALED, *PER_GROUP, *BF16],
    "gpt B": [*GPT, "--deny", "B"],
    "gpt sealed bf16": [*GPT, *SEALED, *BF16],
    "small_resnet joint bf16 wire": ["--model", "small_resnet", "--data", "mnist", "--train-limit", "16", "--batch", "8",
                                     "--epochs", "1", *JOINT, "--gradient-format", "bf16"],
    "resnet18": [*RESNET, "--deny", "B", *PER_GROUP],
    "resnet18 sealed bf16 joint": [*RESNET, *SEALED, *JOINT, *BF16],
}
LONG = ["--data", "linear", "--train-limit", "4096", "--batch", "16", "--epochs", "12", "--parts", "4", "--eval-keys", "2",
        "--eval-images", "32", "--test-limit", "64", "--optimizer", "adamw", "--schedule", "one-cycle"]


def on(processes, *arguments, cwd):
    command = [program.PROGRAM, *map(str, arguments), "--threads", "1"]
    return [MPIRUN, "--quiet", "--bind-to", "none", "-n", str(processes), *command] if processes > 1 else command


def start(processes, *arguments, cwd):
    return subprocess.Popen(on(processes, *arguments, cwd=cwd), cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def succeeds(processes, *arguments, cwd):
    with start(processes, *arguments, cwd=cwd) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0 and err == b"", (arguments, process.returncode, err)
    return out.decode()


def files_of(run):
    """All but the log's clock."""
    found = program.contents(run)
    found["log.jsonl"] = [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "images_per_second")}
                          for line in found["log.jsonl"].splitlines()]
    return found


def check_same(found, expected, what):
    assert set(found) == set(expected), (what, set(found) ^ set(expected))
    for name in expected:
        assert found[name] == expected[name], (what, name)


def test_the_same_bytes_on_1_2_and_4(folder):
    data_files.write_idx(folder / "root" / "mnist", train=64, test=32)
    for name, flags in RUNS.items():
        expected = None
        for processes in (1, 2, 4):
            run = folder / f"{name}-{processes}"
            text = succeeds(processes, "train", *SMALL, *flags, "--parts", "4", "--data-root", folder / "root", "--out",
                            run, cwd=folder)
            assert text.count("metrics.json\n") == 1, text  # the first process alone speaks
            expected = expected or files_of(run)
            check_same(files_of(run), expected, (name, processes))
        if name == "small_cnn B":
            check_threads_and_default(folder, flags, expected)
            check_evaluation(folder, folder / f"{name}-4")


def check_threads_and_default(folder, flags, expected):
    program.succeeds("train", *SMALL, *flags, "--parts", "4", "--threads", "3", "--data-root", folder / "root", "--out",
                     folder / "threads", cwd=folder)
    check_same(files_of(folder / "threads"), expected, "threads")
    succeeds(4, "train", *SMALL, *flags, "--data-root", folder / "root", "--out", folder / "default", cwd=folder)
    check_same(files_of(folder / "default"), expected, "as many parts as processes")


def check_evaluation(folder, run):
    for processes in (1, 2, 4):
        file = folder / f"eval-{processes}.json"
        succeeds(processes, "eval", "--run", run, "--data-root", folder / "root", "--eval-keys", "7", "--out", file,
                 cwd=folder)
        assert file.read_bytes() == (folder / "eval-1.json").read_bytes(), processes


def children_of(pid):
    """The processes of the program below mpirun, by rank."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{entry}/environ", "rb") as file:
                environment = dict(line.split(b"=", 1) for line in file.read().split(b"\0") if b"=" in line)
        except (OSError, ValueError):
            continue
        if parent == pid and b"OMPI_COMM_WORLD_RANK" in environment:
            found[int(environment[b"OMPI_COMM_WORLD_RANK"])] = int(entry)
    return found


def test_a_killed_process_ends_all_and_the_run_goes_on_elsewhere(folder):
    expected = None
    succeeds(1, "train", *LONG, "--out", folder / "whole", cwd=folder)
    expected = files_of(folder / "whole")
    for killed in (1, 0):
        run = folder / f"killed-{killed}"
        with start(2, "train", *LONG, "--out", run, cwd=folder) as process:
            program.wait_until(lambda: program.checkpoints_of(run), process)
            os.kill(children_of(process.pid)[killed], signal.SIGKILL)
            died = time.monotonic()
            process.communicate(timeout=60)
            assert process.returncode != 0 and time.monotonic() - died < 20, time.monotonic() - died
        assert program.checkpoints_of(run) and not (run / "metrics.json").exists()
        succeeds(4 if killed else 1, "train", "--resume", run, cwd=folder)
        check_same(files_of(run), expected, killed)


def test_a_full_disk_ends_all_and_the_run_goes_on(folder):
    with disk_test.SmallDisk(folder / "disk", "6m") as disk:
        if disk is None:
            print("SKIPPED a full disk: mounting is not allowed here")
            return
        run = disk / "run"
        with start(2, "train", *LONG, "--checkpoint-seconds", "0", "--out", run, cwd=folder) as process:
            program.wait_until(lambda: len(program.checkpoints_of(run)) >= 2, process)
            disk_test.fill(disk / "filler")
            full = time.monotonic()
            err = process.communicate(timeout=60)[1].decode()
            assert time.monotonic() - full < 20, time.monotonic() - full
        lines = [line for line in err.splitlines() if line.startswith("[spankey.")]
        assert process.returncode == 2 and len(lines) == 1 and "No space left" in lines[0], (process.returncode, err)
        assert program.checkpoints_of(run)
        (disk / "filler").unlink()
        succeeds(4, "train", "--resume", run, cwd=folder)
        succeeds(1, "train", *LONG, "--out", folder / "whole", cwd=folder)
        found, expected = files_of(run), files_of(folder / "whole")
        for other in (found, expected):
            del other["config.json"]  # it says how often it was saved
        check_same(found, expected, "full")


def test_attacks_share_their_games(folder):
    runs = {}
    for processes in (1, 3):
        run = folder / f"run-{processes}"
        program.train_linear(run)
        attack = ["attack", run, "--games", "1,2,3,4,10", "--seeds", "2", "--test-limit", "16"]
        text = succeeds(processes, *attack, cwd=folder)
        assert text.count("attack.json\n") == processes, text
        assert not (run / "attack.json.leases").exists()
        runs[processes] = json.loads((run / "attack.json").read_text())
        for game in runs[processes]["games"]:
            del game["seconds"]
    assert json.dumps(runs[3]) == json.dumps(runs[1])


def test_a_signal_stops_all_after_the_same_step(folder):
    succeeds(1, "train", *LONG, "--out", folder / "whole", cwd=folder)
    run = folder / "run"
    with start(2, "train", *LONG, "--out", run, cwd=folder) as process:
        program.wait_until(lambda: program.checkpoints_of(run), process)
        os.kill(children_of(process.pid)[1], signal.SIGTERM)
        out = process.communicate(timeout=60)[0].decode()
    assert "stopped by a signal, and saved" in out, out
    succeeds(2, "train", "--resume", run, cwd=folder)
    check_same(files_of(run), files_of(folder / "whole"), "stopped")
    assert "is finished" in succeeds(2, "train", "--resume", run, cwd=folder)


def refused(processes, *arguments, cwd, names):
    with start(processes, *arguments, cwd=cwd) as process:
        err = process.communicate(timeout=60)[1].decode()
    lines = [line for line in err.splitlines() if line.startswith("[spankey.")]
    assert process.returncode != 0 and len(lines) == 1 and all(name in lines[0] for name in names), err


def test_what_cannot_be_is_one_line(folder):
    flags = ["--data", "linear", "--train-limit", "40", "--test-limit", "8", "--epochs", "1"]
    refused(2, "train", *flags, "--batch", "15", "--out", folder / "a", cwd=folder, names=["train.147", "15", "2 parts"])
    refused(3, "train", *flags, "--batch", "15", "--out", folder / "b", cwd=folder, names=["train.151", "3 processes"])
    refused(4, "train", *flags, "--batch", "16", "--parts", "2", "--out", folder / "c", cwd=folder, names=["train.151"])
    program.refused("train", *flags, "--batch", "16", "--parts", "3", "--out", folder / "d", cwd=folder,
                    names=["train.151", "3 parts"])
    result = subprocess.run([program.PROGRAM, "train", *flags, "--out", folder / "f"], cwd=folder, check=False,
                            env={**ENVIRONMENT, "OMPI_COMM_WORLD_SIZE": "2"}, stdin=subprocess.DEVNULL, capture_output=True)
    line = result.stderr.decode()
    assert result.returncode == 2 and line.startswith("[spankey.flag.219] ") and line.count("\n") == 1, result
    for command in (["release-games", "nowhere"], ["relearn", "--run", "nowhere", "--open", "nowhere"]):  # whose work is not shared
        result = subprocess.run([program.PROGRAM, *command], env={**ENVIRONMENT, "OMPI_COMM_WORLD_SIZE": "2"}, check=False,
                                stdin=subprocess.DEVNULL, capture_output=True)
        line = result.stderr.decode()
        assert result.returncode == 2 and line.startswith("[spankey.flag.238] ") and line.count("\n") == 1, result
    (folder / "e").mkdir()
    (folder / "e" / "mine").write_text("mine")
    refused(2, "train", *flags, "--batch", "16", "--out", folder / "e", cwd=folder, names=["flag.110"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
