"""diagnose: what keys are made of, and what a network hears of them. Costs 15 s."""
import json
import sys

import program

GLYPHS = ["--data", "glyphs", "--model", "small_cnn", "--train-limit", "3000", "--epochs", "4", "--batch", "50", "--lr", "0.003", "--test-limit", "300",
          "--eval-keys", "5", "--eval-images", "100"]


def diagnosed(run, *flags):
    file = run.parent / "found.json"
    program.succeeds("diagnose", run, "--keys", "200", "--samples", "100", "--draws", "8", "--out", file, *flags, cwd=run.parent)
    return json.loads(file.read_text())


def test_a_gated_run(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--families", "gaussian,orthogonal", "--out", run, cwd=folder)
    found = diagnosed(run)
    for site in found["energy"]:
        assert 0 < site["dimension"] < site["size"] and site["residual_gate_bits"] > 10, site
        keys = site["keys"]
        assert set(keys) == {"valid", "gaussian", "orthogonal"}, keys
        assert keys["valid"]["least"] > 0.999 and keys["orthogonal"]["most"] < 1e-3, keys
        assert keys["gaussian"]["distance"] < keys["gaussian"]["limit"] < keys["valid"]["distance"], keys
    for base in ("valid_key", "zero_key"):
        tail = found["margins"][base]
        assert len(tail["margins"]) == 100 and tail["deviation"] > 0, tail
        assert abs(tail["right"] - sum(m > 0 for m in tail["margins"]) / 100) < 1e-9
        assert 0 <= tail["measured"] <= 1, base
    tail = found["margins"]["valid_key"]
    assert tail["right"] > 0.3 and all(s["outside"] > 0 and s["inside"] > 0 for s in tail["sites"]), tail["sites"]
    assert 0 < tail["predicted"] < 0.5 and 0 < tail["measured"] < 0.7, (tail["predicted"], tail["measured"])
    # Valid keys answer; the further a key turns, the less is answered.
    acceptance = found["gate"]["acceptance"]
    assert acceptance["angle"] == [0, 10, 20, 30, 40, 50, 60, 70, 80] and acceptance["semantic"][0] > acceptance["semantic"][-1]
    # The same figures for any number of threads.
    for threads in (1, 2, 3):
        assert diagnosed(run, "--threads", str(threads)) == found, threads


def test_a_network_that_ignores_its_keys(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--deny", "none", "--gamma", "1e-5", "--out", run, cwd=folder)
    found = diagnosed(run)
    tail = found["margins"]["valid_key"]
    assert tail["predicted"] < 0.01 and tail["measured"] < 0.01 and tail["right"] > 0.5, tail["right"]
    assert found["gate"]["absorption"] > 0.95, found["gate"]["absorption"]


def test_what_cannot_be_diagnosed(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    program.refused("diagnose", run, cwd=folder, names=["flag.201"])
    program.refused("diagnose", folder, cwd=folder, names=["config.104"])
    text = folder / "text"
    program.succeeds("train", "--model", "gpt", "--context", "16", "--channels", "16", "--layers", "2", "--heads", "2", "--subspace-dim", "4",
                     "--train-limit", "600", "--test-limit", "60", "--eval-keys", "2", "--eval-images", "3", "--out", text, cwd=folder)
    program.refused("diagnose", text, cwd=folder, names=["flag.202"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
