"""What a policy may say of the channels, and what it is told when it says something else."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mqa_platform.policy.delivery_channels import Channels, Email, Slack, Webhook


def test_no_channel_is_used_that_is_not_named():
    assert Channels().kinds_of() == {}


def test_every_channel_has_a_name_and_says_what_goes_there():
    channels = Channels(
        slack=Slack(),
        email=Email(host="smtp.us.example", sender="mqa@us.example"),
        webhooks={"sequences": Webhook(url="https://hooks.us.example/mqa")},
    )
    assert channels.kinds_of() == {
        "slack": ("handoff", "update", "reminder", "escalation", "digest"),
        "email": ("escalation", "digest"),
        "webhook_sequences": ("handoff", "update"),
    }


def test_an_alert_goes_only_where_the_policy_sends_it():
    kinds = Channels(slack=Slack(kinds=["alert"], otherwise="C0OPS")).kinds_of()
    assert kinds == {"slack": ("alert",)}


@pytest.mark.parametrize("place", ["#general", "general", "c0team", "C1 C2", "<!channel>", ""])
def test_a_slack_channel_is_its_id_because_a_name_can_move(place):
    with pytest.raises(ValidationError):
        Slack(reps={"ann": place})


@pytest.mark.parametrize(
    "settings",
    [{"base_url": "http://slack.example/api/"}, {"reject_reasons": []}, {"reject_reasons": ["Bad Fit"]},
     {"snooze_days": [0]}, {"snooze_days": []}, {"kinds": ["answer"]}, {"token": "xoxb-1"}],
)  # fmt: skip
def test_slack_is_refused_what_it_cannot_mean(settings):
    with pytest.raises(ValidationError):
        Slack(**settings)


@pytest.mark.parametrize("host", ["smtp.example\r\nx", "smtp example", "", "-smtp"])
def test_a_mail_server_is_a_host(host):
    with pytest.raises(ValidationError):
        Email(host=host, sender="mqa@us.example")
