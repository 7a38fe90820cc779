"""All channels of an installation, and which kinds of messages each takes.

Belongs here: putting together what people and the CRM are told by. Does not belong here: the channels
themselves, or what is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mqa_platform.destinations.channel import Channel, DestinationError
from mqa_platform.policy.delivery_channels import Channels
from mqa_platform.policy.models import Policy


@dataclass
class Ready:
    """Channels that can be used, by name, and why each of the others cannot."""

    channels: dict[str, Channel] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)


def kinds_of(policy: Policy) -> dict[str, tuple[str, ...]]:
    """The kinds of messages that each channel takes, by the channel's name."""
    from mqa_platform.destinations.crm_channels import crm_kinds

    return {**policy.delivery.channels.kinds_of(), **crm_kinds(policy.write_back)}


def channels_of(policy: Policy, environment: Mapping[str, str]) -> Ready:
    """Every channel that the policy names; one without its secret keeps no other from being used."""
    from mqa_platform.destinations.crm_channels import crm_channels
    from mqa_platform.destinations.message_channels import message_channels

    ready = Ready()
    for name, one in _one_by_one(policy.delivery.channels):
        try:
            ready.channels |= message_channels(one, environment)
        except DestinationError as error:
            ready.unusable[name] = str(error)
    try:
        ready.channels |= crm_channels(policy.write_back, environment)
    except DestinationError as error:
        ready.unusable[policy.write_back.crm] = str(error)
    return ready


def _one_by_one(channels: Channels) -> Iterator[tuple[str, Channels]]:
    if channels.slack is not None:
        yield "slack", Channels(slack=channels.slack)
    if channels.email is not None:
        yield "email", Channels(email=channels.email)
    for name, hook in sorted(channels.webhooks.items()):
        yield f"webhook_{name}", Channels(webhooks={name: hook})
