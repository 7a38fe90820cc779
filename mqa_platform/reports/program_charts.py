"""The kinds of chart of the programme report: bars, intervals and curves, as pictures inside the page.

Belongs here: how each kind looks. Does not belong here: which rows are shown and what the picture says in words
(the sections), or the account page's chart (``charts``).

Series differ by dash and by shape, and never by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mqa_platform.reports.charts import as_picture

WIDTH: Final = 760
ROW: Final = 26
HEIGHT: Final = 260
INK: Final = "#0b4a8f"
SECOND: Final = "#8a3c00"
QUIET: Final = "#5c5c66"
Row = dict[str, Any]


def bars(rows: Sequence[Row], unit: str) -> str:
    """Horizontal bars in the given order, each with its figure beside it.

    Args:
        rows: label, value (a number) and shown (the figure as text); at least one.
        unit: of the values.
    """
    import altair as alt

    base = alt.Chart(alt.Data(values=list(rows)))
    y = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    x = alt.X("value:Q", title=unit, scale=alt.Scale(zero=True))
    bar = base.mark_bar(color=INK).encode(y=y, x=x)
    text = base.mark_text(align="left", dx=4, color="#1d1d1f").encode(y=y, x=x, text="shown:N")
    return as_picture(alt.layer(bar, text), WIDTH, ROW * len(rows))


def intervals(
    rows: Sequence[Row], unit: str, reference: float | None = None, log: bool = False
) -> str:
    """A point and its interval a row; a dashed line at a reference value.

    Args:
        rows: label, value, low and high (numbers, or None), in the order shown; at least one with a value.
        unit: of the values.
        reference: what the values are held against.
        log: whether equal factors are equally far apart; everything must be above zero.
    """
    import altair as alt

    base = alt.Chart(alt.Data(values=list(rows)))
    y = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    scale = alt.Scale(type="log") if log else alt.Scale(zero=True)
    x = alt.X("value:Q", title=unit, scale=scale)
    layers: list[Any] = [
        base.mark_rule(color=QUIET, strokeWidth=2).encode(y=y, x=alt.X("low:Q", title=unit, scale=scale), x2="high:Q"),
        base.mark_point(color=INK, filled=True, size=60, opacity=1).encode(y=y, x=x),
    ]  # fmt: skip
    if reference is not None:
        line = alt.Chart(alt.Data(values=[{"at": reference}]))
        layers.append(line.mark_rule(color=SECOND, strokeDash=[6, 4]).encode(x="at:Q"))
    return as_picture(alt.layer(*layers), WIDTH, ROW * len(rows))


def periods(rows: Sequence[Row], unit: str) -> str:
    """A point and its interval a period, joined where a period has a value.

    Args:
        rows: label, value, low and high (numbers, or None), oldest first; at least one with a value.
        unit: of the values.
    """
    import altair as alt

    base = alt.Chart(alt.Data(values=list(rows)))
    x = alt.X("label:O", title=None, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap=True))
    y = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=True))
    low = alt.Y("low:Q", title=unit, scale=alt.Scale(zero=True))
    layers = [
        base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, y=low, y2="high:Q"),
        base.mark_line(color=INK, strokeWidth=2).encode(x=x, y=y),
        base.mark_point(color=INK, filled=True, size=60, opacity=1).encode(x=x, y=y),
    ]
    return as_picture(alt.layer(*layers), WIDTH, HEIGHT)


def curves(
    rows: Sequence[Row], across: str, unit: str, marks: Sequence[Row] = (), level: Row | None = None
) -> str:
    """Lines over a number, each within the band of its interval.

    Args:
        rows: x, series, value, low and high; at least one.
        across: what x is.
        unit: of the values.
        marks: x and label of vertical lines.
        level: value and label of one horizontal line.
    """
    import altair as alt

    base = alt.Chart(alt.Data(values=list(rows)))
    whole = alt.Axis(format="d", tickMinStep=1)
    x = alt.X("x:Q", title=across, axis=whole, scale=alt.Scale(zero=False, nice=False))
    names = list(dict.fromkeys(r["series"] for r in rows))
    colours = alt.Scale(domain=names, range=[INK, SECOND][: len(names)])
    dashes = alt.Scale(domain=names, range=[[1, 0], [7, 4]][: len(names)])
    told_apart = alt.Legend(
        title=None,
        orient="top",
        symbolType="stroke",
        symbolStrokeWidth=2,
        symbolSize=400,
        symbolOpacity=1,
        symbolStrokeColor="#1d1d1f",
    )
    legend = told_apart if len(names) > 1 else None
    colour = alt.Color("series:N", scale=colours, legend=legend)
    dash = alt.StrokeDash("series:N", scale=dashes, legend=legend)
    y = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=True))
    low = alt.Y("low:Q", title=unit, scale=alt.Scale(zero=True))
    layers: list[Any] = [
        base.mark_area(opacity=0.18).encode(x=x, y=low, y2="high:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash),
    ]
    if marks:
        told = alt.Chart(alt.Data(values=list(marks)))
        layers.append(told.mark_rule(color="#1d1d1f", strokeDash=[2, 2]).encode(x="x:Q"))
        layers.append(
            told.mark_text(align="left", dx=4, dy=8, color="#1d1d1f").encode(
                x="x:Q", y=alt.value(0), text="label:N"
            )
        )
    if level is not None:
        told = alt.Chart(alt.Data(values=[level]))
        layers.append(told.mark_rule(color="#1d1d1f", strokeDash=[8, 3]).encode(y="value:Q"))
        layers.append(
            told.mark_text(align="right", dy=-6, color="#1d1d1f").encode(
                x=alt.value(WIDTH), y="value:Q", text="label:N"
            )
        )
    return as_picture(alt.layer(*layers), WIDTH, HEIGHT)
