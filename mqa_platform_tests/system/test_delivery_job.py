"""The job that delivers, in Dagster: what it says when nothing may be sent."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mqa_platform.definitions import build_definitions
from mqa_platform.delivery_reports import counts
from mqa_platform.home import Home
from mqa_platform.runs import RunFailedError, deliver_on
from mqa_platform.schedules import DAILY_REFRESH, DELIVER, REFRESH_AND_DELIVER

SENDS = {"deliveries", "crm_sync_changelog"}


def test_only_the_jobs_that_deliver_have_assets_that_send(tmp_path: Path) -> None:
    definitions = build_definitions(home=Home(tmp_path))
    selected = {
        name: {k.to_user_string() for k in definitions.resolve_job_def(name).asset_layer.selected_asset_keys}
        for name in (DAILY_REFRESH, DELIVER, REFRESH_AND_DELIVER)
    }  # fmt: skip
    assert not selected[DAILY_REFRESH] & SENDS
    assert selected[DELIVER] >= SENDS
    # No message waits for what became of older episodes.
    assert selected[REFRESH_AND_DELIVER] == selected[DAILY_REFRESH] - {"conversions"} | SENDS


@pytest.mark.slow
def test_delivery_that_is_off_publishes_an_empty_outbox_and_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with dg.DagsterInstance.ephemeral() as instance:
        facts = deliver_on(instance, home).facts["deliveries"]
    assert facts["sends"] is False
    assert "enabled in delivery.yaml is false" in facts["why_not"]
    assert set(counts(home).values()) == {0}


@pytest.mark.slow
def test_a_replay_of_another_policy_has_no_delivery(tmp_path: Path) -> None:
    shadow = Home(tmp_path / "shadows" / "abc")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        pytest.raises(RunFailedError, match="never delivers"),
    ):
        deliver_on(instance, shadow)
