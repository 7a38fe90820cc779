"""Vendors' timestamps to UTC microseconds, a whole column at a time.

Belongs here: the forms that real exports use and the range that is believed. Does not belong here:
what a missing time means for a row (each connector), or any clock.

Forms: ISO-8601 with ``Z`` or an offset, ``YYYY-MM-DD HH:MM:SS(.fff)`` with or without ``UTC`` (read
as UTC, one-digit hours too), a bare date (its midnight), epoch seconds (9–10 digits), milliseconds
(12–13), microseconds (15–16) and nanoseconds (18–19), and the Apache form ``17/May/2015:10:05:03 +0000``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, mask, present, tidy
from mqa_platform.sources.schemas import TIMESTAMP

# Day one of the epoch is what a zero or a lost value turns into, so it is not believed.
EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

_ZULU = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"
_ZONE = r"(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)"
_ISO = r"^\d{4}-\d\d-\d\d([T ]\d{1,2}:\d\d(:\d\d([.,]\d+)?)?\s*" + _ZONE + r"?)?$"
_APACHE = r"^\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$"
_SECONDS = r"^\d{9,10}(\.\d+)?$"
_MILLISECONDS = r"^\d{12,13}$"
_MICROSECONDS = r"^\d{15,16}$"
_NANOSECONDS = r"^\d{18,19}$"


def parse_timestamps(
    values: pa.Array | pa.ChunkedArray,
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Parse a text column.

    Returns:
        Timestamps (us, UTC; null where blank or wrong), and where a value was given that is none of
        the known forms or lies outside 1970-01-02..2100.
    """
    text = tidy(values)
    parsed = _all_zulu(text)
    if parsed is None:
        parsed = _mixed(text)
    believed = mask(
        pc.and_(
            pc.greater_equal(parsed, pa.scalar(EARLIEST, TIMESTAMP)),
            pc.less(parsed, pa.scalar(LATEST, TIMESTAMP)),
        )
    )
    kept = pc.if_else(pa.array(believed), parsed, pa.scalar(None, TIMESTAMP))
    return kept, present(text) & ~believed


def _all_zulu(text: pa.Array) -> pa.Array | None:
    """The common case in one cast; None when any value has another form or is no date."""
    if not pc.all(pc.fill_null(pc.match_substring_regex(text, _ZULU), True)).as_py():
        return None
    try:
        return text.cast(TIMESTAMP)
    except pa.ArrowInvalid:
        return None


def _mixed(text: pa.Array) -> pa.Array:
    """Each form parsed on its own rows; what parses to nothing stays null."""
    micros = pd.Series(pd.NaT, index=range(len(text)), dtype="datetime64[us, UTC]")
    for pattern, parse in (
        (_ISO, _from_iso),
        (_APACHE, _from_apache),
        (_SECONDS, _from_seconds),
        (_MILLISECONDS, partial(_from_whole, "ms")),
        (_MICROSECONDS, partial(_from_whole, "us")),
        (_NANOSECONDS, partial(_from_whole, "ns")),
    ):
        rows = np.flatnonzero(mask(pc.match_substring_regex(text, pattern)))
        if len(rows):
            found = parse(text.take(pa.array(rows)))
            micros.iloc[rows] = pd.Series(found).dt.as_unit("us").to_numpy()
    return flat(pa.array(micros, TIMESTAMP, from_pandas=True))


def _from_iso(text: pa.Array) -> pd.Series:
    form = pc.replace_substring_regex(text, r"[ T](\d):", r"T0\1:")
    form = pc.replace_substring_regex(form, r"\s*(UTC|GMT|z)$", "Z")
    form = pc.replace_substring_regex(form, r"([.,]\d{1,6})\d*", r"\1")
    form = pc.replace_substring(form, ",", ".")
    return pd.to_datetime(form.to_pandas(), format="ISO8601", utc=True, errors="coerce")


def _from_apache(text: pa.Array) -> pd.Series:
    return pd.to_datetime(
        text.to_pandas(), format="%d/%b/%Y:%H:%M:%S %z", utc=True, errors="coerce"
    )


def _from_seconds(text: pa.Array) -> pd.Series:
    micros = np.rint(pd.to_numeric(text.to_pandas()).to_numpy(dtype=np.float64) * 1e6)
    return _in_utc(micros.astype("datetime64[us]"))


def _from_whole(unit: str, text: pa.Array) -> pd.Series:
    counted = pd.to_numeric(text.to_pandas()).to_numpy(dtype=np.uint64)
    # Nineteen digits may be more than the engine's clock holds: such a moment is none we believe.
    held = np.where(counted > np.iinfo(np.int64).max, 0, counted).astype(np.int64)
    return _in_utc(held.astype(f"datetime64[{unit}]"))


def _in_utc(moments: npt.NDArray[np.datetime64]) -> pd.Series:
    series: pd.Series = pd.Series(moments).dt.tz_localize("UTC")
    return series
