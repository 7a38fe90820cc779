"""Which object of a CRM a file holds: its name must say so, and its columns must agree.

Belongs here: comparing a file's name and columns with the objects of a mapping. Does not belong here:
reading the file (``crm_folder``) or its values (``crm_schema``).

Neither alone is enough. Orders have the columns of tasks, and ``owner_team`` has the name of owners;
both would land rows that are something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from mqa_platform.policy.mapping import CrmObject
from mqa_platform.sources.crm_cells import TABLES
from mqa_platform.sources.record_table import canonical

_NOISE_WORDS: Final = """
    all api backup bak bulk crm csv current daily data databricks dim dump export exports extract
    file final full fct fivetran from gz hs hubspot json jsonl latest my new ndjson object objects of
    parquet parsed postgres query raw record records report salesforce seed sf sfdc snapshot snowflake
    src stg table the view weekly
"""
# Words of a file's name that say where it came from, not what it holds.
_NOISE: Final = frozenset(_NOISE_WORDS.split())
# Words that an object's file may carry besides: former versions of the same records.
_VERSIONS: Final = frozenset({"history", "version"})
_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
# What an object's files are called by loaders, where that is not its name.
_ALSO: Final[dict[str, tuple[str, ...]]] = {
    "calls": ("engagement call",),
    "meetings": ("engagement meeting",),
    "emails": ("engagement email",),
    "tasks": ("engagement task",),
    "notes": ("engagement note",),
    "communications": ("engagement communication",),
    "deal_stages": ("deal stage", "deal stage history"),
    "contact_merges": ("contact merge audit",),
    "sales_pipeline": ("pipeline", "opportunity", "deal"),
    "sales_teams": ("user", "agent"),
}
# Columns that every table has: they tell no object from another.
_EVERYWHERE: Final = frozenset({"modified_at", "created_at", "is_deleted", "is_archived"})
Refused = str


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case and singular: ``sf_AccountHistory`` is sf, account, history."""
    return [_singular(word.casefold()) for word in _WORDS.findall(name)]


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


def recognised(
    name: str, columns: Iterable[str], objects: Mapping[str, CrmObject]
) -> tuple[str | None, Refused]:
    """The object that a file holds, or None and why it is left out.

    Args:
        name: of the file, without its ending.
        columns: canonical names.
        objects: what the mapping knows.
    """
    said = words_of(name)
    has = set(columns)
    named = {n: rank for n, each in objects.items() if (rank := _rank(said, n)) is not None}
    if not named:
        like = _alike(has, objects)
        hint = f"; its columns are those of {like}, so name it {like} if it is one" if like else ""
        return None, f"its name is none of an object of this CRM{hint}"
    lacking: dict[str, list[str]] = {n: lacks(has, objects[n]) for n in named}
    fitting = [n for n in named if not lacking[n]]
    if not fitting:
        nearest = min(named, key=lambda n: (named[n], n))
        return None, f"no {nearest}: it has no {', '.join(lacking[nearest])}"
    best = min(named[n] for n in fitting)
    chosen = [n for n in fitting if named[n] == best]
    if len(chosen) > 1:
        return None, f"may hold {' or '.join(chosen)}; give it the name of one"
    return chosen[0], ""


def _rank(said: list[str], object: str) -> int | None:
    """How many words the file's name has beside the object's; None when it is not named so."""
    ranks = []
    for also in (object, *_ALSO.get(object, ())):
        wanted = set(words_of(also))
        rest = [word for word in said if word not in wanted]
        if not wanted <= set(said):
            continue
        # What is neither noise nor a version is another noun, so a better name goes first.
        ranks.append(sum((word not in _NOISE) + (word in _VERSIONS) for word in rest))
    return min(ranks, default=None)


def lacks(has: set[str], mapped: CrmObject) -> list[str]:
    """What keeps a file, or a describe, with these columns from holding this object; by our column."""
    needed = dict.fromkeys((TABLES[mapped.lands_as][1], *mapped.required))
    missing = [c for c in needed if c in mapped.fields and not found(has, mapped, c)]
    if missing:
        return [f"{c} ({' or '.join(mapped.fields_of(c)[:3])})" for c in missing]
    telling = _telling(mapped)
    if telling and not any(found(has, mapped, c) for c in telling):
        return [f"other column that is read ({', '.join(telling[:5])})"]
    return []


def _telling(mapped: CrmObject) -> list[str]:
    key = TABLES[mapped.lands_as][1]
    return [c for c in mapped.fields if c not in _EVERYWHERE and c != key]


def found(has: set[str], mapped: CrmObject, column: str) -> list[str]:
    """The canonical names of the fields for a column that are there, in the mapping's order."""
    names = dict.fromkeys(canonical(name) for name in mapped.fields_of(column))
    return [name for name in names if name in has]


def _alike(has: set[str], objects: Mapping[str, CrmObject]) -> str | None:
    """The one object that most of whose columns are there, for a hint to the reader."""
    shares = {}
    for name, mapped in objects.items():
        telling = _telling(mapped)
        share = sum(bool(found(has, mapped, c)) for c in telling) / max(1, len(telling))
        if len(telling) >= 4 and share >= 0.75 and not lacks(has, mapped):
            shares[name] = share
    best = max(shares.values(), default=0.0)
    winners = [name for name, share in shares.items() if share == best]
    return winners[0] if len(winners) == 1 else None
