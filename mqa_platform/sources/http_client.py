"""Questions to one service and what its refusals mean.

Belongs here: addresses below a source's url, the Authorization header, 401 and 403 and the other
refusals in words that name the remedy. Does not belong here: attempts and rates (``http``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from mqa_platform.sources.connection import PermissionLostError
from mqa_platform.sources.http import parsed, session
from mqa_platform.sources.http_limits import Limits, origin, shown
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.tokens import Tokens

_QUOTED: Final = 200
_HIDDEN: Final = "[secret]"


class RefusedError(SourceError):
    """The service understood the question and refuses it: a 4xx besides 401 and 403, or a 3xx."""

    def __init__(self, place: str, reason: str, remedy: str, status: int) -> None:
        super().__init__(place, reason, remedy)
        self.status = status


class Client:
    """A conversation with one service; close it, or use it in a ``with``.

    Args:
        name: the source, for messages.
        url: the service; secrets go to this origin only.
        limits: patience, rate and size.
        tokens: the credentials.
        renew_at: path at which tokens are renewed, for credentials that can be.
        scopes: which permissions a refusal's document says are missing; "" when it does not say.

    Raises:
        SourceError: the url holds a user or password, or is no address.
    """

    def __init__(
        self,
        name: str,
        url: str,
        limits: Limits,
        tokens: Tokens,
        renew_at: str = "",
        scopes: Callable[[Any], str] = lambda document: "",
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.tokens = tokens
        self.renew_at = renew_at
        self.scopes = scopes
        self.last_headers: Mapping[str, str] = {}
        self._session = session(name, limits)
        self._refuse_odd_address(url)
        if tokens.missing:
            raise SourceError(name, f"{tokens.missing} is not set", "Set it in the environment.")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def ask(
        self,
        method: str,
        where: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        grant: str = "",
    ) -> Any:
        """Ask one question and return the parsed JSON; None for an answer without a body.

        Args:
            method: GET or POST.
            where: a path below the url, or a whole address of the same origin.
            params: the query.
            body: sent as JSON.
            grant: what to grant where the service says 403 and not which permission is missing.

        Raises:
            PermissionLostError: 401 (after one renewal, where the credentials allow it) or 403.
            RefusedError: any other refusal.
            UnreachableError, SourceError: see ``http.Adapter``.
        """
        address = self.address(where)
        renewed = False
        while True:
            token = self.tokens.bearer(self._exchange)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            response = self._send(method, address, headers, params=params, json=body)
            if response.status_code != 401 or renewed or not self.tokens.renew(self._exchange):
                self.last_headers = response.headers
                return self._read(response, address, grant)
            renewed = True

    def address(self, where: str) -> str:
        """The whole address of a path, or of a link that the service gave.

        Raises:
            SourceError: the link leads to another origin, which must not see our secret.
        """
        if where.startswith("/") and not where.startswith("//"):
            return self.url + where
        try:
            same = origin(where) == origin(self.url)
        except ValueError:
            same = False
        if not same:
            raise SourceError(
                f"{self.name} ({shown(self.url)})",
                f"links to another place ({shown(where)}), which gets no secret of ours",
                "Ask the service's owner, or name that place in url.",
            )
        return where

    def _exchange(self, form: Mapping[str, str]) -> Mapping[str, object]:
        address = self.address(self.renew_at)
        response = self._send("POST", address, {}, data=dict(form))
        if response.status_code in (400, 401, 403):
            raise PermissionLostError(
                f"{self.name} ({shown(address)})",
                f"gives no new token ({self._said(response)})",
                f"Connect the app again and set {self.tokens.names} anew.",
            )
        granted = self._read(response, address, "")
        if not isinstance(granted, dict) or not granted.get("access_token"):
            raise SourceError(
                f"{self.name} ({shown(address)})",
                "answers without an access_token",
                "Check that url is the service's own address.",
            )
        return granted

    def _send(
        self, method: str, address: str, headers: Mapping[str, str], **content: Any
    ) -> requests.Response:
        wanted = {"Accept": "application/json", "User-Agent": "mqa-platform", **headers}
        return self._session.request(method, address, headers=wanted, **content)

    def _read(self, response: requests.Response, address: str, grant: str) -> Any:
        place = f"{self.name} ({shown(address)})"
        if response.ok and not response.is_redirect:
            return parsed(response.content) if response.content else None
        said = self._said(response)
        if response.status_code == 401:
            raise PermissionLostError(
                place,
                f"refuses the secret in {self.tokens.names} ({said})",
                "It is wrong, expired or withdrawn: make a new one and set it.",
            )
        if response.status_code == 403:
            needed = self.scopes(_document(response)) or grant or "read access to it"
            raise PermissionLostError(
                place,
                f"does not let the secret in {self.tokens.names} read this ({said})",
                f"Grant {needed} to the app or user that the secret belongs to.",
            )
        raise RefusedError(
            place, f"refuses the question ({said})", "Check url and streams.", response.status_code
        )

    def _said(self, response: requests.Response) -> str:
        """The status and the service's own words, cut, and with every secret blotted out."""
        document = _document(response)
        words = ""
        if isinstance(document, dict):
            found = (document.get(key) for key in ("message", "error_description", "error"))
            words = next((text for text in found if isinstance(text, str) and text), "")
        words = words or str(response.reason or "")
        for secret in self.tokens.secrets:
            words = words.replace(secret, _HIDDEN)
        return f"{response.status_code} {re.sub(r'[^ -~]+', ' ', words)[:_QUOTED]}".strip()

    def _refuse_odd_address(self, url: str) -> None:
        try:
            origin(url)
            odd = "@" in urlsplit(url).netloc
        except ValueError:
            odd = True
        if odd:
            raise SourceError(
                self.name,
                "url holds a user or a password, or is no address",
                "Secrets stand in the environment only; write the bare address.",
            )


def _document(response: requests.Response) -> Any:
    try:
        return parsed(response.content)
    except (ValueError, RecursionError):
        return None
