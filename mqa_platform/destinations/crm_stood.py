"""What stands in the CRM before it is written: a rollback needs it, the breaker counts it, an old answer is in it.

Belongs here: reading it, and what follows from it for the records of one run. Does not belong here: which
records there are (``crm_plan``), or writing them (``crm_sending``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mqa_platform.destinations.channel import BatchRefusedError, DestinationError
from mqa_platform.destinations.crm_fields import same
from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_sending import Item
from mqa_platform.destinations.crm_undo import stood_before
from mqa_platform.destinations.crm_writer import CrmWriter
from mqa_platform.policy.write_back import WriteBack


@dataclass(frozen=True)
class Whole:
    """The records of a run with what they replace.

    Attributes:
        items: as they are written.
        standing: accounts and motions with a stage in the CRM that the journal does not know of.
        flips: those of them whose stage would be another one.
    """

    items: list[Item]
    standing: int = 0
    flips: int = 0


def with_what_stood(
    writer: CrmWriter, journal: CrmJournal, policy: WriteBack, made: Sequence[Item]
) -> Whole:
    """Reads the fields of which the journal does not know what stands in them.

    An answer to an earlier handoff is emptied where it still stands as it was, and left alone otherwise.

    Raises:
        DestinationError, OSError: it could not be read.
    """
    asked = {i.record.account_id for i in made if i.clears or set(i.record.fields) - set(i.stood)}
    if not asked:
        return Whole(list(made))
    of = [i for i in made if i.record.account_id in asked]
    names = sorted({n for i in of for n in (*i.record.fields, *i.clears)})
    read = read_back(writer, [i.record.key for i in of], names)
    earlier = stood_before(journal, sorted(asked))
    stages = {str(motion): fields["stage"] for motion, fields in policy.fields.items()}
    items, standing, flips = [], 0, 0
    for item in made:
        theirs = read.get(item.record.key) if item.record.account_id in asked else None
        if theirs is None:
            items.append(item)
            continue
        for motion in (m for m, before in item.before.items() if before is None):
            field = stages[motion]
            standing += theirs.get(field) not in (None, "")
            flips += theirs.get(field) not in (None, "") and not same(
                item.record.fields[field], theirs[field]
            )
        items.append(_whole(item, theirs, dict(earlier.get(item.record.account_id, {}))))
    return Whole(items, standing, flips)


def read_back(
    writer: CrmWriter, keys: Sequence[str], fields: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """``CrmWriter.read``, where a question that is refused is an error of the CRM.

    Raises:
        DestinationError, OSError: it could not be read.
    """
    try:
        return writer.read(keys, fields)
    except BatchRefusedError as error:
        raise DestinationError(writer.name, f"refuses to be read: {error}") from None


def _whole(item: Item, theirs: dict[str, Any], earlier: dict[str, Any]) -> Item:
    fields = dict(item.record.fields)
    stale = [n for n, word in item.clears.items() if word is not None]
    if stale and all(same(item.clears[n], theirs.get(n)) for n in stale):
        fields |= dict.fromkeys(item.clears)
    known = {**theirs, **earlier, **item.stood}
    return replace(
        item,
        record=replace(item.record, fields=fields),
        stood={name: known.get(name) for name in fields},
    )
