"""How a delivery is read, as a short text: the same bytes read otherwise are another batch.

Belongs here: what decides the rows of a file besides its bytes, and the names of batches that follow
from it. Does not belong here: what the ledger knows of them (``waiting``), or reading.

A reading is 12 hex digits of the settings and of the part of mapping.yaml that read a file. Where rows
have no date but that of the file's name, ``@`` and that day follow: last week's bytes under the name of
this week say that nothing has changed since, which is news.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from mqa_platform import __version__
from mqa_platform.policy.mapping import CrmMapping, Mappings
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import FileConnector, Source
from mqa_platform.sources.alternatives import day_in_name
from mqa_platform.sources.holding import limits
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.registry import mapped_object

# Where a source lies and how often it delivers say nothing about how its files read.
_ELSEWHERE: Final = {"path", "url", "required", "expect_every_days", "since", "streams"}
_LIMITS: Final = {"max_quarantine_ratio", "quarantine_at_least"}
# Connectors that date rows by the name of their file.
_DATED_BY_NAME: Final = frozenset(
    {
        "bombora_surge",
        "bombora_adat",
        "sixsense_companies",
        "sixsense_scores",
        "crunchbase_rounds",
        "crunchbase_companies",
        "cncf_companies",
        "account_list",
        "ad_spend",
        "enrichment",
        "event_attendees",
    }
)


def read_as(source: Source, stream: str, mappings: Mappings, file_name: str = "") -> str:
    """The reading of a file or page.

    Args:
        source: its declaration.
        stream: of a service, which stream the page is of.
        mappings: mapping.yaml.
        file_name: as it was delivered; pages are named by us, which says nothing.
    """
    mapped = mapped_object(source, stream)
    if mapped is not None:
        crm, name = mapped
        return _short([crm, name, _meaning(mappings.crms.get(crm), name)])
    left_out = _ELSEWHERE | _LIMITS
    reading = _short(source.model_dump(mode="json", exclude=left_out, exclude_defaults=True))
    if source.connector not in _DATED_BY_NAME:
        return reading
    day = day_in_name(Path(file_name))
    return f"{reading}@{day or ''}"


def _meaning(crm: CrmMapping | None, name: str) -> Any:
    """What mapping.yaml says of an object; changes of fields are read with all objects there are."""
    objects = crm.objects if crm else {}
    found = {canonical(known): each for known, each in objects.items()}.get(canonical(name))
    if found is None:
        return None
    if found.lands_as == "field_changes":
        return {known: each.model_dump(mode="json") for known, each in objects.items()}
    return found.model_dump(mode="json")


def batch_id(source_and_content: str, reading: str) -> str:
    """16 hex digits that name the batch of these bytes in this reading."""
    return hashlib.sha256(f"{reading}:{source_and_content}".encode()).hexdigest()[:16]


def is_plain(reading: str) -> bool:
    """Whether a connector alone reads it, with no setting, mapping or day; then its bytes name it."""
    return reading.removesuffix("@") in _plain()


@cache
def _plain() -> frozenset[str]:
    alone: list[dict[str, str]] = [{"connector": name} for name in get_args(FileConnector)]
    feeds = [{"connector": "json_feed", "reads_as": each["connector"]} for each in alone]
    return frozenset(["", *map(_short, alone + feeds)])


def is_of_another_day(one: str, other: str) -> bool:
    """Whether two readings of the same bytes stand beside each other, and none replaces the other."""
    return "@" in one and "@" in other and one.split("@")[1] != other.split("@")[1]


def declared(source: Source, stream: str, policy: Policy) -> str:
    """12 hex digits of all that a verdict over a batch depends on besides its content."""
    limit = limits(source, policy)
    meaning = source.model_dump(mode="json", exclude=_ELSEWHERE)
    parts = [meaning, limit.ratio, limit.at_least, read_as(source, stream, policy.mapping)]
    # A later version may read what this one cannot.
    return _short([*parts, __version__])


def _short(meaning: Any) -> str:
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
