"""Fields of a customised CRM that may be what one of our columns asks for; a person says whether.

Belongs here: which words in a field's name make it worth a look. Does not belong here: mapping any
field on such grounds: a candidate stays a comment until somebody removes its mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mqa_platform.sources.crm_recognition import found
from mqa_platform.sources.crm_schema import Seen
from mqa_platform.sources.record_table import canonical

# Our columns that standard objects of a CRM do not have, and parts of names that people give them.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "tier": ("tier", "segment"),
    "is_target": ("targetaccount", "istarget", "abmaccount", "abmtarget", "namedaccount"),
    "sales_status": ("salesstatus", "accepted", "acceptance", "disposition", "leadstatus"),
    "sales_status_reason": ("rejectionreason", "rejectreason", "disqualif", "unqualified"),
    "account_type": ("accounttype", "customertype", "customerstatus", "lifecycle"),
    "loss_reason": ("lossreason", "lostreason", "closedlost", "reasonlost"),
    "term_months": ("term", "contractlength"),
    "technologies": ("techstack", "technolog"),
    "growth_pct": ("growth",),
    "no_show": ("noshow",),
    "is_held": ("meetingoutcome", "meetingheld", "outcome"),
    "do_not_contact": ("donotcontact", "donotcall", "optout", "optedout"),
    "capacity_per_week": ("capacity",),
    "territory": ("territory",),
}


def candidates(seen: Seen, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a column that nothing fills and a field that records fill and that sounds like it.

    Args:
        seen: the object as it was found.
        columns: ours that no field was found for.
    """
    mapped = {f for c in seen.mapped.fields for f in found(set(seen.fields), seen.mapped, c)}
    for column in columns:
        for field, rows in sorted(seen.filled.items()):
            said = canonical(field)
            if (
                rows
                and field not in mapped
                and any(part in said for part in _PARTS.get(column, ()))
            ):
                yield column, field
