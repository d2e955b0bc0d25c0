"""Charts of curves as SVG: inside a page, or several of them as a picture of their own, without any other program."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TypeGuard

from houseblend.report.style import PALETTE, css

WIDTH, HEIGHT = 420, 270
"""Of a chart with one row of names, in pixels; read on a telephone they are not much smaller."""
LEFT, RIGHT, TOP, BOTTOM, ROW = 52, 10, 28, 40, 18
LETTER = 6.8
"""Width of a letter of the names, about."""
TICKS = 6


@dataclass(frozen=True)
class Line:
    """A curve.

    Args:
        name: in the list of names; empty for none.
        points: x and y; where y is None or not finite there is a gap.
        color: place in the palette; None: the colour of what stands back.
        style: solid, dashed or faint.
        marks: a dot on each point, which tells its numbers.
        spans: ends of the interval at each point.
        notes: words above points, by their place.
        fits: the chart has room for all of it; otherwise what lies outside is cut off.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    color: int | None = 0
    style: str = "solid"
    marks: bool = False
    spans: Sequence[tuple[float, float]] = ()
    notes: Mapping[int, str] = field(default_factory=dict)
    fits: bool = True

    @property
    def paint(self) -> str:
        """The end of its classes' names."""
        return "m" if self.color is None else str(self.color % len(PALETTE))


