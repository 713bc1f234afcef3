"""Bad flags and bad combinations: status 2, one line that names the flag and what is allowed, nothing created."""
import json
import os
import re
import sys

import program

BAD = [
    # arguments of train, then what the line has to hold
    (["--regime", "strict"], ["--regime", "strict", "sound", "reference"]),
    (["--data", "cifar-10-batches-bin"], ["--data", "cifar-10-batches-bin", "cifar10", "fashion-mnist", "linear"]),
    (["--model", "vgg"], ["--model", "vgg", "mlp", "small_cnn", "small_resnet", "resnet18"]),
    (["--inject", "sub"], ["--inject", "sub", "none", "add", "mul", "reading"]),
    (["--inject", "none", "--deny", "B"], ["--deny", "--inject none", "only none is allowed"]),
    (["--gamma", "-1"], ["--gamma", "-1", "from 0 to"]),
    (["--gamma", "nan"], ["--gamma", "nan", "from 0 to"]),
    (["--gamma", "0"], ["--gamma", "no key would change anything"]),
    (["--gamma", "strong"], ["--gamma", "strong", "a number"]),
    (["--sites", "0,5"], ["--sites", "5", "from 0 to 4"]),
    (["--sites", "0,-1"], ["--sites", "-1", "from 0 to 31"]),
    (["--data", "linear", "--sites", "3"], ["--sites", "3", "mlp", "0 to 2"]),
    (["--data", "fashion-mnist", "--sites", "0,4"], ["--sites", "4", "small_resnet", "0 to 3"]),
    (["--sites", ""], ["--sites", "from 0 to 31"]),
    (["--sites", "2,2"], ["--sites", "2", "twice"]),
    (["--sites", "stem"], ["--sites", "stem", "from 0 to 31"]),
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
    program.refused("train", "--data", "linear", "--device", "cuda", "--inject", "reading", cwd=folder,
                    names=["flag.243", "--inject reading"])
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


def test_what_parts_take(folder):
    flags = ["--data", "linear", "--batch", "64"]
    text = program.succeeds("describe", *flags, "--parts", "4", cwd=folder).stdout.decode()
    whole = program.succeeds("describe", *flags, cwd=folder).stdout.decode()
    assert "parts: 4, a model and 48 samples a step each; all in one process take " in text, text
    arena = lambda said: float(said.split("arena: ")[1].split()[0])
    assert arena(text) < arena(whole) and "parts:" not in whole
    program.refused("describe", *flags, "--parts", "4", "--measure", cwd=folder, names=["flag.256", "--parts 4"])


def test_bad_flags_after_good_ones_create_no_folder(folder):
    program.refused("train", *program.TINY, "--data", "linear", "--out", folder / "run", "--lr", "nan", cwd=folder,
                    names=["--lr"])
    program.refused("train", *program.TINY, "--out", folder / "run", "--sites", "0,0", cwd=folder, names=["--sites"])
    assert list(folder.iterdir()) == []


def test_commands(folder):
    for arguments in ([], ["fly"], ["--fast"], ["--data", "mnist", "train"], ["help", "fly"]):
        result = program.refused(*arguments, cwd=folder, names=["train", "eval", "sweep", "report", "describe"])
        assert (b"usage: spankey COMMAND" in result.stdout) == (arguments == []), arguments
    program.refused("eval", cwd=folder, names=["--run"])
    program.refused("sweep", cwd=folder, names=["FILE"])
    program.refused("sweep", "file.json", cwd=folder, names=["--out"])
    program.refused("report", cwd=folder, names=["DIR"])
    for flag, value in (("--eval-keys", "0"), ("--eval-images", "-1"), ("--test-limit", "x"), ("--threads", "-1"),
                        ("--test-limit", "-1")):
        program.refused("eval", "--run", folder, flag, value, cwd=folder, names=[flag, f"'{value}'"])
    # Flags of other commands, by name.
    program.refused("eval", "--run", folder, "--data", "mnist", cwd=folder, names=["--data", "train", "describe"])
    program.refused("train", "--run", folder, cwd=folder, names=["--run", "eval", "convert"])
    assert list(folder.iterdir()) == []


MEANT = [  # a slip, and what the line suggests
    (["trian"], "train"), (["Train"], "train"), (["--hlep"], "--help"), (["help", "reprot"], "report"),
    (["train", "--epoch", "3"], "--epochs"), (["train", "--key_std", "1"], "--key-std"),
    (["train", "--margin", "1"], "--margin1 or --margin2"), (["train", "-epochs", "3"], "--epochs"),
    (["train", "epochs", "3"], "--epochs"), (["eval", "--eval-key", "3"], "--eval-keys"),
    (["convert", "--haeder", "x"], "--header"), (["sweep", "f", "--thread", "2"], "--threads"),
    (["train", "--data", "mnst"], "mnist"), (["train", "--data", "CIFAR-10"], "cifar10"),
    (["train", "--data", "fashion"], "fashion-mnist"), (["train", "--deny", "b"], "B"),
    (["train", "--deny", "C-plus"], "C_plus"), (["train", "--schedule", "onecycle"], "one-cycle"),
    (["describe", "--optimizer", "adamW"], "adamw"), (["convert", "--run", "x", "--weights", "fp32,int-8"], "int8"),
    (["train", "--epochs", "1e3"], "1000"), (["train", "--batch", "0x10"], "16"), (["train", "--seed", "+5"], "5"),
    (["train", "--train-limit", "10_000"], "10000"), (["train", "--lr", "0,1"], "0.1"),
    (["train", "--sites", "0", "2"], "--sites 0,2"), (["train", "--invalid", "guassian"], "gaussian"),
    (["train", "--data", "linear", "--families", "gaussian,angel@20"], "angle"),
    (["train", "--invalid-mixture", "zero,Permuted:2"], "permuted"),
]
NOT_MEANT = [["train", "--colour", "red"], ["train", "--device", "gpu"], ["train", "--deny", "D"],
             ["train", "--epochs", "-1"], ["train", "--epochs", "many"], ["train", "--epochs", "1.5"]]


def test_what_may_have_been_meant(folder):
    for arguments, meant in MEANT:
        line = program.refused(*arguments, cwd=folder, names=[meant]).stderr.decode()
        assert f"did you mean {meant}?" in line or f"commas between them: {meant}" in line, line
    for arguments in NOT_MEANT:
        assert b"did you mean" not in program.refused(*arguments, cwd=folder, names=[arguments[-2]]).stderr, arguments
    assert list(folder.iterdir()) == []


def test_values_of_flags(folder):
    for arguments, names in (
            (["--lr", "--gamma", "2"], ["--lr", "'--gamma'", "a number"]), (["--lr="], ["--lr", "''", "a number"]),
            (["--out="], ["--out", "''", "folder"]), (["--out", ""], ["--out", "''", "folder"]),
            (["--resume", ""], ["--resume", "''", "folder"]), (["--data", ""], ["--data", "''", "glyphs"]),
            (["--per-site-key=true"], ["--per-site-key", "no value"]), (["--epochs=2", "--epochs=2"], ["twice"]),
            (["--per-site-key", "--per-site-key"], ["--per-site-key", "twice"]), (["--gamma", " 1"], ["' 1'"]),
            (["--milestones", "0.5,"], ["--milestones", "''"])):
        program.refused("train", *arguments, cwd=folder, names=names)
    # A secret is in no message.
    for value in ("hunter2", "-1", "0x777"):
        line = program.refused("train", "--key-seed", value, cwd=folder, names=["--key-seed", "from 0 to"]).stderr
        assert value.encode() not in line, line
    assert list(folder.iterdir()) == []
    text = described(folder, "--data", "linear", "--offset", "-0.5", "--gamma=1e-3", "--lr", ".5", "--key-seed", "777")
    for line in ("given   --offset -0.5", "given   --gamma 0.001", "given   --lr 0.5", "given   --key-seed (secret)"):
        assert f"  {line}\n" in text, (line, text)
    assert "777" not in text


def described(folder, *flags):
    return program.succeeds("describe", *flags, cwd=folder).stdout.decode()


def test_help_and_describe_show_what_will_run(folder):
    for flags in (["--data", "linear"], ["--data", "linear", "--regime", "reference", "--epochs", "3"],
                  ["--data", "mnist"], ["--model", "small_cnn", "--regime", "reference"],
                  ["--model", "mlp", "--inject", "none"], ["--data", "mnist", "--coefficients", "sphere"]):
        limits = ["--train-limit", "24", "--test-limit", "16", "--eval-keys", "2", "--eval-images", "8"]
        data = "mnist" if "mnist" in flags or "small_cnn" in flags else "linear"
        if data == "linear":  # config.json is what ran
            run = folder / str(len(list(folder.iterdir())))
            program.succeeds("train", *flags, *limits, "--out", run, cwd=folder)
            config = {name: value for name, value in json.loads((run / "config.json").read_text()).items()
                      if name != "spankey"}
        text = described(folder, *flags, *limits)
        page = " ".join(program.succeeds("train", *flags, *limits, "--help", cwd=folder).stdout.decode().split())
        page = page[page.index(" What runs "):]
        lines = dict(line.split()[1:] for line in text.split("\n\n")[0].splitlines()[1:])
        origins = {line.split()[1]: line.split()[0] for line in text.split("\n\n")[0].splitlines()[1:]}
        for name, value in config.items() if data == "linear" else []:
            shown = {True: "on", False: "off", "": "''"}.get(value) if isinstance(value, (bool, str)) else None
            shown = shown or (",".join(f"{v:.15g}" for v in value) if isinstance(value, list) else
                              value if isinstance(value, str) else f"{value:.15g}")
            assert lines[f"--{name}"] == shown, (flags, name, lines[f"--{name}"], shown)
        for name, value in lines.items():
            if value not in ("on", "off", "''"):
                entry = re.split(r" (?=--[a-z-]+ (?!and |or |to ))", page[page.index(f" {name} ") + 1:])[0]
                assert f"[{value}]" in entry, (flags, name, value, entry)
        assert {name for name, origin in origins.items() if origin == "given"} == set(flags[::2]) | set(limits[::2])
        assert origins["--lr"] == "recipe" and origins["--batch"] == "fixed", origins
        assert origins["--data"] == ("given" if "--data" in flags else "recipe"), origins
    page = program.succeeds("train", "--data", "mnist", "--help", cwd=folder).stdout.decode()
    for words in ("--data mnist --regime sound", "[small_cnn]", "[1,2]", "[wrong+no]", "[sealed]", "[per_key]"):
        assert words in page, (words, page)
    # Help wins over whatever else is wrong.
    assert b"[linear]" in program.succeeds("train", "--fast", "--data", "linear", "--lr", "x", "-h", cwd=folder).stdout


def test_a_model_brings_its_sites_and_its_data(folder):
    for flags, lines in ((["--model", "mlp"], ["recipe  --data linear", "recipe  --sites 0"]),
                         (["--model", "small_cnn"], ["recipe  --data mnist", "recipe  --sites 1,2"]),
                         (["--model", "small_cnn", "--regime", "reference"], ["recipe  --sites 0,2"]),
                         (["--model", "small_cnn", "--data", "fashion-mnist"], ["given   --data fashion-mnist",
                                                                              "recipe  --sites 1,2"]),
                         (["--model", "small_cnn", "--sites", "0"], ["given   --sites 0"])):
        text = described(folder, *flags)
        assert all(f"  {line}\n" in text for line in lines), (flags, text)
    program.refused("train", "--model", "mlp", "--data", "cifar10", cwd=folder,
                    names=["flag.115", "mlp", "C=20 H=1 W=1", "cifar10", "C=3 H=32 W=32", "small_cnn, small_resnet"])
    program.refused("train", "--model", "mlp", "--data", "mnist", cwd=folder,
                    names=["flag.115", "mlp", "C=20 H=1 W=1", "small_cnn", "--data linear"])


def test_help_and_version(folder):
    for arguments in (["--help"], ["-h"], ["help"], ["help", "train"], ["train", "--help"], ["eval", "--help"],
                      ["sweep", "--help"], ["report", "--help"], ["describe", "-h"], ["convert", "-h"], ["import", "-h"],
                      ["--version"]):
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
