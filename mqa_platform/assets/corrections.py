"""What has landed about people and merges, as people have corrected it.

Belongs here: which landed tables corrections change. Does not belong here: how (``core.corrections``).
"""

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.core.corrections import corrected_associations, corrected_identities


def identities(step: Step) -> ir.Table:
    """landed_identities, corrected."""
    corrections = step.table("landed_corrections")
    if not step.session.rows(corrections.limit(1)):
        return step.table("landed_identities")
    return step.session.keep(corrected_identities(step.table("landed_identities"), corrections))


def associations(step: Step) -> ir.Table:
    """landed_associations, corrected."""
    corrections = step.table("landed_corrections")
    if not step.session.rows(corrections.limit(1)):
        return step.table("landed_associations")
    return step.session.keep(corrected_associations(step.table("landed_associations"), corrections))
