"""Which function reads which kind of file.

Belongs here: the table of connectors, keyed by the names sources.yaml uses. Does not belong here:
any format.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from mqa_platform.policy.sources import Connector, Source
from mqa_platform.sources.bombora import bombora_surge
from mqa_platform.sources.company_lists import affiliation_accounts, fortune_accounts
from mqa_platform.sources.git_commits import git_commits
from mqa_platform.sources.ip_ranges import asn_list, asn_ranges, cidr_list, office_ip_ranges
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.marketo import marketo_activities, marketo_leads
from mqa_platform.sources.salesforce import (
    salesforce_accounts,
    salesforce_activities,
    salesforce_contacts,
    salesforce_opportunities,
    salesforce_users,
)
from mqa_platform.sources.segment import segment_jsonl
from mqa_platform.sources.triggers import trigger_feed
from mqa_platform.sources.weblogs import apache_combined, nasa_tsv

CONNECTORS: Final[dict[Connector, Callable[[Path, Source], Landed]]] = {
    "segment_jsonl": segment_jsonl,
    "marketo_activities": marketo_activities,
    "marketo_leads": marketo_leads,
    "bombora_surge": bombora_surge,
    "trigger_feed": trigger_feed,
    "salesforce_accounts": salesforce_accounts,
    "salesforce_contacts": salesforce_contacts,
    "salesforce_opportunities": salesforce_opportunities,
    "salesforce_activities": salesforce_activities,
    "salesforce_users": salesforce_users,
    "apache_combined": apache_combined,
    "nasa_tsv": nasa_tsv,
    "git_commits": git_commits,
    "fortune_accounts": fortune_accounts,
    "affiliation_accounts": affiliation_accounts,
    "office_ip_ranges": office_ip_ranges,
    "asn_ranges": asn_ranges,
    "cidr_list": cidr_list,
    "asn_list": asn_list,
}


def read(name: str, source: Source, path: Path) -> Landed:
    """Read one file of the source that sources.yaml calls ``name``.

    Raises:
        SourceError: the file as a whole cannot be read.
    """
    return CONNECTORS[source.connector](path, source).named(name)
