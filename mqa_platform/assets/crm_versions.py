"""From landed CRM records to the versions of every CRM table.

Belongs here: which landed tables make a CRM table, and in which order. Does not belong here: the rules
(``core.crm_history``, ``core.crm``) or publishing (``sources``).
"""

import ibis
import ibis.expr.types as ir

from mqa_platform.assets.corrections import crm_associations
from mqa_platform.assets.platform import Step
from mqa_platform.core import crm_history
from mqa_platform.core.crm import history
from mqa_platform.sources.schemas import LANDED

# CRM table → the landed table of its records, and their id.
LANDED_AS = {
    "crm_accounts": ("landed_accounts", "account_id"),
    "crm_contacts": ("landed_contacts", "contact_id"),
    "crm_leads": ("landed_leads", "lead_id"),
    "crm_opportunities": ("landed_opportunities", "opportunity_id"),
    "crm_contact_roles": ("landed_contact_roles", "role_id"),
    "crm_activities": ("landed_activities", "activity_id"),
    "crm_users": ("landed_users", "user_id"),
}
_OBJECTS = {
    "crm_accounts": "account",
    "crm_contacts": "contact",
    "crm_leads": "lead",
    "crm_opportunities": "opportunity",
}
# Whose account, or contact, may be told by a link alone.
_LINKED = {
    "crm_contacts": ("contact", "account"),
    "crm_opportunities": ("opportunity", "account"),
}


def versions(step: Step, table: str) -> ir.Table:
    """The versions of a CRM table with the columns and types of its contract."""
    _, key = LANDED_AS[table]
    found = history(_records(step, table), key)
    wanted = step.contracts[table].schema
    return found.select(
        **{c: found[c].cast(t) if c in found.columns else ibis.null(t) for c, t in wanted.items()}
    )


def _records(step: Step, table: str) -> ir.Table:
    """Landed versions, earlier ones out of field history, links and merges included."""
    name, key = LANDED_AS[table]
    landed, associations = step.table(name), step.table("landed_associations")
    if table == "crm_activities":
        return _activities(step, landed, associations)
    if table in _LINKED:
        whose, target = _LINKED[table]
        landed = crm_history.linked(landed, associations, whose, key, target)
    if table in _OBJECTS:
        whose, changes = _OBJECTS[table], step.table("landed_field_changes")
        apply = step.session.apply
        landed = crm_history.with_earlier(landed, changes, whose, key, LANDED[name], apply)
        # A merge that was taken back is none; one made by hand leaves the CRM's records as they are.
        landed = crm_history.without_merged(landed, crm_associations(step), whose, key)
    if table == "crm_contacts":
        leads = crm_history.converted(step.table("landed_leads"), landed)
        landed = crm_history.stacked(landed, leads)
    return landed


def _activities(step: Step, landed: ir.Table, associations: ir.Table) -> ir.Table:
    for target in ("account", "contact"):
        landed = crm_history.linked(landed, associations, "activity", "activity_id", target)
    contacts = crm_history.linked(
        step.table("landed_contacts"), associations, "contact", "contact_id", "account"
    )
    return crm_history.by_contact(landed, contacts)
