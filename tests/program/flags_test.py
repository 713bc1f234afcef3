"""Bad flags and bad combinations: status 2, one line that names the flag and what is allowed, nothing created."""
import os
import sys

import program

BAD = [
    # arguments of train, then what the line has to hold
    (["--model", "vgg"], ["--model", "vgg", "resnet18"]),
    (["--inject", "sub"], ["--inject", "sub", "none", "add", "mul"]),
    (["--inject", "none"], ["--deny", "--inject none", "only none is allowed"]),
    (["--gamma", "-1"], ["--gamma", "-1", "from 0 to"]),
    (["--gamma", "nan"], ["--gamma", "nan", "from 0 to"]),
    (["--gamma", "strong"], ["--gamma", "strong", "a number"]),
    (["--sites", "0,5"], ["--sites", "5", "from 0 to 4"]),
    (["--sites", "0,-1"], ["--sites", "-1", "from 0 to 4"]),
    (["--sites", "2,2"], ["--sites", "2", "twice"]),
    (["--sites", "stem"], ["--sites", "stem", "from 0 to 4"]),
    (["--subspace-dim", "0"], ["--subspace-dim", "0", "from 1"]),
    (["--subspace-dim", "3073"], ["--subspace-dim", "3073", "3072", "site 0"]),
    (["--subspace-dim", "3072", "--invalid", "orthogonal"], ["--invalid", "--subspace-dim 3072", "gaussian"]),
    (["--basis", "random"], ["--basis", "random", "uniform", "orthonormal"]),
    (["--coefficients", "cube"], ["--coefficients", "cube", "unit_cube", "gaussian", "sphere"]),
    (["--per-site-basis"], ["--per-site-basis", "--per-site-key"]),
    (["--key-std", "-0.5"], ["--key-std", "-0.5", "from 0"]),
    (["--key-std", "inf"], ["--key-std", "inf", "from 0"]),
    (["--key-std", "nan"], ["--key-std", "nan", "from 0"]),
    (["--rescale", "all"], ["--rescale", "all", "pooled", "per_key"]),
    (["--invalid", "zero"], ["--invalid", "zero", "gaussian", "orthogonal"]),
    (["--deny", "C"], ["--deny", "C", "none", "B"]),
    (["--deny-weight", "-0.1"], ["--deny-weight", "-0.1", "from 0"]),
    (["--deny-on", "no"], ["--deny-on", "no", "wrong", "wrong+no"]),
    (["--deny-warmup", "-3"], ["--deny-warmup", "-3", "from 0"]),
    (["--epochs", "0"], ["--epochs", "0", "from 1"]),
    (["--epochs", "1.5"], ["--epochs", "1.5", "whole number from 1"]),
    (["--epochs", "2", "--epochs", "3"], ["--epochs"]),
    (["--batch", "1"], ["--batch", "1", "from 2"]),
    (["--batch", "0x10"], ["--batch", "0x10", "from 2"]),
    (["--lr", "fast"], ["--lr", "fast", "from 0"]),
    (["--lr"], ["--lr"]),
    (["--momentum", "1.5"], ["--momentum", "1.5", "from 0 to 1"]),
    (["--weight-decay", "-1"], ["--weight-decay", "-1", "from 0"]),
    (["--schedule", "poly"], ["--schedule", "poly", "constant", "step", "cosine", "one-cycle"]),
    (["--milestones", "0.5,-2"], ["--milestones", "-2", "from 0 to 1e+09"]),
    (["--precision", "fp16"], ["--precision", "fp16", "fp32", "bf16"]),
    (["--threads", "-2"], ["--threads", "-2", "from 0"]),
    (["--seed", "-1"], ["--seed", "-1", "from 0 to 18446744073709551615"]),
    (["--seed", "18446744073709551616"], ["--seed", "18446744073709551616", "from 0 to"]),
    (["--key-seed", "secret"], ["--key-seed", "from 0 to"]),
    (["--train-limit", "-1"], ["--train-limit", "-1", "from 0"]),
    (["--test-limit", "many"], ["--test-limit", "many", "from 0"]),
    (["--eval-keys", "0"], ["--eval-keys", "0", "from 1"]),
    (["--eval-images", "0"], ["--eval-images", "0", "from 1"]),
    (["--colour", "red"], ["--colour", "--help"]),
    (["surprise"], ["surprise", "--help"]),
]


