"""Writes the seeds of the corpora: small sound files of every format, and the usual lies about lengths.

usage: make_seeds.py [FOLDER]          default: corpus beside this script. Files with these names are written again.
What fuzzing found lies beside the seeds, under names that say what it was.
"""
import base64
import gzip
import json
import pathlib
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
import safetensors_io

CORPUS = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus"


def put(kind, name, data):
    folder = CORPUS / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors(tensors, metadata=None, tail=b""):
    """tensors: {name: (type, shape, bytes)}"""
    return safetensors_io.encode(tensors, metadata) + tail


def with_header(text, data=b""):
    return safetensors_io.with_header(text.encode(), data)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def safetensors_seeds():
    tiny = {"w": ("F32", [2, 3], floats(*range(6))), "b": ("F32", [2], floats(1, 2)), "mean": ("F32", [2], floats(3, 4))}
    put("safetensors", "weights", safetensors(tiny, {"model": "tiny"}))
    put("safetensors", "weights_without_mean", safetensors({k: tiny[k] for k in ("w", "b")}))
    put("safetensors", "counters", safetensors({**tiny, "n.num_batches_tracked": ("I64", [], bytes(8))}))
    put("safetensors", "no_tensors", with_header("{}"))
    put("safetensors", "every_width", safetensors({"\u00e4\\\"": ("F4", [2, 2], b"ab"), "f6": ("F6_E2M3", [4], b"abc"),
                                                   "e": ("F64", [0, 5], b""), "u": ("U8", [], b"x")}))
    entry = '{"a":{"dtype":"F32","shape":%s,"data_offsets":%s}}'
    put("safetensors", "shape_overflows", with_header(entry % ("[4611686018427387904,4]", "[0,0]")))
    put("safetensors", "shape_of_nothing", with_header(entry % ("[0,4611686018427387904,4611686018427387904]", "[0,0]")))
    put("safetensors", "offsets_backwards", with_header(entry % ("[1]", "[8,4]"), bytes(8)))
    put("safetensors", "offsets_outside",
        with_header(entry % ("[1]", "[9223372036854775804,9223372036854775807]"), bytes(4)))
    two = '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"%s":{"dtype":"U8","shape":[4],"data_offsets":[%s]}}'
    put("safetensors", "overlap", with_header(two % ("b", "2,6"), bytes(6)))
    put("safetensors", "hole", with_header(two % ("b", "5,9"), bytes(9)))
    put("safetensors", "twice", with_header(two % ("a", "4,8"), bytes(8)))
    put("safetensors", "header_of_exabytes", struct.pack("<Q", 2**64 - 1) + b"{}")
    put("safetensors", "header_of_megabytes", struct.pack("<Q", 8 << 20) + b"{}")
    put("safetensors", "deep", with_header("{\"a\":" * 200))
    put("safetensors", "escapes", with_header('{"__metadata__":{"\\ud83d\\ude00\\u00e4\\n":"\\/\\b"}}'))


KEYS = {"format": "spankey key space 1", "subspace_dim": "2", "basis": "uniform", "coefficients": "unit_cube",
        "rescale": "pooled", "key_std": "1", "per_site_key": "1", "per_site_basis": "1", "seed": "7", "sites": "0,2"}


def basis(m, d, seed):
    return floats(*(((i * 7919 + seed * 104729) % 97 - 48) / 48 for i in range(m * d)))


def key_space_seeds():
    bases = {"basis.0": ("F32", [2, 1, 2, 3], basis(2, 6, 1)), "basis.2": ("F32", [2, 2, 1, 2], basis(2, 4, 2))}

    def keys(tensors=None, **metadata):
        return safetensors(tensors or bases, {k: v for k, v in {**KEYS, **metadata}.items() if v is not None})

    put("key_space", "two_bases", keys())
    put("key_space", "law", keys(coefficients="gaussian", offset="0.5", spread="1", rescale="per_key", key_std="0"))
    shared = {"basis.0": ("F32", [2, 4, 1, 1], basis(2, 4, 1))}
    put("key_space", "one_basis", keys(shared, per_site_key="0", per_site_basis="0", sites="0", basis="orthonormal"))
    put("key_space", "site_again", keys(sites="0," * 500 + "2"))
    put("key_space", "sites_many", keys(sites=",".join(map(str, range(100)))))
    put("key_space", "seed_negative", keys(seed="-1"))
    put("key_space", "std_nan", keys(key_std="nan"))
    huge = 2**62
    put("key_space", "extents_overflow", keys({"basis.0": ("F32", [0, huge, huge, 4], b"")}, subspace_dim="0", sites="0"))
    put("key_space", "extent_of_nothing", keys({"basis.0": ("F32", [1, 0, huge, huge], b"")}, subspace_dim="1", sites="0"))
    put("key_space", "any_extent", keys({"basis.0": ("F32", [2, 1, 2, 3], basis(2, 6, 1))}, subspace_dim="-1", sites="0"))
    put("key_space", "dependent", keys({"basis.0": ("F32", [2, 1, 1, 3], floats(1, 2, 3, 2, 4, 6))}, sites="0"))
    put("key_space", "infinite", keys({"basis.0": ("F32", [2, 1, 1, 3], floats(1, float("inf"), 3, 2, 5, 6))}, sites="0"))
    put("key_space", "tiny_numbers", keys({"basis.0": ("F32", [2, 1, 1, 3], floats(1e-45, 0, 0, 0, 3e38, 0))}, sites="0"))
    put("key_space", "foreign", safetensors({"w": ("F32", [1], floats(1))}))


