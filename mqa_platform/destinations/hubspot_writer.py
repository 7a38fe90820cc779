"""Writing companies to HubSpot: batches of 100, by record id or by a unique property.

Belongs here: the calls, and which of their answers may pass later. Does not belong here: credentials
(``sources.tokens``), or how often one is tried (``crm_sending``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mqa_platform.destinations.channel import BatchRefusedError, DestinationError
from mqa_platform.destinations.crm_writer import CrmWriter, Record, Result, Written
from mqa_platform.policy.write_back import WriteBack
from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.http_client import Client, RefusedError
from mqa_platform.sources.http_limits import Limits
from mqa_platform.sources.hubspot_api import HubSpotConnection, missing_scopes
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.tokens import RefreshedToken, StaticToken, Tokens

_BATCH: Final = 100
_REFUSED_FIELDS: Final = ("does not exist", "PROPERTY_DOESNT_EXIST")


def opened_account(policy: WriteBack, environment: Mapping[str, str]) -> Client:
    """The account to write to; nothing is sent yet.

    Raises:
        DestinationError: a secret is missing.
    """
    tokens: Tokens
    try:
        if environment.get("MQA_HUBSPOT_REFRESH_TOKEN"):
            tokens = RefreshedToken("MQA_HUBSPOT", environment)
        else:
            tokens = StaticToken("MQA_HUBSPOT_TOKEN", environment)
        limits: Limits = HubSpotConnection.limits.adjusted(environment)
        return Client(
            "the CRM",
            policy.url or "",
            limits,
            tokens,
            renew_at="/oauth/v1/token",
            scopes=missing_scopes,
        )
    except SourceError as error:
        raise DestinationError("the CRM (write_back.yaml)", error.reason, error.remedy) from None


def asked(client: Client, where: str, body: Any, scope: str, method: str = "POST") -> Any:
    """The answer to one call, its failures as a destination's.

    Raises:
        BatchRefusedError: the call was refused as a whole.
        DestinationError: secret, scope or property.
        ConnectionError: no usable answer.
    """
    try:
        return client.ask(method, where, body=body, grant=scope)
    except PermissionLostError as error:
        raise DestinationError(
            client.name, error.reason, f"Grant {scope} to the app, or set its secret anew."
        ) from None
    except UnreachableError as error:
        raise ConnectionError(str(error)) from None
    except RefusedError as error:
        if error.status == 404 or any(word in error.reason for word in _REFUSED_FIELDS):
            raise DestinationError(
                client.name,
                error.reason,
                "Make the property in HubSpot or take it out of write_back.yaml.",
            ) from None
        raise BatchRefusedError(error.reason) from None
    except SourceError as error:
        raise DestinationError(client.name, error.reason, error.remedy) from None


class HubSpotWriter(CrmWriter):
    """One account. By record id a company is only changed; by a property one that is linked is found."""

    name = "hubspot"

    def __init__(self, policy: WriteBack, environment: Mapping[str, str]) -> None:
        """Read the credentials; nothing is sent.

        Raises:
            DestinationError: a secret is missing.
        """
        self.policy, self.client = policy, opened_account(policy, environment)
        self.object, self.key = policy.object_name, policy.key
        self.scope = f"crm.objects.{self.object}.write"

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()

    def batch_size(self, records: int) -> int:
        """100."""
        return _BATCH

    def write(self, records: Sequence[Record], *, by_record_id: bool = False) -> list[Written]:
        """See ``CrmWriter.write``."""
        key = "hs_object_id" if by_record_id else self.key
        lost: list[Written] = []
        if key != "hs_object_id":
            records, lost = self.known(records)
        return (self._written(records, key) if records else []) + lost

    def read(self, keys: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See ``CrmWriter.read``."""
        found: dict[str, dict[str, Any]] = {}
        by_id = self.key == "hs_object_id"
        # A text that is no id would have the whole question refused.
        keys = [key for key in keys if key.isdecimal()] if by_id else keys
        for at in range(0, len(keys), _BATCH):
            some = keys[at : at + _BATCH]
            body: dict[str, Any] = {
                "properties": [self.key, *fields], "inputs": [{"id": key} for key in some]
            }  # fmt: skip
            if not by_id:
                body["idProperty"] = self.key
            told = asked(self.client, self._path("read"), body, f"crm.objects.{self.object}.read")
            for one in told.get("results", []):
                values = one.get("properties", {})
                key = str(one.get("id")) if by_id else str(values.get(self.key))
                found[key] = {name: values.get(name) for name in fields}
        return found

    def _written(self, records: Sequence[Record], key: str) -> list[Written]:
        by_id = key == "hs_object_id"
        inputs = [
            {"id": r.key, "properties": {n: _text(v) for n, v in r.fields.items()}}
            | ({} if by_id else {"idProperty": key})
            for r in records
        ]
        path = self._path("update" if by_id else "upsert")
        told = asked(self.client, path, {"inputs": inputs}, self.scope)
        trouble = _trouble(told)
        named = {r.key for r in records} & set(trouble)
        done = len(told.get("results", []))
        if done + len(named) < len(records) or "" in trouble:
            # Whoever is not named by id is known by the result it has, or has to be tried again.
            ids = {_key_of(one, key, by_id) for one in told.get("results", [])}
            if done and not ids & {r.key for r in records}:
                raise ConnectionError(f"{self.name}: {done} of {len(records)} records are answered")
            said = trouble.get("", ("again", "the answer does not name this record"))[1]
            trouble |= {r.key: ("again", said) for r in records if r.key not in {*ids, *trouble}}
        return [
            Written(r.account_id, *trouble[r.key])
            if r.key in trouble
            else Written(r.account_id, "sent")
            for r in records
        ]

    def _path(self, verb: str) -> str:
        return f"/crm/v3/objects/{self.object}/batch/{verb}"


def _key_of(one: Mapping[str, Any], key: str, by_id: bool) -> str:
    return str(one.get("id") if by_id else (one.get("properties") or {}).get(key))


def _trouble(told: Any) -> dict[str, tuple[Result, str]]:
    """Key → what became of it, of the records that an answer names as failed; "" where it names none."""
    if not isinstance(told, dict):
        raise ConnectionError("hubspot: answers in an unknown form")
    found: dict[str, tuple[Result, str]] = {}
    for error in told.get("errors") or []:
        category, said = str(error.get("category") or ""), str(error.get("message") or "")
        text = f"{category}: {' '.join(said.split())[:300]}"
        # A conflict is another change at the same moment, unless a value belongs to somebody else.
        passing = category in ("RATE_LIMITS", "OBJECT_LOCKED") or (
            category == "CONFLICT" and "another object" not in said
        )
        ids = (error.get("context") or {}).get("ids") or [""]
        found |= {str(i): ("again" if passing else "refused", text) for i in ids}
    return found


def _text(value: Any) -> str:
    """HubSpot keeps every value as text; an empty one empties the property."""
    return "" if value is None else str(value)
