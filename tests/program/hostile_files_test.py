"""Every file that the program reads or writes, replaced by what no file should be: status 2, one line that names it, no
hang, no growing memory, nothing written. And what should be no obstacle: paths with spaces, UTF-8 and line breaks.
"""
import gzip
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys

import data_files
import interrupted
import program
import sweep_folder

SECONDS = 60  # for what takes less than one
ADDRESS_SPACE = (8 << 30) + (os.cpu_count() << 28)  # every thread reserves some
RUN_FILES = ("config.json", "weights.safetensors", "key_space.safetensors")
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


# ---------------------------------------------------------------- what takes the place of a file

def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        server.bind(path.name)
        os.chdir(here)


def endless(path):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


KINDS = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "socket": bound_socket,
    "loop": lambda path: path.symlink_to(path.name),
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "null": lambda path: path.symlink_to("/dev/null"),
    "endless": endless,
    "noise": lambda path: path.write_bytes(random.Random(5).randbytes(5000)),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
}


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def snapshot(folder):
    """Everything below a folder that a write would change, links not followed; of files also the content."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = pathlib.Path(parent) / name
            s = path.lstat()
            small = stat.S_ISREG(s.st_mode) and s.st_size < 1 << 24
            found[str(path)] = (s.st_mode, s.st_size, s.st_ino, path.read_bytes() if small else None)
    return found


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def run(arguments, cwd, executable=program.PROGRAM, **more):
    return subprocess.run([executable, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=SECONDS, check=False, preexec_fn=limited, **more)


def refuses(arguments, cwd, names, watched, what="", **more):
    """Status 2, one line on stderr that holds one of `names`, nothing below `watched` changed."""
    before = snapshot(watched)
    try:
        result = run(arguments, cwd, **more)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{what}: {arguments} hangs") from None
    line = result.stderr.decode(errors="replace")
    shown = f"{what}: {' '.join(map(str, arguments))}: status {result.returncode}, stderr {line!r}"
    assert result.returncode == 2, shown
    assert line.startswith("[spankey.") and line.endswith("\n") and line.count("\n") == 1, shown
    assert all(c >= " " for c in line[:-1]), shown
    assert any(str(name) in line for name in names), f"{shown}: expected one of {list(map(str, names))}"
    after = snapshot(watched)
    assert after == before, f"{shown}: changed {sorted(k for k in {**before, **after} if before.get(k) != after.get(k))}"


def replaced(folder, file, arguments, kinds=KINDS, but=(), names=()):
    """The command refuses the file in every shape of `kinds` except those in `but`, which it may do without; its line
    holds the file's name, or one of `names`.
    """
    kept = folder / "kept"
    if file.exists():
        file.rename(kept)
    for kind in kinds:
        if kind in but:
            continue
        KINDS[kind](file)
        refuses(arguments, folder, [file.name, *names], folder, f"{file.name} as {kind}")
        remove(file)
    if kept.exists():
        kept.rename(file)


# ---------------------------------------------------------------- files that are read

def test_a_run(folder):
    """config, weights and keys under eval, convert and import; a run's files under report."""
    made = program.train_linear(folder / "run")
    weights, keys = made / "weights.safetensors", made / "key_space.safetensors"
    for name in RUN_FILES:
        replaced(folder, made / name, ["eval", "--run", made, "--out", folder / "new"])
    for name in RUN_FILES:
        replaced(folder, made / name, ["convert", "--run", made, "--out", folder / "new", "--key-out", folder / "key",
                                        "--key-bound", 0])
    importing = ["import", "--model", "mlp", "--weights", weights, "--out", folder / "new", "--inject", "mul",
                 "--key-space", keys]
    replaced(folder, weights, importing)
    replaced(folder, keys, importing)
    report = ["report", made, "--out", folder / "page.html"]
    # A run that still trains has no metrics, and at first no log or an empty one.
    replaced(folder, made / "config.json", report, but=["missing", "loop"])
    replaced(folder, made / "log.jsonl", report, but=["missing", "loop", "empty", "noise", "zeros"])
    replaced(folder, made / "metrics.json", report, but=["missing", "loop"])
    refuses(["report", made / "config.json"], folder, ["config.json"], folder)


