"""spankey keys: the tutorial of docs/key_files.md as it stands there, and every refusal: one line with its id, and status 3."""
import array
import json
import os
import pathlib
import pty
import re
import stat
import struct
import subprocess
import sys

import program
from data_files import npy

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHEAP = ["--passes", "1", "--kib", "8"]
RING = ["--ring", "shop.ring", "--passphrase-file", "ring.words"]


def tutorial():
    """Commands of the document, and what it says they print."""
    text = (ROOT / "docs/key_files.md").read_text(encoding="utf-8")
    lines = text[text.index("<!-- tutorial -->"):text.index("<!-- end -->")].splitlines()
    steps = []
    for line in lines:
        if line.startswith("    $ "):
            steps.append((line[6:], []))
        elif line.startswith("    "):
            steps[-1][1].append(line[4:])
    return steps


def comparable(lines):
    """Without what another run or day has otherwise: fingerprints, days of issue, scores and their order."""
    plain = [re.sub(r"\b[0-9a-f]{16}\b", "FINGERPRINT", line) for line in lines]
    plain = [re.sub(r"^ +-?\d+\.\d\d(?= )", "SCORE", line) for line in plain]
    plain = [re.sub(r"(?<=\d  )20\d\d-\d\d-\d\d(?=  )", "TODAY", line, count=1) for line in plain]
    return sorted(plain) if any(line.startswith("SCORE") for line in plain) else plain


