"""Headcounts and revenues that vendors give as a band: ``201-500``, ``10,000+``, ``$10M-$50M``.

Belongs here: the spellings of bands. Does not belong here: one vendor's columns, or what a size means
for the fit (``core``).

A band becomes its lower bound, with its upper end beside it: on a limit between the two nobody can say
which side the company is on. ``< 10`` begins at 0. Currencies are not converted.
"""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import each_unique, mask, present, tidy

_UNITS: Final = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "mio": 1e6,
    "mil": 1e6, "million": 1e6, "millions": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
    "billions": 1e9, "trillion": 1e12, "tsd": 1e3, "mill": 1e6, "millionen": 1e6, "mrd": 1e9,
    "milliarden": 1e9, "md": 1e9, "mds": 1e9, "t": 1e3, "tn": 1e12,
}  # fmt: skip
# The upper end of a band that has none: the largest whole number that a double holds exactly.
OPEN: Final = float(2**53)
# Words by which vendors say that they do not know.
_UNSAID: Final = frozenset(
    {"unknown", "n/a", "na", "n.a.", "none", "null", "nan", "undisclosed", "-", "--", "?",
     "not available", "not disclosed", "not applicable"}
)  # fmt: skip
_SILENT = re.compile(
    r"\b(employees?|people|persons?|staff|ftes?|headcount|annual|revenue|in)\b|"
    r"\b(mitarbeiter(:innen|innen)?|beschäftigte|salariés|empleados|umsatz)\b|"
    r"\b(usd|eur|gbp|chf|us|euros?|dollars?)\b|[$€£¥]|[()\[\]]"
)
# An abbreviation's own dot: 50 Mio. EUR.
_ABBREVIATED = re.compile(r"\b(mio|mrd|mill|tsd|mn|bn|mil)\.")
_DASH = re.compile(r"[–—−‒―~]|(?<!up )\bto\b|\bthrough\b")
# 1,001 · 1'001 · 1 001, and with the blanks that only Unicode has.
_THOUSANDS = re.compile(r"(?<=\d)[,'’\s\u00a0\u202f](?=\d{3}(?!\d))")
_NUMBER = r"(\d+(?:\.\d+)?)\s*([a-z]+)?"
_BELOW = re.compile(rf"(?:<=?|under|below|less than|fewer than|up to|upto)\s*{_NUMBER}")
_ABOVE = re.compile(rf"(?:>=?|over|above|more than|at least|from)\s*{_NUMBER}\s*\+?")
_OPEN = re.compile(rf"{_NUMBER}\s*(?:\+|plus|and above|and more|and over|or more|or above)")
_RANGE = re.compile(rf"{_NUMBER}\s*-\s*{_NUMBER}")
_SINGLE = re.compile(_NUMBER)
# Whether 1.001 is one and a bit or a thousand and one depends on who wrote it.
_DOTTED = re.compile(r"(?<![\d.])\d{1,3}(\.\d{3})+(?![\d.])\s*(?![\d.]|[a-z])")


def lower_bound(text: str) -> float | None:
    """The lower bound of a band, or the number if it is one; None where the vendor does not know.

    ``$1-10M`` is one to ten million: a bare lower end takes the unit of the upper one.

    Raises:
        ValueError: neither a band nor a number, or a band whose ends are the wrong way round.
    """
    found = bounds(text)
    return None if found is None else found[0]


def bounds(text: str) -> tuple[float, float] | None:
    """Both ends of a band, twice the number if it is one; ``OPEN`` where there is no upper end.

    Raises:
        ValueError: see ``lower_bound``.
    """
    plain = text.casefold().strip()
    if plain in _UNSAID:
        return None
    plain = _SILENT.sub(" ", _DASH.sub("-", _ABBREVIATED.sub(r"\1", plain)))
    plain = " ".join(_THOUSANDS.sub("", plain).split())
    below = _BELOW.fullmatch(plain)
    if below:
        return 0.0, _sized(*below.groups())
    for form in (_ABOVE, _OPEN, _SINGLE):
        found = form.fullmatch(plain)
        if found:
            low = _sized(*found.groups())
            return low, low if form is _SINGLE else OPEN
    found = _RANGE.fullmatch(plain)
    if found is None:
        raise ValueError(f"{text!r} is no number and no band")
    number, unit, high, high_unit = found.groups()
    lower, upper = _sized(number, unit or high_unit), _sized(high, high_unit)
    if lower > upper:
        raise ValueError(f"{text!r} ends before it begins")
    return lower, upper


def _sized(number: str, unit: str | None) -> float:
    if unit is not None and unit not in _UNITS:
        raise ValueError(f"{unit!r} is no unit")
    # Half-even on the 15th digit: 1.1 million is 1100000 and not a fraction beside it.
    return float(f"{float(number) * (_UNITS[unit] if unit else 1.0):.15g}")


def headcounts(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Whole numbers out of headcounts and bands of them. Second: where neither was meant.

    Null where blank or not known. ``10-Feb`` and ``Nov-50`` are what a spreadsheet makes of 2-10 and
    11-50: they are refused, as is ``1.001``, which two continents read differently.
    """
    read, wrong = _read(values)
    dotted = mask(each_unique(tidy(values), lambda t: bool(_DOTTED.search(t)), pa.bool_()))
    doubles = np.nan_to_num(read.to_numpy(zero_copy_only=False))
    whole = (np.floor(doubles) == doubles) & (doubles <= 2**53)
    wrong = wrong | (present(read) & (~whole | dotted))
    exact = np.where(wrong, 0, doubles).astype(np.int64)
    return pa.array(exact, pa.int64(), mask=wrong | ~present(read)), wrong


def amounts(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Doubles out of amounts of money and bands of them. Second: where neither was meant.

    Null where blank or not known.
    """
    return _read(values)


def upper_headcounts(values: pa.Array) -> pa.Array:
    """The upper end of every band as whole numbers; null where the number is exact or none is meant."""
    return each_unique(tidy(values), lambda t: _whole_end(_upper_end(t)), pa.int64())


def upper_amounts(values: pa.Array) -> pa.Array:
    """The upper end of every band as doubles; null where the number is exact or none is meant."""
    return each_unique(tidy(values), _upper_end, pa.float64())


def _upper_end(text: str) -> float | None:
    try:
        found = bounds(text)
    except ValueError:
        return None
    return None if found is None or found[0] == found[1] else found[1]


def _whole_end(end: float | None) -> int | None:
    return None if end is None else math.floor(min(end, OPEN))


def _read(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    def convert(text: str) -> float | None:
        try:
            return lower_bound(text)
        except ValueError:
            return math.nan

    read = each_unique(tidy(values), convert, pa.float64())
    wrong = mask(pc.is_nan(read))
    return pc.if_else(pa.array(wrong), pa.scalar(None, pa.float64()), read), wrong
