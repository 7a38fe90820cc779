"""Campaign spend: what every campaign cost on every day, each sum once.

Belongs here: the published ``campaign_spend`` table. Does not belong here: reading reports
(``sources``), or cost per MQA (``conversions``).
"""

from __future__ import annotations

import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first

_TOLD = (
    "spend_date", "channel", "campaign", "impressions", "clicks", "amount", "currency",
)  # fmt: skip


def campaign_spend(landed: ir.Table) -> ir.Table:
    """One row a source and spend_id: what was reported of it last.

    Between reports that do not say which is newer the larger sum counts: platforms correct upwards
    while clicks are still being confirmed.
    """
    newest = [landed["modified_at"].desc(), landed["amount"].desc()]
    rest = [landed[c] for c in _TOLD if c != "amount"]
    t = newest_first(landed, ["source", "spend_id"], [*newest, *rest])
    return t.select("source", "spend_id", *_TOLD)