def test_a_run_that_goes_on(folder):
    """What a stopped run left behind, under train --resume: also a checkpoint beside a whole one is then no obstacle."""
    stopped = folder / "run"
    for _ in range(2):
        status, _ = interrupted.stopped_after(stopped, 45, signal.SIGTERM)
        assert status == 143
    resume = ["train", "--resume", stopped, "--threads", "1"]
    for name in ("config.json", "key_space.safetensors", "log.jsonl"):
        # Without a log no checkpoint fits.
        replaced(folder, stopped / name, resume, names=["checkpoint", "its keys"])
    checkpoints = program.checkpoints_of(stopped)
    assert len(checkpoints) >= 2
    older = {file: file.read_bytes() for file in checkpoints[:-1]}
    for file in older:
        file.write_bytes(b"")
    # No checkpoint at all is a run that was killed before its first.
    replaced(folder, checkpoints[-1], resume, but=["missing"], names=["checkpoint"])
    for file, content in older.items():
        file.write_bytes(content)
    whole = folder / "whole"
    for kind in ("empty", "noise", "zeros"):
        shutil.copytree(stopped, whole)
        newest = program.checkpoints_of(whole)[-1]
        newest.unlink()
        KINDS[kind](newest)
        result = run(["train", "--resume", whole], folder)
        line = result.stderr.decode()
        assert result.returncode == 0 and newest.name in line and "going on from" in line, (kind, result)
        assert line.count("\n") == 1, line
        shutil.rmtree(whole)


def test_data_sets(folder):
    """The files of every data set, as they lie and packed, under train; of a run's data set under eval and convert."""
    root = folder / "root"
    data_files.write_idx(root / "mnist")
    data_files.write_cifar10(root / "cifar-10-batches-bin", records=16)
    data_files.write_idx(root / "fashion-mnist", packed=True)
    train = ["train", *program.TINY, "--data-root", root, "--out", folder / "new", "--data"]
    quick = ["missing", "empty", "folder", "fifo", "loop", "zero", "endless", "noise"]
    for name in IDX:
        replaced(folder, root / "mnist" / name, [*train, "mnist"], quick)
        replaced(folder, root / "fashion-mnist" / (name + ".gz"), [*train, "fashion-mnist"], quick, but=["missing"])
    for name in ("data_batch_3.bin", "test_batch.bin"):
        replaced(folder, root / "cifar-10-batches-bin" / name, [*train, "cifar10"], quick)
    # Packed files that unpack to far more than they say, and to far less.
    images = root / "fashion-mnist" / (IDX[0] + ".gz")
    for content in (bytes(100 << 20), data_files.struct.pack(">IIII", 0x803, 60000, 28, 28)):
        images.write_bytes(gzip.compress(content, 1))
        refuses([*train, "fashion-mnist"], folder, [images.name], folder)

    made = folder / "run"
    program.train_tiny(made, "--data", "mnist", "--data-root", root, "--sites", "0,2")
    for name in IDX[2:]:
        replaced(folder, root / "mnist" / name, ["eval", "--run", made, "--data-root", root, "--out", folder / "new"],
                 ["missing", "folder", "fifo", "zero", "endless"])
        replaced(folder, root / "mnist" / name, ["convert", "--run", made, "--data-root", root, "--evaluate"],
                 ["missing", "folder", "fifo", "zero", "endless"])


def test_own_data(folder):
    """Arrays and pictures of the user's own, where they are read."""
    x, y = data_files.write_arrays(folder)
    flags = [*program.TINY, "--model", "small_cnn", "--sites", "1", "--out", folder / "new", "--data"]
    for file in (x, y):
        replaced(folder, file, ["train", *flags, "npy", "--images", x, "--labels", y])
    data_files.write_pictures(folder / "root")
    if b"built without libpng" in program.start("describe", "--data", "folder", "--data-root", folder / "root",
                                                cwd=folder).stderr:
        print("        no libpng: pictures are not tested")
        return
    replaced(folder, folder / "root" / "class 4" / "024.png", ["train", *flags, "folder", "--data-root", folder / "root"],
             but=["missing"])


def sweep_of_linear(folder):
    """A finished sweep of one cell that needs no files of data, and its command."""
    experiment = {"name": "m", "seeds": [1], "rows": [{"name": "row"}],
                  "flags": {"data": "linear", "epochs": 1, "batch": 8, "train-limit": 24, "test-limit": 16, "eval-keys": 2,
                            "eval-images": 8}}
    file = sweep_folder.written(folder, experiment)
    command = ["sweep", file, "--out", folder / "out"]
    assert run(command, folder).returncode == 0
    return file, folder / "out", command


