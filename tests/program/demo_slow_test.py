"""The run of `./run demo`: its gate holds, and README.md shows its table. Half a minute of two cores."""
import json
import pathlib
import re
import sys
import tempfile

import program

ROOT = pathlib.Path(__file__).parents[2]
FIGURES = ("semantic", "masked", "calibrated")
# Kernel families round differently, and six epochs make more of it.
APART = 0.05


def demo_flags():
    script = (ROOT / "tools/run/demo.sh").read_text(encoding="utf-8")
    return re.search(r'^demo_flags="([^"]*)"$', script, re.MULTILINE).group(1).split()


def shown_table():
    """The rows of the table in README.md: name -> mean of semantic, masked and calibrated."""
    rows = {}
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"    ([a-z_]+(?: key)?) +((?:[01][.]\d{4} +[-01.\d]+ +){4})\d+ x \d+", line)
        if found:
            rows[found.group(1)] = [float(number) for number in found.group(2).split()[0:6:2]]
    return rows


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        program.succeeds("train", *demo_flags(), "--out", folder / "demo", cwd=folder)
        metrics = json.loads((folder / "demo/metrics.json").read_text(encoding="utf-8"))
    means = {name: [condition[figure]["mean"] for figure in FIGURES]
             for name, condition in [("no key", metrics["no_key"]), ("valid key", metrics["valid_key"]),
                                     *metrics["invalid_key"].items()]}
    print(means)
    assert min(means["valid key"]) >= 0.9, means["valid key"]
    closed = {name: figures for name, figures in means.items() if name != "valid key"}
    assert len(closed) == 8
    for name, figures in closed.items():
        assert max(figures) <= 0.2, (name, figures)
    shown = shown_table()
    assert shown.keys() == means.keys(), (shown.keys(), means.keys())
    for name, figures in shown.items():
        assert all(abs(a - b) <= APART for a, b in zip(figures, means[name])), (name, figures, means[name])


if __name__ == "__main__":
    sys.exit(main())
