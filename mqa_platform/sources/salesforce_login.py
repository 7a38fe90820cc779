"""How we become known to a Salesforce org: three kinds of credentials, all from the environment.

Belongs here: which variables there are, and a login with them. Does not belong here: when to log in
again (``salesforce_org``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin, token_login

from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.http_limits import is_loopback
from mqa_platform.sources.landed import SourceError

# The last version whose SOAP interface still has a login is 64.
API_VERSION: Final = "62.0"
INSTANCE_URL: Final = "MQA_SALESFORCE_INSTANCE_URL"
ACCESS_TOKEN: Final = "MQA_SALESFORCE_ACCESS_TOKEN"  # noqa: S105  # the name of a variable
USERNAME: Final = "MQA_SALESFORCE_USERNAME"
PASSWORD: Final = "MQA_SALESFORCE_PASSWORD"  # noqa: S105
SECURITY_TOKEN: Final = "MQA_SALESFORCE_SECURITY_TOKEN"  # noqa: S105
CLIENT_ID: Final = "MQA_SALESFORCE_CLIENT_ID"
CLIENT_SECRET: Final = "MQA_SALESFORCE_CLIENT_SECRET"  # noqa: S105
SECRETS: Final = (
    CLIENT_ID,
    CLIENT_SECRET,
    USERNAME,
    PASSWORD,
    SECURITY_TOKEN,
    ACCESS_TOKEN,
    INSTANCE_URL,
)
# What a login answers when it is not the credentials' fault.
_LATER: Final = frozenset(
    (
        "SERVER_UNAVAILABLE",
        "REQUEST_LIMIT_EXCEEDED",
        "LOGIN_RATE_EXCEEDED",
        "temporarily_unavailable",
    )
)


def _is_odd(place: str) -> bool:
    parts = urlsplit(place)
    is_safe = parts.scheme == "https" or is_loopback(parts.hostname or "")
    return not parts.netloc or "@" in parts.netloc or not is_safe


@dataclass(frozen=True)
class Grant:
    """A session of the org: its token, and the host (with port) that answers it."""

    token: str = field(repr=False)
    host: str


class Login:
    """The credentials of one source.

    An access token is used as long as it lasts; a client's secret or a password gives the next one.
    """

    def __init__(self, name: str, url: str, environment: Mapping[str, str]) -> None:
        """Read the variables.

        Args:
            name: the source, for messages.
            url: ``url`` of the source: the org's own domain, or the login server for passwords.
            environment: where the secrets are.

        Raises:
            SourceError: none of the three ways is complete; names what is missing.
        """
        self.name = name
        self.url = url.rstrip("/")
        self._values = {key: environment.get(key, "").strip() for key in SECRETS}
        self.instance = (self._values[INSTANCE_URL] or self.url).rstrip("/")
        if any(_is_odd(place) for place in (self.url, self.instance)):
            raise SourceError(
                name,
                "its address is in clear text, holds a user or a password, or is none",
                f"Write the bare https:// address into url and {INSTANCE_URL}.",
            )
        for one, other in ((CLIENT_ID, CLIENT_SECRET), (USERNAME, PASSWORD)):
            if bool(self._values[one]) != bool(self._values[other]):
                missing = other if self._values[one] else one
                raise SourceError(name, f"{missing} is not set", "Set it in the environment.")
        if not (self._values[ACCESS_TOKEN] or self.is_renewable):
            raise SourceError(
                name,
                "no credentials are set",
                f"Set {CLIENT_ID} and {CLIENT_SECRET}, or {USERNAME}, {PASSWORD} and "
                f"{SECURITY_TOKEN}, or {ACCESS_TOKEN} and {INSTANCE_URL}, in the environment.",
            )

    @property
    def is_renewable(self) -> bool:
        """Whether there is more than a token that ends some day."""
        return bool(self._values[CLIENT_ID] or self._values[USERNAME])

    @property
    def names(self) -> str:
        """The variables in use, for messages."""
        if self._values[CLIENT_ID]:
            return f"{CLIENT_ID} and {CLIENT_SECRET}"
        if self._values[USERNAME]:
            return f"{USERNAME}, {PASSWORD} and {SECURITY_TOKEN}"
        return ACCESS_TOKEN

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that no message may show."""
        shown = (INSTANCE_URL, USERNAME, CLIENT_ID)
        return tuple(v for key, v in self._values.items() if v and key not in shown)

    def given(self) -> Grant | None:
        """The session that the environment brings along, if it does."""
        token = self._values[ACCESS_TOKEN]
        return Grant(token, urlsplit(self.instance).netloc) if token else None

    def fresh(self, session: requests.Session) -> Grant:
        """Log in and return the new session.

        Raises:
            PermissionLostError: the login is refused, or there are no credentials to log in with.
            UnreachableError: the login server does not answer usably.
        """
        if not self.is_renewable:
            raise PermissionLostError(
                f"{self.name} ({self.instance})",
                f"the token in {ACCESS_TOKEN} has expired or is withdrawn",
                f"Set a new one; or set {CLIENT_ID} and {CLIENT_SECRET}, which renew it.",
            )
        try:
            token, host = self._client(session) if self._values[CLIENT_ID] else self._user(session)
        except SalesforceAuthenticationFailed as error:
            raise self._refusal(error) from None
        except (AttributeError, ExpatError):
            token, host = "", ""
        if not token or not host:
            raise UnreachableError(
                f"{self.name} ({self.url})",
                "the login answers without a session",
                "Check that url is the org's own address.",
            )
        return Grant(token, host)

    def _client(self, session: requests.Session) -> tuple[str, str]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._values[CLIENT_ID],
            "client_secret": self._values[CLIENT_SECRET],
        }
        found: tuple[str, str] = token_login(
            f"{self.url}/services/oauth2/token", form, self.url, "", None, None, session
        )
        return found

    def _user(self, session: requests.Session) -> tuple[str, str]:
        # The library calls an address "scratch" that it takes as it is.
        found: tuple[str, str] = SalesforceLogin(
            username=self._values[USERNAME],
            password=self._values[PASSWORD],
            security_token=self._values[SECURITY_TOKEN],
            sf_version=API_VERSION,
            session=session,
            scratch_url=self.url,
        )
        return found

    def _refusal(self, error: SalesforceAuthenticationFailed) -> SourceError:
        words = " ".join(error.auth_message.split())[:200]
        for secret in self.secrets:
            words = words.replace(secret, "[secret]")
        place, reason = f"{self.name} ({self.url})", f"refuses the login ({error.code}: {words})"
        if str(error.code) in _LATER:
            return UnreachableError(place, reason, "The next run tries again.")
        return PermissionLostError(
            place, reason, f"Correct {self.names}, and check that the user may use the API."
        )
