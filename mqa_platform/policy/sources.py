"""Which files feed the platform and which connector reads each: sources.yaml.

Belongs here: the declaration of a source. Does not belong here: reading it (``sources``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Connector = Literal[
    "segment_jsonl",
    "marketo_activities",
    "marketo_leads",
    "bombora_surge",
    "trigger_feed",
    "salesforce_accounts",
    "salesforce_contacts",
    "salesforce_opportunities",
    "salesforce_activities",
    "salesforce_users",
    "apache_combined",
    "nasa_tsv",
    "git_commits",
    "fortune_accounts",
    "affiliation_accounts",
    "office_ip_ranges",
    "asn_ranges",
    "cidr_list",
    "asn_list",
]


class Source(BaseModel):
    """One feed: a glob of files and the connector that reads them.

    ``path`` may start with ``${MQA_HOME}`` or ``${MQA_DATA}``; every file that the glob matches is
    landed once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    connector: Connector
    path: Annotated[str, Field(min_length=1)]
    required: bool = False
    week: date | None = None
    kind: Literal["office", "asn", "hosting", "bot", "vpn", "isp"] | None = None


class Sources(BaseModel):
    """sources.yaml: every feed under the name that its signals carry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Source] = {}
