"""The write-back of one home, ready to run: its policy, its journal and the CRM's writer.

Belongs here: putting the parts together, and who may not write. Does not belong here: the parts themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_sync import CrmRuns
from mqa_platform.destinations.crm_writer import CrmWriter
from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.write_back import WriteBack


def why_not(home: Home, policy: Policy) -> str | None:
    """Why this home writes to no CRM; None: it does."""
    if home.is_shadow:
        return "a shadow never writes to a CRM"
    if policy.write_back.crm == "none":
        return "no CRM is named in write_back.yaml"
    if not policy.delivery.enabled:
        return "delivery is switched off: set enabled: true in delivery.yaml"
    return None


def crm_writer(policy: WriteBack, environment: Mapping[str, str]) -> CrmWriter:
    """The writer of the CRM that the policy names; nothing is sent yet.

    Raises:
        DestinationError: no CRM is named, or a secret is missing.
    """
    if policy.crm == "salesforce":
        from mqa_platform.destinations.salesforce_writer import SalesforceWriter

        return SalesforceWriter(policy, environment)
    if policy.crm == "hubspot":
        from mqa_platform.destinations.hubspot_writer import HubSpotWriter

        return HubSpotWriter(policy, environment)
    raise DestinationError("write_back.yaml", "names no CRM", "Set crm to salesforce or hubspot.")


@contextmanager
def crm_runs(home: Home, policy: Policy, environment: Mapping[str, str]) -> Iterator[CrmRuns]:
    """The runs of a home that may write.

    Raises:
        DestinationError: it may not, or a secret is missing.
    """
    reason = why_not(home, policy)
    if reason is not None:
        raise DestinationError("the write-back", reason)
    writer = crm_writer(policy.write_back, environment)
    try:
        yield CrmRuns(CrmJournal(home.outbox), policy.write_back, writer)
    finally:
        writer.close()
