"""Draws how images/s grow, as an SVG: a panel for every sweep and precision, a line for either side.

    draw({("batch", "fp32"): {"SpanKey": {8: 70.1, 32: 90.2}, "PyTorch 1.13": {8: 35.0, 32: 44.5}}, ...}) -> text of the file

Values stand at equal distances, since they double (8, 32, 128) or count (1, 2, 3); rates begin at 0.
"""
import math
from html import escape

WIDTH, HEIGHT = 250, 190  # of a panel, its text included
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 38  # around its axes
LEGEND = 28
COLOURS = ("#1f4e9c", "#b3541e", "#5f6b6d")
DASHES = ("", "6 3", "2 3")
AXES = {"batch": "images a batch", "threads": "threads", "groups": "groups of keys"}


def text(x, y, words, anchor="middle", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def line(x1, y1, x2, y2, colour="#c8c8c8"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def step_of(largest):
    """Distance of about four marks up to `largest`: 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(largest / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= largest / 4)


def panel(left, top, title, axis, sides):
    """`sides`: {name: {value: rate}}, in the order of the legend."""
    values = sorted({value for rates in sides.values() for value in rates})
    step = step_of(max(max(rates.values()) for rates in sides.values()))
    marks = math.ceil(max(max(rates.values()) for rates in sides.values()) / step)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(value):
        return left + LEFT + width * (values.index(value) + 0.5) / len(values)

    def up(rate):
        return top + TOP + height * (1 - rate / (marks * step))

    parts = [text(left + LEFT + width / 2, top + 16, title, size=12)]
    for mark in range(marks + 1):
        parts += [line(left + LEFT, up(mark * step), left + LEFT + width, up(mark * step)),
                  text(left + LEFT - 5, up(mark * step) + 4, f"{mark * step:g}", "end")]
    parts += [text(across(value), top + TOP + height + 15, str(value)) for value in values]
    parts.append(text(left + LEFT + width / 2, top + TOP + height + 31, axis))
    for (_, rates), colour, dash in zip(sides.items(), COLOURS, DASHES):
        points = " ".join(f"{across(value):.1f},{up(rates[value]):.1f}" for value in sorted(rates))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts += [f'<circle cx="{across(value):.1f}" cy="{up(rate):.1f}" r="2.5" fill="{colour}"/>'
                  for value, rate in rates.items()]
    return parts


def draw(panels):
    sweeps = list(dict.fromkeys(sweep for sweep, _ in panels))
    precisions = list(dict.fromkeys(precision for _, precision in panels))
    names = list(dict.fromkeys(name for sides in panels.values() for name in sides))
    width, height = WIDTH * len(sweeps), HEIGHT * len(precisions) + LEGEND
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif">', f'<rect width="{width}" height="{height}" fill="white"/>']
    for number, (name, colour, dash) in enumerate(zip(names, COLOURS, DASHES)):
        x = LEFT + number * WIDTH
        parts += [f'<line x1="{x}" y1="14" x2="{x + 28}" y2="14" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>',
                  text(x + 34, 18, f"{name}, images/s", "start", 12)]
    for (sweep, precision), sides in panels.items():
        parts += panel(WIDTH * sweeps.index(sweep), LEGEND + HEIGHT * precisions.index(precision),
                       f"{precision}", AXES[sweep], sides)
    return "\n".join(parts + ["</svg>"]) + "\n"
