"""Regular expressions that a policy may hold: those that every engine runs alike.

Belongs here: what a portable pattern is. Does not belong here: any one pattern (the YAML), or
matching it (``core``).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _portable(pattern: str) -> str:
    """Refuse what one of the engines cannot run, or reads differently."""
    if re.search(r"\(\?(?:[=!]|<[=!])|\\[1-9]", pattern):
        raise ValueError("look-around and back-references do not run on every engine")
    if re.search(r"\\[bB]", pattern):
        # PostgreSQL reads the word boundary as a backspace, and matches nothing.
        raise ValueError(r"\b does not mean a word boundary on every engine; use ([^a-z]|$)")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_portable)]
