"""What the receiver listens to, and by which secrets it knows the senders.

Belongs here: endpoints out of sources.yaml and the environment, and refusing to start without what they
need. Does not belong here: checking a signature (``signatures``), or serving (``application``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mqa_platform.home import Home
from mqa_platform.policy.sources import Source
from mqa_platform.receiver.signatures import HUBSPOT, SLACK, STANDARD, Scheme, problem_of

SLACK_ENDPOINT: Final = "slack"
SLACK_SECRET: Final = "MQA_SLACK_SIGNING_SECRET"  # noqa: S105 (the name of a variable)
# HubSpot sends a hundred events at most, Slack one message; both are far below it.
MOST_BYTES: Final = 1024 * 1024
# Slack gives up after three seconds, the others later; who is slower keeps a connection for nothing.
READ_SECONDS: Final = 10.0


class ReceiverError(Exception):
    """The receiver cannot start as it is set up: what is wrong, and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """One address that takes webhooks; the secrets are never shown."""

    name: str
    path: str
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """How the receiver runs.

    Attributes:
        home: the installation.
        endpoints: what it listens to, at least one.
        silent: endpoints that have no secret and are not served, with the variable each needs.
        public_url: how senders address us, without a path at its end; empty where nobody signs it.
        most_bytes: of a body.
        read_seconds: in which a request must have come, from its first octet to its last.
    """

    home: Home
    endpoints: tuple[Endpoint, ...]
    silent: Mapping[str, str] = field(default_factory=dict)
    public_url: str = ""
    most_bytes: int = MOST_BYTES
    read_seconds: float = READ_SECONDS

    @property
    def folder(self) -> Path:
        """Where everything received lies, a folder an endpoint."""
        return self.home.inbox / "received"

    @classmethod
    def of(
        cls,
        home: Home,
        sources: Mapping[str, Source],
        environment: Mapping[str, str],
        public_url: str = "",
        only: Sequence[str] = (),
    ) -> Settings:
        """What there is to listen to: Slack, and every source that is ``received``.

        Args:
            home: the installation.
            sources: of sources.yaml.
            environment: where the secrets are. Two in one variable, with a space between, both count.
            public_url: ``https://hooks.example.com``; HubSpot signs the address.
            only: endpoints that must be served, and no others; none named means all with a secret.

        Raises:
            ReceiverError: a secret is empty or none, one that is asked for is missing, no endpoint is
                left, or an address is needed and wrong.
        """
        schemes: dict[str, Scheme] = {SLACK_ENDPOINT: SLACK}
        for name, source in sources.items():
            if source.connector == "received":
                if name == SLACK_ENDPOINT:
                    raise ReceiverError(
                        "sources.yaml has a received source slack, which is where Slack's buttons "
                        "arrive. Give it another name."
                    )
                schemes[name] = source.signature or STANDARD
        if unknown := [name for name in only if name not in schemes]:
            raise ReceiverError(
                f"no endpoint {unknown[0]!r}; there are {', '.join(schemes)}. Add a source with the "
                "connector received to sources.yaml."
            )
        found, silent = [], {}
        for name, scheme in schemes.items():
            variable = secret_variable(name)
            if only and name not in only:
                continue
            if variable not in environment:
                silent[name] = variable
                continue
            secrets = _secrets(variable, environment[variable], scheme)
            path = "/slack/actions" if name == SLACK_ENDPOINT else f"/webhooks/{name}"
            found.append(Endpoint(name, path, scheme, secrets))
        if silent and (only or not found):
            variables = ", ".join(silent.values())
            raise ReceiverError(f"no secret for {', '.join(silent)}. Set {variables}.")
        hubspot = [e.name for e in found if e.scheme == HUBSPOT]
        return cls(home, tuple(found), silent, _address(public_url, hubspot))


def secret_variable(name: str) -> str:
    """The environment variable with the secret of an endpoint."""
    return SLACK_SECRET if name == SLACK_ENDPOINT else f"MQA_{name.upper()}_SECRET"


def _secrets(variable: str, given: str, scheme: Scheme) -> tuple[str, ...]:
    """The secrets of a variable.

    Raises:
        ReceiverError: there is none, or one that none can be.
    """
    secrets = tuple(given.split()) or ("",)
    for secret in secrets:
        if problem := problem_of(scheme, secret):
            raise ReceiverError(
                f"{variable} {problem}. Set it to the sender's signing secret, or unset it to serve "
                "the endpoint no longer."
            )
    return secrets


def _address(given: str, needed_by: list[str]) -> str:
    parts = urlsplit(given)
    if given and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ReceiverError(
            f"the public address {given!r} is none. Give one such as https://hooks.example.com."
        )
    if needed_by and not given:
        raise ReceiverError(
            f"{', '.join(needed_by)}: HubSpot signs the address that it calls. Give it by --public-url "
            "or MQA_PUBLIC_URL, such as https://hooks.example.com."
        )
    return given.rstrip("/")
