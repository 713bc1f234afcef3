"""Text in the program: gpt on drawn sentences and on files, its figures, a run that goes on, and what `generate` writes.
Costs 35 s."""
import json
import signal
import subprocess
import sys

import interrupted
import program

TINY = ["--model", "gpt", "--context", "16", "--channels", "16", "--layers", "2", "--heads", "2", "--subspace-dim", "4"]
FEW = ["--train-limit", "600", "--test-limit", "60", "--eval-keys", "2", "--eval-images", "3"]


def config(run):
    return json.loads((run / "config.json").read_text())


def metrics(run):
    return json.loads((run / "metrics.json").read_text())


def trained(folder, *more, gate=("--deny", "B")):
    program.succeeds("train", *TINY, *FEW, "--lr", "0.004", *gate, *more, "--out", folder, cwd=folder.parent)
    return folder


def generated(run, *more):
    """Status and text, which ends with a line; `refused` on stderr where the status says so."""
    result = program.start("generate", "--run", run, *more, cwd=run.parent)
    assert result.returncode in (0, 3), result
    assert result.stderr == (b"refused\n" if result.returncode == 3 else b""), result
    return result.returncode, result.stdout


def header_of(run):
    file = run.parent / "image.hpp"
    program.succeeds("convert", "--run", run, "--header", file, cwd=run.parent)
    return file.read_bytes()[:2000]


def experiment_of(folder, rows):
    flags = {"model": "gpt", "context": 16, "channels": 16, "layers": 2, "heads": 2, "subspace-dim": 4, "train-limit": 600,
             "test-limit": 60, "eval-keys": 2, "eval-images": 3, "lr": 0.004}
    file = folder / "texts.json"
    file.write_text(json.dumps({"name": "texts", "seeds": [0, 1], "flags": flags, "rows": rows}))
    return file


def test_a_sweep(folder):
    file, out = experiment_of(folder, [{"name": "open", "flags": {"inject": "none"}}, {"name": "B", "flags": {"deny": "B"}}]), folder / "out"
    program.succeeds("sweep", file, "--out", out, cwd=folder)
    figures = ["bits", "masked_bits", "semantic", "masked", "reject"]
    lines = (out / "results.csv").read_text().splitlines()
    assert lines[0] == ",".join(["row", "seed", "condition", *figures]), lines[0]
    assert len(lines) == 1 + 2 + 2 * 3, lines  # no key; and with keys valid and gaussian ones
    cells = [metrics(out / "cells" / f"b-seed{seed}") for seed in (0, 1)]
    found = json.loads((out / "results.json").read_text())["rows"][1]["metrics"]["valid_key"]
    for figure in figures:
        values = [cell["valid_key"][figure]["mean"] for cell in cells]
        assert found[figure]["values"] == values and abs(found[figure]["mean"] - sum(values) / 2) < 1e-12, found[figure]
    # Bits are no shares: their interval is symmetric.
    bits = found["bits"]
    assert abs(bits["high"] + bits["low"] - 2 * bits["mean"]) < 1e-9 < bits["high"] - bits["low"], bits
    table = [line for line in (out / "results.md").read_text().splitlines() if line.startswith("|")]
    assert table[0] == "| row | condition | seeds | bits | masked bits | semantic | masked | reject |", table[0]
    assert table[2].startswith("| open | no_key | 2 | ") and all(line.count("|") == 9 for line in table), table
    program.succeeds("report", out, "--out", folder / "page.html", cwd=folder)


def test_what_a_sweep_and_an_import_say(folder):
    file = experiment_of(folder, [{"name": "B", "flags": {"deny": "B"}}, {"name": "glyphs", "flags": {"model": "mlp"}}])
    file.write_text(file.read_text().replace('"model": "gpt", "context": 16, "channels": 16, "layers": 2, "heads": 2, ', "")
                    .replace('"deny": "B"', '"model": "gpt", "deny": "B"').replace(', "lr": 0.004', ""))
    program.refused("sweep", file, "--out", folder / "out", cwd=folder, names=["experiment.114", "row 'glyphs'"])
    assert not (folder / "out").exists()
    program.refused("import", "--model", "gpt", "--weights", "nowhere", "--out", folder / "out", cwd=folder, names=["nowhere"])


