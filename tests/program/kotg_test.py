"""kotg: adapters trained once, every claim and attack gives its figures, and experiments with mistakes are one line. Costs 3 s
of the processor."""
import json
import sys

import program

NAMES = ["Abel", "Boaz", "Caleb", "Dinah", "Esau", "Gad", "Haman", "Jael"]
WORDS = ["went", "up", "and", "saw", "the", "field", "of", "his", "own", "king", "by", "day"]
CLAIMS = ["utility", "matrix", "collapse", "nonces", "blocks", "throughput", "rotation"]
ATTACKS = ["hook", "zero", "probe", "finetune", "guess", "procrustes"]
SMALL = {"name": "all", "prompts": 60, "batch": 8, "steps": 30, "held-out": 8, "known": 1, "demonstrations": [1], "updates": 2}


def base(folder):
    lines = []
    for i in range(4000):
        words = [NAMES[i % 8]] + [WORDS[(i * (k + 3) + k * k + i // 7) % 12] for k in range(8)]
        lines.append(f"Ge{i // 30 + 1}:{i % 30 + 1} " + " ".join(words) + ".")
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    program.succeeds("train", "--data", "text", "--text", folder / "text.txt", "--inject", "none", "--context", "96",
                     "--channels", "32", "--layers", "2", "--train-limit", "64", "--epochs", "1", "--batch", "16",
                     "--test-limit", "8", "--out", folder / "base", cwd=folder)
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    return folder / "base"


def flags(folder, experiment, key="own.key", out="out"):
    (folder / "experiment.json").write_text(json.dumps(experiment))
    return ["kotg", folder / "experiment.json", "--run", folder / "base", "--text", folder / "text.txt", "--key", folder / key,
            "--out", folder / out, "--threads", "1"]


def rows(folder, name):
    return json.loads((folder / "out" / f"kotg_{name}.json").read_text())["rows"]


def test_every_claim_and_attack_gives_figures(folder):
    base(folder)
    program.succeeds(*flags(folder, SMALL | {"claims": CLAIMS, "attacks": ATTACKS}), cwd=folder)
    found = rows(folder, "all")
    assert {row["of"] for row in found} == set(CLAIMS) | {"attack " + name for name in ATTACKS}
    value = {(row["of"], row["what"]): row["found"] for row in found}
    # Five ways of asking, three roles; blanks alone are a share of the answers of reverse that anybody tells.
    told = {what: found for (of, what), found in value.items() if of == "attack probe"}
    assert len(told) == 15 and all(0 <= found <= 1 for found in told.values()), told
    assert told["base (floor): tokens of reverse told"] > 0.2, told
    # What holds of any network, trained or not.
    assert value["nonces", "equal answers, 0 reflections"] == 1
    assert value["nonces", "equal bits of logits, 0 reflections"] == 1
    assert value["nonces", "largest change of a logit, 8 reflections"] < 1e-3
    assert value["blocks", "blocked, token left out"] == 0
    assert value["attack procrustes", "64 pairs: error of h, same session"] < 1e-2
    assert value["attack procrustes", "64 pairs: error of h, next nonce"] > 0.5
    assert value["attack procrustes", "8 pairs: error of h, same session"] > 0.1
    # Adapters are trained once; another experiment takes them, unless it wants others.
    files = {name: (folder / "out" / f"{name}.safetensors").read_bytes() for name in ("locked", "open")}
    text = program.succeeds(*flags(folder, SMALL | {"name": "again", "claims": ["blocks"]}), cwd=folder).stdout.decode()
    assert "step" not in text and "blocked, token left out" in text
    assert [row for row in found if row["of"] == "blocks"] == rows(folder, "again")
    assert all((folder / "out" / f"{name}.safetensors").read_bytes() == files[name] for name in files)
    program.refused(*flags(folder, SMALL | {"claims": ["blocks"], "steps": 31}), cwd=folder, names=["flag.172"])
    program.succeeds("keygen", "--out", folder / "other.key", cwd=folder)
    program.refused(*flags(folder, SMALL | {"claims": ["blocks"]}, key="other.key"), cwd=folder, names=["flag.172"])
    # The master is in none of the files.
    secret = (folder / "own.key").read_bytes()[48:80]
    assert all(secret not in file.read_bytes() for file in (folder / "out").iterdir())


def test_mistakes_are_one_line(folder):
    run = base(folder)
    for wrong in ([], {}, {"name": "A b"}, {"name": "a", "claims": ["utilities"]}, {"name": "a", "claims": 3},
                  {"name": "a", "steps": 0}, {"name": "a", "rate": "1"}, {"name": "a", "batch": 7}, {"name": "a", "ranks": 8},
                  {"name": "a", "demonstrations": []}, {"name": "a", "demonstrations": [1, -1]}, {"name": "a", "known": 500}):
        program.refused(*flags(folder, wrong), cwd=folder, names=["flag.170", "experiment.json"])
    good = {"name": "a", "claims": ["blocks"]}
    config = json.loads((run / "config.json").read_text())
    (folder / "other").mkdir()
    for change, problem in (({"inject": "mul"}, "flag.171"), ({"context": 64}, "flag.173")):
        (folder / "other" / "config.json").write_text(json.dumps(config | change))
        asked = flags(folder, good)
        asked[asked.index("--run") + 1] = folder / "other"
        program.refused(*asked, cwd=folder, names=[problem])
    (folder / "taken").write_bytes(b"")
    program.refused(*flags(folder, good, out="taken"), cwd=folder, names=["flag.174"])
    assert not (folder / "out").exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
