"""Thresholds that nobody looks at are flagged until somebody does, and the weekly review says what it found."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mqa_platform.assets.backtests import backtests
from mqa_platform.assets.drift import drift
from mqa_platform.assets.reviewed import reviewed
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.destinations.delivering import delivered
from mqa_platform.home import Home
from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.delivery_channels import Channels
from mqa_platform.policy.loader import copy_policy
from mqa_platform.threshold_reviews import ReviewRefusedError, record_review, reviews
from mqa_platform_tests.destinations.test_webhook_channel import HELD, Target
from mqa_platform_tests.system.pipeline import FIRST, LAST, fingerprint, opened

NOW = datetime(LAST.year, LAST.month, LAST.day, 18, tzinfo=UTC)
AGE = (LAST - FIRST).days
TABLES = ("drift_checks", "backtests", "score_outcomes", "backtest_leaks")


@pytest.fixture
def forgotten(home: Home) -> Home:
    """A home whose policy wants thresholds reviewed every ten days; its history has thirty."""
    copy_policy(None, home.policy)
    settings = home.policy / "calibration.yaml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("review_days: 91", "review_days: 10"), encoding="utf-8")
    return home


def test_a_review_is_kept_as_it_was_written(tmp_path) -> None:
    home = Home(tmp_path)
    assert reviews(home) == []
    record_review(home, LAST, " Ann ", "volume is where sales wants it", "v1")
    record_review(home, LAST + timedelta(days=1), "Bea", "still", "v1")
    one, two = reviews(home)
    assert (one.review_id, one.reviewed_on, one.reviewed_by) == ("0001", LAST, "Ann")
    assert (two.review_id, two.rationale) == ("0002", "still")


def test_a_review_without_a_name_a_reason_or_of_tomorrow_is_refused(tmp_path) -> None:
    home, tomorrow = Home(tmp_path), datetime.now(UTC).date() + timedelta(days=1)
    for day, by, why in ((LAST, " ", "why"), (LAST, "Ann", ""), (tomorrow, "Ann", "why")):
        with pytest.raises(ReviewRefusedError):
            record_review(home, day, by, why, "v1")
    assert reviews(home) == []


@pytest.mark.slow
def test_a_stale_threshold_is_a_warning_until_somebody_reviews_it(forgotten: Home, verb) -> None:
    with opened(forgotten) as step:
        result, facts = reviewed(step)
        assert facts["threshold_age_days"] == AGE
        assert not result.passed
        assert f"{AGE} days ago" in (result.description or "")
        age = [r for r in watched(step) if r["check_name"] == "threshold_age"]
        assert {r["seen"] for r in age} == {float(AGE)}
        assert {r["status"] for r in age} == {"alarm"}
    assert any("## For everybody" in text and f"{AGE} days ago" in text for text in told(forgotten))
    code, out = verb(
        forgotten,
        "calibrate",
        "reviewed",
        "--by",
        "Ann",
        "--rationale",
        "as it should be",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["reviewed_on"] == LAST.isoformat()
    with opened(forgotten) as step:
        result, facts = reviewed(step)
        assert result.passed
        assert facts["threshold_age_days"] == 0
        assert {r["status"] for r in watched(step) if r["check_name"] == "threshold_age"} == {"ok"}


def watched(step: Any) -> list[dict[str, Any]]:
    drift(step)
    return step.session.rows(step.table("drift_checks"))


def told(home: Home) -> list[str]:
    """What the digests of a delivery say."""
    with Target() as hook:
        threading.Thread(target=hook.serve_forever, args=(0.02,), daemon=True).start()
        place = {"url": hook.url, "allow_private": True, "kinds": ["digest"]}
        channels = Channels.model_validate({"webhooks": {"outreach": place}})
        delivery = Delivery(enabled=True, delivery_window_days=28, channels=channels)

        @contextmanager
        def session() -> Iterator[Any]:
            with opened(home) as step:
                yield step.session

        with opened(home) as step:
            policy = step.policy.model_copy(update={"delivery": delivery})
        delivered(home, policy, HELD, session, lambda: NOW)
        hook.shutdown()
        return [event["data"]["text"] for _, event in hook.events]


@pytest.mark.slow
def test_a_review_again_says_the_same_and_opens_no_second_proposal(home: Home) -> None:
    contracts = load_contracts()
    with opened(home) as step:

        def looked() -> tuple[dict[str, str], bool]:
            found = drift(step), backtests(step)
            checks = [c for o in found for p in o.published.values() for c in p.checks]
            assert checks
            assert all(c.passed for c in checks)
            seen = {
                t: fingerprint(step.session.arrow(step.table(t), contracts[t].arrow_schema))
                for t in TABLES
            }
            return seen, "proposal_opened" in found[0].facts

        first, _ = looked()
        again, opened_again = looked()
        assert first == again
        assert not opened_again
        kinds = {r["check_name"] for r in step.session.rows(step.table("drift_checks"))}
        assert {"volume", "match_rate", "signal_volume", "threshold_age"} <= kinds


@pytest.mark.slow
def test_the_verbs_say_what_is_published(home: Home, verb) -> None:
    with opened(home) as step:
        rows = watched(step)
        backtests(step)
    code, out = verb(home, "calibrate", "drift", "--json")
    assert code == 0
    found = json.loads(out)["checks"]
    last = max(r["week"] for r in rows)
    assert sorted((r["check_name"], r["segment"], r["says"]) for r in found) == sorted(
        (r["check_name"], r["segment"], r["says"]) for r in rows if r["week"] == last
    )
    # A month has no month of outcomes behind it.
    code, out = verb(home, "calibrate", "backtest", "--json")
    assert code == 0
    assert json.loads(out)["models"] == []