def test_a_run_and_its_files(folder):
    run = trained(folder / "run")
    found = config(run)
    assert found["data"] == "grammar" and found["context"] == 16 and found["sites"] == [0, 1], found
    assert found["key-shape"] == "channel" and found["gamma"] == 1 and found["deny-weight"] == 0.1, found
    assert found["optimizer"] == "adamw" and found["decay-of"] == "weights" and found["clip-norm"] == 1, found
    figures = metrics(run)
    for condition in (figures["no_key"], figures["valid_key"], figures["invalid_key"]["gaussian"]):
        assert 0 < condition["masked_bits"]["mean"] <= condition["bits"]["mean"] < 30, condition
        assert abs(condition["perplexity"] - 2 ** condition["bits"]["mean"]) < 1e-6 * condition["perplexity"]
    assert figures["valid_key"]["keys"] == 2 and figures["valid_key"]["tokens_per_key"] == 48
    # The share of a byte that is guessed: it learnt something.
    assert figures["valid_key"]["bits"]["mean"] < 5, figures["valid_key"]
    program.evaluated_again(run)
    names = program.safetensors_header(run / "weights.safetensors")[0]
    assert tuple(names["wte.weight"][1]) == (272, 16) and tuple(names["h.1.attn.c_attn.weight"][1]) == (16, 48)
    program.succeeds("eval", "--run", run, "--require", "valid.bits<=6,bits>=2,valid.masked>=0", cwd=folder)
    result = program.start("eval", "--run", run, "--require", "valid.bits<=0.5", cwd=folder)
    assert result.returncode == 3, result
    program.refused("eval", "--run", run, "--require", "calibrated<=.2", cwd=folder,
                    names=["flag.141", "bits, masked_bits, semantic, masked or reject"])
    program.succeeds("report", run, "--out", folder / "page.html", cwd=folder)
    program.succeeds("describe", *TINY, "--measure", cwd=folder)


def test_text_of_files(folder):
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_bytes(b"to be or not to be, that is the question.\n" * 120)
    (folder / "texts" / "b.txt").write_bytes(bytes(range(256)) * 30)
    (folder / "c.txt").write_bytes(b"something else\n" * 80)
    both = ["--data", "text", "--text", "a.txt,b.txt", "--data-root", "texts"]
    open_to_all = ("--inject", "none")
    run = trained(folder / "shared", *both, gate=open_to_all)
    # The same number of windows, from elsewhere.
    longer = trained(folder / "longer", *both, "--test-share", "0.2", gate=open_to_all)
    assert metrics(longer)["no_key"]["bits"] != metrics(run)["no_key"]["bits"]
    program.evaluated_again(run, "--data-root", folder / "texts")
    other = trained(folder / "other", *both, "--test-text", "c.txt", gate=open_to_all)
    assert metrics(other)["no_key"]["tokens_per_key"] == 60 * 16
    assert metrics(other)["no_key"]["bits"] != metrics(run)["no_key"]["bits"]


def test_a_run_that_goes_on(folder):
    """Stopped within an epoch, it draws the windows of the steps that are left."""
    flags = [*TINY, *FEW, "--deny", "B", "--epochs", "2", "--batch", "4"]
    whole, begun = folder / "whole", folder / "begun"
    program.succeeds("train", *flags, "--out", whole, cwd=folder)
    command = [program.PROGRAM, "train", *flags, "--out", begun]
    with subprocess.Popen(list(map(str, command)), cwd=folder, stdout=subprocess.DEVNULL) as process:
        program.wait_until(lambda: interrupted.lines_of(begun) > 20, process)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM and program.checkpoints_of(begun), process.returncode
    program.succeeds("train", "--resume", begun, cwd=folder)
    interrupted.check_same(interrupted.outcome(begun), interrupted.outcome(whole))


