"""Which function reads which kind of file, and which client asks which kind of service.

Belongs here: the tables of connectors and connections, by the names sources.yaml uses. Does not
belong here: any format. Modules are named and loaded when a file of theirs is read, so that the code
location loads without them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import FileConnector, HttpConnector, Source
from mqa_platform.sources.landed import Landed

# Connector → module and function below ``mqa_platform.sources``; each is (path, source) → Landed.
CONNECTORS: Final[dict[FileConnector, str]] = {
    "segment_jsonl": "segment:segment_jsonl",
    "snowplow_enriched": "snowplow:snowplow_enriched",
    "marketo_activities": "marketo:marketo_activities",
    "marketo_leads": "marketo:marketo_leads",
    "pardot_activities": "pardot:pardot_activities",
    "pardot_prospects": "pardot:pardot_prospects",
    "hubspot_email_events": "hubspot_events:hubspot_email_events",
    "hubspot_form_submissions": "hubspot_events:hubspot_form_submissions",
    "bombora_surge": "bombora:bombora_surge",
    "bombora_adat": "bombora_adat:bombora_adat",
    "sixsense_companies": "sixsense:sixsense_companies",
    "sixsense_scores": "sixsense:sixsense_scores",
    "demandbase_intent": "demandbase:demandbase_intent",
    "zoominfo_intent": "zoominfo:zoominfo_intent",
    "intent_feed": "intent_feed:intent_feed",
    "trigger_feed": "triggers:trigger_feed",
    "crunchbase_rounds": "crunchbase:crunchbase_rounds",
    "crunchbase_companies": "crunchbase:crunchbase_companies",
    "enrichment": "enrichment:enrichment",
    "ad_clicks": "advertising:ad_clicks",
    "ad_spend": "advertising:ad_spend",
    "event_attendees": "event_lists:event_attendees",
    "sales_engagement": "sales_engagement:sales_engagement",
    "account_list": "account_lists:account_list",
    "consent_changes": "consents:consent_changes",
    "corrections": "corrections:corrections",
    "overrides": "overrides:overrides",
    "rep_capacity": "rep_capacity:rep_capacity",
    "absences": "absences:absences",
    "reassignments": "reassignments:reassignments",
    "reference_records": "reference_records:reference_records",
    "received": "received:received",
    "apache_combined": "weblogs:apache_combined",
    "nasa_tsv": "weblogs:nasa_tsv",
    "git_commits": "git_commits:git_commits",
    "fortune_accounts": "company_lists:fortune_accounts",
    "affiliation_accounts": "company_lists:affiliation_accounts",
    "cncf_companies": "cncf:cncf_companies",
    "office_ip_ranges": "ip_ranges:office_ip_ranges",
    "asn_ranges": "ip_ranges:asn_ranges",
    "cidr_list": "ip_ranges:cidr_list",
    "asn_list": "ip_ranges:asn_list",
    "mmdb": "mmdb:mmdb",
    "reverse_dns": "reverse_dns:reverse_dns",
}
# Service → module and class below ``mqa_platform.sources``; each is a ``connection.Connection``.
CONNECTIONS: Final[dict[HttpConnector, str]] = {
    "hubspot_api": "hubspot_api:HubSpotConnection",
    "salesforce_api": "salesforce_api:SalesforceConnection",
    "json_feed": "json_feed:JsonFeedConnection",
}
# Which part of mapping.yaml reads the records of a service, where the source does not say.
_CRM_OF: Final[dict[str, str]] = {"hubspot_api": "hubspot", "salesforce_api": "salesforce"}


def mapped_object(source: Source, stream: str = "") -> tuple[str, str] | None:
    """The CRM and the object of mapping.yaml that read a file or page; None if mapping.yaml does not."""
    if source.connector != "crm_export" and source.connector not in _CRM_OF:
        return None
    return source.crm or _CRM_OF[source.connector], source.object or stream


def resolve(place: str) -> Any:
    """The object that ``module:name`` below this package names."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"mqa_platform.sources.{module}"), name)


def read(
    name: str, source: Source, path: Path, mappings: Mappings | None = None, stream: str = ""
) -> Landed:
    """Read one file of the source that sources.yaml calls ``name``.

    Args:
        name: put on every landed row.
        source: its declaration.
        path: the file, or the page that a service answered with.
        mappings: mapping.yaml, for records of a CRM.
        stream: of a service, which of its streams the page is of.

    Raises:
        SourceError: the file cannot be read at all.
    """
    mapped = mapped_object(source, stream)
    if mapped is not None:
        from mqa_platform.sources.crm_export import crm_export

        return crm_export(path, source, mappings or Mappings(), *mapped).named(name)
    connector: Any = source.reads_as if source.connector == "json_feed" else source.connector
    landed: Landed = resolve(CONNECTORS[connector])(path, source)
    return landed.named(name)
