"""The spider chart: soft facets and hard skills around one centre, intervals as bands, the same numbers in a table beside it."""

import math
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from pipelines.access.answers import Axis

RADIUS, MARGIN_X, MARGIN_Y = 110.0, 130.0, 42.0
RINGS, BANDS = (0.25, 0.5, 0.75, 1.0), (1 / 3, 2 / 3, 1.0)
LONGEST = 20
"""Characters of a label at the end of an axis; the table has all of it."""


def spider(axes: Sequence[Axis], *, fitted: bool = False, banded: bool = False) -> Markup:
    """Draw the axes clockwise from the top, to 100 % or to the next ring above all of them; hidden from readers, who get the table."""
    if len(axes) < 3:
        return Markup("")
    width, height = 2 * (RADIUS + MARGIN_X), 2 * (RADIUS + MARGIN_Y)
    at = [_direction(k, len(axes)) for k in range(len(axes))]
    rings = Markup("").join(_ring(at, ring) for ring in (BANDS if banded else RINGS))
    top = _top(axes) if fitted else 1.0
    axes = [_scaled(axis, top) for axis in axes]
    arms = Markup("").join(_arm(axis, where) for axis, where in zip(axes, at, strict=True))
    frame = Markup(
        '<svg class="spider" viewBox="{x:.0f} {y:.0f} {w:.0f} {h:.0f}" width="{w:.0f}" height="{h:.0f}"'
        ' aria-hidden="true" focusable="false">'
        "{rings}{shape}{arms}{scale}</svg>"
    )
    return frame.format(
        x=-width / 2, y=-height / 2, w=width, h=height, rings=rings, shape=_shape(axes, at), arms=arms, scale="" if banded else _scale(top)
    )


def _top(axes: Sequence[Axis]) -> float:
    highest = max((axis.high for axis in axes if axis.high is not None), default=1.0)
    return next((ring for ring in RINGS if ring >= highest), 1.0)


def _scaled(axis: Axis, top: float) -> Axis:
    parts = {name: None if (part := getattr(axis, name)) is None else part / top for name in ("value", "low", "high")}
    return replace(axis, **parts)  # type: ignore[arg-type]  # the three are numbers


def _scale(top: float) -> Markup:
    """Say what the outer ring stands for."""
    return Markup('<text class="scale" x="4" y="{:.1f}">{:.0f} %</text>').format(-RADIUS + 12, 100 * top)


def _direction(k: int, n: int) -> tuple[float, float]:
    angle = 2 * math.pi * k / n - math.pi / 2
    return math.cos(angle), math.sin(angle)


def _ring(at: Sequence[tuple[float, float]], ring: float) -> Markup:
    return Markup('<polygon class="ring" points="{}"/>').format(_points([(x * ring, y * ring) for x, y in at]))


def _shape(axes: Sequence[Axis], at: Sequence[tuple[float, float]]) -> Markup:
    """Polygon through the values; an axis without one pulls nothing to the centre: it is left out."""
    known = [(x * axis.value, y * axis.value) for axis, (x, y) in zip(axes, at, strict=True) if axis.value is not None]
    return Markup('<polygon class="shape" points="{}"/>').format(_points(known)) if len(known) > 2 else Markup("")


def _arm(axis: Axis, where: tuple[float, float]) -> Markup:
    x, y = where
    parts = [Markup('<line class="arm" x1="0" y1="0" x2="{:.1f}" y2="{:.1f}"/>').format(x * RADIUS, y * RADIUS)]
    if axis.low is not None and axis.high is not None and axis.high > axis.low:
        ends = [coordinate * end * RADIUS for end in (axis.low, axis.high) for coordinate in (x, y)]
        parts.append(Markup('<line class="extent {}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(axis.kind, *ends))
    if axis.value is not None:
        parts.append(_mark(axis, x * axis.value * RADIUS, y * axis.value * RADIUS))
    anchor = "middle" if abs(x) < 0.25 else "start" if x > 0 else "end"
    name = axis.name if len(axis.name) <= LONGEST else axis.name[: LONGEST - 1] + "…"
    label = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>')
    parts.append(label.format(x * (RADIUS + 12), y * (RADIUS + 16) + 4, anchor, axis.kind, name))
    return Markup("").join(parts)


def _mark(axis: Axis, x: float, y: float) -> Markup:
    """Round for soft, square for hard: kind is told by shape, not by colour alone."""
    if axis.kind == "soft":
        return Markup('<circle class="soft" cx="{:.1f}" cy="{:.1f}" r="4.5"/>').format(x, y)
    return Markup('<rect class="hard" x="{:.1f}" y="{:.1f}" width="8" height="8"/>').format(x - 4, y - 4)


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x * RADIUS:.1f},{y * RADIUS:.1f}" for x, y in pairs)
