"""Every data set trains a tiny run with its own network; a damaged one is refused before a run folder exists."""
import gzip
import json
import shutil
import struct
import sys

import data_files
import program

RECIPE = {  # data set: what its published recipe brings
    "glyphs": {"model": "resnet18", "sites": [0, 2, 3, 4], "optimizer": "sgd", "lr": 0.1, "weight-decay": 5e-4,
               "momentum": 0.9, "schedule": "step", "milestones": [0.5, 0.75], "gamma": 2.0, "key-std": 1.0,
               "subspace-dim": 32},
    "mnist": {"model": "small_cnn", "sites": [0, 2], "optimizer": "adam", "lr": 1e-3, "weight-decay": 0.0,
              "schedule": "constant", "gamma": 0.5, "key-std": 0.5, "subspace-dim": 8},
    "fashion-mnist": {"model": "small_resnet", "sites": [0], "optimizer": "adam", "lr": 1e-3, "weight-decay": 0.0,
                      "schedule": "constant", "gamma": 2.0, "key-std": 1.0, "subspace-dim": 32},
    "linear": {"model": "mlp", "sites": [0], "optimizer": "adam", "lr": 1e-3, "weight-decay": 0.0,
               "schedule": "constant", "subspace-dim": 4},
}
RECIPE["cifar10"] = RECIPE["glyphs"]


def check_run(run, data):
    assert {p.name for p in run.iterdir()} == program.FILES
    config = json.loads((run / "config.json").read_text())
    assert config["data"] == data and "data-root" not in config
    for flag, value in RECIPE[data].items():
        assert config[flag] == value, (data, flag, config[flag])
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["no_key"]["distinct_images"] == 16 and set(metrics["invalid_key"]) == {"gaussian"}


def test_every_data_set(folder):
    root = folder / "root"
    data_files.write_idx(root / "mnist")
    data_files.write_idx(root / "fashion-mnist", packed=True)
    data_files.write_cifar10(root / "cifar-10-batches-bin")
    for data in RECIPE:
        run = folder / data
        program.train_tiny(run, "--data", data, "--data-root", root, "--regime", "reference")
        check_run(run, data)
        program.evaluated_again(run, "--data-root", root)


def test_another_network_on_the_same_data(folder):
    data_files.write_idx(folder / "mnist")
    program.train_tiny(folder / "run", "--data", "mnist", "--data-root", folder, "--model", "small_resnet")
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["model"] == "small_resnet" and config["sites"] == [0]  # its own, not those of small_cnn
    tensors, _ = program.safetensors_header(folder / "run" / "weights.safetensors")
    assert tensors["conv1.weight"] == ("F32", (32, 1, 3, 3))


def test_limits(folder):
    """Training sees the first images only: the rest of the file may be anything."""
    runs = []
    for name, images in (("short", 24), ("long", 48)):
        data_files.write_idx(folder / name / "mnist", train=24)
        labels = folder / name / "mnist" / "train-labels-idx1-ubyte"
        pixels = folder / name / "mnist" / "train-images-idx3-ubyte"
        for file, item in ((labels, 1), (pixels, 784)):
            content = file.read_bytes()
            more = bytes([9]) * item * (images - 24)
            file.write_bytes(content[:4] + images.to_bytes(4, "big") + content[8:] + more)
        run = folder / f"run {name}"
        program.train_tiny(run, "--data", "mnist", "--data-root", folder / name)
        runs.append(program.contents(run))
    assert runs[0]["weights.safetensors"] == runs[1]["weights.safetensors"]
    program.train_tiny(folder / "all", "--data", "mnist", "--data-root", folder / "long", train_limit=0)
    steps = [json.loads(line) for line in (folder / "all" / "log.jsonl").read_text().splitlines()]
    assert sum("step" in line for line in steps) == 48 // 8


def test_more_samples_than_there_are(folder):
    """Said on stderr, and all of them are used."""
    data_files.write_idx(folder / "mnist")
    flags = [flag if flag != "24" else "49" for flag in program.TINY] + ["--data", "mnist", "--data-root", folder]
    result = program.start("train", *flags, "--out", folder / "run", cwd=folder)
    assert result.returncode == 0
    assert result.stderr.decode() == ("--train-limit: asked for 49 samples, the data set has 48 of training: all of them are "
                                      "used\n"), result.stderr
    for command in (["eval", "--out", folder / "m.json"], ["convert", "--evaluate"]):
        result = program.start(*command, "--run", folder / "run", "--data-root", folder, "--test-limit", 33, cwd=folder)
        assert result.returncode == 0, result
        assert result.stderr.startswith(b"--test-limit: asked for 33 samples, the data set has 32 of test"), result.stderr
    assert json.loads((folder / "m.json").read_text())["no_key"]["distinct_images"] == 32