def with_word_checksum(data):
    checksum = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<I", data):
        checksum = ((checksum ^ word) * 0x100000001B3) % 2 ** 64
    return data + struct.pack("<Q", checksum)


def key_file(sites, values, network=7, number=17, version=1, kind=1):
    """sites: [(number, C, H, W)]"""
    size = 48 + 16 * len(sites) + 4 * len(values) + 8
    data = b"SPANKEYK" + struct.pack("<IIQQQII", version, kind, network, number, size, len(sites), 0)
    data += b"".join(struct.pack("<4I", *site) for site in sites) + floats(*values)
    return with_word_checksum(data)


def key_file_seeds():
    values = [i / 64 - 0.5 for i in range(84)]
    both = [(0, 20, 1, 1), (1, 64, 1, 1)]
    whole = key_file(both, values)
    put("key_file", "whole", whole)
    put("key_file", "behind_network", whole[24:-8])  # as the harness repairs it
    put("key_file", "one_site", key_file(both[:1], values[:20]))
    put("key_file", "one_site_behind_network", key_file(both[:1], values[:20])[24:-8])
    put("key_file", "cut", whole[:-1])
    put("key_file", "header", whole[:48])
    put("key_file", "raw", floats(*values))
    put("key_file", "version_2", key_file(both, values, version=2))
    put("key_file", "kind_2", key_file(both, values, kind=2))
    put("key_file", "site_twice", key_file([both[0], (0, 64, 1, 1)], values)[24:-8])
    put("key_file", "not_finite", key_file(both, [float("nan"), *values[1:]])[24:-8])
    put("key_file", "extents_overflow", key_file([(0, 0x80000000, 0x80000000, 4), both[1]], values)[24:-8])
    put("key_file", "sites_of_billions", whole[24:40] + struct.pack("<I", 2 ** 32 - 1) + whole[44:-8])
    put("key_file", "no_sites", key_file([], []))


def image_of(size, seed=3):
    return bytes((i * seed) % 256 for i in range(size))


def cifar10_seeds():
    record = image_of(3072)
    put("cifar10", "one", b"\x03" + record)
    put("cifar10", "two", b"\x03" + record + b"\x09" + record)
    put("cifar10", "three", (b"\x03" + record) * 3)
    put("cifar10", "hundred_classes", (b"\x03\x63" + record) * 2)
    put("cifar10", "of_cifar100", (b"\x13\x63" + record) * 2)
    put("cifar10", "of_cifar100_coarse_20", b"\x14\x63" + record)
    put("cifar10", "label_10", b"\x0a" + record)
    put("cifar10", "short", b"\x03" + record[:-1])
    put("cifar10", "long", b"\x03" + record + b"\x01")


def idx_header(magic, *extents):
    return struct.pack(f">I{len(extents)}I", magic, *extents)


def idx_seeds():
    put("idx", "items", idx_header(0x803, 2, 2, 3) + bytes(range(12)))
    put("idx", "labels", idx_header(0x801, 3) + b"\x01\x02\x09")
    put("idx", "image_and_label", idx_header(0x803, 1, 28, 28) + image_of(784) + idx_header(0x801, 1) + b"\x05")
    put("idx", "image_and_label_10", idx_header(0x803, 1, 28, 28) + image_of(784) + idx_header(0x801, 1) + b"\x0a")
    put("idx", "image_and_letter_26", idx_header(0x803, 1, 28, 28) + image_of(784) + idx_header(0x801, 1) + b"\x1a")
    put("idx", "image_and_two_labels", idx_header(0x803, 1, 28, 28) + image_of(784) + idx_header(0x801, 2) + b"\x05\x05")
    put("idx", "rows_of_words", idx_header(0xC02, 2, 8, *range(16)))
    put("idx", "count_of_billions", idx_header(0x803, 2**32 - 1, 28, 28) + image_of(784))
    put("idx", "count_0", idx_header(0x801, 0))
    put("idx", "product_overflows", idx_header(0x804, 2**32 - 1, 65536, 65536, 65536))
    put("idx", "cut_header", idx_header(0x803, 1, 28)[:-2])


