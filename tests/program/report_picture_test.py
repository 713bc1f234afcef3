"""report --picture: the gate of a run as one SVG file that stands alone, light or dark, with every number it shows."""
import pathlib
import re
import sys
import tempfile
import xml.etree.ElementTree

import program
import report_folders

SVG = "{http://www.w3.org/2000/svg}"


def picture(run, *more):
    out = run.parent / "gate.svg"
    said = program.succeeds("report", run, "--picture", out, *more, cwd=run.parent)
    assert said.stdout == f"wrote {out}\n".encode(), said.stdout
    assert not (run / "report.html").exists()
    return out.read_text(encoding="utf-8")


def refused(*arguments, cwd, saying):
    result = program.start("report", *arguments, cwd=cwd)
    assert result.returncode == 2 and saying in result.stderr.decode() and result.stderr.count(b"\n") == 1, result.stderr


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        metrics = report_folders.metrics()
        families = metrics["invalid_key"]
        families["angle@20"] = families["scaled@2"] = families["gaussian"]
        run = report_folders.write_run(folder / "run", result=metrics)
        light, dark = picture(run), picture(run, "--dark")
        for text in (light, dark):
            root = xml.etree.ElementTree.fromstring(text)
            assert root.tag == SVG + "svg" and root.get("width") and root.get("height")
            assert "var(" not in text and "href" not in text and "url(" not in text
            texts = ["".join(e.itertext()) for e in root.iter(SVG + "text")]
            for name in ("no key", "gaussian", "orthogonal", "leaked_average"):
                assert any(name in shown for shown in texts), (name, texts)
            assert not any("angle@" in shown or "scaled" in shown for shown in texts), texts
            for name in ("no_key", "valid_key"):
                mean = f"{metrics[name]['semantic']['mean']:.4f}".lstrip("0")
                assert mean in texts, (mean, texts)
            # A point a figure and angle, on two curves.
            marks = [e for e in root.iter() if "sign" in e.get("class", "") or "mark" in e.get("class", "")]
            assert len(marks) >= 2 * len(metrics["acceptance"]["angle"]), len(marks)
        colours = [set(re.findall(r"#[0-9a-f]{3,6}", text)) for text in (light, dark)]
        assert colours[0].isdisjoint(colours[1]) and all(len(c) >= 8 for c in colours), colours

        del metrics["acceptance"]
        bare = report_folders.write_run(folder / "bare", result=metrics)
        refused(bare, "--picture", folder / "no.svg", cwd=folder, saying="[spankey.report.107]")
        refused(folder, "--picture", folder / "no.svg", cwd=folder, saying="[spankey.report.102]")
        refused(run, "--dark", cwd=folder, saying="[spankey.report.108]")
        assert not (folder / "no.svg").exists()
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
