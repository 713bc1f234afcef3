"""report's pages on a phone and on a wide screen, light and dark: nothing scrolls sideways, all is drawn and legible.

Needs Chromium and is skipped without it (exit status 77); see browser.py.
"""
import sys

import browser
import program
import report_folders

LIGHT, DARK = (255, 255, 255), (22, 25, 28)

# Texts that are less legible than WCAG's 4.5:1 against the page, and strokes and fills of signs below 3:1.
CONTRAST = """(() => {
  const channels = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = colour => channels(colour).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const page = light(getComputedStyle(document.body).backgroundColor);
  const ratio = colour => (Math.max(light(colour), page) + 0.05) / (Math.min(light(colour), page) + 0.05);
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const style = getComputedStyle(e), name = e.tagName + "." + e.getAttribute("class");
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (own && !e.closest("svg") && ratio(style.color) < 4.5) bad.push(name + " " + style.color);
    if (e.tagName === "text" && ratio(style.fill) < 4.5) bad.push(name + " " + style.fill);
    if (e.matches(".bar, .mark") && ratio(style.fill) < 3) bad.push(name + " " + style.fill);
    if (e.matches(".line, .sign, .interval, .worst, .published") && ratio(style.stroke) < 3)
      bad.push(name + " " + style.stroke);
  }
  return bad.slice(0, 5).join("; ");
})()"""

# Boxes and texts that reach beyond the screen, unless they are inside a box that scrolls on its own.
OUTSIDE = """[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") || e.matches(".scroll"))
  .filter(e => { const b = e.getBoundingClientRect(); return b.right > innerWidth + 0.5 || b.left < -0.5; })
  .map(e => e.tagName + "." + e.getAttribute("class") + " " + e.textContent.slice(0, 20)).slice(0, 5).join("; ")"""

# Pairs of texts of one picture that lie over each other.
OVERLAPS = """[...document.querySelectorAll("svg[role=img]")].flatMap(svg => {
  const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3)
    .map(([b]) => a + " over " + b));
}).slice(0, 5).join("; ")"""

SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll("svg[role=img] text")].map(t =>
  parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"""


def check_page(page, file):
    for width in (320, 1280):
        shots = {}
        for scheme in ("light", "dark"):
            page.show(file, width, 600, scheme)
            where = (file.parent.name, width, scheme)
            assert page.value("innerWidth") == width, where
            assert page.value("document.documentElement.scrollWidth") == width, where
            for what, script in (("outside", OUTSIDE), ("contrast", CONTRAST), ("overlaps", OVERLAPS)):
                assert page.value(script) == "", (where, what, page.value(script))
            assert page.value(SMALLEST_TEXT) >= 10, (where, page.value(SMALLEST_TEXT))
            # The first picture, where it is.
            page.value("document.querySelector('svg[role=img]').scrollIntoView()")
            got_width, got_height, rows = browser.pixels(page.screenshot())
            assert (got_width, got_height) == (width, 600), where
            shots[scheme] = [pixel for row in rows for pixel in row]
        for scheme, ground in (("light", LIGHT), ("dark", DARK)):
            share = shots[scheme].count(ground) / len(shots[scheme])
            assert 0.5 < share < 0.99, (file.parent.name, width, scheme, share)
            blue = sum(b > r + 60 for r, g, b in shots[scheme]) / len(shots[scheme])
            assert blue > 0.0005, (file.parent.name, width, scheme, "no series is drawn", blue)
        different = sum(a != b for a, b in zip(shots["light"], shots["dark"])) / len(shots["light"])
        assert different > 0.9, (file.parent.name, width, different)


def check(folder, make):
    target = make(folder / "results")
    result = program.start("report", target, cwd=folder)
    assert result.returncode == 0, result.stderr
    with browser.browser() as page:
        check_page(page, target / "report.html")


def test_run_on_screens(folder):
    check(folder, report_folders.write_run)


def test_sweep_on_screens(folder):
    check(folder, report_folders.write_sweep)


def test_long_names_on_screens(folder):
    name = "a_name_without_a_single_space_" * 10
    results = report_folders.sweep()
    results.update(title=name, source=name)
    results["rows"][0].update(name=name, flags={name: name})
    for row in results["rows"]:
        invalid = row["metrics"]["invalid_key"]
        invalid[name] = invalid.pop("orthogonal")
    check(folder, lambda target: report_folders.write_sweep(target, results))


if __name__ == "__main__":
    if browser.CHROMIUM is None:
        print("skipped: there is no chromium")
        sys.exit(77)
    try:
        with browser.browser():
            pass
    except (OSError, TimeoutError) as problem:
        print(f"skipped: {problem}")
        sys.exit(77)
    program.run_tests(sys.modules[__name__])