def test_a_sweep(folder):
    """The experiment, what a sweep left behind when it goes on, and a sweep's files under report."""
    file, out, command = sweep_of_linear(folder)
    cell = out / "cells" / "row-seed1"
    replaced(folder, file, command)
    replaced(folder, out / "experiment.json", command, but=["missing", "loop"], names=["another experiment"])
    replaced(folder, cell / "metrics.json", command, but=["missing", "loop"])
    report = ["report", out, "--out", folder / "page.html"]
    replaced(folder, out / "results.json", report, but=["missing", "loop"])
    replaced(folder, out / "experiment.json", report, but=["missing", "loop"])
    replaced(folder, cell / "config.json", report, but=["missing", "loop"])
    # Written again at its end, so looked at before its beginning.
    for name in sweep_folder.RESULTS:
        replaced(folder, out / name, command, ["folder", "fifo", "socket", "loop", "zero", "null"])


def test_json_that_is_meant_badly(folder):
    """Nesting that would exhaust the stack, members twice, numbers out of range, grids of billions of cells."""
    made = program.train_linear(folder / "run")
    config = (made / "config.json").read_text()
    deep = "[" * 400000 + "]" * 400000
    texts = [deep, "{\"a\":" * 50000, config.replace("{", '{"batch": 8,', 1),
             config.replace('"batch": 8', f'"batch": {deep}'),
             config.replace('"batch": 8', '"batch": 1e300'), config.replace('"seed": 0', '"seed": 1e300'),
             config.replace('"seed": 0', '"seed": 18446744073709551616'), config.replace('"batch": 8', '"batch": 8e0'),
             '{"a": "' + "x" * (2 << 20) + '"}', "\ufeff" + config[:-3], config + config]
    for text in texts:
        assert text != config
        (made / "config.json").write_text(text, encoding="utf-8")
        for command in (["eval", "--run", made], ["convert", "--run", made, "--out", folder / "new"]):
            refuses(command, folder, ["config.json", "--batch", "--seed"], folder, text[:40])
    (made / "config.json").write_text(config.replace("{", '{"x": ' + deep + ",", 1))
    refuses(["report", made], folder, ["config.json"], folder)
    (made / "config.json").write_text(config)
    for name in ("metrics.json", "log.jsonl"):
        (made / name).write_text(deep + "\n")
        refuses(["report", made], folder, [name], folder)
        (made / name).unlink()

    good = {"name": "m", "seeds": [1], "rows": [{"name": "row"}], "flags": {"data": "linear"}}
    many = {flag: list(range(1, 100)) for flag in ("epochs", "batch", "eval-keys", "eval-images", "deny-warmup")}
    for number, experiment in enumerate(({**good, "grid": many}, {**good, "seeds": list(range(20000))},
                                         {**good, "grid": {"deny": ["B" * 1000], **many}})):
        file = folder / f"experiment{number}.json"
        file.write_text(json.dumps(experiment))
        refuses(["sweep", file, "--out", folder / "new"], folder, [file.name], folder)


# ---------------------------------------------------------------- files that are written

def test_outputs(folder):
    """Where a command writes: what is there already and is no file, and folders that are not there."""
    made = program.train_linear(folder / "run")
    file, _, _ = sweep_of_linear(folder)
    (folder / "file").write_bytes(b"x")
    commands = {"eval": (["eval", "--run", made, "--out"], "--out"), "report": (["report", made, "--out"], "--out")}
    for flag in ("--out", "--header", "--key-out", "--key-header"):
        commands[flag] = (["convert", "--run", made, flag], flag)
    for arguments, flag in commands.values():
        for place in (folder / "nowhere" / "new", folder / "file" / "new", folder):
            refuses([*arguments, place], folder, [flag], folder)
        for kind in ("folder", "fifo", "socket", "loop", "zero", "null"):
            if kind == "fifo" and arguments[0] == "convert":
                continue  # written as it stands (convert_test)
            KINDS[kind](folder / "target")
            refuses([*arguments, folder / "target"], folder, [flag], folder, kind)
            remove(folder / "target")
    folders = {"train": ["train", "--data", "linear", *program.TINY, "--out"],
               "import": ["import", "--model", "mlp", "--weights", made / "weights.safetensors", "--inject", "mul",
                          "--key-space", made / "key_space.safetensors", "--out"],
               "sweep": ["sweep", file, "--out"]}
    for arguments in folders.values():
        refuses([*arguments, folder / "file" / "new"], folder, ["--out", "file"], folder)
        for kind in ("fifo", "socket", "loop", "zero", "noise"):
            KINDS[kind](folder / "target")
            refuses([*arguments, folder / "target"], folder, ["--out", "target"], folder, kind)
            remove(folder / "target")


