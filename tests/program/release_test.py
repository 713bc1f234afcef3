"""Releases in the program: a run is handed out, answers as it did, and is got back from what was handed out. Costs 8 s."""
import json
import sys

import program
import safetensors_io

TINY = ["--data", "grammar", "--context", "32", "--channels", "16", "--layers", "2", "--heads", "2",
        "--train-limit", "1500", "--test-limit", "60", "--batch", "16", "--epochs", "1", "--lr", "0.004"]
PROMPTS = ("the dog ", "a", "the old king sees the ")


def trained(folder, *more, name="run", model="gpt"):
    run = folder / name
    program.succeeds("train", *TINY, "--model", model, "--inject", "none", *more, "--out", run, cwd=folder)
    return run


def released(folder, run, *more, name="given"):
    text = program.succeeds("release", run, "--out", folder / name, "--seed", "3", *more, cwd=folder).stdout.decode()
    assert {file.name for file in (folder / name).iterdir()} == {"config.json", "release.safetensors"}, list((folder / name).iterdir())
    return text


def written(folder, kind, where, prompt):
    return program.succeeds("generate", kind, where, "--prompt", prompt, "--temperature", "0", "--tokens", "60", cwd=folder).stdout


def scored(folder, *which):
    """Perplexity of a text of the grammar that the network has learnt."""
    (folder / "scored.txt").write_text("the dog sees the old king. the old king sees the dog.", encoding="utf-8")
    out = program.succeeds("generate", *which, "--score", folder / "scored.txt", cwd=folder).stdout
    return found_in(out.decode(), "perplexity ")


def found_in(text, begin):
    """The number behind some words of the output."""
    return float(text.split(begin)[1].split()[0].rstrip(",;"))


def test_a_release_answers_and_falls(folder):
    run = trained(folder)
    for name, flags in {"eight": ["--order", "8"], "sums": ["--scheme", "sums", "--group", "3"], "twelve": ["--order", "12", "--share", "1", "--budget", "0"],
                        "budget": ["--budget", "1e-6", "--share", "1"], "identity": ["--scheme", "identity"]}.items():
        text = released(folder, run, *flags, "--check", "5", name=name)
        assert "5 of 5 prompts" in text, text
        assert found_in(text, "KL ") < 1e-6, text
        for prompt in PROMPTS:
            assert written(folder, "--run", run, prompt) == written(folder, "--release", folder / name, prompt)
        weights = program.tensor_bytes(run / "weights.safetensors")
        given = program.tensor_bytes(folder / name / "release.safetensors")
        public = [tensor for tensor in weights if tensor in given]
        assert all(given[tensor] == weights[tensor] for tensor in public)
        assert (name == "identity") == ("h.0.mlp.c_proj.weight" in public), public
        # And back.
        text = program.succeeds("extract", folder / name, "--out", folder / (name + "_back"), "--truth", run, "--check", "5",
                                cwd=folder).stdout.decode()
        assert " 0 failed" in text and "5 of 5 prompts" in text, text
        assert found_in(text, "within 1 %: ") >= 0.999, text
        assert found_in(text, "KL ") < 1e-6, text
        back = folder / (name + "_back")
        assert json.loads((back / "config.json").read_text()) == json.loads((run / "config.json").read_text())
        assert written(folder, "--run", back, PROMPTS[0]) == written(folder, "--run", run, PROMPTS[0])
    # Without the truth there is less to say.
    text = program.succeeds("extract", folder / "eight", "--out", folder / "alone", cwd=folder).stdout.decode()
    assert "within" not in text and "residuals" in text
    # A low order is not the network, and its release is one all the same.
    text = released(folder, run, "--order", "2", "--share", "1", "--budget", "0", "--check", "5", name="two")
    assert found_in(text, "KL ") > 1e-9, text


def test_what_is_handed_out(folder):
    run = trained(folder)
    released(folder, run, "--precision", "bf16", "--share", "0.5", "--budget", "0", "--order", "4", name="bf16")
    shapes, notes = program.safetensors_header(folder / "bf16" / "release.safetensors")
    assert shapes["h.1.mlp.fuse_weight"] == ("BF16", (16, 32, 4)), shapes
    assert shapes["h.1.mlp.gate_proj_weight"] == ("BF16", (32, 16))
    assert shapes["wte.weight"][0] == "F32"
    assert (notes["release"], notes["dtype"], notes["grad_order"], notes["activation"]) == ("taylor", "bf16", "4", "gelu_tanh")
    # The same seed, the same release.
    released(folder, run, name="once"), released(folder, run, name="twice")
    files = [(folder / name / "release.safetensors").read_bytes() for name in ("once", "twice")]
    assert files[0] == files[1]


def test_a_gated_network(folder):
    run = trained(folder, "--hidden", "40", "--kv-heads", "1", model="llama")
    for scheme in ("taylor", "sums"):
        text = released(folder, run, "--scheme", scheme, "--share", "1", "--budget", "0", "--check", "5", name=scheme)
        assert "2 MLPs: 80 of 80 neurons" in text and "5 of 5 prompts" in text, text
        assert found_in(text, "KL ") < 1e-6, text
        text = program.succeeds("extract", folder / scheme, "--out", folder / (scheme + "_back"), "--truth", run, "--check", "5",
                                cwd=folder).stdout.decode()
        assert " 0 failed" in text and "signs right: 80 of 80" in text and "5 of 5 prompts" in text, text
        assert found_in(text, "within 1 %: ") >= 0.999 and found_in(text, "KL ") < 1e-6, text
    # The signs are drawn: another seed, another release.
    program.succeeds("release", run, "--seed", "4", "--share", "1", "--out", folder / "other", cwd=folder)
    shapes = [program.tensor_bytes(folder / name / "release.safetensors")["model.layers.0.mlp.gate_proj_weight"] for name in ("taylor", "other")]
    assert shapes[0] != shapes[1]


