"""Data sets made up for a test, in the files' formats: MNIST's IDX, CIFAR-10's records, NumPy's arrays and PNG."""
import gzip
import random
import struct
import zlib

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


def npy(descr, shape, data):
    """A .npy file of these elements."""
    text = str({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def png(width, height, rows, kind=0, depth=8):
    """A PNG file; rows: bytes of each line; kind 0 grey, 2 RGB, 4 grey with alpha."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def digits(count, seed=0):
    """Pixels and labels of `count` digits, labels in turn."""
    rng = random.Random(seed)
    labels = [i % 10 for i in range(count)]
    return [digit(rng, label) for label in labels], labels


def write_arrays(folder, count=100, shape=(28, 28), name="", seed=0):
    """Digits as two .npy files, images of `shape`; returns their names."""
    pixels, labels = digits(count, seed)
    images, numbers = folder / f"x{name}.npy", folder / f"y{name}.npy"
    images.write_bytes(npy("|u1", (count, *shape), b"".join(pixels)))
    numbers.write_bytes(npy("<i8", (count,), struct.pack(f"<{count}q", *labels)))
    return images, numbers


def write_pictures(root, count=100, side=28):
    """Digits as PNG files, cut to `side` pixels, in a folder for every class."""
    for i, (pixels, label) in enumerate(zip(*digits(count))):
        file = root / f"class {label}" / f"{i:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(side, side, [pixels[28 * row:28 * row + side] for row in range(side)]))
