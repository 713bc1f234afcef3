"""import --gguf, and generate with a language model's own tokens: a small one that is drawn here answers as float64 in numpy does, locked
with its key, too, and without it not; files that are none leave nothing behind. Costs half a minute."""
import math
import os
import re
import subprocess
import sys

import program

try:
    import numpy as np
except ImportError:
    print("skipped: there is no numpy")
    sys.exit(77)
import llama_reference as reference

TEXT = "In the beginning the land and the thing, 1234 caf\u00e9s; they're in it."


def model(folder, name="small.gguf", change=None, **sizes):
    keys, tensors = reference.small(**sizes)
    if change:
        change(keys, tensors)
    (folder / name).write_bytes(reference.encode(keys, tensors))
    return folder / name


def imported(folder, *flags, **sizes):
    program.succeeds("import", "--gguf", model(folder, **sizes), "--out", folder / "run", *flags, cwd=folder)
    return folder / "run"


def perplexity(folder, run, *flags):
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    out = program.start("generate", "--run", run, "--score", folder / "text.txt", *flags, cwd=folder)
    assert out.returncode == 0, out.stderr
    found = re.fullmatch(r"perplexity ([0-9.]+) a token, ([0-9.]+) bits a byte; (\d+) tokens foretold, (\d+) bytes\n", out.stdout.decode())
    assert found, out.stdout
    return float(found[1]), float(found[2]), int(found[3]), int(found[4])


def tokens_of(keys, text):
    """Byte-pair encoding by its definition: pieces, then the first of the merges that is there, again and again."""
    letters = reference.byte_letters()
    number = {t: i for i, t in enumerate(keys["tokenizer.ggml.tokens"])}
    found = []
    for piece in re.findall(r"\d|'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?[^\s\w]+|\s+(?!\S)|\s+", text):
        word = [letters[b] for b in piece.encode()]
        while True:
            pairs = [(keys["tokenizer.ggml.merges"].index(f"{a} {b}"), i) for i, (a, b) in enumerate(zip(word, word[1:]))
                     if f"{a} {b}" in keys["tokenizer.ggml.merges"]]
            if not pairs:
                break
            at = min(pairs)[1]
            word[at:at + 2] = [word[at] + word[at + 1]]
        found += [number[w] for w in word]
    return found


def written(folder, run, *flags):
    out = program.start("generate", "--run", run, "--prompt", "In the", "--tokens", "24", *flags, cwd=folder)
    assert out.returncode == 0, out.stderr
    return out.stdout


def test_answers_as_float64_does(folder):
    for sizes in ({}, {"channels": 96, "heads": 6, "kv": 6, "hidden": 64, "layers": 1, "seed": 2}, {"heads": 2, "kv": 1, "layers": 3, "seed": 3}):
        where = folder / f"of-{len(list(folder.iterdir()))}"
        where.mkdir()
        run = imported(where, **sizes)
        assert {p.name for p in run.iterdir()} == {"config.json", "tokenizer.gguf", "weights.safetensors"}
        keys, _ = reference.small(**sizes)
        tokens = tokens_of(keys, TEXT)
        surprise = reference.surprises(reference.logits(reference.Gguf(where / "small.gguf"), tokens), tokens)
        found = perplexity(where, run)
        assert found[2] == len(tokens) - 1, (found, len(tokens))
        assert math.isclose(found[0], math.exp(surprise.mean()), rel_tol=2e-5), (found, math.exp(surprise.mean()))
        assert math.isclose(found[1], surprise.sum() / math.log(2) / found[3], rel_tol=2e-4), found
        # Other widths of weights are near it.
        assert math.isclose(perplexity(where, run, "--weights", "bf16")[0], found[0], rel_tol=0.1)
        assert math.isclose(perplexity(where, run, "--weights", "int8")[0], found[0], rel_tol=0.1)


