"""Column operations on Arrow arrays that every connector needs: blanks, booleans, numbers, hashes.

Belongs here: vectorised conversions without knowledge of a vendor. Does not belong here: names of
people and companies (``names``), time (``timestamps``), addresses (``addresses``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# The separator of joined fields: a control character that no vendor writes inside a field.
UNIT = "\x1f"
_TRUE = ("true", "1", "yes", "t", "y")
_FALSE = ("false", "0", "no", "f", "n")


def flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    return values


def mask(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """A boolean array as NumPy; null counts as false."""
    return np.asarray(
        pc.fill_null(flat(values), False).to_numpy(zero_copy_only=False), dtype=np.bool_
    )


def present(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a value is given."""
    return mask(values.is_valid())


def tidy(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text without surrounding blanks; nothing left means null."""
    text = pc.utf8_trim_whitespace(flat(values))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def nulls(rows: int) -> pa.Array:
    """A text column in which no row has a value."""
    return pa.nulls(rows, pa.string())


def coalesce(*values: pa.Array) -> pa.Array:
    """The first value given, row by row."""
    return pc.coalesce(*values)


def each_unique(
    values: pa.Array, convert: Callable[[str], Any], kind: pa.DataType | None = None
) -> pa.Array:
    """Apply ``convert`` once per distinct text; null stays null."""
    encoded = flat(values).dictionary_encode()
    kind = kind or pa.string()
    converted = pa.array([convert(text) for text in encoded.dictionary.to_pylist()], kind)
    return converted.take(encoded.indices)


def booleans(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Vendors' spellings of true and false; blank is null. Second: where neither was meant."""
    text = pc.utf8_lower(tidy(values))
    yes = pc.is_in(text, pa.array(_TRUE))
    no = pc.is_in(text, pa.array(_FALSE))
    known = pc.or_(yes, no)
    result = pc.if_else(known, yes, pa.scalar(None, pa.bool_()))
    return result, present(text) & ~mask(known)


def numbers(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Doubles; thousands separators and a currency sign are dropped. Second: where not a number."""
    text = pc.replace_substring_regex(tidy(values), r"^[$€£]\s*|,(\d{3})\b", r"\1")
    # Here, so that the code location loads without pandas: it is needed when a file is read.
    import pandas as pd

    parsed = pd.to_numeric(text.to_pandas(), errors="coerce").to_numpy(dtype=np.float64)
    finite = np.isfinite(parsed)
    return pa.array(parsed, pa.float64(), mask=~finite), present(text) & ~finite


def integers(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Whole numbers (``100.0`` is one). Second: where a value is none, or beyond 2**53."""
    parsed, wrong = numbers(values)
    doubles = np.nan_to_num(parsed.to_numpy(zero_copy_only=False))
    whole = (np.floor(doubles) == doubles) & (np.abs(doubles) <= 2**53)
    wrong = wrong | (present(parsed) & ~whole)
    exact = np.where(whole, doubles, 0).astype(np.int64)
    return pa.array(exact, pa.int64(), mask=wrong | ~present(parsed)), wrong


def joined(parts: Sequence[pa.Array | str], separator: str = UNIT) -> pa.Array:
    """Join columns row by row; null reads as nothing."""
    return pc.binary_join_element_wise(
        *parts, separator, null_handling="replace", null_replacement=""
    )


def md5_hex(values: pa.Array) -> pa.Array:
    """The MD5 of each text's UTF-8 bytes: an identity, not a protection."""
    texts = flat(values).cast(pa.binary()).to_pylist()
    return pa.array([hashlib.md5(t, usedforsecurity=False).hexdigest() for t in texts], pa.string())


def line_ids(content: pa.Array) -> pa.Array:
    """Ids for rows that have none: content plus how often it occurred before in this file.

    So a repeated line is an event of its own, yet the same file delivered again gives the same ids.
    """
    codes = content.dictionary_encode().indices.to_pandas()
    occurrence = pa.array(codes.groupby(codes).cumcount().to_numpy()).cast(pa.string())
    return md5_hex(joined([content, occurrence], "#"))
