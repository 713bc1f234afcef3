"""examples/web built by its command, served as any static server would, and used in headless Chromium.

Needs clang with its WebAssembly libraries and Chromium, and is skipped where one is missing (exit status 77).
"""
import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "program"))
import browser  # noqa: E402

LARGEST_MODULE, LARGEST_PAGE = 16 * 1024, 128 * 1024
PHONE, DESK = (360, 740), (1280, 900)
GROUNDS = {"light": (255, 255, 255), "dark": (22, 25, 28)}

# What the page says, read as a person would.
STATE = """(() => {
  const text = id => document.getElementById(id).textContent.trim();
  const number = row => parseFloat(row.querySelector(".number").textContent);
  return {
    verdict: text("verdict"), share: parseFloat(text("share-text")), meter: document.getElementById("share").value,
    angle: text("angle-text"), classes: [...document.querySelectorAll("#classes tr")].map(number),
    refusal: number(document.getElementById("refusal")),
    pressed: [...document.querySelectorAll("[aria-pressed=true]")].map(e => e.textContent),
  };
})()"""

# Texts less legible than WCAG's 4.5:1 against what is behind them.
CONTRAST = """(() => {
  const channels = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = colour => channels(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => channels(getComputedStyle(e).backgroundColor)[3] === 0 ? behind(e.parentElement) : light(getComputedStyle(e).backgroundColor);
  return [...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.tagName !== "NOSCRIPT").filter(e => {
      const [a, b] = [light(getComputedStyle(e).color), behind(e)];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    }).map(e => e.tagName + " " + e.textContent.slice(0, 20)).join("; ");
})()"""

# Numbers wider than their column.
CUT = """[...document.querySelectorAll(".number, th")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent).join("; ")"""

UNLABELLED = """[...document.querySelectorAll("button, input, meter, canvas[role=img]")]
  .filter(e => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length)).map(e => e.outerHTML).join("; ")"""


class quiet_handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def missing():
    """What this machine lacks, or nothing."""
    clang = os.environ.get("CLANG", "clang++")
    if shutil.which(clang) is None:
        return "there is no " + clang
    with tempfile.TemporaryDirectory() as folder:
        probe = [clang, "--target=wasm32-wasi", "-std=c++20", "-nostartfiles", "-Wl,--no-entry", "-x", "c++", "-", "-o",
                 folder + "/probe.wasm"]
        source = b"#include <cmath>\n#include <span>\nextern \"C\" float f(float x) { return std::tanh(x); }\n"
        if subprocess.run(probe, input=source, capture_output=True, check=False).returncode != 0:
            return clang + " makes no WebAssembly (wasm-ld, wasi-libc, libc++ and compiler-rt for wasm32)"
    if browser.CHROMIUM is None:
        return "there is no chromium"
    try:
        with browser.browser():
            return ""
    except (OSError, TimeoutError) as problem:
        return str(problem)


def build(folder):
    subprocess.run([ROOT / "examples" / "web" / "build.sh", folder], check=True, stdin=subprocess.DEVNULL, timeout=300)
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    print("session.wasm", sizes["session.wasm"], "bytes, page", sum(sizes.values()), "bytes")
    assert sizes["session.wasm"] <= LARGEST_MODULE and sum(sizes.values()) <= LARGEST_PAGE, sizes


def open_page(page, url, size, scheme):
    page.visit(url, *size, scheme)
    end = time.monotonic() + 60
    while page.value("document.documentElement.dataset.ready") != "yes":
        assert time.monotonic() < end, page.value("document.body.innerText")
        time.sleep(0.02)


def press(page, name):
    page.value(f"document.getElementById('{name}').click()")
    return page.value(STATE)


def turn(page, degrees):
    page.value(f"""(slider => {{
      slider.value = {degrees};
      slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
    }})(document.getElementById("angle"))""")
    return page.value(STATE)