def test_bad_flags(folder):
    for command in ("train", "describe"):
        for arguments, names in BAD:
            result = program.refused(command, *arguments, cwd=folder, names=names)
            assert result.stdout == b"", (arguments, result.stdout)
            assert list(folder.iterdir()) == [], arguments


def test_bad_flags_after_good_ones_create_no_folder(folder):
    program.refused("train", *program.TINY, "--out", folder / "run", "--lr", "nan", cwd=folder, names=["--lr"])
    program.refused("train", *program.TINY, "--out", folder / "run", "--sites", "0,0", cwd=folder, names=["--sites"])
    assert list(folder.iterdir()) == []


def test_commands(folder):
    for arguments in ([], ["fly"], ["--fast"]):
        program.refused(*arguments, cwd=folder, names=["train", "eval", "report", "describe"])
    program.refused("eval", cwd=folder, names=["--run"])
    for flag, value in (("--eval-keys", "0"), ("--eval-images", "-1"), ("--test-limit", "x"), ("--threads", "-1"),
                        ("--invalid", "zero")):
        program.refused("eval", "--run", folder, flag, value, cwd=folder, names=[flag, value])
    assert list(folder.iterdir()) == []


def test_help_and_version(folder):
    for arguments in (["--help"], ["train", "--help"], ["eval", "--help"], ["report", "--help"], ["--version"]):
        result = program.start(*arguments, cwd=folder)
        assert result.returncode == 0 and result.stdout and result.stderr == b"", arguments
    text = program.start("train", "--help", cwd=folder).stdout.decode()
    for flag in ("--data --model --inject --gamma --sites --subspace-dim --basis --coefficients --per-site-key "
                 "--per-site-basis --key-std --rescale --deny --deny-weight --deny-on --deny-warmup --epochs --batch "
                 "--lr --schedule --milestones --precision --threads --seed --train-limit --test-limit --out "
                 "--eval-keys").split():
        assert flag in text, flag
    assert "--measure" in program.start("describe", "--help", cwd=folder).stdout.decode()
    program.refused("train", "--measure", cwd=folder, names=["--measure"])


def test_describe_creates_nothing(folder):
    result = program.start("describe", "--batch", "16", "--deny-on", "wrong+no", cwd=folder)
    assert result.returncode == 0 and result.stderr == b""
    text = result.stdout.decode()
    for words in ("resnet18", "11 outputs", "16 images in 3 groups, 48 samples", "arena:"):
        assert words in text, words
    assert list(folder.iterdir()) == []


def test_an_existing_folder_is_left_alone(folder):
    run = folder / "run"
    run.mkdir()
    (run / "weights.safetensors").write_text("mine")
    (folder / "file").write_text("also mine")
    before = program.contents(folder)
    for out in ("run", "file"):
        result = program.refused("train", *program.TINY, "--out", out, cwd=folder, names=["--out", out, "empty"])
        assert result.stdout == b""
    if os.geteuid() != 0:
        (folder / "shut").mkdir(mode=0o500)
        program.refused("train", *program.TINY, "--out", "shut/run", cwd=folder, names=["--out", "shut/run"])
    program.refused("train", *program.TINY, "--out", "file/run", cwd=folder, names=["--out", "file/run"])
    assert program.contents(folder) == before


def test_cifar10_folder_with_something_wrong(folder):
    data, out = folder / "data", folder / "run"
    bad = ["train", *program.TINY, "--data", data, "--out", out]
    program.refused(*bad, cwd=folder, names=["data_batch_1.bin", "no such file"])
    data.mkdir()
    for i in range(1, 6):  # holes: no disk space
        with open(data / f"data_batch_{i}.bin", "wb") as file:
            file.truncate(30730000)
    program.refused(*bad, cwd=folder, names=["test_batch.bin", "no such file"])
    for length in (30729999, 30730001, 0):
        with open(data / "data_batch_3.bin", "wb") as file:
            file.truncate(length)
        program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "30730000", str(length)])
    (data / "data_batch_3.bin").unlink()
    (data / "data_batch_3.bin").mkdir()
    program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "directory"])
    (data / "data_batch_3.bin").rmdir()
    with open(data / "data_batch_3.bin", "wb") as file:
        file.truncate(30730000)
        file.seek(3073 * 2)
        file.write(b"\x0a")
    program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "offset 6146", "0 to 9", "10"])
    assert not out.exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
