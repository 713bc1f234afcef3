"""The fast recipe and its pieces: what it brings, that every piece changes the run, and that a run goes on as it was."""
import json
import math
import signal
import subprocess
import sys

import data_files
import program

LINEAR = ["--data", "linear"]


def config(run):
    return json.loads((run / "config.json").read_text())


def weights(run):
    return (run / "weights.safetensors").read_bytes()


def tiny_cifar(folder):
    """Flags of a run of fast_cnn over random images."""
    if not (folder / "root").exists():
        data_files.write_cifar10(folder / "root" / "cifar-10-batches-bin")
    return ["--data", "cifar10", "--data-root", folder / "root", "--model", "fast_cnn"]


def test_what_the_recipe_brings(folder):
    run = folder / "run"
    program.train_tiny(run, *tiny_cifar(folder))
    assert config(run).items() >= {
        "recipe": "fast", "optimizer": "muon", "lr": 0.24, "schedule": "linear", "smoothing": 0.2, "whiten": "whiten",
        "augment": "crop@2,reflect,alternate", "momentum": 0.85, "sites": [0, 1, 2]}.items()
    steps = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if '"step"' in line]
    assert [round(s["lr"], 12) for s in steps] == [0.24, 0.16, 0.08]
    program.evaluated_again(run, "--data-root", folder / "root")
    # The filters are the images' own, with their negatives, and stay so.
    tensors = program.tensor_bytes(run / "weights.safetensors")
    half = len(tensors["whiten.weight"]) // 2
    first, second = tensors["whiten.weight"][:half], tensors["whiten.weight"][half:]
    assert bytes(b ^ (0x80 if i % 4 == 3 else 0) for i, b in enumerate(first)) == second
    text = program.succeeds("describe", *tiny_cifar(folder), cwd=folder).stdout.decode()
    assert "  recipe  --epochs 24\n" in text and "  recipe  --batch 1000\n" in text, text
    # Rates of norms, biases and head are those of one cross-entropy by the weight of all terms of the loss.
    for flags, rates in ((["--inject", "none"], "vectors=442,fc=0.0852"), (["--deny", "none"], "vectors=442,fc=0.0852"),
                         ([], "vectors=49.1,fc=0.00947"), (["--deny-weight", 1], "vectors=88.4,fc=0.017"),
                         (["--deny", "B"], "vectors=402,fc=0.0775")):
        text = program.succeeds("describe", *tiny_cifar(folder), *flags, cwd=folder).stdout.decode()
        assert f"  recipe  --rate-of {rates},whiten.weight=0\n" in text, (flags, text)
        assert ("  recipe  --epochs 8\n" in text) == rates.startswith("vectors=442"), (flags, text)


def test_other_networks_take_it(folder):
    run = folder / "run"
    data_files.write_idx(folder / "root" / "mnist")
    program.train_tiny(run, "--data", "mnist", "--data-root", folder / "root", "--recipe", "fast")
    assert config(run).items() >= {"model": "small_cnn", "optimizer": "muon", "epochs": 1, "smoothing": 0.2}.items()
    assert "whiten" not in config(run) and "augment" not in config(run)


def test_every_piece_changes_the_run(folder):
    plain = ["--inject", "none", *tiny_cifar(folder)]
    runs = {}
    for name, flags in {"": [], "sgd": ["--optimizer", "sgd", "--lr", 0.01], "smoothing": ["--smoothing", 0],
                        "filter momentum": ["--filter-momentum", 0.9], "momentum": ["--momentum", 0],
                        "rates": ["--rate-of", "vectors=1"], "filters": ["--rate-of", "group1.conv1.weight=2"],
                        "whiten": ["--whiten", ""], "augment": ["--augment", "none"],
                        "lookahead": ["--lookahead", 2], "flip": ["--augment", "crop@2,reflect,flip"],
                        "zeros": ["--augment", "crop@2,alternate"]}.items():
        program.train_tiny(folder / f"run {name}", *plain, *flags)
        runs[name] = weights(folder / f"run {name}")
    assert len(set(runs.values())) == len(runs), [n for n in runs if list(runs.values()).count(runs[n]) > 1]
    # Copies of the test images change what is counted and nothing else.
    metrics = set()
    for views in ("one", "mirrored", "mirrored+shifted"):
        run = folder / views
        program.train_tiny(run, *plain, "--views", views)
        assert weights(run) == runs[""]
        program.evaluated_again(run, "--data-root", folder / "root")
        metrics.add(json.loads((run / "metrics.json").read_text())["no_key"]["semantic"]["mean"])
    assert all(math.isfinite(m) for m in metrics)
    # Asked later, of the finished run, they are counted the same, in a file of their own.
    program.succeeds("eval", "--run", folder / "one", "--views", "mirrored+shifted", "--data-root", folder / "root",
                     cwd=folder)
    assert ((folder / "one" / "metrics-views-mirrored-shifted.json").read_bytes()
            == (folder / "mirrored+shifted" / "metrics.json").read_bytes())


def test_a_run_goes_on_as_it_was(folder):
    flags = ["--inject", "none", "--lookahead", 2, *tiny_cifar(folder)]
    program.train_tiny(folder / "whole", *flags, epochs=6)
    tiny = ["6" if before == "--epochs" else flag for before, flag in zip(["", *program.TINY], program.TINY)]
    run = folder / "stopped"
    with subprocess.Popen([program.PROGRAM, "train", *tiny, *map(str, flags), "--out", run], cwd=folder,
                          stdout=subprocess.DEVNULL) as process:
        log = run / "log.jsonl"
        program.wait_until(lambda: log.exists() and log.read_bytes().count(b"\n") > 3, process)
        process.send_signal(signal.SIGINT)
    assert not (run / "metrics.json").exists(), "it was done before it could be stopped"
    program.succeeds("train", "--resume", run, "--data-root", folder / "root", cwd=folder)
    assert weights(run) == weights(folder / "whole")


def test_what_is_refused(folder):
    cifar = tiny_cifar(folder)
    for flags, names in ((["--rate-of", "fc"], ["flag.152", "NAME=FACTOR"]),
                         (["--rate-of", "fc=-1"], ["flag.152", "fc=-1"]),
                         (["--rate-of", "fc=nan"], ["flag.152", "fc=nan"]),
                         (["--rate-of", "stem=1"], ["flag.152", "stem"]),
                         (["--augment", "crop"], ["flag.153", "crop@"]),
                         (["--augment", "crop@-1"], ["flag.153", "crop@-1"]),
                         (["--augment", "crop@32,reflect"], ["data.129", "0 to 31"]),
                         (["--augment", "mirror"], ["flag.153", "mirror", "alternate"]),
                         (["--whiten", "group1.conv1"], ["train.141", "group1.conv1"]),
                         (["--smoothing", "1.5"], ["--smoothing", "1.5"]),
                         (["--views", "all"], ["--views", "mirrored+shifted"]),
                         (["--recipe", "slow"], ["--recipe", "fast"])):
        program.refused("train", *program.TINY, *cifar, *flags, "--out", folder / "run", cwd=folder, names=names)
        assert not (folder / "run").exists(), flags
    program.refused("train", *program.TINY, *LINEAR, "--views", "mirrored", "--out", folder / "run", cwd=folder,
                    names=["train.126"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
