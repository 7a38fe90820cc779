"""How the senders sign, written after their descriptions and with their own libraries.

Belongs here: making signed requests. Does not belong here: what the receiver makes of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook

SLACK_KEY = "8f742231b10e8888abcd99yyyzzz85a5"
STANDARD_KEY = "whsec_" + base64.b64encode(b"a key of four and twenty").decode()
HUBSPOT_KEY = "d2c6e1a4-0000-4000-8000-00c0ffee0000"
PUBLIC = "https://hooks.example.com"

Headers = list[tuple[str, str]]


def slack(body: bytes, at: float, key: str = SLACK_KEY) -> Headers:
    moment = str(int(at))
    signature = SignatureVerifier(key).generate_signature(timestamp=moment, body=body)
    return [("X-Slack-Request-Timestamp", moment), ("X-Slack-Signature", str(signature))]


def standard(body: bytes, at: float, identity: str = "msg_1", key: str = STANDARD_KEY) -> Headers:
    moment = datetime.fromtimestamp(int(at), UTC)
    signature = Webhook(key).sign(identity, moment, body.decode())
    return [
        ("webhook-id", identity),
        ("webhook-timestamp", str(int(at))),
        ("webhook-signature", signature),
    ]


def hubspot(
    body: bytes, at: float, url: str, method: str = "POST", key: str = HUBSPOT_KEY
) -> Headers:
    moment = str(int(at * 1000))
    text = f"{method}{url}".encode() + body + moment.encode()
    digest = base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()
    return [("X-HubSpot-Request-Timestamp", moment), ("X-HubSpot-Signature-v3", digest)]


def pressed(action_id: str = "mqa_accept", value: str = "h1", **more: Any) -> dict[str, Any]:
    """What Slack sends when somebody presses a button of ours."""
    action: dict[str, Any] = {
        "type": "button", "action_id": action_id, "block_id": "mqa_answer",
        "action_ts": "1763800000.100000",
    }  # fmt: skip
    if action_id == "mqa_accept":
        action["value"] = value
    else:
        action["selected_option"] = {"value": value}
    payload = {
        "type": "block_actions",
        "token": "verification-token-not-to-be-kept",
        "response_url": "https://hooks.slack.example/actions/not-to-be-kept",
        "trigger_id": "13345224609.738474920.not-to-be-kept",
        "team": {"id": "T1", "domain": "acme"},
        "user": {"id": "U1", "username": "ann", "name": "ann"},
        "container": {"type": "message", "channel_id": "C1", "message_ts": "1763799000.000100"},
        "actions": [action],
    }
    return {**payload, **more}


def slack_form(payload: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()