@dataclass(frozen=True)
class Chart:
    """Curves over one axis.

    Args:
        title: what is drawn, with its unit.
        x_label: what it is drawn over.
        lines: the curves; what comes first lies above.
        x_ticks: the places that are named; empty: round numbers.
        log_x: the axis is logarithmic.
        holds: what the axis of y reaches in any case; 0 is its edge then.
    """

    title: str
    x_label: str
    lines: Sequence[Line]
    x_ticks: Sequence[float] = ()
    log_x: bool = False
    holds: Sequence[float] = ()

    @property
    def height(self) -> int:
        """In pixels."""
        return HEIGHT + ROW * max(0, len(self._name_rows()) - 1)

    def inline(self) -> str:
        """An element for a page whose style sheet has `style.css`."""
        return (
            f'<svg class="chart" role="img" aria-label="{escape(self.title)}" viewBox="0 0 {WIDTH} {self.height}">'
            f"{self.body()}</svg>"
        )

    def body(self) -> str:
        """What stands inside the element."""
        rows = self._name_rows()
        top, bottom = TOP + ROW * len(rows) + 4, self.height - BOTTOM
        x_values = [self._x(x) for line in self.lines for x, y in line.points if _is_number(y)] or [0.0, 1.0]
        x_low, x_high = _padded(min(x_values), max(x_values), 0.04 if self.log_x else 0.0)
        y_low, y_high = self._y_range()
        y_ticks = round_ticks(y_low, y_high)

        def x_at(x: float) -> float:
            return LEFT + (self._x(x) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

        def y_at(y: float) -> float:
            return bottom - (y - y_low) / (y_high - y_low) * (bottom - top)

        x_ticks = self.x_ticks or round_ticks(x_low, x_high)
        parts = [
            f'<text class="title" x="2" y="16">{escape(self.title)}</text>',
            *self._names(rows),
            *(_tick_y(y_at(tick), label) for tick, label in zip(y_ticks, labels(y_ticks), strict=True)),
            *(_tick_x(x_at(tick), bottom, label) for tick, label in zip(x_ticks, labels(x_ticks), strict=True)),
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{self.height - 6}" text-anchor="middle">{escape(self.x_label)}</text>',
            f"<svg {_box(LEFT - 6, top - 6, WIDTH - LEFT - RIGHT + 12, bottom - top + 12)}>",  # cuts off what lies outside
        ]
        for line in reversed(self.lines):
            places = [(x_at(x), y_at(y) if _is_number(y) else None) for x, y in line.points]
            parts.append(f'<path class="curve {line.style} l{line.paint}" d="{_path(places)}"/>')
            parts += _spans(line, places, y_at)
            parts += _marks(line, places)
        return "".join([*parts, "</svg>"])

    def _x(self, x: float) -> float:
        return math.log10(x) if self.log_x else x

    def _y_range(self) -> tuple[float, float]:
        """From where to where the axis goes."""
        fitting = [line for line in self.lines if line.fits] or self.lines
        values = [float(y) for line in fitting for _, y in line.points if y is not None and math.isfinite(y)]
        values += [end for line in fitting for span in line.spans for end in span]
        values = [*values, *self.holds] or [0.0]
        low, high = _padded(min(values), max(values), 0.05)
        return (0.0 if 0.0 in self.holds and min(values) == 0.0 else low), high

    def _name_rows(self) -> list[list[Line]]:
        """The names of the curves, as many in a row as it holds."""
        rows: list[list[Line]] = []
        for line in self.lines:
            if line.name:
                if not rows or sum(map(_name_width, [*rows[-1], line])) > WIDTH - 4:
                    rows.append([])
                rows[-1].append(line)
        return rows

    def _names(self, rows: Sequence[Sequence[Line]]) -> Iterator[str]:
        for number, row in enumerate(rows):
            x, y = 4.0, TOP + ROW * number + 6
            for line in row:
                yield f'<path class="curve {line.style} l{line.paint}" d="M{x:.0f} {y - 4}h18"/>'
                yield f'<text class="key" x="{x + 24:.0f}" y="{y}">{escape(line.name)}</text>'
                x += _name_width(line)


def picture(charts: Sequence[Chart], columns: int = 3) -> str:
    """Charts side by side as the text of an SVG file; it is readable on light and on dark pages."""
    rows = [charts[at : at + columns] for at in range(0, len(charts), columns)]
    gap, y, parts = 24, 0, []
    for row in rows:
        for column, chart in enumerate(row):
            place = f'x="{column * (WIDTH + gap)}" y="{y}" width="{WIDTH}" height="{chart.height}"'
            parts.append(f"<svg {place}>{chart.body()}</svg>")
        y += max(chart.height for chart in row) + gap
    width = min(columns, len(charts)) * (WIDTH + gap) - gap
    size = f'width="{width}" height="{y - gap}" viewBox="-8 -8 {width + 16} {y - gap + 16}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size}>\n<style>{css()}</style>\n'
        f'<rect class="paper" x="-8" y="-8" width="{width + 16}" height="{y - gap + 16}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )  # fmt: skip


def round_ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`, about TICKS of them."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def labels(ticks: Sequence[float]) -> list[str]:
    """The numbers as they are written, all with as many digits as tell them apart."""
    digits = next(
        digits for digits in range(12) if digits == 11 or all(abs(round(one, digits) - one) <= 1e-9 + 1e-6 * abs(one) for one in ticks)
    )  # fmt: skip
    return [f"{round(one, digits) + 0.0:.{digits}f}".replace("-", "\u2212") for one in ticks]


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    """A little more on both sides; never nothing."""
    more = (high - low) * share or (0.0 if high > low else abs(high) * 0.05 or 0.5)
    return low - more, high + more


def _is_number(y: float | None) -> TypeGuard[float]:
    return y is not None and math.isfinite(y)


def _box(x: int, y: int, width: int, height: int) -> str:
    return f'x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{x} {y} {width} {height}"'


def _name_width(line: Line) -> float:
    return 24 + LETTER * len(line.name) + 16


def _tick_y(y: float, label: str) -> str:
    return (
        f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _tick_x(x: float, bottom: float, label: str) -> str:
    inside = min(x, WIDTH - LETTER * len(label) / 2)
    return (
        f'<path class="grid" d="M{x:.1f} {bottom}v5"/>'
        f'<text x="{inside:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
    )


def _path(places: Iterable[tuple[float, float | None]]) -> str:
    words, command = [], "M"
    for x, y in places:
        if y is None:
            command = "M"
            continue
        words.append(f"{command}{x:.1f} {y:.1f}")
        command = "L"
    return "".join(words)


def _marks(line: Line, places: Sequence[tuple[float, float | None]]) -> Iterator[str]:
    for number, ((x, y), (x_value, y_value)) in enumerate(zip(places, line.points, strict=True)):
        if y is None:
            continue
        if line.marks:
            told = f"{line.name}: {y_value:.4g} at {x_value:.4g}"
            yield f'<circle class="f{line.paint}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"><title>{escape(told)}</title></circle>'
        if number in line.notes:
            anchor = "start" if x < WIDTH / 3 else "end" if x > WIDTH * 2 / 3 else "middle"
            yield f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="{anchor}">{escape(line.notes[number])}</text>'


def _spans(line: Line, places: Sequence[tuple[float, float | None]], y_at: Callable[[float], float]) -> Iterator[str]:
    for (x, _), (low, high) in zip(places, line.spans, strict=False):
        ends = f"M{x:.1f} {y_at(low):.1f}V{y_at(high):.1f}"
        caps = "".join(f"M{x - 3:.1f} {y_at(end):.1f}h6" for end in (low, high))
        yield f'<path class="span l{line.paint}" d="{ends}{caps}"/>'
