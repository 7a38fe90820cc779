"""Whether a request was signed by who shares a secret with us, and lately.

Belongs here: the three schemes, and what makes a signature count. Does not belong here: where secrets come
from (``settings``), or keeping what was received (``inbox``).

Slack and Standard Webhooks are checked by their own libraries. HubSpot's is written here after its
description; its older schemes, which sign no moment, are refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Scheme = Literal["slack_v0", "standard_webhooks", "hubspot_v3"]
SLACK: Final = "slack_v0"
STANDARD: Final = "standard_webhooks"
HUBSPOT: Final = "hubspot_v3"
# How far a moment of signing may lie from ours, on either side.
WINDOW_SECONDS: Final = 300
# What HubSpot decodes of an address before it signs; the mark that begins the query is left alone.
_DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(",
    "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ENCODED: Final = re.compile("|".join(_DECODED), re.IGNORECASE)
_WHOLE: Final = re.compile(r"[0-9]{1,16}")


class SignatureError(Exception):
    """A request that nobody we know has signed, or not now; the text says which."""


@dataclass(frozen=True)
class Request:
    """What was signed.

    Attributes:
        method: such as ``POST``.
        url: the address as the sender knows it, in front of any proxy.
        headers: names and values as they came, in their order; names in any case.
        body: the octets as they came.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def once(self, name: str) -> str:
        """The one value of a header.

        Raises:
            SignatureError: it is missing, empty, or there twice, so that nobody knows which was signed.
        """
        found = [value for key, value in self.headers if key.lower() == name]
        if len(found) != 1 or not found[0].strip():
            raise SignatureError(
                f"the header {name} is {'there twice' if found[1:] else 'missing'}"
            )
        return found[0].strip()


def verify(scheme: Scheme, secrets: Sequence[str], request: Request, now: float) -> str:
    """Says who vouches for a request: the id that the sender gave it, empty where the scheme has none.

    Args:
        scheme: how it should be signed.
        secrets: any one of them will do, so that a new one can be brought in before the old one goes.
        request: what came.
        now: seconds since 1970.

    Raises:
        SignatureError: it is not signed by one of them, or not within five minutes.
    """
    check = {SLACK: _slack, STANDARD: _standard, HUBSPOT: _hubspot}[scheme]
    try:
        request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise SignatureError("the body is not UTF-8") from None
    found = [check(secret, request, now) for secret in secrets]
    given = next((identity for identity in found if identity is not None), None)
    if given is None:
        raise SignatureError("the signature does not match")
    return given


def problem_of(scheme: Scheme, secret: str) -> str | None:
    """Why a text cannot be the secret of a scheme; None if it can. The text is not repeated."""
    key = secret.strip().removeprefix("whsec_" if scheme == STANDARD else "")
    if not key:
        return "is empty"
    if scheme == STANDARD:
        # With its padding or without, as the library takes it.
        bare = key.rstrip("=")
        try:
            base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        except ValueError:
            return "is no base64, with or without whsec_ before it"
    return None


class _At(Clock):
    """Slack's library asks a clock."""

    def __init__(self, now: float) -> None:
        self.seconds = now

    def now(self) -> float:
        return self.seconds


def _slack(secret: str, request: Request, now: float) -> str | None:
    moment, signature = request.once("x-slack-request-timestamp"), request.once("x-slack-signature")
    _within(moment, 1, now)
    try:
        good = SignatureVerifier(secret, _At(now)).is_valid(request.body, moment, signature)
    except (TypeError, ValueError):
        # A signature with letters that no digest has.
        return None
    return "" if good else None


def _standard(secret: str, request: Request, now: float) -> str | None:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: request.once(name) for name in names}
    _within(headers["webhook-timestamp"], 1, now)
    try:
        Webhook(secret).verify(request.body, headers, json_parse=False)
    except (TypeError, ValueError, WebhookVerificationError):
        return None
    return headers["webhook-id"]


def _hubspot(secret: str, request: Request, now: float) -> str | None:
    moment = request.once("x-hubspot-request-timestamp")
    signature = request.once("x-hubspot-signature-v3")
    _within(moment, 1_000, now)
    signed = f"{request.method}{hubspot_address(request.url)}".encode()
    key = secret.encode()
    digest = hmac.new(key, signed + request.body + moment.encode(), hashlib.sha256).digest()
    given = signature.encode("utf-8", "replace")
    return "" if hmac.compare_digest(base64.b64encode(digest), given) else None


def hubspot_address(url: str) -> str:
    """An address as HubSpot signs it: a dozen of its encoded signs are decoded, the others are not."""
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], url)


def _within(moment: str, ticks: int, now: float) -> None:
    """Refuses a moment that is none, or too far from now; ``ticks`` a second.

    Raises:
        SignatureError: as said.
    """
    if not _WHOLE.fullmatch(moment):
        raise SignatureError("the moment of signing is no number")
    if abs(now - int(moment) / ticks) > WINDOW_SECONDS:
        raise SignatureError("it was signed more than five minutes from now")