def test_locked_networks_are_handed_out_and_open_with_their_key(folder):
    run = trained(folder)
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    program.succeeds("keygen", "--out", folder / "other.key", cwd=folder)
    own = scored(folder, "--run", run)
    for kind in ("entangled", "masked"):
        program.succeeds("release", run, "--scheme", kind, "--key", folder / "own.key", "--out", folder / kind, cwd=folder)
        names = {file.name for file in (folder / kind).iterdir()}
        assert names == {"config.json", "release.safetensors", "lock.safetensors"}, names
        assert scored(folder, "--release", folder / kind) > 1.02 * own, kind
        opened = scored(folder, "--release", folder / kind, "--key", folder / "own.key")
        assert abs(opened - own) < 1e-3 * own, (kind, opened, own)
        refused = program.start("generate", "--release", folder / kind, "--key", folder / "other.key", cwd=folder)
        assert refused.returncode != 0 and b"lock." in refused.stderr, refused
        program.refused("release", run, "--scheme", kind, "--out", folder / "x", cwd=folder, names=["flag.240", kind])
    program.refused("release", run, "--key", folder / "own.key", "--out", folder / "x", cwd=folder, names=["flag.240", "taylor"])


def test_other_text(folder):
    run = trained(folder)
    (folder / "text.txt").write_text("the dog sees the old king.\n" * 200, encoding="utf-8")
    text = released(folder, run, "--text", folder / "text.txt", "--window", "24", "--check", "3")
    assert "3 of 3 prompts" in text and "over 72 tokens" in text, text
    program.refused("release", run, "--window", "33", "--out", folder / "x", cwd=folder, names=["flag.242", "33"])


def test_games(folder):
    run = trained(folder)
    few = ["--seeds", "2", "--trials", "6", "--windows", "8", "--judged", "4", "--updates", "3"]
    text = program.succeeds("release-games", run, *few, cwd=folder).stdout.decode()
    found = json.loads((run / "release_games.json").read_text())
    rows = {(row["scheme"], row["game"]): row for row in found["rows"]}
    assert len(rows) == 20 and found["windows"] == 8, found
    for scheme in ("identity", "taylor", "sums"):
        assert rows[scheme, "PE"]["advantage"] == 1 and rows[scheme, "FE"]["advantage"] == 1, rows
        assert scheme == "sums" or rows[scheme, "RI"]["advantage"] == 0.5, rows
        assert scheme in text, text
    for scheme in ("entangled", "masked"):
        assert rows[scheme, "PE"]["advantage"] == 0 and rows[scheme, "PE"]["found"] < 0.1, rows
    assert all(row["interval"][0] <= row["advantage"] <= row["interval"][1] for row in rows.values())
    # Some of them alone, the same figures, another file.
    program.succeeds("release-games", run, *few, "--games", "PE,RI", "--schemes", "taylor", "--out", folder / "few.json", cwd=folder)
    again = json.loads((folder / "few.json").read_text())["rows"]
    assert [row["game"] for row in again] == ["PE", "RI"]
    assert all(rows["taylor", row["game"]]["found"] == row["found"] for row in again)
    program.refused("release-games", run, "--games", "XE", cwd=folder, names=["--games", "PE"])


def test_mistakes_are_one_line(folder):
    run = trained(folder)
    released(folder, run)
    given = folder / "given"
    refused = lambda *flags, names: program.refused(*flags, cwd=folder, names=names)
    refused("release", run, "--out", given, names=["flag.110"])
    refused("release", folder / "nothing", "--out", folder / "x", names=["config.104"])
    refused("release", run, "--out", folder / "x", "--order", "13", names=["--order"])
    refused("extract", run, "--out", folder / "x", names=["release.safetensors"])
    refused("extract", given, "--out", folder / "x", "--check", "3", names=["flag.236"])
    refused("generate", "--run", run, "--release", given, names=["flag.220"])
    refused("generate", names=["flag.220"])
    refused("generate", "--release", given, "--weights", "int8", names=["flag.220", "--weights"])
    refused("generate", "--release", given, "--key", "1", names=["flag.220"])
    program.train_linear(folder / "linear", "--inject", "none")
    refused("release", folder / "linear", "--out", folder / "x", names=["release.107"])
    refused("release", folder / "linear", "--out", folder / "x", "--check", "3", names=["flag.236"])
    keyed = folder / "keyed"
    program.train_linear(keyed)
    refused("release", keyed, "--out", folder / "x", names=["flag.237", "keys"])
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    program.succeeds("lock", "--run", run, "--key", folder / "own.key", "--out", folder / "locked", cwd=folder)
    refused("release", folder / "locked", "--out", folder / "x", names=["flag.237", "locked"])
    # A file that was changed, with its checksums and without.
    file = given / "release.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-5] + bytes([data[-5] ^ 64]) + data[-4:])
    refused("extract", given, "--out", folder / "x", names=["checksum."])
    tensors, notes = safetensors_io.read(data_file(folder, data))
    notes = {name: text for name, text in notes.items() if not name.startswith("crc32")}
    for change, problem in (({"h.0.mlp.local_point": ("F32", [3], bytes(12))}, "release.112"),
                            ({"more": ("F32", [1], bytes(4))}, "release.114")):
        file.write_bytes(safetensors_io.encode(tensors | change, notes))
        refused("extract", given, "--out", folder / "x", names=[problem])
        refused("generate", "--release", given, names=[problem])
    assert not (folder / "x").exists()


def data_file(folder, data):
    (folder / "sound.safetensors").write_bytes(data)
    return folder / "sound.safetensors"


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
