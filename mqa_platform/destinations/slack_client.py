"""The Slack client that the channel speaks through, and what Slack's refusals mean.

Belongs here: slack-sdk's client made careful, and its errors in our words. Does not belong here: messages
(``slack_channel``), their look (``reports``), or when they are tried again (``outbox``).

The SDK would try a broken connection again by itself, and a message might stand there twice; it would follow
a redirect and carry the token along. Both are off.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http.client import HTTPException
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.sources.http_limits import is_loopback

VARIABLE: Final = "MQA_SLACK_BOT_TOKEN"
_SECONDS: Final = 30
_CHUNK: Final = 64 * 1024
_MOST_BYTES: Final = 8 * 1024 * 1024
_TOO_LARGE: Final = 413
# Methods that read take a form; Slack does not look into JSON there.
_FORMS: Final = frozenset(
    {"conversations.history", "conversations.replies", "users.info", "users.lookupByEmail"}
)
_LATER: Final = frozenset({"ratelimited", "rate_limited"})
_UNKNOWN: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# What the token or the app lacks: no message of this channel would go out.
_ACCESS: Final = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
         "not_allowed_token_type"), f"Install the app again and set {VARIABLE} anew."),
    "missing_scope": "Grant the app the scope that docs/messages.md lists, and install it again.",
    "no_permission": "Grant the app the scope that docs/messages.md lists, and install it again.",
    "access_denied": "Ask the workspace's owner to allow the app.",
    "org_login_required": "Ask the workspace's owner to allow the app.",
    "ekm_access_denied": "Ask the workspace's owner to allow the app.",
    "team_access_not_granted": "Install the app in this workspace too.",
}  # fmt: skip
# What is wrong with one message or its place.
_REMEDIES: Final = {
    "channel_not_found": "Correct the id in channels.slack, or invite the app into the private channel.",
    "not_in_channel": "Invite the app into the channel.",
    "is_archived": "Name another channel in channels.slack.",
    "user_not_found": "Correct the user's id in channels.slack.reps.",
    "user_disabled": "Name another user in channels.slack.reps.",
    "cannot_dm_bot": "Name a person in channels.slack.reps.",
    "restricted_action": "Allow the app to post in this channel.",
    "msg_too_long": "Report it; a message is kept inside Slack's limits.",
    "msg_blocks_too_long": "Report it; a message is kept inside Slack's limits.",
    "invalid_blocks": "Report it; Slack does not understand the message.",
    "thread_not_found": "The message was deleted in Slack; the account page has the news.",
    "message_not_found": "The message was deleted in Slack; the account page has the news.",
}  # fmt: skip


class RefusedError(Exception):
    """Slack will never take this message; the message says why and what to do."""


class LaterError(Exception):
    """Slack takes nothing just now; ``after_seconds`` is how long it asks to wait, if it says so."""

    def __init__(self, reason: str, after_seconds: float | None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Client(WebClient):
    """slack-sdk's client: one try a call, no redirect, no answer without end, no log of what is sent."""

    def __init__(self, token: str, base_url: str) -> None:
        quiet = logging.getLogger("mqa_platform.slack")
        quiet.setLevel(logging.CRITICAL)
        super().__init__(
            token=token, base_url=base_url, timeout=_SECONDS, retry_handlers=[], logger=quiet
        )
        here = is_loopback(urlsplit(base_url).hostname or "")
        # On this machine no proxy stands between, whatever the environment says.
        self._opener = build_opener(_NoRedirect, ProxyHandler({} if here else None))

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        with self._opener.open(req, timeout=self.timeout) as response:
            body, ends = bytearray(), monotonic() + 2 * _SECONDS
            # Piece by piece as it comes: a read of a fixed size waits for ever on a body that drips.
            while part := response.read1(_CHUNK):
                body += part
                if len(body) > _MOST_BYTES or monotonic() > ends:
                    raise HTTPException("an answer without an end")
            text = body.decode(response.headers.get_content_charset() or "utf-8")
            return {"status": response.status, "headers": response.headers, "body": text}

    def ask(self, method: str, **content: Any) -> Mapping[str, Any]:
        """The answer to one call.

        Raises:
            RefusedError, LaterError: see there; nothing was done.
            DestinationError: the token or the app may not.
            OSError: the answer did not come, or not whole: it may have been done or not.
        """
        try:
            asked: dict[str, Any] = {"params" if method in _FORMS else "json": content}
            answer = self.api_call(method, **asked)
        except SlackApiError as error:
            raise _meant(method, error) from None
        # The SDK reads attributes of whatever an answer is; an odd one fails in odd ways.
        except (
            OSError,
            HTTPException,
            SlackClientError,
            ValueError,
            AttributeError,
            TypeError,
        ) as error:
            raise ConnectionError(
                f"Slack ({method}): no whole answer ({type(error).__name__})"
            ) from None
        if not isinstance(answer.data, dict):
            raise ConnectionError(f"Slack ({method}): the answer is no document")
        return answer.data


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is an error: the token is for Slack alone."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never."""


def _meant(method: str, error: SlackApiError) -> Exception:
    response = error.response
    status = int(response.status_code)
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    place = f"Slack ({method})"
    # Longer words are the SDK's own about a body that was no JSON.
    code = code if re.fullmatch(r"[a-z0-9_]{1,60}", code) else ""
    if status == 429 or code in _LATER:
        return LaterError(f"{place}: asks to wait", _seconds(response.headers))
    if status >= 500 or code in _UNKNOWN or (not code and status < 300):
        return ConnectionError(f"{place}: {status} {code}".rstrip())
    if 300 <= status < 400:
        return DestinationError(
            place, "redirects to another place", "Write Slack's own address into base_url."
        )
    if code in _ACCESS:
        needed = str(data.get("needed") or "")
        needed = f" ({needed})" if re.fullmatch(r"[a-z:,._ ]{1,80}", needed) else ""
        return DestinationError(place, f"{code}{needed}", _ACCESS[code])
    if status in (401, 403):
        return DestinationError(place, f"refuses the token ({status})", f"Set {VARIABLE} anew.")
    if not code and status != _TOO_LARGE:
        # Slack names what it refuses. This is a proxy, or a wrong address: no message is given up for it.
        return DestinationError(place, f"{status} and no reason", "Check base_url, and the proxy.")
    remedy = _REMEDIES.get(code, "See Slack's page of this method for the error.")
    return RefusedError(f"{place}: {code or status}. {remedy}")


def _seconds(headers: Mapping[str, Any]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            text = str(value[0] if isinstance(value, list) and value else value).strip()
            return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
    return None