def test_writes_what_is_likeliest(folder):
    run = imported(folder)
    file = reference.Gguf(folder / "small.gguf")
    tokens = tokens_of(file.keys, "In the")
    letters = {v: k for k, v in reference.byte_letters().items()}
    text = b"In the"
    for _ in range(8):
        best = int(reference.logits(file, tokens)[-1].argmax())
        if best == 0:
            break
        tokens.append(best)
        name = file.keys["tokenizer.ggml.tokens"][best]
        text += b"" if name.startswith("<|") else bytes(letters[c] for c in name)
    out = program.start("generate", "--run", run, "--prompt", "In the", "--tokens", "8", "--temperature", "0", cwd=folder)
    shown = bytes(ord("?") if (b < 32 and b not in b"\n\t") or b == 127 else b for b in text)
    assert out.returncode == 0 and out.stdout == shown + b"\n", (out.stdout, shown)
    # The same bits for any number of threads, and of a longer window than the file's.
    assert len({written(folder, run, "--seed", "5", "--threads", n) for n in (1, 2, 3)}) == 1
    timed = program.start("generate", "--run", run, "--tokens", "2", "--time", cwd=folder)
    assert timed.returncode == 0 and b"a second" in timed.stderr


def test_a_window_is_as_long_as_asked(folder):
    run = imported(folder, "--context", "10")
    assert perplexity(folder, run)[2] < len(TEXT)
    assert b'"context": 10' in (run / "config.json").read_bytes()
    written(folder, run)  # goes on behind a full window


def test_locked_it_needs_its_key(folder):
    run = imported(folder)
    before, open_text = perplexity(folder, run)[0], written(folder, run, "--temperature", "0")
    for name in ("own", "other"):
        program.succeeds("keygen", "--out", folder / f"{name}.key", cwd=folder)
    for kind in ("entangled", "masked"):
        locked, back = folder / kind, folder / (kind + "-back")
        program.succeeds("lock", "--kind", kind, "--run", run, "--key", folder / "own.key", "--out", locked, cwd=folder)
        assert (locked / "tokenizer.gguf").read_bytes() == (run / "tokenizer.gguf").read_bytes()
        assert written(folder, locked, "--temperature", "0") != open_text, kind
        program.refused("unlock", "--run", locked, "--key", folder / "other.key", "--out", folder / "x", cwd=folder, names=["lock.102"])
        program.succeeds("unlock", "--run", locked, "--key", folder / "own.key", "--out", back, cwd=folder)
        assert math.isclose(perplexity(folder, back)[0], before, rel_tol=1e-4), kind
        assert written(folder, back, "--temperature", "0") == open_text, kind


