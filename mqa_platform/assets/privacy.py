"""What every landing does for the people in the data: it drops old addresses, and is loud about the key.

Belongs here: the steps of the asset ``landed_batches`` that guard personal data. Does not belong here: how
an address is dropped (``sources.retention``) or a key is told from another (``sources.personal_key``).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mqa_platform.assets.platform import Step
from mqa_platform.sources.erasing_record import remember
from mqa_platform.sources.landing import LandingReport
from mqa_platform.sources.personal_key import REMEDY, key_problem, note_key
from mqa_platform.sources.retention import REWRITES, Retained, retain
from mqa_platform.warehouse import Published, Session

# Landed table → columns of which each names a person or where one sat.
_PERSONAL = {
    "landed_identities": ("person_ref",),
    "landed_contacts": ("person_ref", "name"),
    "landed_leads": ("person_ref", "name"),
    "landed_consents": ("ref",),
    "landed_signals": ("person_ref", "ip"),
    "landed_corrections": ("ref", "onto"),
}


def guard_personal_data(step: Step, report: LandingReport) -> Retained:
    """Drops the addresses whose days are over; the report says so when the key protects nobody."""
    if report.files and _holds_personal_data(step.session):
        note_key(step.home)
        problem = key_problem(step.home)
        if problem:
            report.messages.insert(0, f"{problem}: {REMEDY}")
    remember(step.session, step.home)
    return retain(step.session, step.home, step.policy, datetime.now(UTC).date())


def told_of(published: Sequence[Published], dropped: Retained) -> list[Published]:
    """The publications, with the record of rewrites as changed when something was dropped.

    The rows were added with the rewrite itself, so the publication finds nothing new, and readers would
    keep the snapshot that still has the addresses.
    """
    return [
        replace(p, changed=True) if p.table == REWRITES and dropped.rows else p for p in published
    ]


def _holds_personal_data(session: Session) -> bool:
    for name, columns in _PERSONAL.items():
        table = session.table(name)
        for column in columns:
            if session.rows(table.filter(table[column].notnull()).select(column).limit(1)):
                return True
    return False
