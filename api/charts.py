"""Small pictures made on the server as SVG: they print, need no script and carry no style of their own."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pipelines.access.answers import Score

BAR_WIDTH, BAR_HEIGHT = 160, 18
SHADES = 5
"""Steps of the heat table."""


def interval_bar(score: Score, *, wide: bool = False) -> Markup:
    """Scale from 0 to 100 with the interval as a bar and the value as a dot; hidden from readers, who get the numbers."""
    width = 2 * BAR_WIDTH if wide else BAR_WIDTH
    if score.value is None or score.low is None or score.high is None:
        return Markup("")
    step = (width - 8) / 100
    low, value, high = (4 + step * x for x in (score.low, score.value, score.high))
    frame = Markup(
        '<svg class="interval {sure}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true" focusable="false">'
        '<line class="scale" x1="4" x2="{end}" y1="9" y2="9"/><line class="middle" x1="{mid}" x2="{mid}" y1="5" y2="13"/>'
        '<rect class="extent" x="{low:.1f}" y="5" width="{span:.1f}" height="8" rx="4"/>'
        '<circle class="dot" cx="{value:.1f}" cy="9" r="3.6"/></svg>'
    )
    ends = {"low": low, "span": max(3.0, high - low), "value": value}
    return frame.format(sure=score.sureness or "", w=width, h=BAR_HEIGHT, end=width - 4, mid=width / 2, **ends)


def stacked_weeks(weeks: Sequence[Mapping[str, object]], channels: Sequence[str], *, width: int = 640, height: int = 150) -> Markup:
    """One column a week, stacked by channel; weeks with an outage carry a mark above them."""
    totals = [sum(_number(week, channel) for channel in channels) for week in weeks]
    top = max(totals, default=0.0) or 1.0
    step = width / max(1, len(weeks))
    columns = [_column(week, channels, at * step + 3, step - 6, (height - 18) / top, height) for at, week in enumerate(weeks)]
    frame = '<svg class="weeks" viewBox="0 0 {w} {h}" aria-hidden="true" focusable="false" preserveAspectRatio="none">{columns}</svg>'
    return Markup(frame).format(w=width, h=height, columns=Markup("").join(columns))


def shade(share: float | None, largest: float) -> int:
    """Step of a heat cell, 0 for nothing."""
    if share is None or largest <= 0:
        return 0
    return min(SHADES, int(SHADES * share / largest) + 1) if share > 0 else 0


def _column(week: Mapping[str, object], channels: Sequence[str], x: float, width: float, scale: float, height: int) -> Markup:
    parts, y = [], float(height)
    for channel in channels:
        tall = _number(week, channel) * scale
        y -= tall
        rect = Markup('<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>')
        parts.append(rect.format(name=channel, x=x, y=y, w=width, h=tall))
    if week.get("outage"):
        parts.append(Markup('<path class="outage" d="M{x:.1f} {y:.1f} h10 l-5 8 z"/>').format(x=x + width / 2 - 5, y=max(1.0, y - 12)))
    return Markup("").join(parts)


def _number(week: Mapping[str, object], channel: str) -> float:
    value = week.get(channel, 0)
    return float(value) if isinstance(value, int | float) else 0.0
