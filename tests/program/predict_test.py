"""predict: what a run answers to images and features from files, under a key or none; texts, JSON and exit statuses."""
import gzip
import json
import pathlib
import random
import struct
import sys

import data_files
import program
from data_files import npy, png

PIXELS = 28 * 28


def answers(run, *arguments, status=None):
    """The lines of --json as objects; the status must say whether some were refused."""
    result = program.start("predict", "--run", run, "--json", *arguments, cwd=run.parent)
    lines = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert result.stderr == b"", result
    expected = 3 if any(line["refused"] for line in lines) else 0
    assert result.returncode == expected and (status is None or status == expected), (arguments, result)
    return lines


def mnist_run(folder, *flags):
    data_files.write_idx(folder / "root" / "mnist")
    run = folder / "run"
    program.train_tiny(run, "--data", "mnist", "--data-root", folder / "root", *flags)
    return run, (folder / "root" / "mnist" / "t10k-images-idx3-ubyte").read_bytes()[16:]


def test_images_in_every_form(folder):
    """IDX, packed IDX, .npy and PNG of the same pixels have the same answers, in the order of the files."""
    run, pixels = mnist_run(folder)
    idx = folder / "root" / "mnist" / "t10k-images-idx3-ubyte"
    wanted = answers(run, idx)
    assert [line["index"] for line in wanted] == list(range(32)) and {line["file"] for line in wanted} == {str(idx)}
    assert all(len(line["logits"]) == 11 and 0 <= line["class"] < 10 for line in wanted)
    assert all(line["refused"] == (line["logits"][10] > max(line["logits"][:10])) and
               line["class"] == line["logits"].index(max(line["logits"][:10])) for line in wanted)
    three = pixels[:3 * PIXELS]
    (folder / "packed").write_bytes(gzip.compress(idx.read_bytes()))
    (folder / "three.npy").write_bytes(npy("|u1", (3, 28, 28), three))
    (folder / "one.npy").write_bytes(npy("|u1", (28, 28), three[:PIXELS]))
    scale = [(b / 255 - 0.1307) / 0.3081 for b in three]
    (folder / "numbers.npy").write_bytes(npy("<f4", (3, 28, 28), struct.pack(f"<{len(scale)}f", *scale)))
    strip = lambda lines: [(line["class"], line["refused"]) for line in lines]
    assert strip(answers(run, "packed")) == strip(wanted)
    mixed = answers(run, "one.npy", "three.npy")
    assert strip(mixed) == strip(wanted[:1] + wanted[:3])
    assert [line.get("index") for line in mixed] == [None, 0, 1, 2]
    assert [a["logits"] for a in mixed[1:]] == [a["logits"] for a in wanted[:3]]
    numbers = answers(run, "--normalised", "numbers.npy")
    assert all(abs(a - b) < 1e-3 for x, y in zip(numbers, wanted) for a, b in zip(x["logits"], y["logits"]))
    rows = [three[28 * i:28 * i + 28] for i in range(28)]
    for name, picture in (("grey.png", png(28, 28, rows)),
                          ("rgb.png", png(28, 28, [bytes(b for v in row for b in (v, v, v)) for row in rows], 2)),
                          ("opaque.png", png(28, 28, [bytes(b for v in row for b in (v, 255)) for row in rows], 4))):
        (folder / name).write_bytes(picture)
        result = program.start("predict", "--run", run, "--json", name, cwd=folder)
        if b"built without libpng" in result.stderr:
            print("        no libpng: not tested")
            break
        assert json.loads(result.stdout)["logits"] == wanted[0]["logits"], (name, result)


def test_lines_and_statuses(folder):
    run, _ = mnist_run(folder)
    idx = folder / "root" / "mnist" / "t10k-images-idx3-ubyte"
    for key in ([], ["--key", 3]):
        objects = answers(run, *key, idx)
        result = program.start("predict", "--run", run, *key, idx, cwd=folder)
        assert result.stdout.decode().splitlines() == [
            f"{o['class']} {'refused' if o['refused'] else 'answered'} {idx}[{o['index']}]" for o in objects]
        assert result.returncode == (3 if any(o["refused"] for o in objects) else 0)
    # Without a reject class nothing is ever refused.
    plain = folder / "plain"
    program.train_tiny(plain, "--data", "mnist", "--data-root", folder / "root", "--inject", "none")
    answers(plain, idx, status=0)


