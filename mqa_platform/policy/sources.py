"""Which feeds there are, where they come from and which connector reads each: sources.yaml.

Belongs here: the declaration of a source. Does not belong here: reading it (``sources``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FileConnector = Literal[
    "segment_jsonl",
    "snowplow_enriched",
    "marketo_activities",
    "marketo_leads",
    "pardot_activities",
    "pardot_prospects",
    "hubspot_email_events",
    "hubspot_form_submissions",
    "bombora_surge",
    "bombora_adat",
    "sixsense_companies",
    "sixsense_scores",
    "demandbase_intent",
    "zoominfo_intent",
    "intent_feed",
    "trigger_feed",
    "crunchbase_rounds",
    "crunchbase_companies",
    "crm_export",
    "enrichment",
    "ad_clicks",
    "ad_spend",
    "event_attendees",
    "sales_engagement",
    "account_list",
    "consent_changes",
    "corrections",
    "overrides",
    "rep_capacity",
    "absences",
    "reassignments",
    "reference_records",
    "received",
    "apache_combined",
    "nasa_tsv",
    "git_commits",
    "fortune_accounts",
    "affiliation_accounts",
    "cncf_companies",
    "office_ip_ranges",
    "asn_ranges",
    "cidr_list",
    "asn_list",
    "mmdb",
    "reverse_dns",
]
Signature = Literal["standard_webhooks", "hubspot_v3"]
HttpConnector = Literal["hubspot_api", "salesforce_api", "json_feed"]
Connector = FileConnector | HttpConnector
HTTP: Final = frozenset(("hubspot_api", "salesforce_api", "json_feed"))
Kind = Literal[
    "office", "asn", "hosting", "bot", "vpn", "isp", "mobile", "reverse_dns", "target", "exclusion"
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Source(BaseModel):
    """One feed: files and the connector that reads them, or a service and the client that asks it.

    ``path`` may start with ``${MQA_HOME}`` or ``${MQA_DATA}``, or be an object-store address
    (``s3://``, ``gs://``); every file that the glob matches is landed once. A service has ``url`` and
    ``streams`` instead; its secrets come from the environment, under the names ``mqa doctor`` prints.
    ``consent_categories`` are the categories of the consent banner that all must be allowed before a
    visitor may be followed; none named means all that the banner has. ``signature`` says how webhooks of
    the connector ``received`` are signed; none means Standard Webhooks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    connector: Connector
    path: Annotated[str, Field(min_length=1)] | None = None
    required: bool = False
    week: date | None = None
    kind: Kind | None = None
    crm: Name | None = None
    object: str | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    streams: list[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]] = []
    reads_as: FileConnector | None = None
    since: date | None = None
    # Names of a tracking plan → our events, beside those that the connector knows.
    events: dict[Annotated[str, Field(min_length=1, max_length=200)], Name] = {}
    expect_every_days: Annotated[int, Field(ge=1, le=365)] | None = None
    max_quarantine_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    quarantine_at_least: Annotated[int, Field(ge=1)] | None = None
    consent_categories: list[str] = []
    signature: Signature | None = None

    @property
    def is_http(self) -> bool:
        """Whether a client asks a service, and not a connector reads files."""
        return self.connector in HTTP

    @model_validator(mode="after")
    def _says_where(self) -> Source:
        if self.is_http:
            if self.path is not None:
                raise ValueError(f"{self.connector} takes url and streams, not path")
            if self.url is None:
                raise ValueError(f"{self.connector} needs url: the address of the service")
        elif self.path is None:
            raise ValueError(f"{self.connector} needs path: where its files lie")
        elif self.url is not None or self.streams:
            raise ValueError(f"{self.connector} reads files: it takes path, not url and streams")
        if self.connector == "crm_export" and (self.crm is None or self.object is None):
            raise ValueError("crm_export needs crm and object: which part of mapping.yaml it is")
        if self.connector == "json_feed" and self.reads_as is None:
            raise ValueError("json_feed needs reads_as: the connector that reads its items")
        if self.signature is not None and self.connector != "received":
            raise ValueError("signature is for webhooks: the connector received")
        return self


class Sources(BaseModel):
    """sources.yaml: every feed under the name that its signals carry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[Name, Source] = {}