def test_folders_and_files_without_permission(folder):
    """A folder that takes no files and files that may not be read; root may do both, so root becomes nobody."""
    executable = folder / "spankey"
    shutil.copy2(program.PROGRAM, executable)
    folder.chmod(0o755)
    made = program.train_linear(folder / "run")
    file, out, _ = sweep_of_linear(folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path == executable else 0o644)
    (folder / "locked").mkdir(mode=0o555)
    (folder / "free").mkdir()
    (folder / "free").chmod(0o777)
    made.chmod(0o555)
    out.chmod(0o555)
    more = {"executable": executable}
    if os.geteuid() == 0:
        more.update(user=65534, group=65534, extra_groups=[])
    try:
        usable = run(["--version"], "/", **more).returncode == 0
    except (OSError, subprocess.SubprocessError):
        usable = False
    if not usable:
        print("skipped: permissions (this user cannot become another one here)")
        return
    weights, keys = made / "weights.safetensors", made / "key_space.safetensors"
    importing = ["import", "--model", "mlp", "--weights", weights, "--inject", "mul", "--key-space", keys, "--out"]
    train = ["train", "--data", "linear", *program.TINY]
    new = folder / "locked" / "new"
    for arguments in ([*train, "--out", new], train, [*importing, new], ["eval", "--run", made],
                      ["eval", "--run", made, "--out", new], ["report", made], ["report", made, "--out", new],
                      ["convert", "--run", made, "--out", new],
                      ["convert", "--run", made, "--key-out", new, "--key-bound", 0],
                      ["sweep", file, "--out", new], ["sweep", file, "--out", out]):
        refuses(arguments, folder / "locked", ["--out", "--key-out", "locked", "cannot create"], folder, **more)
    for name in RUN_FILES:
        (made / name).chmod(0)
        refuses(["eval", "--run", made, "--out", folder / "free" / "new"], folder, [name], folder, **more)
        (made / name).chmod(0o644)
    file.chmod(0)
    refuses(["sweep", file, "--out", folder / "free" / "new"], folder, [file.name], folder, **more)
    root = folder / "root" / "mnist"
    (root / IDX[0]).chmod(0)
    refuses(["train", "--data", "mnist", "--data-root", folder / "root", *program.TINY, "--out", folder / "free" / "new"],
            folder, [IDX[0]], folder, **more)


def test_names(folder):
    """Spaces, UTF-8, quotes and a line break in every path: all of it works, and errors stay on one line."""
    place = folder / "mit Leerzeichen" / "d\u00e4t\u00e4 \u6570\u636e 'x' \"y\"\nz"
    place.mkdir(parents=True)
    data_files.write_idx(place / "r\u00f6ot" / "mnist")
    made = place / "run \u00e4"
    program.train_tiny(made, "--data", "mnist", "--data-root", place / "r\u00f6ot", "--sites", "0,2")
    program.succeeds("eval", "--run", made, "--data-root", place / "r\u00f6ot", "--out", place / "m \u00e4.json",
                     cwd=folder)
    program.succeeds("convert", "--run", made, "--out", place / "w \u00e4", "--key-out", place / "k \u00e4",
                     "--data-root", place / "r\u00f6ot", "--key-bound", 0, cwd=folder)
    program.succeeds("report", made, "--out", place / "p \u00e4.html", cwd=folder)
    program.succeeds("import", "--model", "small_cnn", "--weights", made / "weights.safetensors", "--inject", "mul",
                     "--key-space", made / "key_space.safetensors", "--out", place / "imported \u00e4", cwd=folder)
    file, out, command = sweep_of_linear(place)
    assert (out / "results.md").exists() and file.exists() and command
    program.succeeds("report", out, cwd=folder)
    for name in ("m \u00e4.json", "w \u00e4", "k \u00e4", "p \u00e4.html", "imported \u00e4/weights.safetensors"):
        assert (place / name).stat().st_size > 0, name
    none = place / "none"
    for arguments in (["eval", "--run", none], ["convert", "--run", none, "--out", "x"], ["report", none],
                      ["sweep", none, "--out", "x"], ["train", "--data", "cifar10", "--data-root", none],
                      ["import", "--model", "mlp", "--weights", none, "--out", "x"], ["eval", "--bad\nflag"],
                      ["eval", "--run", made, "--families", "a\nb\x1b[31m"], ["train", "--data", "a\x07\r\nb"],
                      ["train", "--out", made], ["eval", "--run", made, "--out", none / "x"]):
        refuses(arguments, folder, ["none", "flag", "families", "--data", "--out", "key."], folder)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
