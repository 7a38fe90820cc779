"""Secrets by which a service knows us: read from the environment, and from nowhere else.

Belongs here: bearer tokens that stay and bearer tokens that are renewed. Does not belong here: when to
send them (``http_client``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

Exchange = Callable[[Mapping[str, str]], Mapping[str, object]]


class Tokens(Protocol):
    """What may be put into the Authorization header."""

    @property
    def names(self) -> str:
        """The variables that hold the secrets, for messages."""

    @property
    def missing(self) -> str:
        """The variables that must still be set, for messages; empty when there are enough."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that no message may show."""

    def bearer(self, exchange: Exchange) -> str | None:
        """The token to send; None sends no header."""

    def renew(self, exchange: Exchange) -> bool:
        """Get another token after a refusal; False where there is no way to."""


class StaticToken:
    """One token that stays until somebody replaces it; ``needed`` False allows none at all."""

    def __init__(self, variable: str, environment: Mapping[str, str], needed: bool = True) -> None:
        self._token = environment.get(variable, "").strip()
        self.names = variable
        self.missing = variable if needed and not self._token else ""
        self.secrets = (self._token,) if self._token else ()

    def bearer(self, exchange: Exchange) -> str | None:
        """The token as the environment holds it."""
        return self._token or None

    def renew(self, exchange: Exchange) -> bool:
        """Never: the same token would be refused again."""
        return False


class RefreshedToken:
    """OAuth: a short-lived token, renewed by a refresh token as often as it expires.

    Args:
        prefix: the variables are ``<prefix>_CLIENT_ID``, ``_CLIENT_SECRET`` and ``_REFRESH_TOKEN``.
        environment: where they are.
    """

    def __init__(self, prefix: str, environment: Mapping[str, str]) -> None:
        wanted = [f"{prefix}_{part}" for part in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")]
        values = [environment.get(name, "").strip() for name in wanted]
        self._client_id, self._client_secret, self._refresh_token = values
        self._token = ""
        self.names = ", ".join(wanted)
        self.missing = ", ".join(n for n, v in zip(wanted, values, strict=True) if not v)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The client's secret, the refresh token and the present token."""
        held = (self._client_secret, self._refresh_token, self._token)
        return tuple(secret for secret in held if secret)

    def bearer(self, exchange: Exchange) -> str | None:
        """The present token; the first call asks for one."""
        if not self._token:
            self.renew(exchange)
        return self._token

    def renew(self, exchange: Exchange) -> bool:
        """Exchange the refresh token for a new token; a new refresh token takes the old one's place."""
        granted = exchange(
            {
                "grant_type": "refresh_token",
                "client_id": self._client_id,
                "client_secret": self._client_secret,
                "refresh_token": self._refresh_token,
            }
        )
        self._token = str(granted.get("access_token") or "")
        self._refresh_token = str(granted.get("refresh_token") or self._refresh_token)
        return bool(self._token)
