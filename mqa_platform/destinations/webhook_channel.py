"""Signed webhooks for sales-engagement tools, by the Standard Webhooks specification.

Belongs here: one request a message, its signature, and what its answer means. Does not belong here: where it
may go (``public_address``), the event (``reports.messages``), or who takes it.

The key of the message is its ``webhook-id``, the same at every attempt, so that the receiver can tell a
repetition. A target is asked once an attempt, is not followed anywhere, and is told nothing but the event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer

from mqa_platform.destinations.channel import Channel, DestinationError, Message, Sent
from mqa_platform.destinations.public_address import Resolve, connected, resolved
from mqa_platform.policy.delivery_channels import WEBHOOK, Webhook
from mqa_platform.reports.messages import event
from mqa_platform.sources.http_limits import shown

_SECONDS: Final = 15.0
# A target that drips its answer is no longer waited for.
_IN_ALL: Final = 30.0
_KEY: Final = re.compile(r"[A-Za-z0-9_.:@|-]{1,256}")
_LATER: Final = frozenset({408, 425, 429, 502, 503, 504})


def variable(name: str) -> str:
    """The variable that holds the secret of a target."""
    return f"MQA_WEBHOOK_{name.upper()}_SECRET"


class WebhookChannel(Channel):
    """One target of signed events."""

    batch_size = 1

    def __init__(
        self,
        target: str,
        settings: Webhook,
        environment: Mapping[str, str],
        resolve: Resolve = resolved,
    ) -> None:
        """The secret comes from the environment.

        Raises:
            DestinationError: there is none, or it is none.
        """
        self.name = f"{WEBHOOK}_{target}"
        self.settings = settings
        self._place = f"channels.webhooks.{target}"
        self._secret_in = variable(target)
        self._resolve = resolve
        try:
            self._signer = Signer(environment.get(self._secret_in, "").strip())
        except (EmptyWebhookSecretError, ValueError):
            raise DestinationError(
                self._place,
                f"{self._secret_in} is not set or is no secret",
                "Set it to the target's signing secret (whsec_…).",
            ) from None

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """See ``Channel.send``."""
        return [self._send(message) for message in messages]

    def _send(self, message: Message) -> Sent:
        if not _KEY.fullmatch(message.key):
            return Sent(message.key, "refused", error=f"{self._place}: the key is no header text")
        body = json.dumps(event(message.payload), ensure_ascii=False, allow_nan=False)
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "mqa-platform",
            "webhook-id": message.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message.key, now, body),
        }
        url = self.settings.url
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with (
            closing(
                connected(self._place, url, self.settings.allow_private, _SECONDS, self._resolve)
            ) as connection,
            closing(self._asked(connection, target, body, headers)) as answer,
        ):
            return self._meant(message.key, answer)

    def _asked(
        self, connection: HTTPConnection, target: str, body: str, headers: Mapping[str, str]
    ) -> HTTPResponse:
        """The answer's head; what stands below it is nobody's business.

        Raises:
            OSError: no answer, or not in time.
        """
        connection.connect()
        # Not closed: a reader that waits would not notice.
        limit = Timer(_IN_ALL, _cut, (connection.sock,))
        limit.daemon = True
        limit.start()
        try:
            connection.request("POST", target, body.encode(), dict(headers))
            return connection.getresponse()
        # A connection that was cut fails in the library in more than one way.
        except (HTTPException, OSError, ValueError, AttributeError) as error:
            raise ConnectionError(f"{self._place}: no answer ({type(error).__name__})") from None
        finally:
            limit.cancel()

    def _meant(self, key: str, answer: HTTPResponse) -> Sent:
        status = answer.status
        place = f"{self._place} ({shown(self.settings.url)})"
        if 200 <= status < 300:
            return Sent(key, "sent")
        if status in (401, 403):
            raise DestinationError(
                place,
                f"refuses the signature ({status})",
                f"Compare {self._secret_in} with the target's.",
            )
        if 300 <= status < 400:
            raise DestinationError(
                place,
                f"redirects ({status}), and is not followed",
                "Write its real address into url.",
            )
        if status == 410:
            raise DestinationError(
                place,
                "is gone and wants no more events (410)",
                "Remove the target from delivery.yaml.",
            )
        if status in _LATER or status >= 500:
            return Sent(key, "again", error=f"{place}: {status}", after_seconds=_seconds(answer))
        return Sent(
            key, "refused", error=f"{place}: {status}. See the target's log for the reason."
        )


def _cut(connected_socket: socket) -> None:
    with suppress(OSError):
        connected_socket.shutdown(SHUT_RDWR)


def _seconds(answer: HTTPResponse) -> float | None:
    text = (answer.getheader("Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,6}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
