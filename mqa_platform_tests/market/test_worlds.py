"""The worlds differ in what they say they differ in, and the market of before is the same market."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from mqa_platform.market import MarketConfig, MarketError, generate
from mqa_platform.market.config import MarketSummary
from mqa_platform.market.intent import build_episodes, intent_factor
from mqa_platform.market.people import build_people
from mqa_platform.market.placement import MARKER
from mqa_platform.market.signals import NOISE_KINDS
from mqa_platform.market.watched import watched
from mqa_platform.market.world import build_accounts

# Of the files that this configuration gave before there were worlds, drift and reports of ad spend.
BEFORE = "f048d2e06fbe60efa2add5e40255d80d0b617f95130ff01b61cdf861d4922944"


def test_the_default_world_gives_the_bytes_that_it_gave_before_there_were_worlds(tmp_path: Path):
    generate(MarketConfig(accounts=200, days=40, seed=11), tmp_path)
    shutil.rmtree(tmp_path / "inbox" / "ads")
    marker = tmp_path / "inbox" / MARKER
    told = json.loads(marker.read_text())
    del told["rows"]["ad_spend"]
    marker.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    digest = hashlib.sha256()
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(str(path.relative_to(tmp_path)).encode() + b"\0" + content)
    assert digest.hexdigest() == BEFORE


def episodes(**asked):
    config = MarketConfig(accounts=4000, days=180, seed=5, **asked)
    accounts = build_accounts(config)
    return config, accounts, build_episodes(config, accounts, build_people(config, accounts))


def test_a_committee_is_of_three_at_least_and_a_single_buyer_is_one():
    sizes = {world: episodes(world=world)[2].size for world in ("committee", "single_buyer")}
    assert sizes["committee"].min() >= 3
    assert set(sizes["single_buyer"].tolist()) == {1}


def test_where_the_profile_is_wrong_nine_of_ten_buyers_are_outside_it():
    _, accounts, usual = episodes()
    _, _, wrong = episodes(world="wrong_icp")
    assert accounts.is_fit[usual.account].mean() > 0.8
    assert accounts.is_fit[wrong.account].mean() < 0.2


def test_signals_that_tell_nothing_come_of_no_buying_episode(tmp_path: Path):
    summary = generate(MarketConfig(400, 60, 3, world="no_signal"), tmp_path)
    told = parquet.read_table(tmp_path / "truth" / "signal_account.parquet")
    assert summary.episodes > 0
    assert told["episode_index"].null_count == told.num_rows
    w = watched(MarketConfig(400, 60, 3, world="no_signal"))
    # The look of intent is there, and elsewhere.
    assert (w.signals.episode >= 0).any()
    looking = set(w.signals.account[w.signals.episode >= 0].tolist())
    assert len(looking & set(w.episodes.account.tolist())) < 0.5 * len(looking)


def high_share(world):
    """Of the surges of 60 and more, the share on accounts that are in the market that week."""
    w = watched(MarketConfig(1500, 120, 4, world=world))
    high = w.surges.score >= 70
    running = {
        (a, d)
        for a, lo, hi in zip(
            w.episodes.account.tolist(), w.episodes.start, w.episodes.end, strict=True
        )
        for d in range(int(np.ceil(lo)), int(hi) + 1)
    }
    pairs = zip(w.surges.account[high].tolist(), w.surges.day[high].tolist(), strict=True)
    return float(np.mean([p in running for p in pairs])), int(high.sum())


def test_a_vendor_who_is_noise_surges_as_often_and_at_random():
    right, many = high_share("committee")
    noise, as_many = high_share("noisy_intent")
    assert right > 0.5
    assert noise < 0.15
    assert as_many == pytest.approx(many, rel=0.5)


def test_what_is_in_memory_is_what_the_files_say(tmp_path: Path):
    config = MarketConfig(300, 45, 9)
    generate(config, tmp_path)
    w = watched(config)
    told = parquet.read_table(tmp_path / "truth" / "signal_account.parquet")
    web = told.filter(np.array(told["feed"].to_pylist()) == "segment")
    genuine = [
        r for r in web.to_pylist() if r["account_index"] is not None and r["noise_kind"] is None
    ]
    mine = w.signals.noise == NOISE_KINDS.index("")
    # Files hold a delivery twice now and then, and announcements of who somebody is beside the visits.
    assert len({r["event_id"] for r in genuine}) >= int(mine.sum())
    assert {r["account_index"] for r in genuine} == set(w.signals.account[mine].tolist())
    assert told["feed"].to_pylist().count("triggers") == len(w.news)


def test_intent_falls_by_half_and_stays_there():
    config = MarketConfig(400, 400, 1, intent_drift=-0.5, drift_weeks=10, drift_from=100)
    days = np.array([0.0, 100.0, 135.0, 170.0, 399.0])
    assert intent_factor(config, days).tolist() == [1.0, 1.0, 0.75, 0.5, 0.5]


@pytest.mark.parametrize(("drift", "ratio"), [(-0.5, 0.5), (0.5, 1.5)])
def test_episodes_follow_the_drift_and_those_before_it_are_as_many_as_ever(drift, ratio):
    asked = {"accounts": 20_000, "days": 360, "seed": 2}
    config = MarketConfig(**asked, intent_drift=drift, drift_weeks=0, drift_from=180)
    accounts = build_accounts(config)
    people = build_people(config, accounts)
    start = build_episodes(config, accounts, people).start
    before, after = (start < 180).sum(), (start >= 180).sum()
    quiet = build_episodes(MarketConfig(**asked), accounts, people).start
    # Some 1,150 episodes a half: chance alone moves a ratio of two halves by about 4 %.
    assert after / before == pytest.approx(ratio, rel=0.15)
    assert before == pytest.approx((quiet < 180).sum(), rel=0.12)


@pytest.mark.parametrize(
    "wrong",
    [{"world": "elsewhere"}, {"intent_drift": -1.0}, {"drift_weeks": -1}, {"drift_from": -1}],
)
def test_a_world_that_does_not_exist_is_refused(wrong):
    with pytest.raises(MarketError, match="choose"):
        MarketConfig(**wrong)


def test_a_stored_market_is_read_back_with_its_world(tmp_path: Path):
    config = MarketConfig(200, 20, 1, world="single_buyer", intent_drift=0.5, drift_weeks=2)
    summary = generate(config, tmp_path)
    assert MarketSummary.from_json(summary.as_json()) == summary
    assert generate(config, tmp_path) == summary
