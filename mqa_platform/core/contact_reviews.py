"""People whom the CRM has as a contact of several companies, for a person to settle.

Belongs here: from signals that wait for such an answer to the accounts it may be: a part of
``identity_reviews``. Does not belong here: choosing a contact (``contact_matches``), or the other doubts
(``reviews``, ``tie_reviews``).
"""

from __future__ import annotations

import ibis.expr.types as ir

from mqa_platform.core.contact_matches import contact_matches, contact_versions, with_nodes
from mqa_platform.core.known import Known
from mqa_platform.core.tie_reviews import told


def contact_reviews(
    waiting: ir.Table, contacts: ir.Table, known: Known, listed_domains: ir.Table
) -> ir.Table:
    """One row a person and account: the columns of identity_reviews, of the kind ``tie``.

    ``ref`` is the keyed reference of the address. Listed only while signals wait for it.

    Args:
        waiting: signals of the reason tie_refused: signal_id, signal_date, person_key, email_domain.
        contacts: crm_contacts with history.
        known: owners and nodes.
        listed_domains: domains of free and disposable mail.
    """
    people = waiting.select(
        "signal_id", "signal_date", person="person_key", person_domain="email_domain"
    )
    found = contact_matches(people, contacts, known.nodes, known.owners, listed_domains)
    tied = found.filter(found["is_contact_tied"]).select("contact_signal")
    people = people.semi_join(tied, people["signal_id"] == tied["contact_signal"])
    t = with_nodes(contact_versions(people, contacts), known.nodes, "account_id", "node_id")
    t = t.filter(t["node_id"].notnull())
    t = t.select("signal_id", "signal_date", ref="person", candidate="account_id")
    return told(t)
