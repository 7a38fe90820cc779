"""Who of the CRM a Slack user is.

Belongs here: looking it up, each user once. Does not belong here: what somebody may do (``answer_rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.destinations.slack_client import VARIABLE, Client, LaterError, RefusedError
from mqa_platform.policy.delivery import Delivery


class People:
    """The people behind Slack's ids: by the policy first, then by the address that Slack has of them."""

    def __init__(self, client: Client | None, delivery: Delivery) -> None:
        """``client`` is Slack's, None where it cannot be used: then only the policy says who is who."""
        self._client = client
        slack = delivery.channels.slack
        named = {place: user for user, place in (slack.reps if slack else {}).items()}
        # A rep's place may be a channel, which is nobody.
        self._named = {p: u for p, u in named.items() if p[0] in "UW"} | delivery.answers.users
        self._addresses: dict[str, str | None] = {}
        # Who did not answer once is not asked for everybody else, with a time-out each.
        self._problem: Exception | None = None

    def of(self, slack_user: str, users: list[dict[str, Any]]) -> Mapping[str, Any] | None:
        """The CRM user; None where there is none, or several have the address.

        Args:
            slack_user: Slack's id.
            users: active users of the CRM: user_id, email.

        Raises:
            LaterError, DestinationError, OSError: Slack could not be asked, which is not "nobody".
        """
        if slack_user in self._named:
            wanted = self._named[slack_user]
            return next((u for u in users if u["user_id"] == wanted), None)
        address = self._address(slack_user)
        found = [u for u in users if address and str(u["email"] or "").strip().lower() == address]
        return found[0] if len(found) == 1 else None

    def _address(self, slack_user: str) -> str | None:
        if self._client is None:
            # A run without the token must not take a rep for a stranger, for good.
            raise DestinationError(
                "slack", "cannot be asked who pressed", f"Name it in channels, and set {VARIABLE}."
            )
        if slack_user not in self._addresses:
            if self._problem is not None:
                raise self._problem
            try:
                answer = self._client.ask("users.info", user=slack_user)
            except RefusedError:
                answer = {}
            except (LaterError, DestinationError, OSError) as problem:
                self._problem = problem
                raise
            user = answer.get("user")
            profile = user.get("profile") if isinstance(user, dict) else None
            email = profile.get("email") if isinstance(profile, dict) else None
            self._addresses[slack_user] = str(email).strip().lower() if email else None
        return self._addresses[slack_user]
