"""Prints a sweep's results.json as the tables of docs/gate_study.md.

usage: gate_table.py RESULTS.json
First table: each row's gate in one line. Figures are semantic/masked/calibrated accuracies; of the families outside the
span the highest of each. 50 % angle: where a valid key, turned out of the span, is accepted half as often as a valid
one. Second table: masked accuracy for every family. Third: semantic/masked accuracy against the angle.
Fourth: shares that are refused against the angle.
"""
import json
import pathlib
import sys

FIGURES = ("semantic", "masked", "calibrated")
IN_SPAN = ("negated", "scaled@2", "zero_mean")
SHOWN_ANGLES = (10, 20, 30, 40, 50, 60, 75, 90)


def share(value):
    return f"{value:.3f}".removeprefix("0")


def figures(condition):
    return "/".join(share(condition[f]["mean"]) for f in FIGURES)


def angles(invalid):
    return sorted((float(name.split("@")[1]), c) for name, c in invalid.items() if name.startswith("angle@"))


def half_angle(valid, invalid):
    """Degrees, between the two angles that straddle it; None where the network takes every angle."""
    wanted, before, level = valid["semantic"]["mean"] / 2, 0.0, valid["semantic"]["mean"]
    for degrees, condition in angles(invalid):
        here = condition["semantic"]["mean"]
        if here < wanted:
            return before + (degrees - before) * (level - wanted) / (level - here)
        before, level = degrees, here
    return None


def print_table(head, lines):
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows = [(row["name"], row["metrics"]) for row in results["rows"] if "metrics" in row]
    gates, families, curves, refusals, names = [], [], [], [], []
    for name, metrics in rows:
        invalid = metrics.get("invalid_key", {})
        outside = {f: c for f, c in invalid.items() if not f.startswith("angle@") and f not in IN_SPAN}
        names = [f for f in invalid if not f.startswith("angle@") and f not in names] + names
        worst = "/".join(share(max(c[f]["mean"] for c in outside.values())) for f in FIGURES)
        half = half_angle(metrics["valid_key"], invalid)
        gates.append((name, share(metrics["valid_key"]["semantic"]["mean"]), figures(metrics["no_key"]), worst,
                      "none" if half is None else f"{half:.0f}°"))
        curves.append((name, *(share(c["semantic"]["mean"]) + "/" + share(c["masked"]["mean"])
                               for degrees, c in angles(invalid) if degrees in SHOWN_ANGLES)))
        refusals.append((name, *(share(c["reject"]["mean"]) for c in (metrics["valid_key"], metrics["no_key"])),
                         *(share(c["reject"]["mean"]) for degrees, c in angles(invalid) if degrees in SHOWN_ANGLES)))
    print_table(("design", "valid", "no key", "worst outside the span", "50 % angle"), gates)
    names = sorted(names)
    for name, metrics in rows:
        invalid = metrics.get("invalid_key", {})
        families.append((name, *(share(invalid[f]["masked"]["mean"]) if f in invalid else "" for f in names)))
    print_table(("masked", *names), families)
    print_table(("semantic/masked", *(f"{degrees}°" for degrees in SHOWN_ANGLES)), curves)
    print_table(("refused", "valid", "no key", *(f"{degrees}°" for degrees in SHOWN_ANGLES)),
                refusals)


if __name__ == "__main__":
    main()
