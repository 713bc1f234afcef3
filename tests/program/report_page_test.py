"""report: one well-formed page that needs nothing else, holds every number, escapes every name; or a refusal."""
import html.parser
import json
import re
import sys

import program
import report_folders

VOID = {"meta", "br", "wbr", "hr", "img", "input", "link", "path", "rect", "circle"}
HOSTILE = "<script>alert(1)</script> & \"q\" 'a' \u00e9\u4e2d\u202e </title></svg> \u0001\x7f"
SHOWN = HOSTILE.replace("\u0001", "\ufffd").replace("\x7f", "\ufffd")


class page_reader(html.parser.HTMLParser):
    """Nesting, attributes, the text of every element by its tag, the cells of every table."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.inside, self.attributes, self.texts, self.rows = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        self.attributes.append((tag, dict(attrs)))
        self.texts.append([tag, ""])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)
            self.inside.append(len(self.texts) - 1)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open}"
        self.open.pop()
        self.inside.pop()

    def handle_data(self, data):
        if self.open:
            self.texts[self.inside[-1]][1] += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.attributes if name == tag]

    def text_of(self, tag):
        return [text for name, text in self.texts if name == tag]

    def cells(self):
        return {cell for row in self.rows for cell in row}


def report(folder, *more):
    """The page of a folder, checked for what holds of every page."""
    result = program.start("report", folder, *more, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    file = folder / "report.html"
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n") and text.endswith("</html>\n")
    page = page_reader(text)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", text), "a reference to elsewhere"
    tags = {tag for tag, _ in page.attributes}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base"}, tags
    assert not any(name.startswith("on") for _, attributes in page.attributes for name in attributes)
    assert [a["content"] for a in page.all("meta") if a.get("name") == "viewport"], "no viewport"
    assert len(page.all("h1")) == 1 and len(page.all("h2")) >= 3
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S).lower()
    assert "inf" not in " ".join(a.get("d", "") for a in page.all("path"))
    for picture in page.all("svg"):
        assert picture.get("aria-hidden") == "true" or (picture["role"] == "img" and picture["aria-label"]), picture
    for box in (a for a in page.all("div") if a.get("class") == "scroll"):
        assert box["role"] == "region" and box["aria-label"] and box["tabindex"] == "0", box
    return page, text


def share(value):
    text = f"{value:.4f}".replace("-", "\u2212")
    return text.replace("0.", ".", 1) if text.lstrip("\u2212").startswith("0.") else text


def numbers(value):
    """Every number of a JSON value, as the tables show it."""
    if isinstance(value, dict):
        return [n for entry in value.values() for n in numbers(entry)]
    if isinstance(value, list):
        return [n for entry in value for n in numbers(entry)]
    return [str(value) if isinstance(value, int) else share(value)] if not isinstance(value, str) else []


def labels(page):
    return [a["aria-label"] for a in page.all("svg") if "aria-label" in a]


def test_run(folder):
    run = report_folders.write_run(folder / "run")
    before = program.contents(run)
    page, text = report(run)
    after = program.contents(run)
    after.pop("report.html")
    assert after == before and {p.name for p in folder.iterdir()} == {"run"}
    assert page.text_of("h1") == ["Run run"] and page.text_of("title")[0] == "Run run"

    metrics = report_folders.metrics()
    assert f"Weak valid keys: {share(metrics['valid_key'].pop('weak'))} of them" in text
    missing = set(numbers(metrics)) - page.cells()
    assert not missing, missing
    for line in report_folders.log():
        if "epoch_end" in line:
            row = next(row for row in page.rows if row[0] == str(line["epoch_end"] + 1) and len(row) == 8)
            assert row[1:5] == [f"{line['loss']:.4f}", f"{line['ce']:.4f}", f"{line['deny']:.4f}",
                                share(line["accuracy"])], row
            assert row[6:] == [f"{line['seconds']:.1f}", f"{line['images_per_second']:.1f}"], row
    # The row of a figure holds its own numbers, in order.
    low, high = metrics["valid_key"]["masked"]["wilson95"]
    row = next(row for row in page.rows if row[:2] == ["masked", share(metrics["valid_key"]["masked"]["mean"])])
    assert row == ["masked", *map(share, (metrics["valid_key"]["masked"]["mean"], low, high,
                                          metrics["valid_key"]["masked"]["worst"]))], row

    options = dict(zip(page.text_of("dt"), page.text_of("dd")))
    assert options["gamma"] == "2" and options["sites"] == "0,2,3,4" and options["per-site-key"] == "true", options
    assert set(options) == set(report_folders.CONFIG)
    pictures = labels(page)
    for name in report_folders.FIGURES:
        bars, = [label for label in pictures if label.startswith(name + ";")]
        for family in report_folders.FAMILIES:
            assert f"invalid key, {family} {share(metrics['invalid_key'][family][name]['mean'])}" in bars, bars
    for name in ("Loss", "Cross entropy", "Deny loss", "Training accuracy", "Learning rate", "Gradient norm"):
        assert any(label.startswith(name + " by epoch, 1500 steps") for label in pictures), (name, pictures)
    assert any("angle" in label for label in pictures)
    # 1500 steps are thinned: no line has more points than a picture has pixels.
    assert max(a["d"].count("L") for a in page.all("path")) < 1000
    assert len(text) < 200000

    # The same files give the same page, also under another name, and by another spelling of the folder.
    program.start("report", run, "--out", folder / "page.html", cwd=folder)
    assert (folder / "page.html").read_text() == text
    program.start("report", ".", "--out", "../page.html", cwd=run)
    assert (folder / "page.html").read_text() == text


def test_families_stand_in_the_order_of_their_numbers(folder):
    result, draw = report_folders.metrics(), report_folders.shares()
    names = ["zero", "scaled@2", "angle@90", "angle@10", "angle@5", "angle@20", "unknown@3", "gaussian", "constant@1"]
    result["invalid_key"] = {name: report_folders.condition(draw, 7) for name in sorted(names)}
    page, _ = report(report_folders.write_run(folder / "run", result=result))
    wanted = ["gaussian", "angle@5", "angle@10", "angle@20", "angle@90", "scaled@2", "zero", "constant@1", "unknown@3"]
    heads = [row[0] for row in page.rows if row and row[0].startswith("invalid key, ")]
    assert heads == ["invalid key, " + name for name in wanted], heads
    bars = next(label for label in labels(page) if label.startswith("semantic;"))
    places = [bars.index(f"invalid key, {name} ") for name in wanted]
    assert places == sorted(places), bars


def test_absorption_is_said_in_words(folder):
    for index, words in ((0.25, False), (0.0, False), (-0.25, True)):
        result = {**report_folders.metrics(), "absorption": index}
        page, _ = report(report_folders.write_run(folder / str(index), result=result))
        text, = [text for text in page.text_of("p") if text.startswith("Absorption index " + share(index))]
        assert ("less than chance" in text) == words and "ignored" in text, text


def test_what_cannot_be_is_not_shown(folder):
    """No chart of refusals where nothing can refuse, no columns of published values where nothing was published, no
    signs in the legend that no picture has."""
    zero = {"mean": 0, "worst": 0, "wilson95": [0, 0.01]}
    for deny, there in (("A", False), ("none", False), ("C_plus", False), ("B", True), ("sealed", True)):
        result = report_folders.metrics()
        for entry in (result["no_key"], result["valid_key"], *result["invalid_key"].values()):
            entry["reject"] = zero
        page, _ = report(report_folders.write_run(folder / deny, {**report_folders.CONFIG, "deny": deny}, result=result))
        assert any(label.startswith("reject;") for label in labels(page)) == there, deny
        assert any("reject from" in label for label in labels(page)) == there, (deny, labels(page))
    keyless = {"no_key": {**report_folders.metrics()["no_key"], "reject": zero}}
    page, _ = report(report_folders.write_run(folder / "ungated", {**report_folders.CONFIG, "inject": "none",
                                                                   "deny": "none"}, result=keyless))
    assert not {"valid keys", "invalid keys", "worst key for the gate"} & set(page.text_of("li")), page.text_of("li")
    assert not any("A gate holds" in text or "Invalid keys" in text for text in page.text_of("p"))
    results = report_folders.sweep()
    page, _ = report(report_folders.write_sweep(folder / "published", results))
    assert {"published", "difference"} <= page.cells()
    for row in results["rows"]:
        row.pop("published", None)
    page, _ = report(report_folders.write_sweep(folder / "unpublished", results))
    assert not {"published", "difference"} & page.cells() and "published" not in page.text_of("li")


def test_intervals_are_shares(folder):
    """Also where an older version wrote symmetric ones, over two seeds."""
    results = report_folders.sweep(seeds=(1, 2))
    results["rows"][0]["metrics"]["no_key"]["semantic"].update(low=-0.4321, high=1.2345)
    page, text = report(report_folders.write_sweep(folder / "sweep", results))
    row = next(row for row in page.rows if "semantic" in row)
    assert row[row.index("semantic") + 2:][:2] == [".0000", "1.0000"], row
    assert "1.2345" not in text and ".4321" not in text


def test_signs_of_many_families_differ(folder):
    results, draw = report_folders.sweep(), report_folders.shares()
    for row in results["rows"]:
        row["metrics"]["invalid_key"] = {f"angle@{a}": {f: report_folders.spread(draw, 3) for f in report_folders.FIGURES}
                                         for a in range(5, 85, 5)}
    page, text = report(report_folders.write_sweep(folder / "sweep", results))
    legend = re.search(r"Over gamma.*?<ul class=\"legend\">(.*?)</ul>", text, re.S).group(1)
    signs = [sign for sign, name in re.findall(r"<li>(.*?</svg>)([^<]*)", legend) if "key" in name]
    assert len(signs) == 18 and len(set(signs)) == 18, legend


def test_bars_are_as_long_as_their_shares(folder):
    result = {"no_key": report_folders.condition(report_folders.shares(), 1)}
    for name, mean in zip(report_folders.FIGURES, (0.25, 0.5, 1.0, 0.0)):
        result["no_key"][name]["mean"] = mean
    page, _ = report(report_folders.write_run(folder / "run", result=result))
    bars = [float(a["width"]) for a in page.all("rect") if a["class"] == "bar c0" and a["height"] == "9" and
            a["x"] != "2"]
    assert len(bars) == 4 and bars[2] > 150, bars
    assert abs(bars[0] - bars[2] / 4) < 0.2 and abs(bars[1] - bars[2] / 2) < 0.2 and 0 < bars[3] < 1, bars


def games():
    """The summary of an attack.json, with numbers that no two places share."""
    draw = report_folders.shares()
    point = lambda attack, unit, budget, decides=True, gain=True: {
        "attack": attack, "unit": unit, "budget": budget, "decides": decides, "attack_mean": next(draw), "worst": next(draw), "open": next(draw),
        "floor": next(draw), "measures": [{"name": "angle", "value": 12.25}, {"name": "found", "value": None}], "gain": next(draw) if gain else None, "low": next(draw) - 1 if gain else None, "high": next(draw) + 1 if gain else None}
    searches = [point(attack, "queries", budget) for attack in ("nes, logits", "walk, labels") for budget in (100, 1000, 10000)]
    return [{"game": 4, "title": "black box", "verdict": "not decided", "best": 2, "points": searches},
            {"game": 7, "title": HOSTILE, "verdict": "lost", "best": 0, "points": [point(HOSTILE, "labelled samples", 64), point("head", "epochs", 0, False, False)]}]


def test_games_against_the_gate(folder):
    run = report_folders.write_run(folder / "run")
    (run / "attack.json").write_text(json.dumps({"summary": games()}))
    page, text = report(run)
    assert "Games against the gate" in page.text_of("h2")
    for game in games():
        for point in game["points"]:
            for name in ("attack_mean", "worst", "floor"):
                assert share(point[name]) in page.cells(), (name, point)
            if point["gain"] is not None:
                assert f"{share(point['gain'])} ({share(point['low'])} to {share(point['high'])})" in page.cells(), point
    rows = [row for row in page.rows if row[0].startswith(("4 black box", "7 " + SHOWN))]
    assert rows[0][1:3] == ["not decided", "nes, logits"] and rows[1][1:3] == ["lost", SHOWN], rows
    assert any("shown" in row and "nothing to gain" in row for row in page.rows)
    assert any("angle 12.2500, found none" in row for row in page.rows)
    curves = [label for label in labels(page) if label.startswith("black box, right answers over queries")]
    assert len(curves) == 1 and "nes, logits from" in curves[0] and "walk, labels from" in curves[0], labels(page)
    for broken in ({}, {"summary": [{**games()[0], "best": 9}]}, {"summary": [{**games()[0], "best": -1}]}, {"summary": 1},
                   {"summary": [{**games()[0], "points": [{**games()[0]["points"][0], "decides": 1}]}]},
                   {"summary": [{**games()[0], "points": [{**games()[0]["points"][0], "worst": 1.5}]}]}):
        (run / "attack.json").write_text(json.dumps(broken))
        program.refused("report", run, cwd=folder, names=["report.10", "attack.json"])


def test_what_noise_turns(folder):
    run = report_folders.write_run(folder / "run")
    tail = lambda count, predicted, measured: {"predicted": predicted, "measured": measured, "predictions": [i / count for i in range(count)],
                                               "turned": [0.4 * i / count for i in range(count)]}
    margins = {"valid_key": tail(40, 0.2345, 0.2468), "zero_key": tail(3, 0.1357, 0.1246)}
    (run / "diagnose.json").write_text(json.dumps({"margins": margins}))
    page, _ = report(run)
    assert "What noise on the keys turns" in page.text_of("h2")
    picture = next(label for label in labels(page) if label.startswith("Answers that noise"))
    assert "valid keys: .2468 where .2345 were predicted; no key: .1246 where .1357" in picture
    # Ten groups of four: the first is (0 + 1 + 2 + 3)/40/4; of three samples each is one.
    assert [".0375", ".0150"] in [row[-2:] for row in page.rows] and [".6667", ".2667"] in [row[-2:] for row in page.rows]
    for broken in ({}, {"margins": {"valid_key": margins["valid_key"]}}, {"margins": {**margins, "zero_key": {**margins["zero_key"], "turned": [0.5]}}},
                   {"margins": {**margins, "zero_key": {**margins["zero_key"], "measured": 2}}}):
        (run / "diagnose.json").write_text(json.dumps(broken))
        program.refused("report", run, cwd=folder, names=["report.10", "diagnose.json"])


def test_parts_may_be_absent(folder):
    page, _ = report(report_folders.write_run(folder / "no metrics", result=False))
    assert any("metrics.json" in text for text in page.text_of("p"))
    page, _ = report(report_folders.write_run(folder / "no log", lines=False))
    assert any("log.jsonl" in text for text in page.text_of("p"))
    keyless = {"no_key": report_folders.metrics()["no_key"]}
    page, text = report(report_folders.write_run(folder / "keyless", result=keyless))
    assert set(numbers(keyless)) <= page.cells() and "Absorption" not in text
    # One family, not named: config.json names it.
    one = {**keyless, "invalid_key": report_folders.metrics()["invalid_key"]["orthogonal"]}
    page, _ = report(report_folders.write_run(folder / "one", {**report_folders.CONFIG, "invalid": "permuted"},
                                              result=one))
    assert "invalid key, permuted" in page.cells() and set(numbers(one)) <= page.cells()
    report(report_folders.write_run(folder / "bare", {}, lines=[], result=False))


def test_log_of_a_run_that_goes_on(folder):
    # The first epoch: steps count. A line that is still being written is left out; null is a gap.
    lines = report_folders.log(1, 40)[:-1]
    lines[7]["loss"] = None
    run = report_folders.write_run(folder / "run", lines=lines, result=False)
    with open(run / "log.jsonl", "a") as file:
        file.write('{"epoch": 0, "st')
    page, _ = report(run)
    assert any(label.startswith("Loss by step, 40 steps") for label in labels(page)), labels(page)
    loss = next(a["d"] for a in page.all("path") if a["class"] == "thin c1" and a["d"].count("L") > 30)
    assert loss.count("M") == 2 and loss.count("L") == 37, loss
    # Diverged from the first step on, and one step only.
    for name, lines in {"none": [{"epoch": 0, "step": 0, "loss": None}], "one": [{"epoch": 0, "step": 0, "loss": 2.5}],
                        "same": [{"epoch": 0, "step": i, "loss": 0} for i in range(3)],
                        "later": [{"epoch_end": 0, "loss": None}, {"something": "else"}]}.items():
        page, _ = report(report_folders.write_run(folder / name, lines=lines, result=False))
        assert bool([label for label in labels(page) if label.startswith("Loss")]) == (name in ("one", "same")), name


def test_a_peak_of_one_step_survives_thinning(folder):
    lines = report_folders.log()
    lines[777]["gradient_norm"] = 1000
    page, _ = report(report_folders.write_run(folder / "run", lines=lines))
    assert any(label.startswith("Gradient norm") and "highest 1000.0000" in label for label in labels(page))
    tops = [min(float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", a["d"])) for a in page.all("path")
            if a["class"].startswith("thin") and a["d"].count("L") > 100]
    # On an axis that ends at 1000 the peak touches the upper edge, 8 units below the picture's.
    assert 8 in tops, tops


def test_sweep(folder):
    results = report_folders.sweep()
    sweep = report_folders.write_sweep(folder / "sweep", results)
    page, _ = report(sweep)
    assert page.text_of("h1") == ["MNIST, small_cnn, mode B"]
    assert any("arXiv 2604.12254, table 3" in text and "1, 2, 3" in text for text in page.text_of("p"))
    cells = page.cells() | {part for cell in page.cells() for part in cell.split(", ")}
    missing = set(numbers([row["metrics"] for row in results["rows"]])) - cells
    assert not missing, missing
    for row in results["rows"]:
        for key, name in {"no_key": "no key", "valid_key": "valid key", "invalid_key": "invalid key, gaussian"}.items():
            if "published" not in row or key not in row["published"]:
                continue
            here = row["metrics"][key]["gaussian"] if key == "invalid_key" else row["metrics"][key]
            here, there = here["semantic"]["mean"], row["published"][key]
            difference = ("+" if here > there else "") + share(here - there)
            assert any(name in line and line[-5:-2] == [share(here), share(there), difference] for line in page.rows), (row["name"], key)

    # Every run has a link that leads from the page to its folder.
    links = [a["href"] for a in page.all("a")]
    assert sorted(links) == sorted(f"cells/{cell}/" for row in results["rows"] for cell in row["cells"])
    program.start("report", sweep, "--out", folder / "elsewhere.html", cwd=folder)
    assert f'href="sweep/{links[0]}"' in (folder / "elsewhere.html").read_text()

    # Rows that differ in one number, or in the sites; nothing else is a curve.
    curves = {text for text in page.text_of("h2") if text.startswith("Over ")}
    assert curves == {"Over gamma", "Over sites", "Over subspace-dim"}, curves
    paragraphs = page.text_of("p")
    for rows in ("m 4; m 8; m 16", "m 8; gamma 1", "site 0; m 8"):
        assert any(text.endswith(f": {rows}.") for text in paragraphs), (rows, paragraphs)
    curve, = [label for label in labels(page) if label.startswith("semantic over subspace-dim")]
    for name, at in (("m 4", "4"), ("m 8", "8"), ("m 16", "16")):
        row = next(row for row in results["rows"] if row["name"] == name)
        assert f"{share(row['metrics']['valid_key']['semantic']['mean'])} at {at}" in curve, curve
    options = dict(zip(page.text_of("dt"), page.text_of("dd")))
    assert options["epochs"] == "3" and not set(options) & {"gamma", "sites", "subspace-dim", "seed"}, options


def test_sweep_with_less(folder):
    # Without the cells' files the rows' own flags say what differs.
    page, _ = report(report_folders.write_sweep(folder / "flags", cells=False))
    assert "Over subspace-dim" in page.text_of("h2")
    one = report_folders.sweep(seeds=(7,))
    page, _ = report(report_folders.write_sweep(folder / "one seed", one))
    cells = page.cells()
    assert set(numbers([row["metrics"] for row in one["rows"]])) <= cells
    # Rows without results, with or without published values.
    empty = report_folders.sweep()
    for row in empty["rows"]:
        del row["metrics"]
        row["finished"] = 0
    page, _ = report(report_folders.write_sweep(folder / "empty", empty))
    assert ".9484" in page.cells()
    for row in empty["rows"]:
        row.pop("published", None)
    page, _ = report(report_folders.write_sweep(folder / "nothing", empty))
    assert any("No row" in text for text in page.text_of("p"))
    report(report_folders.write_sweep(folder / "no rows", {"name": "x", "rows": []}))


def test_names_are_escaped(folder):
    result = report_folders.metrics()
    result["invalid_key"][HOSTILE] = result["invalid_key"].pop("gaussian")
    config = {**report_folders.CONFIG, HOSTILE: HOSTILE, "model": HOSTILE}
    page, text = report(report_folders.write_run(folder / "<b>&\"run'\u00e9", config, result=result))
    assert "Run <b>&\"run'\u00e9" in page.text_of("h1")
    assert "invalid key, " + SHOWN in page.cells() and SHOWN in page.text_of("dt") and SHOWN in page.text_of("dd")
    assert "<script" not in text and "alert(1)</title" not in text

    results = report_folders.sweep()
    results.update(title=HOSTILE, source=HOSTILE, name=HOSTILE)
    results["rows"][0].update(name=HOSTILE, flags={HOSTILE: HOSTILE}, cells=["a b%&\"'<#?\u00e9"])
    page, text = report(report_folders.write_sweep(folder / "sweep", results))
    assert page.text_of("h1") == [SHOWN] and SHOWN in page.cells()
    assert page.all("a")[0]["href"] == "cells/a%20b%25%26%22%27%3C%23%3F%C3%A9/"
    assert "<script" not in text

    # A folder's name need not be UTF-8.
    strange = report_folders.write_run(folder / "run")
    strange = strange.rename(folder / b"r\xff".decode("utf-8", "surrogateescape"))
    page, _ = report(strange)
    assert page.text_of("h1") == ["Run r\ufffd"]


def refused(folder, identifier, *names):
    before = program.state(folder)
    program.refused("report", folder, cwd=folder.parent, names=[f"[spankey.report.{identifier}]", *names])
    assert program.state(folder) == before


def test_what_is_no_run_and_no_sweep(folder):
    program.refused("report", cwd=folder, names=["DIR"])
    program.refused("report", "nowhere", cwd=folder, names=["[spankey.report.101]", "nowhere"])
    (folder / "file").write_text("")
    program.refused("report", "file", cwd=folder, names=["[spankey.report.101]", "file"])
    (folder / "empty").mkdir()
    refused(folder / "empty", "102", "config.json", "results.json")
    program.refused("report", "empty", "more", cwd=folder, names=["more"])
    run = report_folders.write_run(folder / "run")
    program.refused("report", run, "--out", "nowhere/page.html", cwd=folder, names=["nowhere/page.html"])
    program.refused("report", run, "--out", "empty", cwd=folder, names=["empty"])
    assert list((folder / "empty").iterdir()) == []


def test_broken_runs(folder):
    run = report_folders.write_run(folder / "run")
    good = program.contents(run)
    for name in good:
        (run / name).unlink()
        (run / name).mkdir()
        refused(run, "103", name)
        (run / name).rmdir()
        for text in ("{\n", "nonsense\n", '{"a": "\udcff"}\n', "[1,\n"):
            (run / name).write_bytes(text.encode("utf-8", "surrogateescape"))
            refused(run, "104", name)
        for text in ("[]\n", "3\n", '"text"\n'):
            (run / name).write_text(text)
            refused(run, "106", name, "expected an object")
        (run / name).write_bytes(good[name])
    (run / "log.jsonl").write_text('{"epoch": 0, "step": 0}\n{"epoch": 0, "step": "1"}\n')
    refused(run, "106", "log.jsonl", "line 2", "step", "a whole number")
    (run / "log.jsonl").write_text('{"step": 0}\n')
    refused(run, "105", "line 1", "'epoch'")
    (run / "log.jsonl").write_bytes(good["log.jsonl"])

    def with_metrics(identifier, path, value, *names):
        metrics = report_folders.metrics()
        at = metrics
        for step in path[:-1]:
            at = at[step]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        (run / "metrics.json").write_text(json.dumps(metrics))
        refused(run, identifier, "metrics.json", *names)

    with_metrics("105", ["valid_key", "masked", "mean"], None, "valid_key.masked.mean")
    with_metrics("105", ["no_key", "images_per_key"], None, "no_key.images_per_key")
    for value in (1.5, -0.1, "0.5", [], {}, True):
        with_metrics("106", ["invalid_key", "gaussian", "reject", "mean"], value, "invalid_key.gaussian.reject.mean")
    with_metrics("106", ["valid_key", "masked", "worst"], 2, "valid_key.masked.worst", "from 0 to 1", "2")
    with_metrics("106", ["valid_key", "masked", "wilson95"], [0.1], "valid_key.masked.wilson95")
    with_metrics("106", ["valid_key", "keys"], -1, "valid_key.keys", "whole number")
    with_metrics("106", ["valid_key", "weak"], 1.5, "valid_key.weak", "from 0 to 1")
    with_metrics("106", ["valid_key"], 3, "valid_key", "an object")
    with_metrics("106", ["absorption"], "much", "absorption", "a number")
    with_metrics("105", ["acceptance", "angle"], None, "acceptance.angle")
    with_metrics("106", ["acceptance", "masked"], [0.5], "acceptance.masked", "19")
    with_metrics("106", ["acceptance", "masked", 3], 7, "acceptance.masked.3")


def test_broken_sweeps(folder):
    sweep = report_folders.write_sweep(folder / "sweep")

    def with_row(identifier, changes, *names):
        results = report_folders.sweep()
        results["rows"][1].update(changes)
        (sweep / "results.json").write_text(json.dumps(results))
        refused(sweep, identifier, "results.json", *names)

    for text in ("", "{", "null"):
        (sweep / "results.json").write_text(text)
        refused(sweep, "106" if text == "null" else "104", "results.json")
    (sweep / "results.json").write_text('{"name": "x"}')
    refused(sweep, "105", "'rows'")
    with_row("106", {"name": 4}, "rows.1.name", "a text")
    for cell in ("..", ".", "", "a/b", "/etc", "a\0b"):
        with_row("106", {"cells": [cell]}, "rows.1.cells.0")
    with_row("106", {"flags": []}, "rows.1.flags")
    with_row("106", {"published": {"no_key": 94.8}}, "rows.1.published.no_key", "from 0 to 1")
    with_row("105", {"metrics": {"no_key": {"semantic": {"low": 0}}}}, "rows.1.metrics.no_key.semantic.mean")
    report_folders.write_sweep(folder / "other")
    cell = folder / "other" / "cells" / "m-8-seed1" / "config.json"
    cell.write_text("{")
    refused(folder / "other", "104", "m-8-seed1/config.json")


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