def check_keys(page):
    start = page.value(STATE)
    assert start["verdict"] == "7" and start["pressed"] == ["Valid key"], start
    for digit in range(10):
        press(page, f"example-{digit}")
        state = press(page, "key-valid")
        assert state["verdict"] == str(digit) and state["share"] == 100.0 and state["angle"] == "0°", (digit, state)
        assert state["classes"][digit] == max(state["classes"]) > 50 and state["refusal"] < 50, (digit, state)
        assert abs(sum(state["classes"]) - 100) < 1, (digit, state)
        state = turn(page, 90)
        assert state["verdict"] == "refused" and state["share"] == 0.0 and state["angle"] == "90°", (digit, state)
        assert state["refusal"] > 99, (digit, state)
        assert turn(page, 0)["verdict"] == str(digit), digit
        state = press(page, "key-random")
        assert state["verdict"] == "refused" and 0 < state["share"] < 1, (digit, state)
        state = press(page, "key-none")
        assert state["verdict"] == "refused" and state["share"] is None and state["pressed"] == ["No key"], (digit, state)


def check_angles(page):
    press(page, "example-7")
    press(page, "key-valid")
    for degrees, share in ((0, 100), (30, 75), (45, 50), (60, 25), (90, 0)):
        state = turn(page, degrees)
        assert abs(state["share"] - share) < 0.06 and abs(state["meter"] - share / 100) < 1e-3, (degrees, state)
        assert (state["verdict"] == "refused") == (degrees >= 30), (degrees, state)
    first = turn(page, 45)
    press(page, "key-valid")
    assert turn(page, 45)["classes"] != first["classes"], "the same key was drawn again"


def check_keyboard(page):
    """The slider answers to the arrow keys, and moving it takes up the valid key."""
    press(page, "key-none")
    turn(page, 89)
    press(page, "key-none")
    page.value("document.getElementById('angle').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    state = page.value(STATE)
    assert state["angle"] == "90°" and state["pressed"] == ["Valid key"], state
    assert page.value("document.getElementById('angle').getAttribute('aria-valuetext')") == "90 degrees"
    assert page.value("document.getElementById('verdict').getAttribute('aria-live')") == "polite"
    assert page.value(UNLABELLED) == "", page.value(UNLABELLED)


def place_of_drawing(page):
    return page.value("""(canvas => {
      canvas.scrollIntoView({ block: "center" });
      const box = canvas.getBoundingClientRect();
      return [box.left, box.top, box.width];
    })(document.getElementById("drawing"))""")


def touch(page, stroke):
    """Moves a finger along a stroke, in shares of the drawing area."""
    left, top, side = place_of_drawing(page)
    kinds = ["touchStart"] + ["touchMove"] * (len(stroke) - 1)
    for kind, (x, y) in zip(kinds, stroke):
        page.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": left + side * x, "y": top + side * y}])
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    return page.value(STATE)


def draw(page, strokes):
    """The same with the mouse, for several strokes."""
    left, top, side = place_of_drawing(page)
    for stroke in strokes:
        places = [{"x": left + side * x, "y": top + side * y, "button": "left", "clickCount": 1} for x, y in stroke]
        page.call("Input.dispatchMouseEvent", type="mousePressed", **places[0])
        for place in places[1:]:
            page.call("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **place)
        page.call("Input.dispatchMouseEvent", type="mouseReleased", **places[-1])
    return page.value(STATE)


def check_drawing(page):
    press(page, "key-valid")
    press(page, "clear")
    state = page.value(STATE)
    assert state["verdict"] == "no digit" and state["refusal"] is None, state
    # Small and in a corner: it has to be scaled and centred.
    seven = [(0.05, 0.08), (0.2, 0.08), (0.35, 0.08), (0.28, 0.25), (0.2, 0.45)]
    state = draw(page, [seven])
    assert state["verdict"] == "7", state
    # A mouse that moves without a pressed button draws nothing.
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=5, y=5)
    assert page.value(STATE) == state
    # The centre of mass of what the network sees, and the extents of it.
    mass, x, y, width, height = page.value("""(canvas => {
      const side = canvas.width, data = canvas.getContext("2d").getImageData(0, 0, side, side).data;
      let mass = 0, mx = 0, my = 0, xs = [], ys = [];
      for (let i = 0; i < side * side; ++i) {
        const v = data[4 * i], x = (i % side + 0.5) * 28 / side, y = (Math.floor(i / side) + 0.5) * 28 / side;
        mass += v, mx += v * x, my += v * y;
        if (v > 40) xs.push(x), ys.push(y);
      }
      const extent = a => Math.max(...a) - Math.min(...a);
      return [mass, mx / mass, my / mass, extent(xs), extent(ys)];
    })(document.getElementById("seen"))""")
    assert mass > 0 and abs(x - 14) < 0.6 and abs(y - 14) < 0.6, (x, y)
    assert 18 < max(width, height) < 21, (width, height)
    # An example is no drawing: the next stroke begins anew.
    press(page, "example-8")
    assert draw(page, [[(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)]])["verdict"] == "1"
    assert press(page, "key-none")["verdict"] == "refused"
    press(page, "key-valid")
    press(page, "clear")
    page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    assert touch(page, [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)])["verdict"] == "7"
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)


