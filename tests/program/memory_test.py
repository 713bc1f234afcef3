"""describe --measure: what a training step takes lies within 10 % of the plan, and the plan's parts add up."""
import re
import sys

import program

PARTS = ("kept", "step", "inner", "scratch")


def mebibytes(text, what):
    """The size on the line about `what`."""
    found = re.search(rf"^ *([0-9.]+) MiB  {re.escape(what)}", text, re.MULTILINE)
    assert found, f"no '{what}' in {text}"
    return float(found[1])


def described(folder, *arguments):
    result = program.start("describe", *arguments, cwd=folder)
    assert result.returncode == 0 and result.stderr == b"", (arguments, result.stderr)
    assert list(folder.iterdir()) == []
    return result.stdout.decode()


def test_measured_peak_is_the_plan(folder):
    arenas = {}
    for name, more in {"fp32": [], "bf16": ["--precision", "bf16"], "keyless": ["--inject", "none", "--deny", "none"],
                       "two groups": ["--regime", "reference"],
                       "one key a site": ["--per-site-key", "--threads", "1"]}.items():
        text = described(folder, "--batch", 32, *more, "--measure")
        before, arena, peak = (mebibytes(text, what) for what in ("resident before the arena", "arena", "peak of the"))
        ratio = float(re.search(r"([0-9.]+) +peak of the step / \(before \+ arena\)", text)[1])
        assert abs(ratio - peak / (before + arena)) < 0.002, text
        assert 0.9 < ratio < 1.1, text
        assert 0.9 < (peak - before) / arena < 1.1, text  # of the arena alone: program and data hide nothing
        arenas[name] = arena
    assert arenas["keyless"] < arenas["two groups"] < arenas["fp32"] == arenas["one key a site"], arenas
    assert arenas["bf16"] < arenas["fp32"], arenas


def test_parts_add_up(folder):
    for more in ([], ["--precision", "bf16", "--regime", "reference"], ["--model", "resnet18", "--optimizer", "adam"]):
        text = described(folder, "--batch", 16, *more)
        assert "measured" not in text
        whole = float(re.search(r"^arena: ([0-9.]+) MiB$", text, re.MULTILINE)[1])
        parts = [mebibytes(text, part + ":") for part in PARTS]
        assert min(parts) > 0 and abs(sum(parts) - whole) < 0.05 * (len(parts) + 1), text
        for size, life in re.findall(r"^ *([0-9.]+) MiB  \S+ \((\w+)\)$", text, re.MULTILINE):
            assert float(size) <= parts[PARTS.index(life)], text


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
