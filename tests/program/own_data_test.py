"""A user's own data: arrays of NumPy and folders of pictures train, are evaluated, go on and answer from the run folder."""
import base64
import json
import random
import shutil
import signal
import struct
import subprocess
import sys

import data_files
import interrupted
import program
from data_files import npy, png, write_arrays, write_pictures

IMAGES, TEST_IMAGES = 100, 20


def config_of(run):
    return json.loads((run / "config.json").read_text())


def text_of(result):
    return result.stdout.decode()


def test_arrays_of_images_in_every_layout(folder):
    """The same bytes are the same run; what was found in them is said, and stands in config.json."""
    weights = {}
    for layout, shape in (("NHW", (28, 28)), ("NHWC", (28, 28, 1)), ("NCHW", (1, 28, 28))):
        place = folder / layout
        place.mkdir()
        x, y = write_arrays(place, shape=shape)
        xt, yt = write_arrays(place, TEST_IMAGES, shape, "t", 1)
        run = place / "run"
        result = program.train_tiny(run, "--data", "npy", "--images", x, "--labels", y, "--test-images", xt,
                                    "--test-labels", yt, "--model", "small_cnn", "--sites", "1")
        assert f"{IMAGES} images ({', '.join(layout)}) of bytes, C=1 H=28 W=28, 10 classes" in text_of(result), text_of(result)
        config = config_of(run)
        assert (config["sample"], config["classes"], config["layout"]) == ([1, 28, 28], 10, layout)
        assert config["images"] == str(x) and "data-root" not in config
        # Those of the images that it trains on.
        pixels = b"".join(data_files.digits(IMAGES)[0][:24])
        mean = sum(pixels) / len(pixels) / 255
        deviation = (sum((p / 255 - mean) ** 2 for p in pixels) / len(pixels)) ** .5
        assert abs(config["mean"][0] - mean) < 1e-5 and abs(config["deviation"][0] - deviation) < 1e-5
        program.evaluated_again(run)
        weights[layout] = (run / "weights.safetensors").read_bytes()
    assert len(set(weights.values())) == 1


def test_hundreds_of_classes(folder):
    """300 classes of 3 x 12 x 16: a label has 16 bits, a network any input."""
    rng = random.Random(3)
    x, y, xt, yt = (folder / name for name in ("x.npy", "y.npy", "xt.npy", "yt.npy"))
    for images, labels, count in ((x, y, 600), (xt, yt, 20)):
        images.write_bytes(npy("|u1", (count, 12, 16, 3), rng.randbytes(count * 576)))
        labels.write_bytes(npy("<u2", (count,), struct.pack(f"<{count}H", *(299 - i % 300 for i in range(count)))))
    run = folder / "run"
    result = program.train_tiny(run, "--data", "npy", "--images", x, "--labels", y, "--test-images", xt, "--test-labels", yt,
                                "--model", "small_cnn", "--sites", "1")
    assert "600 images (N, H, W, C) of bytes, C=3 H=12 W=16, 300 classes" in text_of(result)
    config = config_of(run)
    assert (config["sample"], config["classes"], len(config["mean"])) == ([3, 12, 16], 300, 3)
    tensors, _ = program.safetensors_header(run / "weights.safetensors")
    assert tensors["fc.weight"][1][0] == 301  # and one that refuses
    program.evaluated_again(run)
    answer = program.start("predict", "--json", "--run", run, xt, cwd=folder)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(lines) == 20 and all(len(line["logits"]) == 301 and 0 <= line["class"] < 300 for line in lines), answer
    program.succeeds("convert", "--run", run, "--out", folder / "net.image", "--key-out", folder / "key",
                     "--key-bound", 0, cwd=folder)
    config["sample"] = []
    (run / "config.json").write_text(json.dumps(config))
    program.refused("predict", "--run", run, xt, cwd=folder, names=["config.111", "sample"])


def test_imported_weights_of_own_data(folder):
    """Weights of 300 classes become a run by what --sample and --classes say, or the files."""
    x, y = write_arrays(folder)
    run = folder / "run"
    program.train_tiny(run, "--data", "npy", "--images", x, "--labels", y, "--model", "small_cnn", "--inject", "none")
    weights = ["import", "--model", "small_cnn", "--weights", run / "weights.safetensors", "--out", folder / "imported"]
    own = ["--data", "npy", "--images", x, "--labels", y]
    program.refused(*weights, *own, cwd=folder, names=["flag.140", "--mean"])
    config = config_of(run)
    program.succeeds(*weights, *own, "--mean", config["mean"][0], "--deviation", config["deviation"][0], "--deny", "none",
                     cwd=folder)
    again = config_of(folder / "imported")
    assert all(again[name] == config[name] for name in ("sample", "classes", "layout", "images", "mean"))
    program.succeeds("eval", "--run", folder / "imported", "--test-limit", 16, cwd=folder)


