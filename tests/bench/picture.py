"""One picture of the bench's figures: kubelet's delay, and the cost against the services."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 780, 320
# The plot of the right half, in pixels, and what its axes reach from and to.
LEFT, RIGHT, TOP, BOTTOM = 410, 600, 70, 270
SERVICES = {"empty": 0, "busy": 20_000, "large": 50_000}
MOST = 50_000
# Between two lines of text, in pixels.
LINE = 16

STYLE = """
.ground { fill: #ffffff }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
.grid { stroke: #d1d9e0 } .nodefix { --c: #0969da } .hand { --c: #bc4c00 } .play { --c: #8250df }
.python { --c: #818b98 } path, line.mark { stroke: var(--c); stroke-width: 2; fill: none }
circle, rect.bar { fill: var(--c) } text.name { fill: var(--c); font-weight: 600 }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117 }
  text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
  .nodefix { --c: #4493f8 } .hand { --c: #db6d28 } .play { --c: #ab7df8 } .python { --c: #9198a1 }
}
"""

Figures = Mapping[str, Mapping[str, Any]]


def picture(figures: Figures) -> str:
    """The whole picture as SVG, for a light and for a dark page."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">',
        "<title>What nodefix costs: kubelet's delay at boot, and a run against services</title>",
        f"<style>{STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        *_delay(figures),
        *_curves(figures),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _ms(figures: Figures, name: str) -> float:
    return 1000 * float(statistics.median(figures[name]["seconds"]))


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def _shown(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def _delay(figures: Figures) -> Iterator[str]:
    """Bars: what stands between the boot and kubelet, each in milliseconds."""
    bars = (
        ("python3 -c pass", "python", _ms(figures, "empty python")),
        ("nodefix wait, at each start of kubelet", "nodefix", _ms(figures, "empty wait")),
        ("hand fix, as a script", "hand", _ms(figures, "empty hand first")),
        ("kubelet's delay by nodefix at boot", "nodefix", _ms(figures, "boot delay")),
    )
    longest = max(value for *_, value in bars)
    yield _text(16, 28, "Before kubelet starts", "title")
    for number, (words, kind, value) in enumerate(bars):
        y = TOP + number * 52
        yield _text(16, y, words)
        length = max(240 * value / longest, 2)
        yield f'<g class="{kind}"><rect class="bar" x="16" y="{y + 7}" width="{length:.1f}"'
        yield ' height="14" rx="3"/></g>'
        yield _text(22 + length, y + 19, _shown(value), "small")


def _curves(figures: Figures) -> Iterator[str]:
    """Curves over the number of services; the time on a scale of powers of ten."""
    yield _text(LEFT - 30, 28, "A run on a node that is in order", "title")
    yield _text(
        LEFT - 30, 46, "by the number of services; each line is ten times the one below", "small"
    )
    curves = {
        kind: [
            (SERVICES[w], _ms(figures, f"{w} {kind}")) for w in SERVICES if f"{w} {kind}" in figures
        ]
        for kind in _NAMES
    }
    values = [value for points in curves.values() for _, value in points]
    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)

    def at(services: float, value: float) -> tuple[float, float]:
        share = (math.log10(value) - low) / (high - low)
        return LEFT + (RIGHT - LEFT) * services / MOST, BOTTOM - (BOTTOM - TOP) * share

    for power in range(low, high + 1):
        _, y = at(0, 10**power)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>'
        yield _text(LEFT - 6, y + 4, _shown(10**power).replace(".0", ""), "small", "end")
    for services in SERVICES.values():
        x, _ = at(services, 10**low)
        yield _text(x, BOTTOM + 18, f"{services:,}", "small", "middle")
    yield from _drawn(
        {kind: [at(*point) for point in found] for kind, found in curves.items()},
        {kind: _shown(found[-1][1]) for kind, found in curves.items()},
    )


_NAMES = {"play": "Ansible play", "hand": "hand fix", "nodefix": "nodefix"}


def _drawn(
    curves: Mapping[str, Sequence[tuple[float, float]]], last: Mapping[str, str]
) -> Iterator[str]:
    """The curves, in pixels, with their names and last figures."""
    heights = _apart({kind: places[-1][1] for kind, places in curves.items()})
    for kind, places in curves.items():
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)
        words = f"{_NAMES[kind]}, {last[kind]}"
        name = _text(places[-1][0] + 8, heights[kind] + 4, words, "name")
        yield f'<g class="{kind}"><path d="M{path}"/>{dots}{name}</g>'


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Heights at which no label covers another: as given, or just below the one above."""
    found: dict[str, float] = {}
    lowest = -math.inf
    for kind, height in sorted(heights.items(), key=lambda one: one[1]):
        lowest = max(height, lowest + LINE)
        found[kind] = lowest
    return found
