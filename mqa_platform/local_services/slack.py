"""A Slack workspace on 127.0.0.1: channels, messages with metadata, users, and presses on buttons.

Belongs here: the documented Web API methods that a bot calls, what Slack refuses, and the signed request that a
press sends. Does not belong here: what our messages say (``reports``), or faults (``server``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any, Final
from urllib.parse import urlencode

from mqa_platform.local_services.server import Answer, Asked, Service
from mqa_platform.local_services.slack_blocks import element, problem_of_blocks

TOKEN: Final = "xoxb-local-do-not-show"  # noqa: S105  # of nothing but this server
SIGNING_SECRET: Final = "local-signing-secret"  # noqa: S105
_LONGEST_TEXT: Final = 40_000
_TEAM: Final = {"id": "T0LOCAL", "domain": "local"}


class _NoError(Exception):
    """A method's ``ok: false``; the argument is Slack's word for it."""


class LocalSlack(Service):
    """One workspace.

    Args:
        users: e-mail address → user id.
        channels: ids of the channels that the bot is in.
    """

    def __init__(
        self, users: dict[str, str] | None = None, channels: tuple[str, ...] = ("C0LOCAL",)
    ) -> None:
        super().__init__()
        self.users = dict(users or {})
        self.history: dict[str, list[dict[str, Any]]] = {channel: [] for channel in channels}
        self.tokens = {TOKEN}
        self.signing_secret = SIGNING_SECRET
        self.ephemeral: list[dict[str, Any]] = []
        # What was sent to the address that a press carries.
        self.responses: list[dict[str, Any]] = []
        self._stamp = 0

    def environment(self) -> dict[str, str]:
        """The variables by which a bot and a receiver become known to the workspace."""
        return {
            "MQA_SLACK_BOT_TOKEN": TOKEN,
            "MQA_SLACK_SIGNING_SECRET": self.signing_secret,
        }

    def expire(self) -> None:
        """Withdraw every token."""
        self.tokens = set()

    def too_many(self) -> Answer:
        """As Slack answers more requests than it takes."""
        return Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"})

    def messages(self, channel: str = "") -> list[dict[str, Any]]:
        """What was posted and not deleted, oldest first; of every channel when none is named."""
        chosen = [channel] if channel else list(self.history)
        return sorted((m for c in chosen for m in self.history[c]), key=lambda m: str(m["ts"]))

    def press(
        self,
        message: dict[str, Any],
        action_id: str,
        user: str,
        value: str | None = None,
        at: float | None = None,
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the request that Slack sends when a user presses something.

        Args:
            message: as ``messages`` gives it.
            action_id: of the button or the menu.
            user: the id of who presses.
            value: of the menu's option, or the chosen day; None takes the button's own.
            at: the moment of the press, seconds since 1970; None is now.

        Raises:
            KeyError: the message has no such action.
        """
        moment = self.now() if at is None else at
        pressed = element(message["blocks"], action_id, value)
        names = {id_: mail.partition("@")[0] for mail, id_ in self.users.items()}
        payload = {
            "type": "block_actions",
            "api_app_id": "A0LOCAL",
            "token": "unused",
            "team": _TEAM,
            "user": {"id": user, "username": names.get(user, user), "team_id": _TEAM["id"]},
            "container": {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": message["channel"],
                "is_ephemeral": False,
            },
            "channel": {"id": message["channel"], "name": "local"},
            "message": {k: v for k, v in message.items() if k not in ("channel", "edits")},
            "response_url": f"{self.url}/actions/{_TEAM['id']}/{secrets.token_hex(6)}",
            "trigger_id": secrets.token_hex(6),
            "actions": [{**pressed, "action_ts": f"{moment:.6f}"}],
        }
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return body, self.signed(body, moment)

    def signed(self, body: bytes, at: float | None = None) -> dict[str, str]:
        """The headers with which Slack sends a body."""
        stamp = str(int(self.now() if at is None else at))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    def answer(self, asked: Asked) -> Answer:
        """See ``Service.answer``."""
        if asked.path.startswith("/actions/"):
            self.responses.append(asked.json)
            return Answer(200, raw=b"ok")
        method = asked.path.removeprefix("/api/").strip("/")
        try:
            if asked.bearer not in self.tokens:
                raise _NoError("invalid_auth" if asked.bearer else "not_authed")
            found, changed = self._called(method, _arguments(asked))
        except _NoError as error:
            return Answer(200, {"ok": False, "error": str(error)})
        return Answer(200, {"ok": True, **found}, changed=changed)

    def _called(self, method: str, given: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """(the answer, whether something was written) of one method."""
        if method == "auth.test":
            return {"user_id": "U0BOT", "bot_id": "B0BOT", "team_id": _TEAM["id"]}, False
        if method == "chat.postMessage":
            return self._posted(given), True
        if method == "chat.update":
            return self._updated(given), True
        if method == "chat.postEphemeral":
            self._channel(given)
            self.ephemeral.append(given)
            return {"message_ts": self._next_stamp()}, True
        if method == "conversations.open":
            return self._opened(str(given.get("users", ""))), True
        if method in ("conversations.history", "conversations.replies"):
            return self._read(given, is_thread=method.endswith("replies")), False
        if method == "users.lookupByEmail":
            return {"user": self._user(self.users.get(str(given.get("email", "")).lower()))}, False
        if method == "users.info":
            return {"user": self._user(given.get("user"))}, False
        raise _NoError("unknown_method")

    def _user(self, id_: object) -> dict[str, Any]:
        mail = next((m for m, known in self.users.items() if known == id_), None)
        if mail is None:
            raise _NoError("users_not_found" if id_ is None else "user_not_found")
        name = mail.partition("@")[0]
        return {"id": id_, "name": name, "deleted": False, "profile": {"email": mail}}

    def _channel(self, given: dict[str, Any]) -> str:
        channel = str(given.get("channel", ""))
        if channel in self.users.values():
            # To post to a user is to post to the conversation with them.
            channel = str(self._opened(channel)["channel"]["id"])
        if channel not in self.history:
            raise _NoError("channel_not_found")
        return channel

    def _opened(self, user: str) -> dict[str, Any]:
        if user not in self.users.values():
            raise _NoError("user_not_found")
        channel = "D" + user[1:]
        self.history.setdefault(channel, [])
        return {"channel": {"id": channel}}

    def _check(self, given: dict[str, Any]) -> None:
        text, blocks = str(given.get("text") or ""), given.get("blocks")
        if not text and not blocks:
            raise _NoError("no_text")
        if len(text) > _LONGEST_TEXT:
            raise _NoError("msg_too_long")
        if blocks is not None and (wrong := problem_of_blocks(blocks)):
            raise _NoError(wrong)

    def _posted(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given)
        self._check(given)
        message = {
            "type": "message",
            "channel": channel,
            "ts": self._next_stamp(),
            "user": "U0BOT",
            "bot_id": "B0BOT",
            "text": str(given.get("text") or ""),
            "blocks": given.get("blocks") or [],
            "edits": 0,
        }
        for name in ("thread_ts", "metadata"):
            if given.get(name):
                message[name] = given[name]
        self.history[channel].append(message)
        return {"channel": channel, "ts": message["ts"], "message": _shown(message, True)}

    def _updated(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given)
        found = [m for m in self.history[channel] if m["ts"] == given.get("ts")]
        if not found:
            raise _NoError("message_not_found")
        self._check(given)
        found[0].update({n: given[n] for n in ("text", "blocks", "metadata") if n in given})
        found[0]["edits"] = int(found[0]["edits"]) + 1
        return {"channel": channel, "ts": found[0]["ts"], "message": _shown(found[0], True)}

    def _read(self, given: dict[str, Any], is_thread: bool) -> dict[str, Any]:
        messages = self.history[self._channel(given)]
        if is_thread:
            top = given.get("ts")
            chosen = [m for m in messages if top in (m["ts"], m.get("thread_ts"))]
            if not chosen:
                raise _NoError("thread_not_found")
        else:
            # Newest first; replies are not in a channel's own history.
            chosen = [m for m in reversed(messages) if "thread_ts" not in m]
        oldest, latest = str(given.get("oldest") or "0"), str(given.get("latest") or "9")
        chosen = [m for m in chosen if float(oldest) <= float(m["ts"])]
        if given.get("latest"):
            chosen = [m for m in chosen if float(m["ts"]) <= float(latest)]
        start, size = int(given.get("cursor") or 0), min(int(given.get("limit") or 100), 999)
        page = chosen[start : start + size]
        has_metadata = str(given.get("include_all_metadata", "")).lower() in ("true", "1")
        more = len(chosen) > start + size
        following = {"next_cursor": str(start + size) if more else ""}
        return {
            "messages": [_shown(m, has_metadata) for m in page],
            "has_more": more,
            "response_metadata": following,
        }

    def _next_stamp(self) -> str:
        self._stamp += 1
        return f"{int(self.now())}.{self._stamp:06d}"


def _arguments(asked: Asked) -> dict[str, Any]:
    """What a method was called with: as JSON, as a form, or in the address."""
    if "json" in asked.headers.get("Content-Type", ""):
        return dict(asked.json) if asked.body else {}
    given: dict[str, Any] = {**asked.query, **asked.form}
    for name in ("blocks", "metadata"):
        if isinstance(given.get(name), str):
            given[name] = json.loads(given[name])
    return given


def _shown(message: dict[str, Any], has_metadata: bool) -> dict[str, Any]:
    hidden = {"channel", "edits"} | (set() if has_metadata else {"metadata"})
    return {name: value for name, value in message.items() if name not in hidden}