def test_arrays_in_a_sweep(folder):
    x, y = write_arrays(folder)
    experiment = {"name": "own", "seeds": [1], "rows": [{"name": "row"}],
                  "flags": {"data": "npy", "images": str(x), "labels": str(y), "model": "small_cnn", "sites": [1], "epochs": 1,
                            "batch": 8, "train-limit": 24, "test-limit": 16, "eval-keys": 2, "eval-images": 8}}
    (folder / "own.json").write_text(json.dumps(experiment))
    program.succeeds("sweep", folder / "own.json", "--out", folder / "out", cwd=folder)
    assert config_of(next((folder / "out" / "cells").iterdir()))["classes"] == 10
    program.succeeds("sweep", folder / "own.json", "--out", folder / "out", cwd=folder)


def test_arrays_go_on_and_move(folder):
    """Interrupted, a run goes on as it would have; relative names are looked for below --data-root too."""
    place = folder / "arrays"
    place.mkdir()
    write_arrays(place)
    flags = ["train", *program.TINY, "--data", "npy", "--images", "x.npy", "--labels", "y.npy", "--model", "small_cnn",
             "--sites", "1", "--threads", "1"]
    flags[flags.index("--epochs") + 1] = "40"
    program.succeeds(*flags, "--out", place / "whole", cwd=place)
    with subprocess.Popen([program.PROGRAM, *map(str, flags), "--out", "run"], cwd=place, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        program.wait_until(lambda: interrupted.lines_of(place / "run") > 9, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    shutil.move(place / "run", folder / "run")
    labels = (place / "y.npy").read_bytes()
    (place / "y.npy").write_bytes(labels[:-8] + struct.pack("<q", 3))
    program.refused("train", "--resume", "run", "--data-root", place, "--threads", "1", cwd=folder, names=["config.110"])
    (place / "y.npy").write_bytes(labels)
    program.succeeds("train", "--resume", "run", "--data-root", place, "--threads", "1", cwd=folder)
    assert interrupted.outcome(folder / "run") == interrupted.outcome(place / "whole")
    # Without test files a fifth of every class is split off: 20 of 100.
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["no_key"]["distinct_images"] <= 20
    program.refused("eval", "--run", "run", cwd=folder, names=["data.141", "x.npy"])


def test_arrays_of_features(folder):
    rng = random.Random(4)
    x, y = folder / "x.npy", folder / "y.npy"
    x.write_bytes(npy("<f4", (100, 20), struct.pack("<2000f", *(rng.gauss(0, 1) for _ in range(2000)))))
    y.write_bytes(npy("|u1", (100, 1), bytes(i % 5 for i in range(100))))
    flags = ["--data", "npy", "--images", x, "--labels", y, "--model", "mlp"]
    result = program.train_tiny(folder / "run", *flags, "--subspace-dim", 4)
    assert "100 samples of features (N, D), C=20 H=1 W=1, 5 classes" in text_of(result)
    program.evaluated_again(folder / "run")
    assert "mean" not in config_of(folder / "run")
    program.refused("train", *program.TINY, *flags, "--layout", "NHWC", "--out", "no", cwd=folder,
                    names=["flag.148", "--layout", "features"])
    program.refused("train", *program.TINY, *flags[:-1], "small_cnn", "--out", "no", cwd=folder,
                    names=["flag.115", "C=20", "mlp"])


def test_arrays_that_do_not_fit(folder):
    def refuses(names, *flags, model="small_cnn"):
        program.refused("train", *program.TINY, "--model", model, "--sites", 0, "--subspace-dim", 4, *flags, "--out",
                        folder / "run", cwd=folder, names=names)
        assert not (folder / "run").exists()

    x, y = write_arrays(folder)
    own = ["--data", "npy", "--images", x, "--labels", y]
    refuses(["flag.146", "--images"], "--data", "npy")
    refuses(["flag.146", "--labels"], "--data", "npy", "--images", x)
    refuses(["flag.146", "--test-labels"], *own, "--test-images", x)
    refuses(["flag.146", "--images", "mnist"], "--data", "mnist", "--images", x)
    refuses(["flag.146", "--layout"], "--data", "mnist", "--layout", "NHW")
    refuses(["flag.149", "--classes", "9"], *own[:1], "mnist", "--classes", 9)
    refuses(["data.177", "y.npy", "0 to 8"], *own, "--classes", 9)
    refuses(["flag.149", "--sample", "28,28"], *own, "--sample", "3,28,28")
    refuses(["flag.148", "--resize"], "--data", "glyphs", "--resize", 28)
    refuses(["data.141", "nowhere.npy"], *own[:3], "nowhere.npy", *own[4:])
    other, labels = write_arrays(folder, shape=(784, 1), name="other")
    refuses(["flag.115", "small_cnn", "C=1 H=784 W=1"], "--data", "npy", "--images", other, "--labels", labels)
    other, labels = write_arrays(folder, shape=(4, 49, 4), name="both")
    refuses(["data.203", "(100, 4, 49, 4)", "NHWC", "NCHW"], "--data", "npy", "--images", other, "--labels", labels)
    for layout, sample in (("NCHW", [4, 49, 4]), ("NHWC", [4, 4, 49])):
        program.train_tiny(folder / layout, "--data", "npy", "--images", other, "--labels", labels, "--layout", layout,
                           "--model", "small_cnn", "--sites", 1)
        assert config_of(folder / layout)["sample"] == sample
    test, labels = write_arrays(folder, TEST_IMAGES, (14, 56), "test")
    refuses(["flag.150", "test part", "H=14 W=56", "small_cnn"], *own, "--test-images", test, "--test-labels", labels)
    x.write_bytes(npy("<f4", (2, 28, 28), bytes(8 * 784)))
    refuses(["data.201", "x.npy", "<f4", "uint8"], *own)


def test_folders_of_pictures(folder):
    """Two parts, or one that is split; pictures are scaled where that is asked for, also those of predict."""
    two, one, cut = folder / "two", folder / "one", folder / "cut"
    write_pictures(two / "train")
    write_pictures(two / "test", TEST_IMAGES)
    write_pictures(one)
    write_pictures(cut, side=20)
    flags = ["--data", "folder", "--model", "small_cnn", "--sites", "1", "--data-root"]
    first = program.start("train", *program.TINY, *flags, two, "--out", folder / "run two", cwd=folder)
    if b"built without libpng" in first.stderr:
        print("        no libpng: not tested")
        return
    assert first.returncode == 0 and first.stderr == b"", first
    assert "100 training pictures, class 0 to class 9, C=1 H=28 W=28, 10 classes" in text_of(first), text_of(first)
    program.evaluated_again(folder / "run two", "--data-root", two)
    result = program.train_tiny(folder / "run one", *flags, one)
    assert "80 training pictures" in text_of(result), text_of(result)  # of ten a class, two are split off
    program.evaluated_again(folder / "run one", "--data-root", one)

    result = program.train_tiny(folder / "run small", *flags, cut)
    assert "C=1 H=20 W=20, 10 classes" in text_of(result), text_of(result)
    result = program.train_tiny(folder / "run cut", *flags, cut, "--resize", 28)
    assert "C=1 H=28 W=28 (scaled)" in text_of(result), text_of(result)
    program.evaluated_again(folder / "run cut", "--data-root", cut)
    picture = next(cut.rglob("*.png"))
    answer = program.start("predict", "--run", "run cut", picture, cwd=folder)
    assert answer.returncode in (0, 3) and answer.stderr == b"", answer
    program.refused("predict", "--run", "run one", picture, cwd=folder, names=["data.182", "20 x 20"])
    described = text_of(program.succeeds("describe", *flags, cut, "--resize", 28, cwd=folder))
    assert "80 training pictures" in described and "--resize 28" in described


def test_folders_that_are_no_data_set(folder):
    def refuses(root, *names):
        result = program.start("train", *program.TINY, "--data", "folder", "--model", "small_cnn", "--sites", "1",
                               "--data-root", root, "--out", folder / "run", cwd=folder)
        if b"built without libpng" in result.stderr:
            return print("        no libpng: not tested")
        line = result.stderr.decode()
        assert result.returncode == 2 and line.count("\n") == 1 and all(name in line for name in names), (names, result)
        assert not (folder / "run").exists()
        return None

    refuses(folder / "none", "data.191", "none")
    empty = folder / "empty"
    empty.mkdir()
    refuses(empty, "data.192", "found nothing")
    root = folder / "root"
    write_pictures(root)
    refuses(root / "class 1", "data.192", "beside the folders")
    odd = root / "class 3" / "odd.png"
    odd.write_bytes(png(30, 28, [bytes(30)] * 28))
    refuses(root, "data.195", "odd.png", "30 x 28", "--resize")
    odd.write_bytes(png(28, 28, [bytes(84)] * 28, 2))
    refuses(root, "data.196", "odd.png", "colour")
    odd.write_bytes(b"GIF89a")
    refuses(root, "data.185", "odd.png", "PNG or JPEG")
    odd.write_bytes(png(28, 28, [bytes(28)] * 28)[:-20])
    refuses(root, "data.181", "odd.png")


# 4 x 4 grey pixels, written by libjpeg.
JPEG = base64.b64decode(
    "/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAAEAAQB"
    "AREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABoQAAAHAAAAAAAAAAAAAAAAAAABAwQFEiL/2gAIAQEAAD8AGSjm1CwP/9k=")


def test_jpeg(folder):
    for label in "ab":
        for i in range(2):
            file = folder / "root" / label / f"{i}.jpeg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(JPEG)
    flags = ["--data", "folder", "--data-root", "root", "--model", "small_cnn", "--sites", "1", "--resize", "28"]
    result = program.start("describe", *flags, cwd=folder)
    if b"built without libjpeg" in result.stderr:
        return print("        no libjpeg: not tested")
    assert result.returncode == 0 and "C=1 H=28 W=28 (scaled), 2 classes" in text_of(result), result
    for cut in (3, len(JPEG) // 2):
        (folder / "root" / "a" / "0.jpeg").write_bytes(JPEG[:cut])
        program.refused("train", *program.TINY, *flags, "--out", "run", cwd=folder, names=["data.183", "0.jpeg"])
    return None


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
