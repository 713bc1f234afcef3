"""Data sets made up for a test, in the files' formats: MNIST's IDX and CIFAR-10's records."""
import gzip
import random
import struct

CIFAR_RECORD = 3073
CIFAR_FILES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]


def digit(rng, label):
    """28 x 28 grey bytes that a network can tell apart: a bright square where the label says, and noise."""
    rows = [bytearray(rng.randrange(48) for _ in range(28)) for _ in range(28)]
    top, left = 2 + 12 * (label // 5), 1 + 5 * (label % 5)
    for row in rows[top:top + 10]:
        row[left:left + 5] = bytes(rng.randrange(200, 256) for _ in range(5))
    return b"".join(rows)


def idx_files(name, train, test):
    """The four files of a data set of the MNIST family by official name; labels in turn."""
    rng = random.Random(f"{name} {train} {test}")
    files = {}
    for prefix, count in (("train", train), ("t10k", test)):
        labels = bytes(i % 10 for i in range(count))
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, count) + labels
        files[f"{prefix}-images-idx3-ubyte"] = (struct.pack(">IIII", 0x803, count, 28, 28)
                                                + b"".join(digit(rng, label) for label in labels))
    return files


def write_idx(folder, train=48, test=32, packed=False):
    """The four files in a folder of their own, plain or each packed."""
    folder.mkdir(parents=True)
    for name, data in idx_files(folder.name, train, test).items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)


def write_cifar10(folder, records=64):
    """The six files of CIFAR-10, each of so many records."""
    folder.mkdir(parents=True)
    rng = random.Random(10)
    for name in CIFAR_FILES:
        (folder / name).write_bytes(b"".join(bytes([record % 10]) + rng.randbytes(CIFAR_RECORD - 1)
                                             for record in range(records)))