def test_what_is_none_leaves_nothing(folder):
    def refused(change, *names):
        bad = model(folder, "bad.gguf", change)
        program.refused("import", "--gguf", bad, "--out", folder / "out", cwd=folder, names=names)
        assert not (folder / "out").exists()

    def key(name, value):
        return lambda keys, tensors: keys.__setitem__(name, value)

    refused(key("general.architecture", "gpt2"), "gguf.113", "gpt2")
    refused(key("llama.attention.head_count", 5), "gguf.113")
    refused(key("llama.attention.head_count_kv", 3), "gguf.113")
    refused(key("llama.block_count", 3), "gguf.112", "blk.2.attn_norm.weight")
    refused(key("llama.block_count", 1), "gguf.114", "blk.1")
    refused(key("llama.block_count", 4000), "gguf.113")
    refused(key("llama.feed_forward_length", 64), "gguf.112")
    refused(key("llama.rope.dimension_count", 8), "gguf.113")
    refused(key("llama.rope.scaling.type", "linear"), "gguf.113", "scaled")
    refused(key("llama.rope.freq_base", float("nan")), "gguf.113")
    refused(key("tokenizer.ggml.model", "llama"), "tokenizer.101")
    refused(key("tokenizer.ggml.eos_token_id", 10**6), "tokenizer.104")
    refused(lambda keys, tensors: tensors.__setitem__("output.weight", tensors["token_embd.weight"]), "gguf.114", "output.weight")
    refused(lambda keys, tensors: tensors["output_norm.weight"][0].__setitem__(3, np.nan), "gguf.115", "model.norm.weight")
    whole = model(folder).read_bytes()
    for size in (0, 3, 20, 1000, len(whole) // 2, len(whole) - 1):
        (folder / "cut.gguf").write_bytes(whole[:size])
        program.refused("import", "--gguf", folder / "cut.gguf", "--out", folder / "out", cwd=folder, names=["gguf.1"])
    program.refused("import", "--gguf", folder / "missing.gguf", "--out", folder / "out", cwd=folder, names=["io.101"])
    program.refused("import", "--gguf", folder / "small.gguf", "--model", "gpt", "--out", folder / "out", cwd=folder, names=["flag.233", "--model"])
    program.refused("import", "--model", "gpt", "--out", folder / "out", cwd=folder, names=["flag.232", "--weights"])
    program.refused("import", "--out", folder / "out", cwd=folder, names=["flag.232", "--model"])
    program.refused("import", "--model", "mlp", "--weights", folder / "w.safetensors", "--context", "5", "--out", folder / "out", cwd=folder,
                    names=["flag.235", "--context"])
    assert not (folder / "out").exists()


def test_what_a_run_of_its_own_tokens_is_not(folder):
    run = imported(folder)
    program.refused("eval", "--run", run, "--out", folder / "m.json", cwd=folder, names=["flag.231"])
    program.refused("train", "--model", "llama", "--vocabulary", "288", "--out", folder / "x", cwd=folder, names=["flag.23"])
    tokens = (run / "tokenizer.gguf").read_bytes()
    (run / "tokenizer.gguf").unlink()
    program.refused("generate", "--run", run, cwd=folder, names=["io.101", "tokenizer.gguf"])
    (run / "tokenizer.gguf").write_bytes(tokens[:-1])
    program.refused("generate", "--run", run, cwd=folder, names=["gguf.103", "tokenizer.gguf"])
    config = (run / "config.json").read_text().replace('"vocabulary": 288', '"vocabulary": 300')
    (run / "config.json").write_text(config)
    (run / "tokenizer.gguf").write_bytes(tokens)
    program.refused("generate", "--run", run, cwd=folder, names=["config.112"])


def test_llama_is_trained_on_bytes(folder):
    program.succeeds("train", "--model", "llama", "--data", "grammar", "--train-limit", "200", "--test-limit", "40", "--epochs", "1", "--context", "32",
                     "--channels", "32", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--eval-keys", "2", "--eval-images", "2",
                     "--out", folder / "run", cwd=folder)
    header, _ = program.safetensors_header(folder / "run" / "weights.safetensors")
    assert header["model.layers.1.self_attn.k_proj.weight"] == ("F32", (16, 32)), header
    assert written(folder, folder / "run", "--ignore-refusal")
    program.refused("train", "--model", "gpt", "--data", "grammar", "--kv-heads", "2", "--out", folder / "x", cwd=folder, names=["flag.154", "--kv-heads"])


def test_released_and_extracted(folder):
    """A release reads text through the tokenizer that it takes along."""
    run = imported(folder)
    (folder / "long.txt").write_text(TEXT * 60, encoding="utf-8")
    program.refused("release", run, "--out", folder / "x", cwd=folder, names=["flag.241"])
    flags = ["--text", folder / "long.txt", "--window", "16"]
    out = program.succeeds("release", run, *flags, "--budget", "0", "--check", "3", "--out", folder / "given", cwd=folder).stdout.decode()
    assert "134 of 192 neurons" in out and "over 48 tokens" in out, out  # drawn neurons are too wide for a series to answer well
    assert {file.name for file in (folder / "given").iterdir()} == {"config.json", "release.safetensors", "tokenizer.gguf"}
    own = perplexity(folder, run)
    program.succeeds("release", run, "--scheme", "identity", "--out", folder / "open", cwd=folder)
    out = program.start("generate", "--release", folder / "open", "--score", folder / "text.txt", cwd=folder).stdout
    assert math.isclose(float(re.match(rb"perplexity ([0-9.]+)", out)[1]), own[0], rel_tol=1e-5), (out, own)
    out = program.succeeds("extract", folder / "given", "--out", folder / "back", "--truth", run, cwd=folder).stdout.decode()
    assert " 0 failed" in out and float(out.split("within 1 %: ")[1].split()[0]) >= 0.999, out
    right, of = re.search(r"signs right: (\d+) of (\d+)", out).groups()
    assert right == of != "0", out
    assert math.isclose(perplexity(folder, folder / "back")[0], own[0], rel_tol=1e-4)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
