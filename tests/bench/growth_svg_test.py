"""The figure of bench/growth_svg.py is XML, and a higher rate stands higher. Costs nothing."""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
import growth_svg  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def points(figure):
    """Of every line: its points, y downwards."""
    return [[tuple(map(float, point.split(","))) for point in line.get("points").split()]
            for line in figure.iter(SVG + "polyline")]


panels = {("batch", "fp32"): {"SpanKey": {8: 10.0, 32: 40.0}, "<peer>": {8: 5.0, 32: 5.0}},
          ("threads", "fp32"): {"SpanKey": {1: 60.0, 2: 117.0}, "<peer>": {1: 30.0, 2: 50.0}}}
figure = ElementTree.fromstring(growth_svg.draw(panels))
lines = points(figure)
assert len(lines) == 4, lines
ours, peer = lines[:2]
assert ours[0][0] < ours[1][0] and ours[0][1] > ours[1][1], "the rate grows: the line rises"
assert peer[0][1] == peer[1][1] > ours[0][1], "the lower rate stands lower, and level"
height = float(figure.get("height"))
assert all(0 < y < height for line in lines for _, y in line)
words = [node.text for node in figure.iter(SVG + "text")]
assert "<peer>, images/s" in words and "150" in words, words  # marks reach beyond the highest rate
assert [growth_svg.step_of(x) for x in (7, 40, 117, 3000)] == [2, 10, 50, 1000]
