"""attack: games against a run's gate, their table, and going on. Costs 20 s."""
import json
import subprocess
import sys

import program

GLYPHS = ["--data", "glyphs", "--model", "small_cnn", "--train-limit", "3000", "--epochs", "4", "--batch", "50", "--lr", "0.003", "--test-limit", "300",
          "--eval-keys", "5", "--eval-images", "100", "--regime", "reference", "--deny", "B"]


def games_of(file):
    found = json.loads(file.read_text())
    assert [s["game"] for s in found["summary"]] == sorted(s["game"] for s in found["summary"])
    return found, {s["game"]: s for s in found["summary"]}


def test_mode_b_loses_what_it_is_known_to_lose(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    limits = ["--test-limit", "100", "--games"]
    table = program.succeeds("attack", run, *limits, "1,2,3", cwd=folder).stdout.decode()
    found, games = games_of(run / "attack.json")
    assert set(games) == {1, 2, 3} and found["options"] == {"budget": "quick", "test-limit": 100}
    for number in (1, 2):  # a refusal hides what it does not remove
        game = games[number]
        assert game["verdict"] == "lost" and game["points"][game["best"]]["low"] > 0.1, game
        assert "  lost" in table and game["title"] in table
    for game in games.values():
        for point in game["points"]:
            assert point["low"] is None or point["low"] <= point["gain"] <= point["high"], point
    # Another game is added; what was played is kept, and not played again.
    program.succeeds("attack", run, *limits, "3,6,11", cwd=folder)
    more, games = games_of(run / "attack.json")
    assert set(games) == {1, 2, 3, 6, 11} and more["games"][:3] == found["games"]
    assert all(p["attack"] != "convex" or p["attack_mean"] > 0.5 for p in games[6]["points"])
    # The same figures for any number of threads, with two attackers.
    figures = []
    for threads in ("1", "2", "3"):
        out = folder / f"{threads}.json"
        program.succeeds("attack", run, *limits, "3,6", "--seeds", "2", "--threads", threads, "--out", out, cwd=folder)
        result = json.loads(out.read_text())
        assert [(g["game"], g["seed"]) for g in result["games"]] == [(3, 0), (6, 0), (3, 1), (6, 1)]
        for game in result["games"]:
            del game["seconds"]
        figures.append(result)
    assert figures[0] == figures[1] == figures[2]


def test_a_sweep_becomes_a_table(folder):
    file = folder / "two.json"
    file.write_text(json.dumps({"name": "two", "title": "two gates", "seeds": [1, 2],
                                "flags": {"data": "linear", "train-limit": 64, "test-limit": 32, "batch": 8, "epochs": 1, "eval-keys": 2, "eval-images": 8},
                                "rows": [{"name": "B", "flags": {"deny": "B"}}, {"name": "sealed", "flags": {"deny": "sealed"}}]}))
    program.succeeds("sweep", file, "--out", folder / "two", cwd=folder)
    played = lambda: program.succeeds("attack", folder / "two", "--games", "3,2", cwd=folder).stdout.decode()
    table = played()
    lines = (folder / "two" / "attacks.md").read_text().splitlines()
    assert lines[0] == "# two gates: games, budget quick" and lines[2].startswith("| row | gates | 3 no key, part of a key | 2 battery"), lines
    assert [line.split(" | ")[:2] for line in lines if line.startswith(("| B", "| sealed"))] == [["| B", "2"], ["| sealed", "2"]], lines
    assert lines[4] in table
    files = {name: (folder / "two" / "cells" / name / "attack.json").read_bytes() for name in ("b-seed1", "b-seed2", "sealed-seed1", "sealed-seed2")}
    assert played().splitlines()[-8:] == table.splitlines()[-8:]  # nothing is played twice
    for name, text in files.items():
        assert (folder / "two" / "cells" / name / "attack.json").read_bytes() == text, name
    program.refused("attack", folder / "two", "--games", "3", "--out", "one.json", cwd=folder, names=["flag.208"])


def test_an_attack_that_was_killed_is_followed_by_another(folder):
    run = program.train_linear(folder / "run")
    attack = [program.PROGRAM, "attack", run, "--games", "2,3,10", "--seeds", "2", "--test-limit", "16", "--threads", "1", "--out"]
    alone, shared = folder / "alone.json", folder / "shared.json"
    subprocess.run([*attack, alone], check=True, stdout=subprocess.DEVNULL)
    leases = folder / "shared.json.leases"
    with subprocess.Popen([*attack, shared], stdout=subprocess.DEVNULL) as killed:
        program.wait_until(lambda: leases.is_dir() and any(f.name.startswith("game") for f in leases.iterdir()), killed)
        killed.kill()
    # What it held is free at once, and nothing that it found is lost.
    subprocess.run([*attack, shared], check=True, stdout=subprocess.DEVNULL, timeout=120)
    found = [json.loads(file.read_text()) for file in (alone, shared)]
    for one in found:
        for game in one["games"]:
            del game["seconds"]
    assert found[0] == found[1] and not leases.exists()


def test_a_locked_run(folder):
    run, locked, key = folder / "run", folder / "locked", folder / "owner.key"
    flags = [f for f in GLYPHS if f not in ("--regime", "reference", "--deny", "B")]
    program.succeeds("train", *flags, "--inject", "none", "--deny", "none", "--out", run, cwd=folder)
    program.succeeds("keygen", "--out", key, cwd=folder)
    program.succeeds("lock", "--run", run, "--out", locked, "--key", key, cwd=folder)
    refused = lambda *flags, names: program.refused("attack", locked, *flags, cwd=folder, names=names)
    refused(names=["flag.204", "--open"])
    refused("--open", run, "--games", "2,5", names=["flag.206"])
    program.succeeds("attack", locked, "--open", run, "--games", "1,2,8", "--test-limit", "100", cwd=folder)
    _, games = games_of(locked / "attack.json")
    assert set(games) == {1, 8}, set(games)
    stripped = {p["attack"]: p for p in games[1]["points"]}
    assert stripped["classes alone, no key"]["attack_mean"] < 0.4 < stripped["classes alone, no key"]["open"], stripped
    assert {p["attack"] for p in games[8]["points"]} >= {"scale and shift", "1 x 1 map"}
    # What is not locked is lost.
    bare = folder / "bare.json"
    program.succeeds("attack", run, "--open", run, "--games", "1", "--test-limit", "100", "--out", bare, cwd=folder)
    assert games_of(bare)[1][1]["verdict"] == "lost"


def test_what_cannot_be_attacked(folder):
    run = program.train_linear(folder / "run")
    refused = lambda *flags, names: program.refused("attack", *flags, cwd=folder, names=names)
    refused(run, "--games", "2,13", names=["flag.206", "'13'"])
    refused(run, "--games", "", names=["flag."])
    refused(run, "--budget", "slow", names=["flag."])
    refused(folder, names=["config.104"])
    program.succeeds("attack", run, "--games", "3", "--test-limit", "16", cwd=folder)
    refused(run, "--games", "3", "--test-limit", "15", names=["flag.207"])
    (run / "attack.json").write_text('{"options": {}}')
    refused(run, "--games", "3", names=["flag.207"])
    (run / "attack.json").write_text("no json")
    refused(run, "--games", "3", names=["flag.207"])
    bare = folder / "bare"
    program.train_tiny(bare, "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    refused(bare, "--games", "3", names=["flag.204"])
    refused(run, "--games", "3", "--open", bare, names=["flag.209"])
    text = folder / "text"
    program.succeeds("train", "--model", "gpt", "--context", "16", "--channels", "16", "--layers", "2", "--heads", "2", "--subspace-dim", "4",
                     "--train-limit", "600", "--test-limit", "60", "--eval-keys", "2", "--eval-images", "3", "--out", text, cwd=folder)
    refused(text, "--games", "3", names=["flag.205"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
