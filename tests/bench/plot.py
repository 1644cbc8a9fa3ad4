# SPDX-License-Identifier: GPL-3.0-or-later
"""Small charts as SVG: bars with their spread, and lines over a number."""
import math
import statistics
from xml.sax.saxutils import escape

COLOURS = ["#1f5fa8", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490", "#a16207", "#4b5563"]
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 200, 40, 50, 50


def _text(x, y, words, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1, y1, x2, y2, colour="#999", width=1):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _document(path, title, height, parts):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    )
    background = f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    body = [head, background, _text(20, 26, title, size=16), *parts, "</svg>"]
    path.write_text("\n".join(body) + "\n")


def _short(value):
    return f"{value:,.0f}".replace(",", " ") if value >= 10 else f"{value:.3g}"


def _steps(low, high, n=5):
    """Round numbers from at most `low` to at least `high`."""
    raw = (high - low) / n or 1
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.floor(low / step)
    return [step * i for i in range(first, math.ceil(high / step) + 1)]


def bars(path, title, unit, groups):
    """`groups`: {label: values of the rounds}; a bar is the median, the whisker from least to most."""
    groups = {label: values for label, values in groups.items() if values}
    if not groups:
        return
    most = max(max(values) for values in groups.values())
    ticks = _steps(0, most)
    height = TOP + 30 * len(groups) + BOTTOM

    def x(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / ticks[-1]

    parts = []
    for tick in ticks:
        parts.append(_line(x(tick), TOP, x(tick), height - BOTTOM, "#ddd"))
        parts.append(_text(x(tick), height - BOTTOM + 18, _short(tick), "middle", 11))
    for i, (label, values) in enumerate(groups.items()):
        y, middle = TOP + 30 * i + 5, statistics.median(values)
        parts.append(_text(LEFT - 8, y + 14, label, "end"))
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{x(middle) - LEFT:.1f}" height="20" '
            f'fill="{COLOURS[0 if label.startswith("dnsbal") else 7]}"/>'
        )
        parts.append(_line(x(min(values)), y + 10, x(max(values)), y + 10, "#000", 2))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 12, unit, "middle"))
    _document(path, title, height, parts)


class _Axis:
    """Numbers to places, on a linear or a logarithmic scale."""

    def __init__(self, values, start, end, log, ticks=None):
        self._log, self._start, self._end = log, start, end
        if log:
            low, high = (math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
            self.ticks = ticks or [10.0**i for i in range(low, max(high, low + 1) + 1)]
        else:
            self.ticks = ticks or _steps(0, max(values))
        ends = [self._scaled(self.ticks[0]), self._scaled(self.ticks[-1])]
        self._low, self._range = ends[0], ends[1] - ends[0] or 1

    def _scaled(self, value):
        return math.log10(value) if self._log else value

    def __call__(self, value):
        share = (self._scaled(value) - self._low) / self._range
        return self._start + (self._end - self._start) * share


def lines(path, title, x_unit, y_unit, series, log_x=False, log_y=False):
    """`series`: {label: [(x, y)]}."""
    series = {label: [p for p in points if p[1]] for label, points in series.items()}
    series = {label: points for label, points in series.items() if points}
    if not series:
        return
    xs = sorted({x for points in series.values() for x, _ in points})
    ys = [y for points in series.values() for _, y in points]
    height, left, right = 460, 80, 220
    x = _Axis(xs, left, WIDTH - right, log_x, xs if len(xs) <= 8 else None)
    y = _Axis(ys, height - BOTTOM, TOP, log_y)
    parts = []
    for tick in x.ticks:
        parts.append(_line(x(tick), TOP, x(tick), height - BOTTOM, "#eee"))
        parts.append(_text(x(tick), height - BOTTOM + 18, _short(tick), "middle", 11))
    for tick in y.ticks:
        parts.append(_line(left, y(tick), WIDTH - right, y(tick), "#ddd"))
        parts.append(_text(left - 8, y(tick) + 4, _short(tick), "end", 11))
    for i, (label, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if i >= len(COLOURS) else ""
        path_words = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        parts.append(
            f'<polyline points="{path_words}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        at = TOP + 10 + 20 * i
        parts.append(_line(WIDTH - right + 12, at, WIDTH - right + 36, at, colour, 3))
        parts.append(_text(WIDTH - right + 42, at + 4, label, size=11))
    parts.append(_text((left + WIDTH - right) / 2, height - 12, x_unit, "middle"))
    parts.append(_text(left - 60, TOP - 10, y_unit, size=11))
    _document(path, title, height, parts)
