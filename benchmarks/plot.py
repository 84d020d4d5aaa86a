"""Plots on logarithmic scales, as the text of an SVG picture; no library is needed to see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.fitting import Point

_WIDTH, _HEIGHT = 460, 380  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 40, 82
_COLOURS = ("#1a6fb0", "#c2410c", "#2e7d32", "#7b3fa0", "#5f6b76")
_FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True)
class Line:
    """One cost over sizes; both are positive."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Panel:
    """Lines with common axes."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel]) -> str:
    """Return panels side by side. Dashes show what a linear cost would look like."""
    width = _WIDTH * len(panels)
    drawn = [
        f'<g transform="translate({n * _WIDTH} 0)">\n{_panel(panel)}\n</g>'
        for n, panel in enumerate(panels)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}"'
        f' width="{width}" height="{_HEIGHT}" {_FONT} font-size="12" role="img">'
    )
    title = f"<title>{escape('; '.join(panel.title for panel in panels))}</title>"
    background = f'<rect width="{width}" height="{_HEIGHT}" fill="#ffffff"/>'
    return "\n".join([head, title, background, *drawn, "</svg>", ""])


@dataclass(frozen=True)
class _Scale:
    """Where a value is on an axis: whole decades around all of them."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around *values*, at least one decade apart.

    >>> decades([30, 2000]), decades([10])
    ((1, 4), (1, 2))
    """
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _panel(panel: Panel) -> str:
    points = [point for line in panel.lines for point in line.points]
    x = _Scale(*decades([x for x, _ in points]), _LEFT, _WIDTH - _RIGHT)
    y = _Scale(*decades([y for _, y in points]), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        _text(_LEFT, 22, panel.title, size=14, weight="600"),
        *_grid(x, y),
        _text((x.start + x.end) / 2, y.start + 34, panel.x, anchor="middle"),
        f'<g transform="translate(16 {(y.start + y.end) / 2:.0f}) rotate(-90)">'
        f"{_text(0, 0, panel.y, anchor='middle')}</g>",
        _linear(x, y),
    ]
    for n, line in enumerate(panel.lines):
        colour = _COLOURS[n % len(_COLOURS)]
        parts += _line(line, x, y, colour)
        column, row = n % 2, n // 2
        left = _LEFT + column * (_WIDTH - _LEFT) / 2
        parts.append(_legend(left, y.start + 54 + row * 17, line.name, colour))
    return "\n".join(parts)


def _grid(x: _Scale, y: _Scale) -> list[str]:
    parts = []
    for value in x.decades():
        at = x.at(value)
        parts.append(_rule(at, y.start, at, y.end))
        parts.append(_text(at, y.start + 16, _number(value), anchor="middle"))
    for value in y.decades():
        at = y.at(value)
        parts.append(_rule(x.start, at, x.end, at))
        parts.append(_text(x.start - 6, at + 4, _number(value), anchor="end"))
    return parts


def _linear(x: _Scale, y: _Scale) -> str:
    """The dashed diagonal: ten times the size, ten times the cost."""
    reach = min(x.high - x.low, y.high - y.low)
    top, right = 10.0**y.high, 10.0**x.high
    return _rule(
        x.at(10.0 ** (x.high - reach)),
        y.at(10.0 ** (y.high - reach)),
        x.at(right),
        y.at(top),
        'stroke="#9aa4ad" stroke-dasharray="5 5"',
    )


def _line(line: Line, x: _Scale, y: _Scale, colour: str) -> list[str]:
    places = [(x.at(a), y.at(b)) for a, b in sorted(line.points)]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    drawn = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [
        drawn,
        *(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in places),
    ]


def _legend(left: float, top: float, name: str, colour: str) -> str:
    mark = f'<circle cx="{left + 5:.1f}" cy="{top - 4:.1f}" r="4" fill="{colour}"/>'
    return mark + _text(left + 15, top, name)


def _rule(x1: float, y1: float, x2: float, y2: float, style: str = 'stroke="#e3e7ea"') -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' font-weight="{weight}" fill="#24292f">{escape(text)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
