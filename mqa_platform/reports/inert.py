"""Outside text made inert: in Markdown and in Slack it is seen as it is written, and does nothing.

Belongs here: the escaping of one form each. Does not belong here: HTML, which jinja2 escapes by itself, or
making text short and visible (``core.brief_words``), which has to happen first and is done again here.

Escapes alone are not enough. Slack has none for its bold and its emoji, and GitHub's Markdown makes a link of
an address whose at sign was escaped; so these signs are given a look-alike that no program reads.
"""

from __future__ import annotations

import re
from typing import Final

from mqa_platform.core.brief_words import shown

# A policy text may be longer than the name of a company.
LONGEST: Final = 700
# Colon and slash too: a bare address becomes a link in most places that show Markdown.
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]()#+!|<>~&=:/$^\"'-]")
_DOT: Final = re.compile(r"(?<=\w)\.(?=\w)")
_NUMBERED: Final = re.compile(r"^(\d+)\.")
_AT: Final = "\uff20"
# In prose these are harmless, and a sentence full of backslashes is read by nobody.
_PLAIN: Final = re.compile(r"\\(?=['\"](?:\w|\s|$)|-(?=\w))")
_SLACK: Final = str.maketrans(
    {
        "<": "\u2039", ">": "\u203a", "*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": "\u02cb",
        "@": _AT, "#": "\uff03", ":": "\u2236", "|": "\u2223", "\\": "\uff3c",
    }
)  # fmt: skip


def markdown(text: str, limit: int = LONGEST) -> str:
    """Text that CommonMark and GitHub's dialect show as it is: no markup, link, mention or HTML."""
    clean = shown(text, "", limit).replace("@", _AT)
    escaped = _MARKUP.sub(lambda m: "\\" + m.group(0), clean)
    escaped = _PLAIN.sub("", escaped)
    return _NUMBERED.sub(r"\1\\.", _DOT.sub(r"\\.", escaped))


def slack(text: str, limit: int = LONGEST) -> str:
    """Text for a mrkdwn object: no mention, link, emoji or markup; ``&`` as Slack wants it."""
    return plain(text, limit).replace("&", "&amp;")


def plain(text: str, limit: int = LONGEST) -> str:
    """Text for a plain_text object, which knows no escapes: the same without the entity."""
    clean = shown(text, "", limit).translate(_SLACK)
    # A dot between letters makes a bare domain, which some clients turn into a link.
    return _DOT.sub("\u2024", clean)
