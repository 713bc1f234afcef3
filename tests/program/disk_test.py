"""A disk that is too small, that fills up while a run goes on, and a folder that may not be written."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import interrupted
import program

NOBODY = 65534


class SmallDisk:
    """A file system of its own, in memory; None where this process may not mount one."""

    def __init__(self, folder, size):
        self.folder, self.size, self.mounted = folder, size, False

    def __enter__(self):
        self.folder.mkdir()
        try:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.folder],
                                  capture_output=True, check=False)
        except FileNotFoundError:
            return None
        self.mounted = done.returncode == 0
        return self.folder if self.mounted else None

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)


def fill(file):
    with open(file, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                out.write(bytes(512))
        except OSError:
            pass


def test_too_little_room_is_said_before_training(folder):
    with SmallDisk(folder / "disk", "300k") as disk:
        if disk is None:
            print("SKIPPED a full disk: mounting is not allowed here")
            return
        run = disk / "run"
        program.refused("train", *interrupted.FLAGS, "--out", run, cwd=folder, names=["io.123", "free space"])
        assert not run.exists()


def test_a_disk_that_fills_up(folder):
    with SmallDisk(folder / "disk", "6m") as disk:
        if disk is None:
            print("SKIPPED a full disk: mounting is not allowed here")
            return
        expected = interrupted.whole_run(folder / "whole")
        run = disk / "run"
        process = interrupted.started(run, "--checkpoint-seconds", "0")
        with process:
            program.wait_until(lambda: len(program.checkpoints_of(run)) >= 2, process)
            fill(disk / "filler")
            line = process.stderr.read().decode()
        if process.returncode == 0:
            print("SKIPPED: the run was over before the disk was full")
            return
        assert process.returncode == 2 and line.startswith("[spankey.") and line.count("\n") == 1, line
        assert "No space left" in line, line
        assert program.checkpoints_of(run)
        # With the disk still full the run cannot go on, and loses nothing.
        program.refused("train", "--resume", run, cwd=folder, names=["[spankey.io.1"])
        (disk / "filler").unlink()
        program.succeeds("train", "--resume", run, cwd=folder)
        interrupted.check_same(interrupted.outcome(run), expected)


def test_a_folder_that_may_not_be_written(folder):
    """As somebody who is not root: root may write everywhere."""
    user = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        place.chmod(0o755)
        copy = place / "spankey"
        shutil.copy(program.PROGRAM, copy)
        run = place / "run"
        program.succeeds("train", *interrupted.FLAGS, "--out", run, cwd=folder)
        (run / "metrics.json").unlink()
        for path in (place, run):
            path.chmod(0o555)
        for path in run.iterdir():
            path.chmod(0o444)

        def refused(*arguments, names):
            before = program.state(place)
            result = subprocess.run([copy, *map(str, arguments)], cwd="/", stdin=subprocess.DEVNULL,
                                    capture_output=True, check=False, **user)
            line = result.stderr.decode()
            assert result.returncode == 2 and line.count("\n") == 1 and all(n in line for n in names), result
            assert program.state(place) == before

        refused("train", *interrupted.FLAGS, "--out", place / "new", names=["[spankey.flag.111]", "Permission denied"])
        refused("train", "--resume", run, names=["[spankey.io.111]", "Permission denied"])
        place.chmod(0o755), run.chmod(0o755)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
