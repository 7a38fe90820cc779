"""The channels of delivery.yaml: where a message goes, and which kinds of messages go there.

Belongs here: the shape of ``channels``. Does not belong here: how often and how many are sent (``delivery``),
secrets (the environment), or sending (``destinations``).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from mqa_platform.policy.fields import Model, Name

Kind = Literal["handoff", "update", "reminder", "escalation", "digest", "alert"]
# What a channel takes unless it says otherwise: an alert is for whoever runs the platform.
KINDS: Final[tuple[Kind, ...]] = ("handoff", "update", "reminder", "escalation", "digest")
SLACK, EMAIL, WEBHOOK = "slack", "email", "webhook"


def _address(url: str) -> str:
    """A whole address without a user; in clear text to this machine only."""
    try:
        parts = urlsplit(url)
        host, odd = parts.hostname or "", "@" in parts.netloc or parts.port == 0
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in ("http", "https") or not host or odd or parts.fragment:
        raise ValueError("is no web address, or holds a user or a password")
    if parts.scheme == "http" and not _is_here(host):
        raise ValueError("would be sent in clear text; write https://")
    return url


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


Url = Annotated[str, Field(min_length=8, max_length=500), AfterValidator(_address)]
# Channels have names too, but a name can be given to another channel tomorrow.
SlackId = Annotated[str, Field(pattern=r"^[CGDUW][A-Z0-9]{2,24}$")]
Address = Annotated[
    str, Field(pattern=r"^[^@\s<>,;:\"()\[\]\\]{1,64}@[^@\s<>,;:\"()\[\]\\]{1,189}$")
]
SnoozeDays = Annotated[int, Field(ge=1, le=90)]
User = Annotated[str, Field(min_length=1, max_length=100)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")]


class Slack(Model):
    """Slack: who is told where. A rep's own channel comes before the team's, that before his address.

    ``reps``, ``teams`` and ``otherwise`` hold ids of channels or users; ``look_up_by_email`` sends a direct
    message to whoever has the rep's address; ``otherwise`` gets what nobody else does, alerts among it.
    """

    kinds: list[Kind] = list(KINDS)
    base_url: Url = "https://slack.com/api/"
    reps: dict[User, SlackId] = {}
    teams: dict[User, SlackId] = {}
    look_up_by_email: bool = True
    otherwise: SlackId | None = None
    snooze_days: Annotated[list[SnoozeDays], Field(min_length=1, max_length=10)] = [1, 3, 7, 14]
    reject_reasons: Annotated[list[Name], Field(min_length=1, max_length=20)] = [
        "bad_timing", "no_need", "no_budget", "unreachable", "bad_fit", "competitor", "duplicate",
    ]  # fmt: skip


class Email(Model):
    """E-mail over SMTP, encrypted except to this machine.

    ``tls``: ``start`` asks for it on the usual port, ``implicit`` begins with it. ``reps`` hold addresses of
    reps whose address in the CRM is not the one to write to; ``otherwise`` gets what nobody else does.
    """

    kinds: list[Kind] = ["escalation", "digest"]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["start", "implicit", "none"] = "start"
    sender: Address
    sender_name: Annotated[str, Field(min_length=1, max_length=80)] = "MQA platform"
    reps: dict[User, Address] = {}
    otherwise: Address | None = None

    @model_validator(mode="after")
    def _encrypted(self) -> Email:
        if self.tls == "none" and not _is_here(self.host):
            raise ValueError("tls: none is for this machine only; others read the mail on the way")
        return self


class Webhook(Model):
    """One target that gets signed JSON; ``allow_private`` is for a target inside your own network."""

    url: Url
    kinds: list[Kind] = ["handoff", "update"]
    allow_private: bool = False


class Channels(Model):
    """Where messages go. A channel that is not named is not used."""

    slack: Slack | None = None
    email: Email | None = None
    webhooks: dict[Name, Webhook] = {}

    def kinds_of(self) -> dict[str, tuple[Kind, ...]]:
        """The kinds that each channel takes, by its name: ``slack``, ``email``, ``webhook_<name>``."""
        found: dict[str, tuple[Kind, ...]] = {}
        if self.slack is not None:
            found[SLACK] = tuple(self.slack.kinds)
        if self.email is not None:
            found[EMAIL] = tuple(self.email.kinds)
        for name, hook in sorted(self.webhooks.items()):
            found[f"{WEBHOOK}_{name}"] = tuple(hook.kinds)
        return found
