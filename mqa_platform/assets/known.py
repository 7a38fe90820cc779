"""Owners of domains, nodes of accounts and people, worked out of what has landed.

Belongs here: which tables that takes. Does not belong here: the rules (``core.known``), or who reads it.
"""

from mqa_platform.assets.corrections import associations, identities
from mqa_platform.assets.platform import Step
from mqa_platform.core import known as core
from mqa_platform.core.domains import CONTACT
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.sources.reference import reference_domains


def known(step: Step) -> core.Known:
    """What identity and the account tables share."""
    session, identity = step.session, step.policy.identity
    merges = session.arrow(core.account_merges(associations(step)), MERGE)
    accounts = step.table("crm_accounts")
    rivals = core.rival_contacts(step.table("crm_contacts"), accounts, identity)
    contacts = session.arrow(rivals, CONTACT)
    return core.known(
        accounts,
        identities(step),
        merges,
        contacts,
        identity,
        session.apply,
        session.constant("listed_domains", reference_domains()),
    )