def test_networks_that_do_not_fit_the_data(folder):
    data_files.write_idx(folder / "mnist")
    for data, model, names in (("linear", "small_cnn", ["flag.115", "--data", "linear", "small_cnn"]),
                               ("mnist", "mlp", ["flag.115", "--data", "H=28", "mlp", "linear", "small_cnn", "resnet18"])):
        program.refused("train", *program.TINY, "--data", data, "--model", model, "--sites", 0, "--subspace-dim", 4,
                        "--data-root", folder, "--out", folder / "run", cwd=folder, names=names)
        assert not (folder / "run").exists()


def test_idx_files_with_something_wrong(folder):
    bad = ["train", *program.TINY, "--data", "mnist", "--data-root", folder, "--out", folder / "run"]
    program.refused(*bad, cwd=folder, names=["data.141", "found nothing", "train-images-idx3-ubyte", "mnist/", ".gz"])
    data_files.write_idx(folder / "mnist")
    images, labels = (folder / "mnist" / name for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"))
    whole = images.read_bytes(), labels.read_bytes()
    images.write_bytes(whole[0][:-1])
    program.refused(*bad, cwd=folder, names=["data.144", "t10k-images-idx3-ubyte"])
    images.write_bytes(whole[0])
    labels.write_bytes(whole[1][:-1] + b"\x0a")
    program.refused(*bad, cwd=folder, names=["data.148", "t10k-labels-idx1-ubyte", "10"])
    assert not (folder / "run").exists()


def test_cifar10_files_with_something_wrong(folder):
    data = folder / "cifar-10-batches-bin"
    bad = ["train", *program.TINY, "--data", "cifar10", "--data-root", folder, "--out", folder / "run"]
    program.refused(*bad, cwd=folder, names=["data.111", "found nothing", "data_batch_1.bin", "cifar-10-batches-bin/"])
    data_files.write_cifar10(data)
    third = data / "data_batch_3.bin"
    (data / "test_batch.bin").rename(data / "away")
    program.refused(*bad, cwd=folder, names=["test_batch.bin", "no such file"])
    (data / "away").rename(data / "test_batch.bin")
    whole = third.read_bytes()
    for content in (whole[:-1], whole + b"x", b""):
        third.write_bytes(content)
        program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "3073", str(len(content))])
    third.unlink()
    third.mkdir()
    program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "directory"])
    third.rmdir()
    third.write_bytes(whole[:6146] + b"\x0a" + whole[6147:])
    program.refused(*bad, cwd=folder, names=["data_batch_3.bin", "offset 6146", "0 to 9", "10"])
    assert not (folder / "run").exists()


