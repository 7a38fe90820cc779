"""One org to talk to: a session that is renewed once, and refusals in words that name the remedy.

Belongs here: the library's client and what its errors mean to us. Does not belong here: which
questions are asked (``salesforce_reader``, ``salesforce_bulk``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_login import API_VERSION, Login
from mqa_platform.sources.salesforce_session import LIMITS, quick, salesforce_session

T = TypeVar("T")
# A 403 that is no question of rights: the org's requests of the day, or of the moment, are used up.
_LIMITED: Final = frozenset(
    ("REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED", "EXCEEDED_QUOTA", "SERVER_UNAVAILABLE")
)
_DENIED: Final = frozenset(
    (
        "INVALID_TYPE",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "FUNCTIONALITY_NOT_ENABLED",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
    )
)
# A query that broke off on their side, and is asked again from the last record that arrived.
BROKEN: Final = frozenset(("QUERY_TIMEOUT", "INVALID_QUERY_LOCATOR"))
# What an object answers that cannot be had in bulk.
NOT_IN_BULK: Final = frozenset(("INVALIDENTITY", "FEATURENOTENABLED", "API_ERROR"))


class RefusedError(SourceError):
    """A refusal that the caller may know how to go on from.

    Args:
        place: whom we asked, and for what.
        reason: what is wrong, in one clause.
        remedy: what the reader of the message can do about it.
        code: Salesforce's errorCode, or the HTTP status.
    """

    def __init__(self, place: str, reason: str, remedy: str, code: str) -> None:
        super().__init__(place, reason, remedy)
        self.code = code


class Org:
    """The org of one source; nothing is sent before the first question. Close it when done."""

    def __init__(
        self, name: str, url: str, environment: Mapping[str, str], is_quick: bool = False
    ) -> None:
        """Read credentials and limits; a quick conversation gives up soon, for somebody who waits.

        Raises:
            SourceError: credentials are missing, or a limit is no number.
        """
        self.name = name
        self.login = Login(name, url, environment)
        limits = LIMITS.adjusted(environment)
        self.limits = quick(limits) if is_quick else limits
        self.session, self._adapter = salesforce_session(
            name, self.limits, self.login.url, self.login.instance
        )
        self._client: Salesforce | None = None
        self._token = ""
        self._lost: PermissionLostError | None = None

    def close(self) -> None:
        """Give the connections back."""
        self.session.close()

    def now(self) -> datetime:
        """The org's clock at its last answer, whole seconds; ours when it never said."""
        return self._adapter.now or datetime.now(UTC).replace(microsecond=0)

    def ask(self, about: str, call: Callable[[Salesforce], T]) -> T:
        """Ask by the library's client; a session that has ended is renewed once.

        Args:
            about: the object in question, for messages.
            call: the question.

        Raises:
            PermissionLostError: the credentials, or the right to read the object, are gone.
            UnreachableError: no usable answer, or the org's limit of requests is reached.
            RefusedError: any other refusal.
        """
        if self._lost is not None:
            raise self._lost
        for is_last in (not self.login.is_renewable, True):
            try:
                return call(self._connected())
            except SalesforceExpiredSession as error:
                self._client = None
                if is_last:
                    raise self._remembered(self._expired(about, error)) from None
            except SalesforceError as error:
                raise self._refusal(about, error) from None
            except (AttributeError, KeyError, TypeError, ValueError):
                # The library takes the form of an answer for granted.
                raise UnreachableError(
                    f"{self.name} (Salesforce)",
                    f"answers in an unknown form when asked for {about or 'its state'}",
                    "Check that url is the org's own address; the next run tries again.",
                ) from None
        raise AssertionError("the last attempt returns or raises")

    def refused(self, about: str, code: str, said: str, status: int = 0) -> SourceError:
        """The error for one of Salesforce's errorCodes.

        Args:
            about: the object in question.
            code: the errorCode; empty when the answer had none.
            said: its own words.
            status: of HTTP, 0 for what a job says of itself.
        """
        place = f"{self.name} (Salesforce object {about})" if about else f"{self.name} (Salesforce)"
        words = f"{code or status}: {self._clean(said)}"
        if code in _LIMITED:
            return UnreachableError(
                place,
                f"the API limit of the org is reached ({words})",
                "What has landed stays; the next run goes on from there. See Setup, System Overview.",
            )
        if status in (401, 403) or code in _DENIED or (code == "NOT_FOUND" and about):
            return PermissionLostError(
                place,
                f"may not be read ({words})",
                f"Give the user of {self.login.names} the right to read {about or 'the API'}, "
                "or take it out of streams.",
            )
        return RefusedError(
            place,
            f"refuses the question ({words})",
            "Check url and streams; a field that was just removed is gone at the next run.",
            code or str(status),
        )

    def _connected(self) -> Salesforce:
        if self._client is None:
            grant = None if self._token else self.login.given()
            try:
                grant = grant or self.login.fresh(self.session)
            except PermissionLostError as error:
                raise self._remembered(error) from None
            self._token = grant.token
            self._client = Salesforce(
                session_id=grant.token,
                instance_url=f"https://{grant.host}",
                version=API_VERSION,
                session=self.session,
                object_pairs_hook=dict,
            )
        return self._client

    def _remembered(self, error: PermissionLostError) -> PermissionLostError:
        """Without credentials no other stream can be read either; nobody is asked twice."""
        self._lost = error
        return error

    def _expired(self, about: str, error: SalesforceError) -> PermissionLostError:
        _, said = _told(error.content)
        return PermissionLostError(
            f"{self.name} (Salesforce)",
            f"refuses the session when asked for {about} ({self._clean(said)})",
            f"Set {self.login.names} anew; the token is wrong, expired or withdrawn.",
        )

    def _refusal(self, about: str, error: SalesforceError) -> SourceError:
        code, said = _told(error.content)
        return self.refused(about, code, said, int(error.status))

    def _clean(self, said: str) -> str:
        for secret in (*self.login.secrets, self._token):
            said = said.replace(secret, "[secret]") if secret else said
        return " ".join(said.split())[:200]


def _told(content: Any) -> tuple[str, str]:
    """(errorCode, message) of an error document; for anything else its first words."""
    first = content[0] if isinstance(content, list) and content else content
    if isinstance(first, dict):
        return str(first.get("errorCode") or ""), str(first.get("message") or "")
    text = content.decode(errors="replace") if isinstance(content, bytes) else str(content)
    return "", re.sub(r"<[^>]*>", " ", text)
