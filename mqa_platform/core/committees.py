"""The buying committee of every account as of the last day: each contact's role, and who may be reached.

Belongs here: the published table of it. Does not belong here: how a role is found and who is barred
(``reachable``).
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.core.reachable import contacts_of
from mqa_platform.policy.models import Policy


def committees(
    contacts: ir.Table, contact_roles: ir.Table, refused: ir.Table, policy: Policy, as_of: date
) -> ir.Table:
    """(contact_id, motion, account_id, role, reachable, why_not, as_of): one row a contact in the CRM.

    Args:
        contacts: crm_contacts with history.
        contact_roles: crm_contact_roles with history.
        refused: ``reachable.refusals``.
        policy: of one motion.
        as_of: the day.
    """
    filed = contacts.filter(contacts["account_id"].notnull()).select("account_id").distinct()
    subjects = filed.select(
        "account_id", subject_id=filed["account_id"], on_day=ibis.literal(as_of)
    )
    t = contacts_of(subjects, contacts, contact_roles, refused, policy)
    return t.select(
        "contact_id",
        motion=ibis.literal(policy.program.motion),
        account_id=t["account_id"],
        role=t["role"],
        reachable=t["reachable"],
        why_not=t["why_not"],
        as_of=t["on_day"],
    )
