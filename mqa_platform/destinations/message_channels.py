"""The channels by which people and tools are told, out of the policy and the environment.

Belongs here: which class carries which setting. Does not belong here: the CRM's channels, or sending.
"""

from __future__ import annotations

from collections.abc import Mapping

from mqa_platform.destinations.channel import Channel
from mqa_platform.policy.delivery_channels import Channels


def message_channels(channels: Channels, environment: Mapping[str, str]) -> dict[str, Channel]:
    """Every channel that the policy names, by its name.

    Raises:
        DestinationError: a secret is missing; it names the variable.
    """
    made: list[Channel] = []
    # Each library is loaded only where its channel is used.
    if channels.slack is not None:
        from mqa_platform.destinations.slack_channel import SlackChannel

        made.append(SlackChannel(channels.slack, environment))
    if channels.email is not None:
        from mqa_platform.destinations.email_channel import EmailChannel

        made.append(EmailChannel(channels.email, environment))
    if channels.webhooks:
        from mqa_platform.destinations.webhook_channel import WebhookChannel

        made += [
            WebhookChannel(name, hook, environment)
            for name, hook in sorted(channels.webhooks.items())
        ]
    return {channel.name: channel for channel in made}
