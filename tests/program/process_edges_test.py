"""What a parent, a shell or a batch system does to the process: closed descriptors, full outputs, signals, a small stack."""
import contextlib
import fcntl
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time

import data_files
import interrupted
import program

LINEAR = ["--data", "linear", "--train-limit", "24", "--test-limit", "16", "--batch", "8", "--epochs", "2", "--eval-keys",
          "2", "--eval-images", "8", "--threads", "1"]
FOREVER = ["--data", "linear", "--train-limit", "2000", "--test-limit", "16", "--batch", "8", "--epochs", "100000",
           "--eval-keys", "2", "--eval-images", "8", "--threads", "1", "--checkpoint-seconds", "1e9"]
STOPPING = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF",
            "SIGPWR"]


def run(*arguments, cwd, **more):
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run([program.PROGRAM, *map(str, arguments)], cwd=cwd, timeout=120, check=False, **settings)


def without(descriptors):
    """A process that begins with these closed."""
    def close():
        for number in descriptors:
            os.close(number)
    return {"stdin": None, "stdout": None, "stderr": None, "preexec_fn": close}


def check_whole(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    assert lines and all(json.loads(line) for line in lines)
    assert {p.name for p in folder.iterdir()} == program.FILES


def test_any_of_the_first_three_descriptors_may_be_closed(folder):
    for subset in range(1, 8):
        closed = [number for number in range(3) if subset >> number & 1]
        out = folder / f"run {subset}"
        result = run("train", *LINEAR, "--out", out, cwd=folder, **without(closed))
        assert result.returncode == 0, (closed, result)
        check_whole(out)
        # Where the text is all there is, it is missed.
        for what in (["describe", "--data", "linear"], ["--version"], ["train", "--help"]):
            status = run(*what, cwd=folder, **without(closed)).returncode
            assert status == (2 if 1 in closed else 0), (closed, what, status)
    # A run that stops and goes on without them.
    out = folder / "stopped"
    with subprocess.Popen([program.PROGRAM, "train", *FOREVER, "--out", out], **without([0, 1])) as process:
        program.wait_until(lambda: interrupted.lines_of(out) > 50, process)
        process.terminate()
    assert process.returncode == 143 and program.checkpoints_of(out)
    assert all(json.loads(line) for line in (out / "log.jsonl").read_text().splitlines())
    with subprocess.Popen([program.PROGRAM, "train", "--resume", out, "--threads", "1"], **without([0, 1, 2])) as process:
        before = interrupted.lines_of(out)
        program.wait_until(lambda: interrupted.lines_of(out) > before + 50, process)
        process.terminate()
    assert process.returncode == 143


def every_command(folder):
    """One call of every command that prints, with what it needs."""
    trained = program.train_linear(folder / "trained")
    weights = program.train_linear(folder / "plain", "--inject", "none", "--deny", "none") / "weights.safetensors"
    (folder / "sweep.json").write_text(json.dumps({"name": "edges", "title": "Edges", "source": "made up", "flags": {
        "data": "linear", "train-limit": 24, "test-limit": 16, "batch": 8, "epochs": 1, "eval-keys": 2,
        "eval-images": 8}, "seeds": [0], "rows": [{"name": "one", "flags": {}}]}))
    return [["--help"], ["--version"], ["train", "--help"], ["describe", "--data", "linear"],
            ["train", *LINEAR, "--out", folder / "a run"], ["eval", "--run", trained],
            ["report", trained], ["convert", "--run", trained, "--weights", "bf16", "--out", folder / "net.spankey"],
            ["import", "--model", "mlp", "--weights", weights, "--out", folder / "imported"],
            ["sweep", folder / "sweep.json", "--out", folder / "a sweep"]]


def test_output_that_cannot_be_written(folder):
    for arguments in every_command(folder):
        with open("/dev/full", "wb") as full:
            result = run(*arguments, cwd=folder, stdout=full)
            line = result.stderr.decode()
            assert result.returncode == 2, (arguments, result)
            assert line.startswith("[spankey.stdout.101]") and line.count("\n") == 1 and "No space" in line, line
    check_whole(folder / "a run")
    assert (folder / "a sweep" / "results.json").exists() and (folder / "trained" / "report.html").exists()
    # An error keeps its own line; and nobody has to read it.
    with open("/dev/full", "wb") as full:
        program_says = run("eval", "--run", folder / "nowhere", cwd=folder, stdout=full)
        assert program_says.returncode == 2 and program_says.stderr.count(b"\n") == 1
        assert run("eval", "--run", folder / "nowhere", cwd=folder, stderr=full).returncode == 2
        assert run("describe", "--data", "linear", cwd=folder, stderr=full).returncode == 0
        assert run("train", *LINEAR, "--out", folder / "unheard", cwd=folder, stderr=full).returncode == 0


def gone():
    """The end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_reader_that_went_away(folder):
    """It ends what only prints, without a word; and not a run."""
    pipe = gone()
    result = run("describe", "--data", "linear", cwd=folder, stdout=pipe)
    assert result.returncode == -signal.SIGPIPE and result.stderr == b"", result
    assert run("describe", "--data", "unknown", cwd=folder, stderr=pipe).returncode == 2
    for what in (["--help"], ["train", "--help"]):
        result = run(*what, cwd=folder, stdout=pipe)
        assert result.returncode == -signal.SIGPIPE and result.stderr == b"", (what, result)
    result = run("train", *LINEAR, "--out", folder / "run", cwd=folder, stdout=pipe)
    assert result.returncode == 2 and b"[spankey.stdout.101]" in result.stderr and b"Broken pipe" in result.stderr, result
    check_whole(folder / "run")
    os.close(pipe)


@contextlib.contextmanager
def started(out, **more):
    """A run that would last for ever, once it has made some steps; nothing of it outlives the test."""
    process = subprocess.Popen([program.PROGRAM, "train", *FOREVER, "--out", out], stdin=subprocess.DEVNULL,
                               **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **more})
    try:
        program.wait_until(lambda: interrupted.lines_of(out) > 20, process)
        yield process
        process.wait(60)
    finally:
        process.kill()
        process.communicate()


def test_what_batch_systems_send_saves(folder):
    for name in STOPPING:
        number = getattr(signal, name)
        with started(folder / name) as process:
            process.send_signal(number)
            err = process.stderr.read()
        assert process.returncode == 128 + number and err == b"", (name, process.returncode, err)
        assert len(program.checkpoints_of(folder / name)) >= 1, name
    # Slurm wakes a job up before it ends it.
    with started(folder / "slurm") as process:
        process.send_signal(signal.SIGCONT), process.send_signal(signal.SIGTERM)
    assert process.returncode == 143


def test_what_was_ignored_or_blocked(folder):
    def ignore():
        for name in STOPPING:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    with started(folder / "ignored", preexec_fn=ignore) as process:
        for name in STOPPING:
            if name != "SIGTERM":
                process.send_signal(getattr(signal, name))
        lines = interrupted.lines_of(folder / "ignored")
        program.wait_until(lambda: interrupted.lines_of(folder / "ignored") > lines + 100, process)
        process.terminate()
    assert process.returncode == 143

    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in STOPPING])

    with started(folder / "blocked", preexec_fn=block) as process:
        process.send_signal(signal.SIGUSR1)
    assert process.returncode == 128 + signal.SIGUSR1 and program.checkpoints_of(folder / "blocked")


def test_a_second_signal_ends_a_run_that_hangs(folder):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with started(folder / "run", stdout=writer) as process:
        before = -1
        while before != interrupted.lines_of(folder / "run"):  # until the pipe, which nobody reads, is full
            before = interrupted.lines_of(folder / "run")
            time.sleep(1)
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):  # one request, three times
            process.send_signal(number)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGUSR1)  # nobody's wish
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
    os.close(reader), os.close(writer)


def test_limits_of_the_system(folder):
    def cpu():
        resource.setrlimit(resource.RLIMIT_CPU, (1, 20))

    process = subprocess.Popen([program.PROGRAM, "train", *FOREVER, "--out", folder / "cpu"], preexec_fn=cpu,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert process.wait(60) == 128 + signal.SIGXCPU and program.checkpoints_of(folder / "cpu")

    def size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    result = run("train", *FOREVER, "--out", folder / "size", cwd=folder, preexec_fn=size)
    assert result.returncode == 2 and b"File too large" in result.stderr and result.stderr.count(b"\n") == 1, result

    def stack():
        resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10))

    for number, threads in enumerate(("1", "3")):
        out = folder / f"stack {threads}"
        flags = [flag if flag != "1" or LINEAR[at - 1] != "--threads" else threads for at, flag in enumerate(LINEAR)]
        assert run("train", *flags, "--out", out, cwd=folder, preexec_fn=stack).returncode == 0, number
        check_whole(out)
        for more in (["eval", "--run", out], ["report", out], ["convert", "--run", out, "--weights", "int8", "--out",
                                                               folder / f"net {threads}", "--evaluate"]):
            result = run(*more, cwd=folder, preexec_fn=stack)
            assert result.returncode == 0, (more, result)
    data_files.write_idx(folder / "mnist")
    result = run("train", *program.TINY, "--data", "mnist", "--data-root", folder, "--out", folder / "images", cwd=folder,
                 preexec_fn=stack)
    assert result.returncode == 0, result


def pasted(text, cwd):
    """What a shell makes of the command that the program proposes, stopped again after a while."""
    command = text.split("go on with: ")[1].splitlines()[0]
    with subprocess.Popen(["sh", "-c", "exec " + command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out.decode(), err.decode(), shlex.split(command)


def test_the_hint_after_an_interruption_works_when_pasted(folder):
    """From where the program was called, by the name by which it was called."""
    root, place = folder / "the data's root", folder / "it's a $(folder)"
    data_files.write_idx(root / "mnist", train=800)
    place.mkdir()
    os.symlink(program.PROGRAM, place / "a spankey")

    def stopped(arguments, log, **more):
        with subprocess.Popen(["./a spankey", *arguments], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              **more) as process:
            program.wait_until(lambda: log.exists() and log.read_bytes().count(b"\n") > 2, process)
            process.send_signal(signal.SIGHUP)
            out = process.stdout.read().decode()
        assert process.returncode == 129, process.returncode
        return out

    tiny = ["--test-limit", "16", "--batch", "8", "--epochs", "1", "--eval-keys", "2", "--eval-images", "8"]
    log = place / "-a run" / "log.jsonl"
    text = stopped(["train", "--data", "mnist", "--data-root", "../the data's root", *tiny, "--threads", "2", "--out",
                    "./-a run"], log)
    status, out, err, words = pasted(text, place)
    assert status == 0 and err == "" and "goes on after step" in out, (status, out, err, words)
    assert words == ["./a spankey", "train", "--resume", "./-a run", "--data-root", "../the data's root", "--threads", "2"]

    (place / "a sweep.json").write_text(json.dumps({"name": "edges", "title": "Edges", "source": "made up", "flags": {
        "data": "mnist", "test-limit": 16, "batch": 8, "epochs": 1, "eval-keys": 2, "eval-images": 8},
        "seeds": [0], "rows": [{"name": "one", "flags": {}}]}))
    cells = place / "out of it" / "cells"
    sweep = ["sweep", "a sweep.json", "--out", "out of it", "--data-root", str(root), "--checkpoint-seconds", "0.25"]
    with subprocess.Popen(["./a spankey", *sweep], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        program.wait_until(lambda: any(p.read_bytes().count(b"\n") > 2 for p in cells.glob("*/log.jsonl")), process)
        process.send_signal(signal.SIGHUP)
        text = process.stdout.read().decode()
    assert process.returncode == 129 and text.count("go on with: ") == 1, (process.returncode, text)
    status, out, err, words = pasted(text, place)
    assert status == 0 and err == "" and "1 of 1 cells finished" in out, (status, out, err, words)
    assert words == ["./a spankey", *sweep]


def test_a_signal_in_the_evaluation_ends_at_once_and_the_training_is_kept(folder):
    """As does a sweep, with its own command."""
    flags = ["--data", "linear", "--train-limit", "64", "--batch", "8", "--epochs", "1", "--test-limit", "4000",
             "--threads", "1", "--eval-images", "4000", "--eval-keys"]
    out = folder / "run"
    with subprocess.Popen([program.PROGRAM, "train", *flags, "100000", "--out", out], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        program.wait_until(lambda: (out / "weights.safetensors").exists() and program.checkpoints_of(out), process)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        text = process.stdout.read().decode()
    assert process.returncode == 143 and not (out / "metrics.json").exists()
    command = shlex.split(text.split("stopped by a signal; go on with: ")[1])
    assert command[1:] == ["train", "--resume", str(out), "--threads", "1"], command
    assert program.checkpoints_of(out)


def test_other_hints_work_when_pasted(folder):
    run_folder = folder / "a run"
    with started(run_folder) as process:
        process.terminate()
    result = run("eval", "--run", run_folder, "--threads", "1", cwd=folder)
    line = result.stderr.decode()
    command = line.split("go on with it (")[1].split("), or name")[0]
    assert result.returncode == 2 and shlex.split(command) == [str(program.PROGRAM), "train", "--resume", str(run_folder),
                                                               "--threads", "1"], line
    for arguments in (["train", "--epochs", "x"], ["nothing"]):
        line = run(*arguments, cwd=folder).stderr.decode()
        command = line.split("(see ")[1].split(")")[0]
        assert subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=True).stdout.startswith(b""), line


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
