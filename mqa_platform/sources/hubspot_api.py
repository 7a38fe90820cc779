"""HubSpot: how we log in, which streams there are and what each needs.

Belongs here: credentials, scopes, the table of streams. Does not belong here: how a stream is read
(``hubspot_objects``, ``hubspot_streams``), or what its fields mean (mapping.yaml, ``crm_export``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from mqa_platform.sources.connection import Page, Spec
from mqa_platform.sources.http_client import Client
from mqa_platform.sources.http_connection import HttpConnection
from mqa_platform.sources.http_limits import Limits
from mqa_platform.sources.hubspot_objects import CrmObjects, PropertyHistory
from mqa_platform.sources.hubspot_streams import Engagements, Owners, Stream
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.tokens import RefreshedToken, StaticToken, Tokens

_OF_ALL: Final = ("contacts", "companies", "deals")
_COMPANIES: Final = CrmObjects("companies", "crm.objects.companies.read")
_CONTACTS: Final = CrmObjects(
    "contacts", "crm.objects.contacts.read", ("companies",), modified="lastmodifieddate"
)
_DEALS: Final = CrmObjects("deals", "crm.objects.deals.read", ("companies", "contacts"))
_STREAMS: Final[dict[str, Stream]] = {
    stream.name: stream
    for stream in (
        _COMPANIES,
        _CONTACTS,
        _DEALS,
        Owners("owners", "crm.objects.owners.read"),
        Engagements("engagements", "crm.objects.contacts.read and sales-email-read"),
        PropertyHistory(
            "company_property_history",
            _COMPANIES,
            "company_id",
            (
                "lifecyclestage",
                "hubspot_owner_id",
                "name",
                "domain",
                "industry",
                "numberofemployees",
                "annualrevenue",
                "country",
            ),
        ),
        PropertyHistory(
            "contact_property_history",
            _CONTACTS,
            "contact_id",
            (
                "lifecyclestage",
                "hs_lead_status",
                "hubspot_owner_id",
                "associatedcompanyid",
                "jobtitle",
            ),
        ),
        PropertyHistory(
            "deal_property_history",
            _DEALS,
            "deal_id",
            ("dealstage", "pipeline", "amount", "closedate", "hubspot_owner_id"),
        ),
        CrmObjects("calls", "crm.objects.contacts.read", _OF_ALL),
        CrmObjects("meetings", "crm.objects.contacts.read", _OF_ALL),
        CrmObjects("emails", "crm.objects.contacts.read and sales-email-read", _OF_ALL),
        CrmObjects("tasks", "crm.objects.contacts.read", _OF_ALL),
        CrmObjects("communications", "crm.objects.contacts.read", _OF_ALL),
    )
}
# The v3 calls, meetings, e-mails and tasks are the engagements again: name one form or the other.
DEFAULT_STREAMS: Final = (
    "companies",
    "contacts",
    "deals",
    "owners",
    "engagements",
    "company_property_history",
    "contact_property_history",
    "deal_property_history",
)


class HubSpotConnection(HttpConnection):
    """One HubSpot account, by a private app's token or by an app's refresh token."""

    # Searching is limited to 5 requests a second and account, shared by all of its apps.
    limits: ClassVar[Limits] = Limits(requests_per_second=4)

    def spec(self) -> Spec:
        """Settings, secrets and streams."""
        return Spec(
            "hubspot_api",
            "HubSpot's CRM: companies, contacts, deals, owners and sales activities",
            ("url", "streams", "since"),
            (
                "MQA_HUBSPOT_TOKEN",
                "MQA_HUBSPOT_CLIENT_ID",
                "MQA_HUBSPOT_CLIENT_SECRET",
                "MQA_HUBSPOT_REFRESH_TOKEN",
            ),
            tuple(_STREAMS),
        )

    def client(self, limits: Limits) -> Client:
        """A conversation with the account."""
        return Client(
            self.name,
            self.source.url or "",
            limits,
            self._tokens(),
            renew_at="/oauth/v1/token",
            scopes=missing_scopes,
        )

    def streams(self) -> list[str]:
        """The declared streams, or the usual ones."""
        wanted = self.source.streams or list(DEFAULT_STREAMS)
        unknown = [name for name in wanted if name not in _STREAMS]
        if unknown:
            raise SourceError(
                self.name,
                f"has no stream {', '.join(unknown)}",
                f"Choose from {', '.join(_STREAMS)}.",
            )
        return wanted

    def read(self, client: Client, stream: str, cursor: str | None) -> Iterator[Page]:
        """One stream from its cursor to now."""
        return _STREAMS[stream].pages(self, client, cursor)

    def probe(self, client: Client, stream: str) -> None:
        """The smallest page of the stream."""
        _STREAMS[stream].probe(client)

    def _tokens(self) -> Tokens:
        if self.environment.get("MQA_HUBSPOT_REFRESH_TOKEN"):
            return RefreshedToken("MQA_HUBSPOT", self.environment)
        return StaticToken("MQA_HUBSPOT_TOKEN", self.environment)


def missing_scopes(document: Any) -> str:
    """The scopes that a refusal of HubSpot's names; "" when it names none."""
    found: list[str] = []
    parts = [document, *_listed(document, "errors")]
    for part in parts:
        context = part.get("context") if isinstance(part, dict) else None
        for key in ("requiredGranularScopes", "requiredScopes"):
            found += [scope for scope in _listed(context, key) if isinstance(scope, str)]
    return ", ".join(dict.fromkeys(found))


def _listed(value: Any, key: str) -> list[Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []
