"""What every verb reads and prints in the same way: days of options, and JSON.

Belongs here: the form in which a verb is given a day, and the form of its ``--json`` answer. Does not belong
here: tables for people (``console``), or any verb (``cli`` and its neighbours).
"""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

import typer


def day(text: str, option: str) -> date:
    """A day given as ``2025-09-30``.

    Raises:
        BadParameter: it is none, naming the option.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a day such as 2025-09-30", param_hint=option
        ) from None


def day_or_none(text: str | None, option: str) -> date | None:
    """The day of an option that may be left out.

    Raises:
        BadParameter: it is given, and no day.
    """
    return None if text is None else day(text, option)


def day_scored(asked: date | None, last: date, option: str) -> date:
    """The day that is asked for, else the last one; no day that nothing is known of.

    Raises:
        BadParameter: it lies after the last scored day.
    """
    if asked is not None and asked > last:
        raise typer.BadParameter(
            f"{asked} has not been scored; the last day is {last}", param_hint=option
        )
    return asked or last


def print_json(answer: Any) -> None:
    """Prints an answer as JSON and nothing else; decimals and days as text."""
    from mqa_platform.exports import plain

    sys.stdout.write(json.dumps(plain(answer), ensure_ascii=False, indent=1) + "\n")
