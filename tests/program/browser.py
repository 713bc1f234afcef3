"""A page in headless Chromium, over its DevTools protocol on a pipe: nothing but a `chromium` on PATH is needed.

Chromium is optional: no command installs it, and tests that need it are skipped where it is not.
"""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 120  # seconds for one answer

# Chromium reads commands from descriptor 3 and writes answers to 4.
LAUNCH = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"


class browser:
    """One page. Use as a context manager; an OSError or a TimeoutError means that Chromium does not run here."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        their_in, self.commands = os.pipe()
        self.answers, their_out = os.pipe()
        # Away from 3 and 4, which LAUNCH overwrites.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (their_in, their_out)]
        # Inside containers and as root Chromium's own sandbox cannot start. The page is ours.
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--remote-debugging-pipe", "--user-data-dir=" + self.profile.name, "about:blank"]
        self.process = subprocess.Popen([sys.executable, "-c", LAUNCH, *map(str, ends), CHROMIUM, *flags],
                                        pass_fds=ends, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for end in (their_in, their_out, *ends):
            os.close(end)
        self.buffer, self.calls, self.session, self.events = b"", 0, None, []

    def __enter__(self):
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.call("Page.enable")
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.commands)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.answers)
        self.profile.cleanup()

    def message(self):
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], PATIENCE)[0]:
                raise TimeoutError(f"no answer from {CHROMIUM}")
            data = os.read(self.answers, 1 << 16)
            if not data:
                raise OSError(f"{CHROMIUM} ended")
            self.buffer += data
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **parameters):
        self.calls += 1
        command = {"id": self.calls, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            answer = self.message()
            if "method" in answer:
                self.events.append(answer)
            if answer.get("id") == self.calls:
                assert "error" not in answer, answer
                return answer["result"]

    def show(self, file, width, height, scheme):
        """Loads a file as a screen of `width` CSS pixels would, light or dark."""
        self.visit(pathlib.Path(file).resolve().as_uri(), width, height, scheme)

    def visit(self, url, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            message = self.message()
            if "method" in message:
                self.events.append(message)

    def value(self, expression):
        """What a JavaScript expression is on the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self):
        """The PNG of what the screen shows."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


def pixels(png):
    """Width, height and rows of (red, green, blue) of an 8-bit PNG."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour in (2, 6), (depth, colour)
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    size = 3 if colour == 2 else 4
    raw, above, rows = zlib.decompress(data), bytes(width * size), []
    for y in range(height):
        start = y * (width * size + 1)
        row = bytearray(raw[start + 1:start + 1 + width * size])
        unfilter(raw[start], row, above, size)
        rows.append([tuple(row[x:x + 3]) for x in range(0, len(row), size)])
        above = row
    return width, height, rows


def unfilter(kind, row, above, size):
    """PNG's five filters, undone in place."""
    for i in range(len(row)):
        left = row[i - size] if i >= size else 0
        if kind == 1:
            row[i] = (row[i] + left) & 255
        elif kind == 2:
            row[i] = (row[i] + above[i]) & 255
        elif kind == 3:
            row[i] = (row[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            corner = above[i - size] if i >= size else 0
            guess = left + above[i] - corner
            _, _, nearest = min((abs(guess - left), 0, left), (abs(guess - above[i]), 1, above[i]),
                                (abs(guess - corner), 2, corner))
            row[i] = (row[i] + nearest) & 255
