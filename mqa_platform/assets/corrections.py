"""What has landed about people and merges, as people have corrected it, for the steps of a run.

Belongs here: which landed tables corrections change. Does not belong here: how (``sources.corrected``).
"""

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.sources import corrected


def identities(step: Step) -> ir.Table:
    """landed_identities, corrected."""
    return corrected.identities(step.session, table=step.table)


def associations(step: Step) -> ir.Table:
    """landed_associations, corrected."""
    return corrected.associations(step.session, table=step.table)


def crm_associations(step: Step) -> ir.Table:
    """landed_associations without the merges that were taken back, and without those made by hand."""
    return corrected.crm_associations(step.session, table=step.table)