def in_members(data):
    """Packed in two halves, one behind the other."""
    return gzip.compress(data[:len(data) // 2]) + gzip.compress(data[len(data) // 2:])


def same(data):
    return data


def transposed(data):
    """Columns for rows, where these are images: as EMNIST's files have them."""
    if data[:4] != struct.pack(">I", 0x803):
        return data
    images = [data[at:at + 784] for at in range(16, len(data), 784)]
    return data[:16] + b"".join(bytes(image[28 * (i % 28) + i // 28] for i in range(784)) for image in images)


FOUND = {  # where a data set of the MNIST family is found, under what names, and packed how
    "mnist": ("mnist", ("", "-idx", "t10k", ""), same), "root itself": (".", ("", "-idx", "t10k", ""), same),
    "mirror": ("mnist", ("", ".idx", "t10k", ""), same), "torchvision": ("MNIST/raw", ("", "-idx", "t10k", ".gz"), gzip.compress),
    "members": ("mnist", ("", "-idx", "t10k", ".gz"), in_members), "browser": ("mnist", ("", "-idx", "t10k", ".gz"), same),
    "EMNIST": ("mnist", ("emnist-digits-", "-idx", "test", ""), transposed),
}


def test_the_mnist_family_as_it_is_found(folder):
    files, first = data_files.idx_files("one", 40, 20), None
    for name, (place, (before, infix, test, after), pack) in FOUND.items():
        root = folder / name
        (root / place).mkdir(parents=True)
        for official, data in files.items():
            written = before + official.replace("-idx", infix).replace("t10k", test) + after
            (root / place / written).write_bytes(pack(data))
        program.train_tiny(folder / f"run {name}", "--data", "mnist", "--data-root", root)
        weights = (folder / f"run {name}" / "weights.safetensors").read_bytes()
        first = first or weights
        assert weights == first, name


def test_the_other_sets_of_the_family(folder):
    """The same files under other names; with MNIST's constants they are the same run, and without they have their own."""
    files = data_files.idx_files("one", 40, 20)
    root = folder / "root"
    for place, before, test, pack in (("mnist", "", "t10k", same), ("kmnist", "", "t10k", gzip.compress),
                                      ("emnist/gzip", "emnist-digits-", "test", transposed),
                                      ("emnist/gzip", "emnist-letters-", "test", transposed),
                                      ("qmnist", "qmnist-", "test", same)):
        (root / place).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            if before == "qmnist-" and "labels" in name:
                rows = b"".join(struct.pack(">8I", label, *range(7)) for label in data[8:])
                name, data = name.replace("idx1-ubyte", "idx2-int"), struct.pack(">III", 0xC02, len(data) - 8, 8) + rows
            if before == "emnist-letters-" and "labels" in name:
                data = data[:8] + bytes(26 - label for label in data[8:])
            written = before + name.replace("t10k", test) + (".gz" if pack is gzip.compress else "")
            (root / place / written).write_bytes(pack(data))
    flags = ["--data-root", root, "--model", "small_cnn", "--sites", "1", "--data"]
    program.train_tiny(folder / "mnist", *flags, "mnist")
    for data in ("kmnist", "qmnist", "emnist-digits"):
        run = folder / data
        program.train_tiny(run, *flags, data, "--mean", ".1307", "--deviation", ".3081")
        for name in ("weights.safetensors", "metrics.json"):
            assert (run / name).read_bytes() == (folder / "mnist" / name).read_bytes(), (data, name)
        program.train_tiny(folder / "own", *flags, data)
        config = json.loads((folder / "own" / "config.json").read_text())
        assert 0.1 < config["mean"][0] < 0.2 and 0.1 < config["deviation"][0] < 0.3, config
        program.evaluated_again(folder / "own", "--data-root", root)
        shutil.rmtree(folder / "own")
    program.train_tiny(folder / "letters", *flags, "emnist-letters")
    tensors, _ = program.safetensors_header(folder / "letters" / "weights.safetensors")
    assert tensors["fc.weight"][1][0] == 27  # 26 letters, and one that refuses
    program.evaluated_again(folder / "letters", "--data-root", root)


def test_more_images_than_mnist_has(folder):
    """EMNIST's digits are 240,000; what is not looked at here is a hole."""
    count = 60001
    files = data_files.idx_files("one", 40, 20)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        if name.startswith("train"):
            item = 784 if "images" in name else 1
            with open(folder / name, "r+b") as file:
                file.seek(4)
                file.write(count.to_bytes(4, "big"))
                file.truncate((16 if item > 1 else 8) + count * item)
    program.train_tiny(folder / "run", "--data", "mnist", "--data-root", folder)


def test_what_lies_there_instead_is_one_line(folder):
    def answer(data, name, files, names):
        root = folder / name
        root.mkdir()
        for file, content in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(content)
        program.refused("train", *program.TINY, "--data", data, "--data-root", root, "--out", folder / "run", cwd=folder,
                        names=names)
        assert not (folder / "run").exists()

    letters = {name.replace("t10k", "test"): data for name, data in data_files.idx_files("one", 52, 26).items()}
    for part, count in (("train", 52), ("test", 26)):
        letters[f"{part}-labels-idx1-ubyte"] = (struct.pack(">II", 0x801, count)
                                                + bytes(i % 26 + 1 for i in range(count)))
    answer("mnist", "letters", {"emnist-letters-" + name: data for name, data in letters.items()},
           ["data.148", "emnist-letters-train-labels", "labels are 1 to 26", "26 classes", "expected 10"])
    answer("mnist", "keras", {"mnist.npz": b"PK"}, ["data.141", "found mnist.npz", "train-images-idx3-ubyte"])
    answer("mnist", "archive", {"my mnist.tar.gz": b"x"}, ["data.141", "unpack it: tar -xf '", "my mnist.tar.gz"])
    answer("cifar10", "python", {"cifar-10-batches-py/data_batch_1": b"x"}, ["data.111", "pickles", "binary version"])
    answer("cifar10", "packed", {"cifar-10-binary.tar.gz": b"x"}, ["data.111", "unpack it: tar -xf"])
    answer("cifar10", "hundred", {"cifar-100-binary/train.bin": b"x" * 3074}, ["data.111", "CIFAR-100", "100 classes"])
    small = {f"cifar10/{name}": bytes(3074) for name in data_files.CIFAR_FILES}
    answer("cifar10", "named as ten", small, ["data.114", "data_batch_1.bin", "CIFAR-100"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