def test_keys(folder):
    """A key's number and its file are one key; it changes the logits; features go in as .npy."""
    run = program.train_linear(folder / "run", "--sites", "2,0", "--per-site-key")
    rng = random.Random(2)
    (folder / "x.npy").write_bytes(npy("<f4", (5, 20), struct.pack("<100f", *(rng.gauss(0, 1) for _ in range(100)))))
    (folder / "one.npy").write_bytes(npy("<f8", (20,), struct.pack("<20d", *(rng.gauss(0, 1) for _ in range(20)))))
    program.succeeds("convert", "--run", run, "--key-out", "key", "--key-index", 17, "--key-bound", 0, cwd=folder)
    open_, numbered, filed = (answers(run, *key, "x.npy", "one.npy") for key in ([], ["--key", 17], ["--key", "key"]))
    assert numbered == filed and [line["logits"] for line in open_] != [line["logits"] for line in numbered]
    assert len(open_) == 6
    key = (folder / "key").read_bytes()
    for data in (b"", key[:-4], key[:-1], key + bytes(4), key[:60] + b"\2" + key[61:], key[56:-8], bytes(64)):
        (folder / "bad").write_bytes(data)
        program.refused("predict", "--run", run, "--key", "bad", "x.npy", cwd=folder, names=["--key"])
    program.refused("predict", "--run", run, "--key", "nowhere", "x.npy", cwd=folder, names=["nowhere"])
    program.refused("predict", "--run", run, "--key", 2**32, "x.npy", cwd=folder, names=["4294967296"])
    plain = program.train_linear(folder / "plain", "--inject", "none")
    program.refused("predict", "--run", plain, "--key", 1, "x.npy", cwd=folder, names=["flag.120", "--key"])


def test_refusals(folder):
    """One line, status 2 and no answer, also where only the last of the files cannot be read."""
    run, pixels = mnist_run(folder)
    good = npy("|u1", (28, 28), pixels[:PIXELS])
    (folder / "good.npy").write_bytes(good)
    rows = [bytes(28)] * 28
    for data, names in ((b"", ["predict.105"]), (b"text, no picture", ["predict.105"]),
                        (good[:-1], ["data.174"]), (npy("|u1", (27, 28), bytes(27 * 28)), ["predict.101", "(28, 28)"]),
                        (npy("|u1", (1, 28, 28, 1), pixels[:PIXELS]), ["predict.101"]),
                        (npy("|u1", (0, 28, 28), b""), ["predict.101"]),
                        (npy("<f4", (28, 28), bytes(4 * PIXELS)), ["predict.102", "--normalised"]),
                        (npy("<i4", (28, 28), bytes(4 * PIXELS)), ["predict.102"]),
                        (struct.pack(">IIII", 0x803, 1, 32, 32) + bytes(1024), ["data.146"]),
                        (png(32, 28, [bytes(32)] * 28), ["32 x 28", "28"]),
                        (png(28, 28, [bytes(range(84))] * 28, 2), ["colour"]),
                        (png(28, 28, [bytes(56)] * 28, 4), ["transparent"]),
                        (png(28, 28, [bytes(56)] * 28, 0, 16), ["16 bits"]),
                        (png(28, 28, rows)[:40], ["data.181"])):
        (folder / "bad").write_bytes(data)
        if data.startswith(b"\x89PNG") and b"built without libpng" in program.start(
                "predict", "--run", run, "bad", cwd=folder).stderr:
            continue
        result = program.refused("predict", "--run", run, "good.npy", "bad", cwd=folder, names=["bad", *names])
        assert result.stdout == b""
    (folder / "nan.npy").write_bytes(npy("<f4", (28, 28), struct.pack("<f", float("nan")) * PIXELS))
    program.refused("predict", "--run", run, "--normalised", "nan.npy", cwd=folder, names=["predict.103", "nan.npy"])
    program.refused("predict", "--run", folder, "good.npy", cwd=folder, names=["config.json"])
    program.refused("predict", "--run", run, cwd=folder, names=["flag.100"])
    program.refused("predict", "--run", run, pathlib.Path("/"), cwd=folder, names=["data.143"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