def check_screens(page, url, shots):
    for size in (PHONE, DESK):
        drawn = {}
        for scheme, ground in GROUNDS.items():
            open_page(page, url, size, scheme)
            where = (size, scheme)
            assert page.value("document.documentElement.scrollWidth") == size[0], where
            assert page.value(CONTRAST) == "", (where, page.value(CONTRAST))
            assert press(page, "key-none")["refusal"] == 100, where  # the longest number
            assert page.value(CONTRAST) == "", (where, page.value(CONTRAST))
            assert page.value(CUT) == "", (where, page.value(CUT))
            press(page, "key-valid")
            turn(page, 12)
            page.value("document.getElementById('verdict').scrollIntoView({ block: 'center' })")
            png = page.screenshot()
            if shots:
                (shots / f"{size[0]}-{scheme}.png").write_bytes(png)
            *got, rows = browser.pixels(png)
            assert tuple(got) == size, where
            drawn[scheme] = [pixel for row in rows for pixel in row]
            share = drawn[scheme].count(ground) / len(drawn[scheme])
            assert 0.4 < share < 0.97, (where, share)
            blue = sum(b > r + 60 for r, g, b in drawn[scheme]) / len(drawn[scheme])
            assert blue > 0.001, (where, "no bar is drawn", blue)
        different = sum(a != b for a, b in zip(drawn["light"], drawn["dark"])) / len(drawn["light"])
        assert different > 0.8, (size, different)


def check_quiet(page):
    """Nothing failed on the way: no error on the console, no file that is not there, none from elsewhere."""
    loud = [event for event in page.events if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
            or event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning")]
    assert not loud, loud


def check_broken(page, url, folder):
    """Damaged weights are refused on the page, not used."""
    weights = folder / "weights.bin"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    page.call("Network.setCacheDisabled", cacheDisabled=True)
    page.visit(url, *DESK, "light")
    end = time.monotonic() + 60
    while page.value("document.getElementById('verdict').textContent") == "loading":
        assert time.monotonic() < end
        time.sleep(0.02)
    text = page.value("document.getElementById('verdict').textContent")
    assert text.startswith("This page does not run here:") and "status 7" in text, text


def check(folder, shots):
    build(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet_handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        with browser.browser() as page:
            for domain in ("Runtime", "Log", "Network"):
                page.call(domain + ".enable")
            open_page(page, url, DESK, "light")
            for step in (check_keys, check_angles, check_keyboard, check_drawing):
                step(page)
                print("ok     ", step.__name__)
            check_quiet(page)
            check_screens(page, url, shots)
            check_quiet(page)
            print("ok      check_screens")
            check_broken(page, url, folder)
            print("ok      check_broken")
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    reason = missing()
    if reason:
        print("skipped:", reason)
        sys.exit(77)
    with tempfile.TemporaryDirectory() as target:
        # A folder as the only argument receives the screenshots.
        check(pathlib.Path(target), pathlib.Path(sys.argv[1]) if sys.argv[1:] else None)
