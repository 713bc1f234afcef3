"""examples/08_keys_and_logits.py computes the program's keys and answers from a run's files."""
import importlib.util
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import data_files
import program

try:
    import numpy as np
except ImportError:
    print("skipped: there is no numpy")
    sys.exit(77)

ROOT = pathlib.Path(__file__).parents[2]
TEST_IMAGES = 32
SPACES = {
    "own keys": ["--per-site-key", "--per-site-basis", "--spread", "0.25"],
    "one key": ["--subspace-dim", "6"],
    "gaussian": ["--per-site-key", "--coefficients", "gaussian", "--offset", "1.5", "--basis", "orthonormal"],
    "sphere, additive": ["--per-site-key", "--coefficients", "sphere", "--inject", "add", "--subspace-dim", "5"],
    "not rescaled": ["--per-site-key", "--key-std", "0"],
}


def example():
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples/08_keys_and_logits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_images(root):
    data = (root / "mnist/t10k-images-idx3-ubyte").read_bytes()
    count, = struct.unpack(">I", data[4:8])
    return np.frombuffer(data[16:], np.uint8).reshape(count, 28, 28)


def key_of_program(run, index, key):
    """The key as `convert` writes it, in the shapes of `key`: floats between a header and a checksum of 8 bytes."""
    out = run / f"{index}.key"
    program.succeeds("convert", "--run", run, "--key-out", out, "--key-index", index, "--key-bound", "0", cwd=run)
    size = sum(part.size for part in key.values())
    values = np.frombuffer(out.read_bytes()[-8 - 4 * size:-8], "<f4")
    parts, first = {}, 0
    for site in sorted(key):
        parts[site] = values[first:first + key[site].size].reshape(key[site].shape)
        first += key[site].size
    return parts


def check(module, name, flags, folder, root):
    run = folder / name.replace(" ", "-").replace(",", "")
    program.train_tiny(run, "--data", "mnist", "--data-root", root, "--model", "small_cnn", "--sites", "2,1",
                       "--seed", "3", *flags, test_limit=str(TEST_IMAGES), eval_images=str(TEST_IMAGES))
    key = module.issued_key(run, 7)
    for site, values in key_of_program(run, 7, key).items():
        assert np.abs(values - key[site]).max() <= 2e-5 * np.abs(values).max(), (name, site)
    images = test_images(root)
    x = module.normalised(run, images)
    labels = np.arange(len(images)) % 10
    # Without a key the program's own evaluation sees every image once.
    metrics = json.loads((run / "metrics.json").read_text())["no_key"]
    logits = module.small_cnn_logits(run, x)
    assert np.isclose(np.mean(logits.argmax(axis=1) == labels), metrics["semantic"]["mean"]), name
    assert np.isclose(np.mean(logits[:, :10].argmax(axis=1) == labels), metrics["masked"]["mean"]), name
    assert np.isclose(np.mean(logits.argmax(axis=1) == 10), metrics["reject"]["mean"]), name
    assert np.abs(module.small_cnn_logits(run, x, key) - logits).max() > 1e-3, name
    return run, images


def main():
    module = example()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        root = folder / "data"
        data_files.write_idx(root / "mnist", test=TEST_IMAGES)
        for name, flags in SPACES.items():
            run, images = check(module, name, flags, folder, root)
        np.save(folder / "images.npy", images[:3])
        said = subprocess.run([sys.executable, ROOT / "examples/08_keys_and_logits.py", run, "--key", "7",
                               folder / "images.npy"], capture_output=True, text=True, timeout=60, check=True)
        lines = [line.split() for line in said.stdout.splitlines()]
        assert len(lines) == 3 and all(len(line) == 12 for line in lines), said.stdout


if __name__ == "__main__":
    sys.exit(main())
