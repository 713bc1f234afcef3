"""Key files in Python, with NumPy alone: what a sealed key says in the clear, an exported key, and whether it is one of a run's.

usage: read_keys.py FILE [--run RUN]        FILE: a sealed key, a key in the clear (`spankey keys export`, `spankey convert --key-out`), or
                                            a revocation list; RUN: what `spankey train` writes

The layouts are those of docs/key_files.md and docs/inference.md. With --run it says how much of a key lies outside the spans of
the run's key_space.safetensors, and its coefficients there, which tell whose key it is. The keys that the seed of a key space issues are drawn
by 08_keys_and_logits.py, which also answers with one of either kind. Sealed keys are opened by `spankey keys export`: NumPy has no cipher.
"""
import argparse
import importlib.util
import pathlib
import struct

import numpy as np

PAYLOADS = {1: "span", 2: "master", 3: "role"}
RECIPIENTS = {1: "a passphrase", 2: "a public key", 3: "a device"}


def checked(data):
    """The bytes before the checksum, FNV-1a over 32-bit words. Fails with ValueError."""
    total = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<I", data[:-8]):
        total = (total ^ word) * 0x100000001B3 % 2**64
    if len(data) < 16 or data[-8:] != struct.pack("<Q", total):
        raise ValueError("damaged: its checksum does not fit")
    return data[:-8]


def day(number):
    return str(np.datetime64(number, "D")) if number else "-"


def sealed_header(data):
    """What a sealed key says of itself; it is its writer's word once the key opens."""
    names = "version payload network serial bytes recipient generation issued expires passes kib".split()
    header = dict(zip(names, struct.unpack_from("<IIQQQ6I", checked(data), 8)))
    header.update(salt=data[64:80], sender=data[80:112])
    return header


def key_in(data):
    """Network, number, and site number -> key of shape (C, H, W), of a key in the clear."""
    body = checked(data)
    version, kind, network, number, size, count, _ = struct.unpack_from("<IIQQQII", body, 8)
    if (version, kind, size) != (1, 1, len(data)):
        raise ValueError("no key of version 1 and kind 1")
    sites = [struct.unpack_from("<4I", body, 48 + 16 * i) for i in range(count)]
    values, first, key = np.frombuffer(body, "<f4", offset=48 + 16 * count), 0, {}
    for site, *shape in sites:
        key[site] = values[first:first + np.prod(shape)].reshape(shape)
        first += key[site].size
    return network, number, key


def revocations_in(data):
    """Network, the oldest generation that counts, and the serials that do not."""
    body = checked(data)
    _, count, network, _, generation, _ = struct.unpack_from("<IIQQII", body, 8)
    return network, generation, list(struct.unpack_from(f"<{count}Q", body, 40))


def in_spans(run, key):
    """The largest share of a key's energy outside the span of a site, and site number -> its m coefficients there."""
    example = pathlib.Path(__file__).parents[1] / "08_keys_and_logits.py"
    spec = importlib.util.spec_from_file_location("example", example)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tensors, _ = module.read_safetensors(pathlib.Path(run) / "key_space.safetensors")
    outside, found = 0.0, {}
    for name, basis in tensors.items():
        site = int(name.split(".")[1])
        rows, values = basis.reshape(len(basis), -1).astype(float), key[site].ravel().astype(float)
        found[site] = np.linalg.lstsq(rows.T, values, rcond=None)[0]
        outside = max(outside, np.sum((values - found[site] @ rows) ** 2) / np.sum(values**2))
    return outside, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\nusage", maxsplit=1)[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--run", type=pathlib.Path)
    given = parser.parse_args()
    data = given.file.read_bytes()
    if data.startswith(b"SPANKEYS"):
        h = sealed_header(data)
        print(f"sealed {PAYLOADS[h['payload']]} key to {RECIPIENTS[h['recipient']]}, network {h['network']:016x}, "
              f"serial {h['serial']}, generation {h['generation']}, issued {day(h['issued'])}, last day {day(h['expires'])}")
    elif data.startswith(b"SPANKEYR"):
        network, generation, serials = revocations_in(data)
        print(f"revoked of network {network:016x}: before generation {generation}, and serials {serials}")
    else:
        network, number, key = key_in(data)
        print(f"key {number} of network {network:016x}:", ", ".join(f"site {s} {k.shape}" for s, k in key.items()))
        if given.run:
            outside, found = in_spans(given.run, key)
            print(f"share outside the spans: {outside:.1e}")
            for site, alpha in found.items():
                print(f"site {site}:", *(f"{a:.4f}" for a in alpha))


if __name__ == "__main__":
    main()