def test_the_tutorial(folder):
    environment = {**os.environ, "PATH": f"{program.PROGRAM.parent}:{os.environ['PATH']}"}
    steps, exports = tutorial(), ""
    assert len(steps) > 15, steps
    for command, expected in steps:
        if command.startswith("export "):
            exports += command + "; "
        result = subprocess.run(["bash", "-c", exports + command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
        found = result.stdout.decode().splitlines()
        assert comparable(found) == comparable(expected), (command, found, expected)
    # Nobody's words, and none of the ring's customers, stand in a file.
    for file in folder.glob("shop.*"):
        for secret in (b"rusty", b"lamps", b"alice"):
            assert secret not in file.read_bytes(), file
    for name in ("shop.ring", "alice.key", "bob.secret", "bob.f32"):
        assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o600, name


def make_shop(folder, *flags):
    """A run, a ring for it, and Alice's key."""
    program.train_tiny(folder / "run", "--data", "glyphs", "--model", "small_cnn", "--subspace-dim", "8", *flags)
    (folder / "ring.words").write_text("open\nthe second line does not count\n")
    (folder / "alice.words").write_text("hers")
    (folder / "other.words").write_text("his")
    succeeds(folder, "init", *RING, "--run", "run", *CHEAP)
    issue(folder, "alice")


def succeeds(folder, *arguments):
    return program.succeeds("keys", *arguments, cwd=folder).stdout.decode()


def issue(folder, name, *flags, run="run"):
    sealed = flags if any(flag.startswith(("--public", "--device")) for flag in flags) \
        else (*flags, "--key-passphrase-file", "alice.words", *CHEAP)
    return succeeds(folder, "issue", *RING, "--run", run, "--to", name, *sealed)


def refused(folder, *arguments, names, status=3):
    """One line that holds every one of `names`, and the status; nothing on stdout."""
    result = program.start("keys", *arguments, cwd=folder)
    line = result.stderr.decode()
    assert result.returncode == status, (arguments, result.returncode, line)
    assert line.startswith("[spankey.") and line.count("\n") == 1 and line.endswith("\n"), (arguments, line)
    assert result.stdout == b"", (arguments, result.stdout)
    for name in names:
        assert name in line, (arguments, line, name)
    for secret in ("hers", "open the", "his\n"):
        assert secret not in line, line


def verify(key, *flags, words="alice.words", run="run"):
    return ["verify", key, "--run", run, "--key-passphrase-file", words, *flags]


def with_checksum(data):
    total = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<I", data[:-8]):
        total = (total ^ word) * 0x100000001B3 % 2**64
    return data[:-8] + struct.pack("<Q", total)


def test_every_refusal_is_a_line(folder):
    make_shop(folder)
    assert succeeds(folder, *verify("alice.key")).startswith("valid: span, serial 1")
    refused(folder, *verify("alice.key", words="other.words"), names=["sealed_key.108", "alice.key"])
    whole = (folder / "alice.key").read_bytes()

    def changed(data, name, flags=()):
        (folder / "changed.key").write_bytes(data)
        refused(folder, *verify("changed.key", *flags), names=[name, "changed.key"])

    for size in (0, 7, 8, 100, 128, 200, len(whole) - 1):
        changed(whole[:size], "sealed_key.101" if size < 8 else "sealed_key.103")
    for at in (0, 8, 12, 16, 24, 40, 44, 48, 56, 64, 80, 112, 130, 1000, len(whole) - 1):
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]
        changed(flipped, "sealed_key.10")
        if at in (24, 44, 48, 112, 130, 1000):  # whoever makes the checksum fit is found by the seal
            changed(with_checksum(flipped), "sealed_key.108")
    # Days.
    issue(folder, "bob", "--expires", "2031-05-04", "--today", "2031-05-01")
    assert "valid" in succeeds(folder, *verify("bob.key", "--today", "2031-05-04"))
    refused(folder, *verify("bob.key", "--today", "2031-05-05"), names=["sealed_key.105", "2031-05-04"])
    refused(folder, *verify("bob.key", "--today", "2030-01-01"), names=["sealed_key.105"])
    # Another network, and its ring.
    program.train_tiny(folder / "other", "--data", "glyphs", "--model", "small_cnn", "--subspace-dim", "8", "--seed", "9")
    refused(folder, *verify("alice.key", run="other"), names=["sealed_key.104"])
    refused(folder, "issue", *RING, "--run", "other", "--to", "x", "--device-key", "x", names=["ring.108"])
    assert not (folder / "x.key").exists()
    # Revoked, and issued before the last rotation.
    succeeds(folder, "revoke", "bob", *RING)
    listed = ["--revocations", "shop.ring.revoked", "--today", "2031-05-02"]
    refused(folder, *verify("bob.key", *listed), names=["sealed_key.107", "serial 2"])
    assert "valid" in succeeds(folder, *verify("alice.key", *listed))
    refused(folder, *verify("alice.key", "--revocations", "alice.key"), names=["sealed_key.114"])
    succeeds(folder, "rotate", *RING, "--run", "run")
    refused(folder, *verify("alice.key", *listed), names=["sealed_key.106", "generation 1"])
    issue(folder, "carol")
    assert "valid" in succeeds(folder, *verify("carol.key", *listed))
    # The ring.
    refused(folder, "list", "--ring", "shop.ring", "--passphrase-file", "other.words", names=["ring.114"])
    refused(folder, "list", "--ring", "alice.key", "--passphrase-file", "ring.words", names=["ring.111"])
    ring = (folder / "shop.ring").read_bytes()
    (folder / "cut.ring").write_bytes(ring[:-4])
    refused(folder, "list", "--ring", "cut.ring", "--passphrase-file", "ring.words", names=["ring.113"])
    assert (folder / "shop.ring").read_bytes() == ring  # what only reads it leaves it


def test_flags_that_make_no_sense(folder):
    make_shop(folder)
    before = program.contents(folder)
    for arguments, names in (
            (["init", *RING, "--run", "run"], ["io.117", "shop.ring"]),
            (["issue", *RING, "--run", "run", "--to", "alice", "--out", "x.key", "--key-passphrase-file", "alice.words",
              *CHEAP], ["ring.101", "alice"]),
            (["issue", *RING, "--run", "run", "--to", "alice"], ["io.117", "alice.key"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--expires", "2020-01-01", "--key-passphrase-file",
              "alice.words", *CHEAP], ["ring.106"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--expires", "2031-02-30"], ["flag.100", "--expires"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--kind", "master"], ["flag.211", "--master"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--public-key", "00" * 32], ["sealed_key.110"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--device-key", "alice.words"], ["flag.214", "32"]),
            (["issue", *RING, "--run", "run", "--to", "x", "--device-key", "y", "--public-key", "11" * 32], ["flag.215"]),
            (["issue", *RING, "--run", "run"], ["flag.211", "--to"]),
            (["list", "--ring", "shop.ring"], ["flag.213", "terminal"]),  # there is none
            (["list", "--ring", "shop.ring", "--passphrase-env", "NOWHERE"], ["flag.212", "NOWHERE"]),
            (["list", *RING, "--to", "x"], ["flag.210", "--to"]),
            (["list", *RING, "more"], ["flag.210"]),
            (["revoke", *RING], ["flag.211", "NAME"]),
            (["revoke", "nobody", *RING], ["ring.103", "nobody"]),
            (["export", "alice.key", "--key-passphrase-file", "alice.words"], ["flag.211", "--out"]),
            (["verify", "alice.key"], ["flag.211", "--run"]),
            (["sell", *RING], ["flag.100", "issue"])):
        result = program.start("keys", *arguments, cwd=folder)
        line = result.stderr.decode()
        expected = 3 if names[0].startswith("sealed_key.") else 2
        assert result.returncode == expected and line.count("\n") == 1, (arguments, result.returncode, line)
        for name in names:
            assert name in line, (arguments, line)
    assert program.contents(folder) == before


def test_exports_are_what_sessions_take(folder):
    make_shop(folder, "--sites", "2,1", "--per-site-key")
    opens = ["--key-passphrase-file", "alice.words"]
    succeeds(folder, "export", "alice.key", *opens, "--out", "plain.key", "--raw", "raw.f32", "--header", "key.hpp",
             "--name", "alice")
    plain, raw = (folder / "plain.key").read_bytes(), (folder / "raw.f32").read_bytes()
    assert plain[-8 - len(raw):-8] == raw and plain.startswith(b"SPANKEYK")
    numbers = array.array("f", raw)
    text = (folder / "key.hpp").read_text()
    in_text = [float.fromhex(n) for n in re.findall(r"(-?0x[0-9a-fp.+-]+)F", text)]
    assert in_text == list(numbers) and "alice_site1" in text and "alice_site2" in text
    assert "in the clear" in succeeds(folder, "verify", "plain.key", "--run", "run")
    refused(folder, "export", "alice.key", "--key-passphrase-file", "other.words", "--out", "x", names=["sealed_key.108"])
    # A session answers to it; and not to a key whose numbers are no key of the space.
    images = folder / "images.npy"
    images.write_bytes(npy("|u1", (2, 28, 28), bytes(2 * 28 * 28)))
    answers = [json.loads(line)["logits"] for key in ("0", "plain.key") for line in program.start(
        "predict", "--run", "run", "--json", "--key", key, images, cwd=folder).stdout.splitlines()]
    assert len(answers) == 4 and answers[0] != answers[2]
    # The sealed file itself is as good, and a flag that opens it belongs to it.
    sealed = ["predict", "--run", "run", "--json", images, "--key", "alice.key"]
    assert [json.loads(line)["logits"] for line in program.start(*sealed, *opens, cwd=folder).stdout.splitlines()] == answers[2:]
    program.refused(*sealed, "--key-passphrase-file", "other.words", cwd=folder, names=["sealed_key.108"])
    program.refused("predict", "--run", "run", images, "--key", "plain.key", *opens, cwd=folder, names=["flag.217"])
    program.refused("predict", "--run", "run", images, "--key", "0", *opens, cwd=folder, names=["flag.217"])
    program.refused("predict", "--run", "run", images, *opens, cwd=folder, names=["flag.217"])
    numbers[5] += 3
    wrong = with_checksum(plain[:-8 - len(raw)] + numbers.tobytes() + bytes(8))
    (folder / "wrong.key").write_bytes(wrong)
    refused(folder, "verify", "wrong.key", "--run", "run", names=["sealed_key.113", "outside"])
    # Found again, with a name and without; a key that the ring did not issue is nobody's.
    issue(folder, "bob")
    for file in ("plain.key", "raw.f32"):
        assert "serial 1  alice" in succeeds(folder, "trace", file, *RING, "--run", "run")
    mixed = array.array("f", [round(n * 4) / 4 for n in array.array("f", raw)])
    (folder / "mixed.f32").write_bytes(mixed.tobytes())
    refused(folder, "trace", "mixed.f32", *RING, "--run", "run", names=["trace.101", "14"])
    refused(folder, "trace", "ring.words", *RING, "--run", "run", names=["trace.104"])
    shown = succeeds(folder, "inspect", "alice.key", "--run", "run")
    assert "serial 1" in shown and "Argon2id, 1 passes over 8 KiB" in shown and "m=8" in shown, shown
    check_reader(folder, raw)


def check_reader(folder, raw):
    """The reader in Python, where NumPy is."""
    reader = ROOT / "examples/import/read_keys.py"
    if subprocess.run([sys.executable, "-c", "import numpy"], capture_output=True, check=False).returncode != 0:
        return
    succeeds(folder, "revoke", "bob", *RING)

    def says(*arguments):
        return subprocess.run([sys.executable, reader, *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
                              check=True).stdout
    assert re.search(r"sealed span key to a passphrase, network [0-9a-f]{16}, serial 1, generation 1, issued 20", says("alice.key"))
    assert says("shop.ring.revoked").endswith("before generation 1, and serials [2]\n")
    told = says("plain.key", "--run", "run")
    assert float(re.search(r"share outside the spans: (\S+)", told)[1]) < 1e-10, told
    assert len(re.findall(r"^site \d:( -?\d+\.\d+){8}$", told, re.MULTILINE)) == 2, told
    damaged = bytearray((folder / "plain.key").read_bytes())
    damaged[-20] ^= 1
    (folder / "damaged.key").write_bytes(damaged)
    assert subprocess.run([sys.executable, reader, "damaged.key"], cwd=folder, capture_output=True, check=False).returncode != 0
    assert raw


def test_other_kinds_of_keys(folder):
    make_shop(folder)
    program.succeeds("keygen", "--out", folder / "owner.key", cwd=folder)
    succeeds(folder, "pair", "--out", "bob.secret")
    shown = succeeds(folder, "pair", "--out", "carol.secret").split()[-1]
    issue(folder, "bob", "--kind", "master", "--master", "owner.key", "--public-key", shown)
    assert (folder / "bob.key").stat().st_size == 128 + 72 + 8
    refused(folder, "export", "bob.key", "--secret-key", "bob.secret", "--out", "x", names=["sealed_key.108"])
    assert "valid: master" in succeeds(folder, "verify", "bob.key", "--run", "run", "--secret-key", "carol.secret")
    succeeds(folder, "export", "bob.key", "--secret-key", "carol.secret", "--out", "again.key")
    assert (folder / "again.key").read_bytes() == (folder / "owner.key").read_bytes()
    # Of a locked run it has to be the lock's.
    program.train_tiny(folder / "open", "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    program.succeeds("keygen", "--out", folder / "other.key", cwd=folder)
    program.succeeds("lock", "--run", "open", "--out", "locked", "--key", "owner.key", cwd=folder)
    locked = ["--ring", "locked.ring", "--passphrase-file", "ring.words", "--run", "locked"]
    succeeds(folder, "init", *locked, *CHEAP)
    for name in ("owner", "other"):
        succeeds(folder, "issue", *locked, "--to", name, "--out", f"of_{name}.key", "--kind", "master", "--master",
                 f"{name}.key", "--public-key", shown)
    opens = ["--run", "locked", "--secret-key", "carol.secret"]
    assert "valid: master" in succeeds(folder, "verify", "of_owner.key", *opens)
    refused(folder, "verify", "of_other.key", *opens, names=["sealed_key.113", "lock"])
    for out, key in (("by_owner", ["owner.key"]), ("by_customer", ["of_owner.key", "--secret-key", "carol.secret"])):
        program.succeeds("unlock", "--run", "locked", "--out", out, "--key", *key, cwd=folder)
    weights = [(folder / out / "weights.safetensors").read_bytes() for out in ("by_owner", "by_customer")]
    assert weights[0] == weights[1]
    program.refused("unlock", "--run", "locked", "--out", "x", "--key", "of_other.key", "--secret-key", "carol.secret", cwd=folder,
                    names=["lock."])
    program.refused("predict", "--run", "run", "--key", "of_owner.key", "--secret-key", "carol.secret", folder / "none.npy", cwd=folder,
                    names=["sealed_key.113"])
    issue(folder, "role", "--kind", "role", "--master", "owner.key", "--role", "3")
    succeeds(folder, "export", "role.key", "--key-passphrase-file", "alice.words", "--out", "role.txt")
    assert re.fullmatch(r"[0-9a-f]{16}\n", (folder / "role.txt").read_text())
    refused(folder, "export", "role.key", "--key-passphrase-file", "alice.words", "--raw", "x", names=["flag.210"], status=2)
    listed = succeeds(folder, "list", *RING)
    assert [line.split()[2] for line in listed.splitlines()[2:]] == ["span", "master", "role"], listed


def test_files_that_are_something_else(folder):
    """In the place of a key, a ring, a list or a passphrase: one line and no work, whatever it is."""
    make_shop(folder)
    wrong = folder / "wrong"

    def sparse():
        with wrong.open("wb") as file:
            file.truncate(1 << 40)

    shapes = {"nothing": lambda: None, "a folder": wrong.mkdir, "a FIFO": lambda: os.mkfifo(wrong),
              "a device": lambda: wrong.symlink_to("/dev/zero"), "a terabyte": sparse,
              "empty": wrong.touch, "noise": lambda: wrong.write_bytes(bytes(i * 89 % 256 for i in range(4096)))}
    words = ["--key-passphrase-file", "alice.words"]
    for shape, make in shapes.items():
        make()
        for arguments in (["inspect", wrong], ["verify", wrong, "--run", "run", *words], ["export", wrong, *words, "--raw", "x"],
                          ["trace", wrong, *RING, "--run", "run"], ["list", "--ring", wrong, *RING[2:]],
                          ["verify", "alice.key", "--run", "run", *words, "--revocations", wrong],
                          ["export", "alice.key", "--device-key", wrong, "--raw", "x"],
                          ["list", *RING[:3], wrong]):
            result = program.start("keys", *arguments, cwd=folder)
            line = result.stderr.decode()
            shown = (shape, arguments, result.returncode, line)
            assert result.returncode in (2, 3) and line.startswith("[spankey.") and line.count("\n") == 1, shown
            assert not (folder / "x").exists(), shown
        if wrong.is_dir():
            wrong.rmdir()
        else:
            wrong.unlink(missing_ok=True)


def at_terminal(folder, arguments, typed):
    """What a terminal shows while the program asks it, and the exit status; each line is typed once it was asked for."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execv(program.PROGRAM, [str(program.PROGRAM), "keys", *arguments])
    shown = b""
    asked = 0
    while True:
        try:
            part = os.read(terminal, 1024)
        except OSError:  # the end, as Linux has it
            part = b""
        if not part:
            break
        shown += part
        if shown.count(b": ") > asked and shown.endswith(b": "):
            os.write(terminal, typed[asked].encode() + b"\n")
            asked += 1
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_the_terminal_asks_without_echo(folder):
    program.train_tiny(folder / "run", "--data", "glyphs", "--model", "small_cnn", "--subspace-dim", "8")
    new = ["init", "--ring", "shop.ring", "--run", "run", *CHEAP]
    shown, status = at_terminal(folder, new, ["one thing", "another"])
    assert status == 2 and "flag.213" in shown and "differ" in shown, shown
    assert not (folder / "shop.ring").exists()
    shown, status = at_terminal(folder, new, ["one thing", "one thing"])
    assert status == 0 and "wrote shop.ring" in shown and "thing" not in shown, shown
    shown, status = at_terminal(folder, ["list", "--ring", "shop.ring"], ["one thing"])
    assert status == 0 and "generation 1" in shown and "thing" not in shown, shown
    shown, status = at_terminal(folder, ["list", "--ring", "shop.ring"], ["nothing"])
    assert status == 3 and "ring.114" in shown and "nothing" not in shown, shown
    shown, status = at_terminal(folder, ["list", "--ring", "shop.ring"], ["\x03"])  # Ctrl-C
    assert status == 2 and "flag.213" in shown, shown


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