def test_generate(folder):
    run = trained(folder / "run")
    status, text = generated(run, "--key", "1", "--prompt", "the ", "--tokens", "60", "--ignore-refusal")
    assert status == 0 and text.startswith(b"the ") and text.endswith(b"\n") and len(text) > 5
    assert generated(run, "--key", "1", "--prompt", "the ", "--tokens", "60", "--ignore-refusal") == (status, text)
    assert generated(run, "--key", "1", "--prompt", "the ", "--tokens", "60", "--ignore-refusal", "--seed", "1")[1] != text
    for weights in ("bf16", "int8"):
        assert generated(run, "--key", "1", "--weights", weights, "--ignore-refusal", "--tokens", "5")[0] == 0
    greedy = [generated(run, "--key", "1", "--temperature", "0", "--ignore-refusal", "--tokens", "20", *more)
              for more in ((), ("--seed", "5"), ("--top-k", "3"))]
    assert greedy[0] == greedy[1] == greedy[2]
    # The number of a key, and the file that convert makes of it.
    program.succeeds("convert", "--run", run, "--key-out", folder / "key", "--key-index", "1", "--key-bound", "0",
                     "--out", folder / "image", cwd=folder)
    assert generated(run, "--key", folder / "key", "--prompt", "the ", "--tokens", "60", "--ignore-refusal") == (status, text)
    assert b"spankey::gpt<size" in header_of(run), header_of(run)
    # Nothing that controls a terminal.
    assert not any(byte < 32 and byte not in b"\n\t" or byte == 127
                   for byte in generated(run, "--tokens", "400", "--temperature", "9", "--ignore-refusal")[1])
    generated(run, "--invalid", "gaussian")
    program.refused("generate", "--run", run, "--key", "1", "--invalid", "gaussian", cwd=folder, names=["flag.160"])
    program.refused("generate", "--run", run, "--invalid", "nonsense", cwd=folder, names=["nonsense"])
    program.refused("predict", "--run", run, run / "metrics.json", cwd=folder, names=["flag.158", "generate"])
    images = program.train_linear(folder / "linear")
    program.refused("generate", "--run", images, cwd=folder, names=["flag.159", "mlp"])
    free = trained(folder / "free", gate=("--inject", "none"))
    program.refused("generate", "--run", free, "--key", "1", cwd=folder, names=["flag.120"])


def test_a_trained_gate_refuses(folder):
    run = folder / "run"
    program.succeeds("train", *TINY, "--train-limit", "6000", "--deny", "B", "--deny-weight", "1", "--lr", "0.01",
                     "--gamma", "2", "--eval-keys", "2", "--eval-images", "9", "--test-limit", "60", "--out", run, cwd=folder)
    assert metrics(run)["no_key"]["reject"]["mean"] > 0.9, metrics(run)
    assert generated(run, "--prompt", "the ")[0] == 3
    assert generated(run, "--key", "1", "--prompt", "the ", "--tokens", "8")[0] == 0


def test_what_does_not_fit(folder):
    (folder / "empty").write_bytes(b"")
    (folder / "short").write_bytes(b"a few words")
    (folder / "text").write_bytes(b"some words\n" * 99)
    own = ["train", "--data", "text", "--out", folder / "out"]
    for flags, names in (
            (["--text", "nowhere"], ["nowhere"]),
            (["--text", "empty"], ["data.211", "empty"]),
            (["--text", "short"], ["data.214"]),
            ([], ["flag.146", "--text"]),
            (["--text", "text", "--classes", "5"], ["flag.149", "--classes"]),
            (["--text", "text", "--resize", "8"], ["flag.148", "--resize"]),
            (["--text", "text", "--sample", "1,2,3"], ["flag.149", "--context"]),
            (["--text", "text", "--augment", "flip"], ["flag.148", "--augment"]),
            (["--text", "text", "--whiten", "h"], ["flag.148", "--whiten"]),
            (["--text", "text", "--views", "mirrored"], ["flag.148", "--views"]),
            (["--text", "text", "--heads", "3"], ["flag.155", "heads divide"]),
            (["--text", "text", "--deny", "B_aux"], ["flag.156", "B_aux"]),
            (["--text", "text", "--inject", "add", "--key-shape", "token"], ["flag.161", "norm"]),
            (["--text", "text", "--model", "mlp"], ["flag.115", "gpt"])):
        program.refused(*own, *flags, cwd=folder, names=names)
    for flags, names in ((["--text", "text"], ["flag.146"]), (["--context", "5"], ["flag.148"]),
                         (["--model", "mlp", "--layers", "2"], ["flag.154", "mlp"])):
        program.refused("train", "--data", "linear", *flags, "--out", folder / "out", cwd=folder, names=names)
    assert not (folder / "out").exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
