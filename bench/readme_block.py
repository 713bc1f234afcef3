"""Where measured tables go: README.md of this folder, between `<!-- NAME: begin -->` and `<!-- NAME: end -->`, and
what each of them says first: date, machine, version of the project."""
import datetime
import os
import pathlib
import re
import subprocess

README = pathlib.Path(__file__).with_name("README.md")
ROOT = README.parents[1]


def write_block(name, text):
    """Replaces what stands between the two markers of `name`; both must be there once."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = README.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin):
        raise SystemExit(f"{README}: expected one line {begin} and after it one line {end}")
    before, after = page.split(begin)[0], page.split(end)[1]
    README.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def write_section(name, heading, text):
    """Within that block, replaces the section `### heading`, or adds it at the end."""
    page = README.read_text(encoding="utf-8")
    block = page.split(f"<!-- {name}: begin -->")[-1].split(f"<!-- {name}: end -->")[0].strip()
    sections = [part for part in re.split(r"^(?=### )", block, flags=re.M) if part.startswith("### ")]
    new = f"### {heading}\n\n{text.strip()}\n\n"
    places = [i for i, part in enumerate(sections) if part.splitlines()[0] == f"### {heading}"]
    if places:
        sections[places[0]] = new
    else:
        sections.append(new)
    write_block(name, "\n\n".join(part.strip() for part in sections))


def processor():
    found = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    return f"{found.get('model name', 'unknown')} (family {found.get('cpu family')}, model {found.get('model')})"


def section_of(kernels):
    """The heading of what this processor measured with a family of kernels: two processors with one family differ."""
    return f"{kernels}: {processor()}"


def figure_of(kernels):
    """The file name of that section's figure."""
    return re.sub(r"[^a-z0-9]+", "_", f"growth_{section_of(kernels)}".lower()).strip("_") + ".svg"


def version():
    header = (ROOT / "include/spankey/core/version.hpp").read_text(encoding="utf-8")
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    return "SpanKey " + re.search(r'VERSION_STRING "([^"]+)"', header)[1] + (f" ({commit})" if commit else "")


def setting():
    return f"{datetime.date.today()}, {processor()}, {len(os.sched_getaffinity(0))} cores; {version()}"
