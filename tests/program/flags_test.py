"""Bad flags and bad combinations: status 2, one line that names the flag and what is allowed, nothing created."""
import json
import os
import sys

import program

BAD = [
    # arguments of train, then what the line has to hold
    (["--regime", "strict"], ["--regime", "strict", "sound", "reference"]),
    (["--data", "cifar-10-batches-bin"], ["--data", "cifar-10-batches-bin", "cifar10", "fashion-mnist", "linear"]),
    (["--model", "vgg"], ["--model", "vgg", "mlp", "small_cnn", "small_resnet", "resnet18"]),
    (["--inject", "sub"], ["--inject", "sub", "none", "add", "mul"]),
    (["--inject", "none", "--deny", "B"], ["--deny", "--inject none", "only none is allowed"]),
    (["--gamma", "-1"], ["--gamma", "-1", "from 0 to"]),
    (["--gamma", "nan"], ["--gamma", "nan", "from 0 to"]),
    (["--gamma", "strong"], ["--gamma", "strong", "a number"]),
    (["--sites", "0,5"], ["--sites", "5", "from 0 to 4"]),
    (["--sites", "0,-1"], ["--sites", "-1", "from 0 to 4"]),
    (["--data", "linear", "--sites", "3"], ["--sites", "3", "mlp", "0 to 2"]),
    (["--data", "fashion-mnist", "--sites", "0,4"], ["--sites", "4", "small_resnet", "0 to 3"]),
    (["--sites", ""], ["--sites", "from 0 to 4"]),
    (["--sites", "2,2"], ["--sites", "2", "twice"]),
    (["--sites", "stem"], ["--sites", "stem", "from 0 to 4"]),
    (["--subspace-dim", "0"], ["--subspace-dim", "0", "from 1"]),
    (["--subspace-dim", "3073"], ["--subspace-dim", "3073", "3072", "site 0"]),
    (["--data", "linear", "--subspace-dim", "21"], ["--subspace-dim", "21", "1 to 20", "site 0"]),
    (["--data", "linear", "--subspace-dim", "20", "--regime", "reference", "--invalid", "orthogonal"],
     ["key.114", "orthogonal", "dimension 20", "20 elements"]),
    (["--basis", "random"], ["--basis", "random", "uniform", "orthonormal"]),
    (["--coefficients", "cube"], ["--coefficients", "cube", "unit_cube", "gaussian", "sphere"]),
    (["--offset", "half"], ["--offset", "half", "a number"]),
    (["--spread", "0"], ["--spread", "0", "from 1e-09"]),
    (["--spread", "-1"], ["--spread", "-1", "from 1e-09"]),
    (["--per-site-basis"], ["--per-site-basis", "--per-site-key"]),
    (["--key-std", "-0.5"], ["--key-std", "-0.5", "from 0"]),
    (["--key-std", "inf"], ["--key-std", "inf", "from 0"]),
    (["--key-std", "nan"], ["--key-std", "nan", "from 0"]),
    (["--rescale", "all"], ["--rescale", "all", "pooled", "per_key"]),
    (["--batch-statistics", "both"], ["--batch-statistics", "both", "per_group", "joint"]),
    (["--invalid", "wrong"], ["key.104", "wrong", "gaussian", "orthogonal", "constant"]),
    (["--invalid", "angle@"], ["flag.116", "angle@", "FAMILY@NUMBER"]),
    (["--invalid", "angle@steep"], ["flag.116", "angle@steep", "FAMILY@NUMBER"]),
    (["--invalid", "angle@20@20"], ["flag.116", "angle@20@20"]),
    (["--invalid", "angle@181"], ["key.120", "angle", "180", "181"]),
    (["--invalid", "zero@2"], ["key.120", "zero", "no number"]),
    (["--invalid-mixture", "gaussian,,zero"], ["key.104", "''"]),
    (["--invalid-mixture", "gaussian:much"], ["flag.116", "gaussian:much"]),
    (["--invalid-mixture", "gaussian:-1,zero"], ["key.121", "-1"]),
    (["--invalid-mixture", "gaussian:0,zero:0"], ["key.121", "above 0"]),
    (["--invalid-mixture", "other_site"], ["key.118", "other_site", "per_site_basis"]),
    (["--families", "gaussian,none"], ["key.104", "none", "sign_flipped"]),
    (["--families", "angle@0"], ["key.120", "angle"]),
    (["--families", "other_site"], ["key.118", "other_site"]),
    (["--families", ""], ["key.104", "''"]),
    (["--regime", "reference", "--coefficients", "gaussian", "--families", "negated"], ["key.119", "negated"]),
    (["--deny", "D"], ["--deny", "D", "none", "A_soft", "B_aux", "C_plus", "AC", "sealed"]),
    (["--gap", "-0.1"], ["--gap", "-0.1", "from 0"]),
    (["--margin1", "nan"], ["--margin1", "nan", "from 0"]),
    (["--margin2", "-1"], ["--margin2", "-1", "from 0"]),
    (["--seal-weight", "-1"], ["--seal-weight", "-1", "from 0"]),
    (["--deny-weight", "-0.1"], ["--deny-weight", "-0.1", "from 0"]),
    (["--deny-on", "no"], ["--deny-on", "no", "wrong", "wrong+no"]),
    (["--deny-warmup", "-3"], ["--deny-warmup", "-3", "from 0"]),
    (["--epochs", "0"], ["--epochs", "0", "from 1"]),
    (["--epochs", "1.5"], ["--epochs", "1.5", "whole number from 1"]),
    (["--epochs", "2", "--epochs", "3"], ["--epochs"]),
    (["--batch", "1"], ["--batch", "1", "from 2"]),
    (["--batch", "0x10"], ["--batch", "0x10", "from 2"]),
    (["--optimizer", "lion"], ["--optimizer", "lion", "sgd", "adam", "adamw"]),
    (["--lr", "fast"], ["--lr", "fast", "from 0"]),
    (["--lr"], ["--lr"]),
    (["--momentum", "1.5"], ["--momentum", "1.5", "from 0 to 1"]),
    (["--weight-decay", "-1"], ["--weight-decay", "-1", "from 0"]),
    (["--schedule", "poly"], ["--schedule", "poly", "constant", "step", "cosine", "one-cycle"]),
    (["--milestones", "0.5,-2"], ["--milestones", "-2", "from 0 to 1e+09"]),
    (["--schedule", "step", "--epochs", "10", "--milestones", "5,10"], ["--milestones", "10", "never gets there"]),
    (["--schedule", "step", "--epochs", "10", "--milestones", "1.5"], ["--milestones", "1.5", "whole number"]),
    (["--schedule", "step", "--epochs", "10", "--milestones", "5,5"], ["--milestones", "5", "order"]),
    (["--schedule", "step", "--epochs", "10", "--milestones", "0"], ["--milestones", "above 0"]),
    (["--precision", "fp16"], ["--precision", "fp16", "fp32", "bf16"]),
    (["--device", "gpu"], ["--device", "gpu", "cpu", "cuda"]),
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


def test_a_gpu_that_is_not_there(folder):
    result = program.start("train", *program.TINY, "--data", "linear", "--device", "cuda", "--out", folder / "run",
                           cwd=folder)
    if result.returncode == 0:
        return  # it is
    assert result.returncode == 2 and result.stderr.count(b"\n") == 1, result
    assert b"[spankey.cuda.101]" in result.stderr or b"[spankey.flag.127] --device: found cuda" in result.stderr, result
    assert list(folder.iterdir()) == []
    # What a run would take can be said without it.
    if b"cuda.101" in result.stderr:
        text = program.succeeds("describe", "--data", "linear", "--device", "cuda", cwd=folder).stdout
        assert b"gpu: none" in text and b"model: mlp" in text, text
        program.refused("describe", "--data", "linear", "--device", "cuda", "--measure", cwd=folder,
                        names=["flag.128", "--measure"])


def test_bad_flags_after_good_ones_create_no_folder(folder):
    program.refused("train", *program.TINY, "--data", "linear", "--out", folder / "run", "--lr", "nan", cwd=folder,
                    names=["--lr"])
    program.refused("train", *program.TINY, "--out", folder / "run", "--sites", "0,0", cwd=folder, names=["--sites"])
    assert list(folder.iterdir()) == []


def test_commands(folder):
    for arguments in ([], ["fly"], ["--fast"]):
        program.refused(*arguments, cwd=folder, names=["train", "eval", "sweep", "report", "describe"])
    program.refused("eval", cwd=folder, names=["--run"])
    program.refused("sweep", cwd=folder, names=["file"])
    program.refused("sweep", "file.json", cwd=folder, names=["--out"])
    program.refused("report", cwd=folder, names=["DIR"])
    for flag, value in (("--eval-keys", "0"), ("--eval-images", "-1"), ("--test-limit", "x"), ("--threads", "-1"),
                        ("--invalid", "zero"), ("--data", "mnist")):
        program.refused("eval", "--run", folder, flag, value, cwd=folder, names=[flag, value])
    assert list(folder.iterdir()) == []


def test_help_and_version(folder):
    for arguments in (["--help"], ["train", "--help"], ["eval", "--help"], ["sweep", "--help"], ["report", "--help"],
                      ["describe", "--help"], ["--version"]):
        result = program.start(*arguments, cwd=folder)
        assert result.returncode == 0 and result.stdout and result.stderr == b"", arguments
    text = program.start("train", "--help", cwd=folder).stdout.decode()
    config = json.loads((program.train_linear(folder / "run") / "config.json").read_text())
    for flag in [*(name for name in config if name != "spankey"), "data-root", "key-seed", "threads", "out"]:
        assert f"--{flag} " in text, flag
    assert "--measure" in program.start("describe", "--help", cwd=folder).stdout.decode()
    program.refused("train", "--measure", cwd=folder, names=["--measure"])


def test_describe_creates_nothing(folder):
    result = program.start("describe", "--batch", "16", "--data", "mnist", "--data-root", "nowhere", cwd=folder)
    assert result.returncode == 0 and result.stderr == b""
    text = result.stdout.decode()
    for words in ("small_cnn, 22059 parameters, 11 outputs", "16 images in 3 groups, 48 samples", "arena:"):
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


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