def npy(header, data=b"", version=1):
    size = 10 if version == 1 else 12
    header = header.encode() + b" " * (-(size + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


def described(kind, shape):
    return "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)


def npy_seeds():
    for kind, code in (("<f4", "f"), ("<f8", "d"), ("|i1", "b"), ("|u1", "B"), ("<i2", "h"), ("<u2", "H"), ("<i4", "i"),
                       ("<u4", "I"), ("<i8", "q"), ("<u8", "Q")):
        name = kind.strip("<|")
        put("npy", name, npy(described(kind, "(3,)"), struct.pack(f"<3{code}", 1, 2, 0)))
        pair = npy(described(kind, "(2, 2)"), struct.pack(f"<4{code}", 1, 2, 3, 4))
        pair += bytes(-(len(pair)) % 16) if code in "bB" else b""
        labels = npy(described(kind, "(2,)"), struct.pack(f"<2{code}", 2, 0))
        if len(pair) % 16 == 0:
            put("npy", "pair_" + name, bytes([len(pair) // 16]) + pair + labels)
    put("npy", "version_2", npy(described("<f4", "(1, 2)"), floats(1, 2), 2))
    put("npy", "version_3", npy(described("<f4", "()"), floats(1), 3))
    put("npy", "images", npy(described("|u1", "(2, 1, 2, 4)"), bytes(range(16))))
    for shape in ("(2, 2, 4)", "(2, 2, 4, 1)", "(2, 1, 2, 4)", "(2, 1, 8, 1)"):
        images = npy(described("|u1", shape), bytes(range(16)))
        put("npy", "pair_images_" + shape.strip("()").replace(", ", "_"), bytes([len(images) // 16]) + images
            + npy(described("<i4", "(2, 1)"), struct.pack("<2i", 0, 300)))
    put("npy", "pickled", npy(described("|O", "(1,)"), b"\x80\x04K*."))
    put("npy", "big_endian", npy(described(">f4", "(1,)"), floats(1)))
    put("npy", "shape_overflows", npy(described("<f8", "(4611686018427387904, 4)")))
    put("npy", "promises_gigabytes", npy(described("<f8", "(536870912,)"), bytes(8)))
    put("npy", "header_of_gigabytes", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{")
    put("npy", "nan", bytes([9]) + npy(described("<f8", "(2, 1)"), struct.pack("<2d", float("nan"), 1))
        + npy(described("|u1", "(2,)"), b"\x00\x01"))


# What libjpeg writes: 4 x 4 grey pixels, 16 x 16 coloured ones, and 8 x 8 in several scans.
GREY_JPEG, COLOUR_JPEG, PROGRESSIVE_JPEG = map(base64.b64decode, (
    "/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAAEAAQBAR"
    "EA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABoQAAAHAAAAAAAAAAAAAAAAAAABAwQFEiL/2gAIAQEAAD8AGSjm1CwP/9k=",
    "/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC"
    "8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQABADASIAAhEBAxEB/8QAFQAB"
    "AQAAAAAAAAAAAAAAAAAAAQL/xAAkEAACAQMDBAMBAAAAAAAAAAABAgMEERIAITETIkFhUWORwf/EABQBAQAAAAAAAAAAAAAAAAAAAAD/xAAVEQ"
    "EBAAAAAAAAAAAAAAAAAAAAcf/aAAwDAQACEQMRAD8AmIJC2FKkQKyCwpIOq2J4BZuw+LkefzTU2LsKgR5xSZY1cxkYBviJd1JuDtcAetVKrsoW"
    "fqBZ0IAq51gQkfWuzAbE8f3TT5OqilDsHQrhSU2AB9s/cCb8ji2hH//Z",
    "/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC"
    "8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wgARCAAIAAgDASIAAhEBAxEB/8QAFQAB"
    "AQAAAAAAAAAAAAAAAAAAAAH/xAAUAQEAAAAAAAAAAAAAAAAAAAAB/9oADAMBAAIQAxAAAAGBP//EABYQAQEBAAAAAAAAAAAAAAAAAAEAEf/aAA"
    "gBAQABBQLAv//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQMBAT8Bf//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQIBAT8Bf//EABoQAQAB"
    "BQAAAAAAAAAAAAAAAAEAESExQaH/2gAIAQEABj8CwF9lOk//xAAXEAEBAQEAAAAAAAAAAAAAAAABEQDB/9oACAEBAAE/IWOgIKnpv//aAAwDAQ"
    "ACAAMAAAAQA//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQMBAT8Qf//EABYRAQEBAAAAAAAAAAAAAAAAAAEAEf/aAAgBAgEBPxAMv//EABkQ"
    "AQACAwAAAAAAAAAAAAAAAAEhUQARMf/aAAgBAQABPxAlMm4UcHFaZTP/2Q=="))


def png(width, height, kind, samples, depth=8):
    """kind: 0 grey, 2 RGB, 3 palette, 4 grey with alpha."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    row = len(samples) // height
    lines = b"".join(b"\0" + samples[i:i + row] for i in range(0, len(samples), row))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
            + (chunk(b"PLTE", bytes(range(12))) if kind == 3 else b"") + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def picture_seeds():
    put("picture", "grey.png", png(4, 4, 0, bytes(range(16))))
    put("picture", "colour.png", png(2, 3, 2, bytes(range(18))))
    put("picture", "palette.png", png(4, 2, 3, bytes([0, 1, 2, 3] * 2)))
    put("picture", "opaque.png", png(2, 2, 4, bytes([7, 255] * 4)))
    put("picture", "transparent.png", png(2, 2, 4, bytes([7, 254] * 4)))
    put("picture", "bits_16.png", png(2, 2, 0, bytes(8), 16))
    put("picture", "cut.png", png(4, 4, 0, bytes(range(16)))[:-20])
    put("picture", "promises_gigapixels.png", png(1 << 30, 1 << 20, 0, b"\0" * (1 << 20)))
    for name, data in (("grey", GREY_JPEG), ("colour", COLOUR_JPEG), ("progressive", PROGRESSIVE_JPEG)):
        put("picture", name + ".jpg", data)
    put("picture", "cut.jpg", COLOUR_JPEG[:-30])
    frame = COLOUR_JPEG.index(b"\xff\xc0")
    put("picture", "promises_gigapixels.jpg", COLOUR_JPEG[:frame + 5] + b"\xff\xdc\xff\xdc" + COLOUR_JPEG[frame + 9:])
    put("picture", "four_components.jpg", COLOUR_JPEG[:frame + 9] + b"\x04" + COLOUR_JPEG[frame + 10:])
    put("picture", "gif", b"GIF89a")


def gzip_seeds():
    def packed(data, **more):
        return gzip.compress(data, mtime=0, **more)
    put("gzip", "text", packed(b"abc" * 50))
    put("gzip", "empty", packed(b""))
    put("gzip", "stored", packed(bytes(range(256)), compresslevel=0))
    put("gzip", "idx", packed(idx_header(0x803, 2, 2, 3) + bytes(range(12))))
    put("gzip", "npy", packed(npy(described("<f4", "(2, 3)"), floats(*range(6)))))
    put("gzip", "bomb", packed(bytes(4 << 20)))
    put("gzip", "bomb_in_idx", packed(idx_header(0x803, 60000, 2, 3) + bytes(4 << 20)))
    put("gzip", "two_members", packed(b"abc") + packed(b"def"))
    put("gzip", "members_with_nothing", (packed(b"abc") + packed(b"")) * 3)
    put("gzip", "zeros_behind", packed(b"abc") + bytes(40))
    put("gzip", "zeros_between", packed(b"abc") + bytes(2) + packed(b"def"))
    put("gzip", "second_member_cut", packed(b"abc") + packed(b"def")[:-9])
    idx = idx_header(0x803, 2, 2, 3) + bytes(range(12))
    put("gzip", "idx_in_members", packed(idx[:10]) + packed(idx[10:]))
    put("gzip", "behind", packed(b"abc") + b"x")
    put("gzip", "cut", packed(b"abc" * 50)[:-3])
    whole = bytearray(packed(b"abc" * 50))
    whole[-6] ^= 1
    put("gzip", "checksum", bytes(whole))
    put("gzip", "name_and_comment", b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x04\x00abcdname\x00comment\x00" + bytes(2))


def image_header(model=b"mlp", weights=0, classes=5, softmax=6, aux=0, injector=2, sites=3, gamma=2.0, payload=0):
    return b"SPANKEY1" + model.ljust(32, b"\0") + struct.pack("<6If", weights, classes, softmax, aux, injector, sites,
                                                              gamma) + bytes(44) + struct.pack("<2Q", payload, 0)


def image_seeds():
    put("image", "header", image_header())
    # What is laid over a sound image begins behind the name.
    for name, more in (("as_it_is", {}), ("int8", {"weights": 2}), ("no_sites", {"sites": 0}),
                       ("no_injector", {"injector": 0}), ("additive", {"injector": 1}),
                       ("as_many_classes", {"classes": 6}), ("no_classes", {"classes": 0}),
                       ("classes_of_billions", {"classes": 2**32 - 1}), ("all_sites", {"sites": 2**32 - 1}),
                       ("gamma_nan", {"gamma": float("nan")})):
        put("image", name, image_header(**more)[40:])
        put("image", name + "_weights", image_header(**more)[40:] + image_of(9000, 7))
    put("image", "nothing_but_nan", image_header()[40:] + floats(float("nan")) * 4000)


CONFIG = {"spankey": "0.1.0", "regime": "sound", "data": "linear", "model": "mlp", "inject": "mul", "gamma": 2.0,
          "sites": [0], "subspace-dim": 4, "basis": "uniform", "coefficients": "unit_cube", "offset": 0.5, "spread": 0.5,
          "per-site-key": False, "per-site-basis": False, "key-std": 1.0, "rescale": "per_key", "invalid": "gaussian",
          "invalid-mixture": "gaussian,angle@20:2,zero", "deny": "sealed", "gap": 0.3, "margin1": 1.0, "margin2": 0.5,
          "seal-weight": 3.0, "deny-weight": 2.0, "deny-on": "wrong+no", "deny-warmup": 0, "epochs": 1, "batch": 8,
          "optimizer": "adam", "lr": 0.001, "momentum": 0.9, "weight-decay": 0.0, "schedule": "constant",
          "milestones": [0.5, 0.75], "precision": "fp32", "seed": 0, "train-limit": 24, "test-limit": 16, "eval-keys": 2,
          "eval-images": 8, "families": "gaussian"}
EXPERIMENT = {"name": "m", "title": "t", "source": "s", "seeds": [1, 2], "flags": {"data": "linear", "epochs": 1},
              "rows": [{"name": "a", "flags": {"gamma": 1.0}, "published": {"valid_key": 0.5}}],
              "grid": {"subspace-dim": [2, 4], "deny": ["B", "none"]}}


def config_seeds():
    def config(**changed):
        return json.dumps({**CONFIG, **changed}, separators=(",", ":"))
    put("config", "config", config())
    wrong = (("sites", [0, 0]), ("sites", [9]), ("batch", 1e300), ("batch", -1), ("epochs", 2**64 - 1), ("seed", 1e300),
             ("milestones", [[[1]]]), ("families", "all"), ("invalid", "angle@"), ("gamma", None))
    for number, (name, value) in enumerate(wrong):
        put("config", f"config_{name}_{number}", config(**{name: value}))
    put("config", "config_twice", config()[:-1] + ',"batch":9}')
    put("config", "experiment", json.dumps(EXPERIMENT))
    flags = ("subspace-dim", "epochs", "batch", "eval-keys", "eval-images", "test-limit", "train-limit", "deny-warmup")
    grid = {flag: list(range(1, 12)) for flag in flags}
    put("config", "experiment_of_billions", json.dumps({**EXPERIMENT, "grid": grid}))
    grid = {flag: list(range(1, 6)) for flag in ("subspace-dim", "epochs", "deny-warmup")}
    put("config", "experiment_of_hundreds", json.dumps({**EXPERIMENT, "grid": grid}))
    put("config", "experiment_long_names", json.dumps({**EXPERIMENT, "grid": {"deny": ["B" * 3000], "gamma": [1, 2, 3]}}))
    put("config", "experiment_seed_twice", json.dumps({**EXPERIMENT, "seeds": [1, 1]}))
    deep = "[" * 500 + "]" * 500
    put("config", "experiment_deep_flag",
        '{"name":"a","seeds":[1],"rows":[{"name":"b","flags":{"gamma":' + deep + "}}]}")
    put("config", "deep", "[" * 3000)
    put("config", "deep_object", '{"a":' * 1000)


def results_seeds():
    figure = {"mean": 0.5, "wilson95": [0.4, 0.6], "worst": 0.3}
    condition = {"keys": 2, "images_per_key": 8, "distinct_images": 16,
                 **{name: figure for name in ("semantic", "masked", "calibrated", "reject")}}
    metrics = {"no_key": condition, "valid_key": condition, "invalid_key": {"gaussian": condition}, "absorption": 0.1,
               "acceptance": {"angle": [5, 10], "semantic": [0.1, 0.2]}}
    put("results", "metrics", json.dumps(metrics))
    spread = {"mean": 0.5, "values": [0.4, 0.6], "low": 0.1, "high": 0.9}
    put("results", "sweep_row", json.dumps({"no_key": {"semantic": spread}, "invalid_key": {"semantic": spread},
                                            "absorption": spread}))
    put("results", "settings", json.dumps({"a": [1, 2.5, "x", None], "b": 1e300, "c": {"d": [True]}}))
    put("results", "huge_numbers", '{"no_key":{"keys":1e300,"images_per_key":-1,"distinct_images":18446744073709551615}}')
    put("results", "deep", '{"a":' + "[" * 2000 + "]" * 2000 + "}")
    put("results", "twice", '{"no_key":{},"no_key":{}}')


def lock_seeds():
    about = {"lock": "masked 2", "nonce": "00" * 16, "names": "00" * 32, "norms": "folded"}

    def lock(tensors, **metadata):
        return safetensors({name: ("U8", [len(data)], data) for name, data in tensors.items()}, {**about, **metadata})

    one = {"fc1.weight": bytes(range(60)), "fc1.bias": bytes(40)}
    put("lock", "masked", lock(one))
    put("lock", "entangled", lock({"fc1": bytes(40), "fc2": bytes(100)}, lock="entangled 2"))
    put("lock", "later_version", lock(one, lock="masked 3"))
    put("lock", "nonce_cut", lock(one, nonce="00"))
    put("lock", "names_cut", lock(one, names="00"))
    put("lock", "nonce_no_digits", lock(one, nonce="zz" * 16))
    put("lock", "too_short", lock({"fc1.weight": bytes(39)}))
    put("lock", "floats", safetensors({"fc1.weight": ("F32", [20], bytes(80))}, about))
    put("lock", "nothing", lock({}))
    key = bytes(range(32))
    whole = struct.pack("<8sIIQQQII", b"SPANKEYK", 1, 2, 0, 0, 88, 0, 0) + key
    put("lock", "master_key", with_word_checksum(whole))
    put("lock", "master_key_damaged", whole + bytes(8))
    put("lock", "replaced_nonce", struct.pack(">H", 40) + b"0f" * 8)
    put("lock", "replaced_seal", struct.pack(">H", 60000) + bytes(64))


def sealed_key_seeds():
    def sealed(payload=1, recipient=3, passes=0, kib=0, size=88, bytes_=None, network=7):
        head = b"SPANKEYS" + struct.pack("<IIQQQ6I", 1, payload, network, 3, bytes_ or size + 176, recipient, 1, 20000, 0,
                                         passes, kib)
        return with_word_checksum(head.ljust(128, b"\0") + bytes(size + 40))

    put("sealed_key", "device", sealed())
    put("sealed_key", "passphrase", sealed(recipient=1, passes=1, kib=8))
    put("sealed_key", "box", sealed(recipient=2))
    put("sealed_key", "master", sealed(payload=2, size=32))
    put("sealed_key", "role", sealed(payload=3, size=20))
    put("sealed_key", "later_payload", sealed(payload=4))
    put("sealed_key", "memory_of_terabytes", sealed(recipient=1, passes=1, kib=2**32 - 1))
    put("sealed_key", "bytes_of_exabytes", sealed(bytes_=2**64 - 4))
    put("sealed_key", "no_network", sealed(network=0))
    put("sealed_key", "header", sealed()[:128])
    put("sealed_key", "key_inside", key_file([(0, 2, 1, 1)], [1.0, 2.0], number=3))

    def revoked(*serials, count=None, generation=2):
        head = b"SPANKEYR" + struct.pack("<IIQQII", 1, len(serials) if count is None else count, 7, 48 + 8 * len(serials),
                                         generation, 0)
        return with_word_checksum(head + struct.pack(f"<{len(serials)}Q", *serials))

    put("sealed_key", "list", revoked(1, 5, 2**64 - 1))
    put("sealed_key", "list_of_nobody", revoked())
    put("sealed_key", "list_out_of_order", revoked(5, 5))
    put("sealed_key", "list_of_billions", revoked(1, count=2**32 - 1))

    def ring(customers, count=None, next_serial=9, generation=1, tail=b""):
        data = bytes(range(32)) + struct.pack("<QQII", 7, next_serial, generation, len(customers) if count is None else count)
        for name, serial, *flags in customers:
            payload, revoked_flag, named = (flags + [1, 0, len(name)][len(flags):])[:3]
            data += struct.pack("<QQ16s8I", serial, 7, b"n" * 16, 20000, 0, 1, payload, revoked_flag, named, 0, 0)
            data += name + bytes(-len(name) % 4)
        return data + tail

    put("sealed_key", "ring_inside", ring([(b"a", 1), (b"bob", 2, 2, 1)]))
    put("sealed_key", "ring_name_twice", ring([(b"a", 1), (b"a", 2)]))
    put("sealed_key", "ring_of_billions", ring([(b"a", 1)], count=2**32 - 1))
    put("sealed_key", "ring_long_name", ring([(b"a", 1, 1, 0, 2**32 - 1)]))
    put("sealed_key", "ring_payload", ring([(b"a", 1, 9)]))
    put("sealed_key", "ring_serials_spent", ring([(b"a", 1)], next_serial=1))
    put("sealed_key", "ring_behind", ring([(b"a", 1)], tail=bytes(8)))
    put("sealed_key", "over_generation", struct.pack(">HI", 44, 0))
    put("sealed_key", "over_seal", struct.pack(">H", 140) + bytes(20))


def maps_seeds():
    """Of the block that maps_fuzz.cpp makes: a header of 32 bytes, three places of 16, maps of 3, 12 and 8 channels."""
    put("maps", "nothing", b"")
    put("maps", "magic", b"SPANMAP1" + bytes(24))
    put("maps", "another_version", struct.pack(">H", 0) + b"SPANMAP2")
    put("maps", "another_network", struct.pack(">HQ", 8, 1))
    put("maps", "operations", struct.pack(">H", 16) + struct.pack("<I", 4))
    put("maps", "bytes", struct.pack(">H", 20) + struct.pack("<I", 0xFFFFFFF0))
    put("maps", "bytes_of_the_header", struct.pack(">H", 20) + struct.pack("<I", 32))
    for name, place in {"channels": (13, 1, 80), "many_channels": (0xFFFFFFFF, 0, 80), "two": (12, 2, 80), "odd": (12, 1, 84),
                        "in_front": (12, 1, 16), "behind": (12, 1, 1 << 63), "without_root": (12, 0, 80),
                        "none": (0, 0, 0)}.items():
        put("maps", "place_" + name, struct.pack(">H", 48) + struct.pack("<IIQ", *place))
    put("maps", "move_too_far", struct.pack(">H", 80) + struct.pack("<H", 0x7FFF))
    put("maps", "moves_with_signs", struct.pack(">H", 80) + struct.pack("<3H", 0x8000, 0x8001, 0x8002))
    put("maps", "numbers_none", struct.pack(">H", 128) + struct.pack("<f", float("nan")))
    put("maps", "numbers_large", struct.pack(">H", 128) + struct.pack("<6f", *[3e38] * 6))


def gguf(keys, tensors, version=3, counts=None):
    """keys: {name: (type, bytes)}; tensors: {name: (dims, type, bytes)}, or with an offset of their own behind."""
    def text(value):
        return struct.pack("<Q", len(value)) + value

    front, entries, data = b"", b"", b""
    for name, (kind, value) in keys.items():
        front += text(name.encode()) + struct.pack("<I", kind) + value
    for name, (dims, kind, values, *offset) in tensors.items():
        data += bytes(-len(data) % 32)
        entries += text(name.encode()) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        entries += struct.pack("<IQ", kind, offset[0] if offset else len(data))
        data += values
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(keys)))) + front + entries
    return head + (bytes(-len(head) % 32) + data if tensors else b"")


def gguf_seeds():
    def text(value):
        return (8, struct.pack("<Q", len(value)) + value.encode())

    def texts(values):
        return (9, struct.pack("<IQ", 8, len(values)) + b"".join(text(v)[1] for v in values))

    def whole(value):
        return (4, struct.pack("<I", value))

    def real(value):
        return (6, struct.pack("<f", value))

    prints = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    letters = [chr(b if b in prints else next(others)) for b in range(256)]
    tokens = [*letters, "th", "the", "<|e|>"]
    tokenizer = {"tokenizer.ggml.model": text("gpt2"), "tokenizer.ggml.pre": text("smollm"),
                 "tokenizer.ggml.tokens": texts(tokens), "tokenizer.ggml.merges": texts(["t h", "th e"]),
                 "tokenizer.ggml.token_type": (9, struct.pack("<IQ259i", 5, 259, *[1] * 258, 3)),
                 "tokenizer.ggml.bos_token_id": whole(258), "tokenizer.ggml.eos_token_id": whole(258)}
    put("gguf", "tokenizer", gguf(tokenizer, {}))
    put("gguf", "merge_of_none", gguf({**tokenizer, "tokenizer.ggml.merges": texts(["t zz"])}, {}))
    sizes = {"general.architecture": text("llama"), "llama.embedding_length": whole(4), "llama.feed_forward_length": whole(2),
             "llama.block_count": whole(1), "llama.attention.head_count": whole(2), "llama.attention.head_count_kv": whole(1),
             "llama.attention.layer_norm_rms_epsilon": real(1e-5), "llama.rope.freq_base": real(100.0),
             "llama.context_length": whole(16)}
    at = "blk.0."
    shapes = {"token_embd": (4, 3), at + "attn_norm": (4,), at + "attn_q": (4, 4), at + "attn_k": (4, 2), at + "attn_v": (4, 2),
              at + "attn_output": (4, 4), at + "ffn_norm": (4,), at + "ffn_gate": (4, 2), at + "ffn_up": (4, 2),
              at + "ffn_down": (2, 4), "output_norm": (4,)}
    tensors = {f"{name}.weight": (dims, 0, floats(*range(dims[0] * (dims[1] if len(dims) > 1 else 1))))
               for name, dims in shapes.items()}
    put("gguf", "llama", gguf(sizes, tensors))
    put("gguf", "llama_of_many_heads", gguf({**sizes, "llama.attention.head_count": whole(2**31)}, tensors))
    block = struct.pack("<H", 0x3800) + bytes(range(32))
    put("gguf", "blocks", gguf({"general.alignment": whole(32)}, {
        "q8": ((32, 1), 8, block), "q4_0": ((32,), 2, block[:18]), "q4_1": ((32,), 3, block[:20]), "half": ((3,), 1, block[:6]),
        "brain": ((1, 1, 1, 3), 30, block[:6])}))
    put("gguf", "every_type", gguf({str(kind): (kind, bytes(size)) for kind, size in enumerate((1, 1, 2, 2, 4, 4, 4, 1))}, {}))
    one = floats(1)
    huge = 2**64 - 1
    put("gguf", "tensors_of_billions", gguf({}, {"a": ((1,), 0, one)}, counts=(huge, 0)))
    put("gguf", "keys_of_billions", gguf({"a": whole(1)}, {}, counts=(0, huge)))
    put("gguf", "array_of_billions", gguf({"a": (9, struct.pack("<IQ", 12, huge // 8 + 1) + one)}, {}))
    put("gguf", "texts_of_billions", gguf({"a": (9, struct.pack("<IQ", 8, huge) + one)}, {}))
    put("gguf", "arrays_in_arrays", gguf({"a": (9, struct.pack("<IQIQ", 9, 1, 9, 1) + one)}, {}))
    put("gguf", "text_of_exabytes", gguf({"a": (8, struct.pack("<Q", huge) + one)}, {}))
    put("gguf", "shape_overflows", gguf({}, {"a": ((2**32, 2**32), 0, one)}))
    put("gguf", "shape_of_nothing", gguf({}, {"a": ((0, 2**63), 0, one)}))
    put("gguf", "offset_overflows", gguf({}, {"a": ((1,), 0, one, 2**64 - 32)}))
    put("gguf", "overlap", gguf({}, {"a": ((9,), 0, bytes(36)), "b": ((1,), 0, one, 32)}))
    put("gguf", "alignment_0", gguf({"general.alignment": whole(0)}, {"a": ((1,), 0, one)}))
    put("gguf", "version_2", gguf({}, {}, version=2))
    put("gguf", "nothing", b"")


def release_seeds():
    def mlp(s, f, h=2, c=3, order=2, **changed):
        tensors = {"gate_proj_weight": [s, h], "local_point": [s], "local_approx_output": [c], "fuse_weight": [c, s, order],
                   "ffn_gate_proj_weight": [f, h], "ffn_down_proj_weight": [c, f], "ffn_gate_proj_bias": [f]} | changed
        made = {}
        for name, shape in tensors.items():
            count = 1
            for extent in shape or [0]:
                count *= extent
            if shape is not None:
                made["h.0.mlp." + name] = ("F32", shape, floats(*[0.25] * count) if count < 1000 else b"")
        made["h.0.mlp.sampled_dim"] = ("I64", [s], struct.pack(f"<{s}q", *range(s)))
        made["h.0.mlp.ffn_dim"] = ("I64", [f], struct.pack(f"<{f}q", *range(s, s + f)))
        return made

    about = {"release": "taylor", "network": "gpt", "dtype": "fp32", "activation": "gelu_tanh", "grad_order": "2"}
    put("release", "series", safetensors(mlp(2, 1) | {"ln_f.weight": ("F32", [2], floats(1, 2))}, about))
    put("release", "all_series", safetensors(mlp(3, 0), about))
    put("release", "no_series", safetensors(mlp(0, 3), about))
    put("release", "gated", safetensors(mlp(2, 1, up_proj_weight=[2, 2], ffn_up_proj_weight=[1, 2], local_approx_output=[3, 2]), about))
    put("release", "order_13", safetensors(mlp(1, 0, order=13), about | {"grad_order": "13"}))
    put("release", "order_0", safetensors(mlp(1, 1, order=0), about | {"grad_order": "0"}))
    put("release", "no_metadata", safetensors(mlp(1, 1)))
    put("release", "bf16_it_says", safetensors(mlp(1, 1), about | {"dtype": "bf16"}))
    put("release", "huge_of_nothing", safetensors(mlp(0, 1, c=3, fuse_weight=[1 << 60, 0, 2], up_proj_weight=[0, 2],
                                                      ffn_up_proj_weight=[1, 2], local_approx_output=[1 << 60, 0]), about))
    put("release", "tensors_alone", safetensors({"wte.weight": ("F32", [2, 2], floats(1, 2, 3, 4))}, about))
    put("release", "replaced_numbers", struct.pack(">H", 30000) + floats(1e38, float("nan"), -3))
    put("release", "replaced_neurons", struct.pack(">H", 0xFFF0) + struct.pack("<2q", 3, 3))


def main():
    for seeds in (safetensors_seeds, gguf_seeds, key_space_seeds, key_file_seeds, sealed_key_seeds, lock_seeds, maps_seeds, release_seeds, cifar10_seeds, idx_seeds, npy_seeds, picture_seeds, gzip_seeds, image_seeds,
                  config_seeds, results_seeds):
        seeds()


if __name__ == "__main__":
    main()
