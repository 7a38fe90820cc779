"""The table of plays: every combination has an answer, and mistakes in it are named."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from pydantic import ValidationError

from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.plays import Evidence, FollowUp, Play, PlayRule, Plays, ScoreType, TierName
from mqa_platform.policy.transitions import STAGES

CALL = {
    "kind": "sales_sequence", "next_action": "Call them all now.", "talk_track": "What is new?"
}  # fmt: skip
REST = PlayRule(name="rest", plays=[])


def plays(*rules: PlayRule, **more: object) -> Plays:
    return Plays.model_validate({"plays": {"call": CALL}, "rules": rules, **more})


@pytest.mark.parametrize("motion", ["new_business", "expansion"])
def test_every_combination_of_the_packaged_policy_has_a_rule_and_its_plays_exist(motion):
    table = load_policy(None).of_motion(motion).plays
    for asked in product(get_args(TierName), get_args(ScoreType), STAGES, get_args(Evidence)):
        assert set(table.rule_for(*asked).plays) <= set(table.plays)


def test_the_packaged_plays_cover_every_kind_and_an_mqa_always_has_one():
    table = load_policy(None).plays
    kinds = {play.kind for play in table.plays.values()}
    assert kinds == {
        "sales_sequence", "nurture_track", "ad_audience", "direct_mail", "executive_event",
        "marketing",
    }  # fmt: skip
    for tier, evidence in product(get_args(TierName), ("hand_raise", "people", "anonymous_only")):
        assert table.play_for(tier, "balanced", "mqa", evidence) is not None


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (("strategic", "balanced", "mqa", "hand_raise"), "answer_request"),
        (("strategic", "balanced", "mqa", "anonymous_only"), "find_contacts"),
        (("scaled", "intent_heavy", "mqa", "people"), "qualify_first"),
        (("strategic", "balanced", "mqa", "people"), "strategic_sequence"),
        (("programmatic", "balanced", "sales_accepted", "people"), "committee_sequence"),
        (("programmatic", "none", "customer", "none"), None),
    ],
)
def test_the_first_rule_that_fits_decides(asked, wanted):
    assert load_policy(None).plays.play_for(*asked) == wanted


def test_a_combination_without_a_rule_is_refused_and_named():
    with pytest.raises(ValidationError, match=r"combinations have no rule, such as scaled, "):
        plays(PlayRule(name="one", tiers=["strategic"], plays=["call"]))


def test_none_may_be_said_outright():
    assert plays(REST).play_for("scaled", "balanced", "mqa", "people") is None


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([PlayRule(name="a", plays=["cal"])], "names the play cal, which is not under plays"),
        ([PlayRule(name="a", plays=["call", "call"])], "names a play twice"),
        ([REST, PlayRule(name="b", stages=["mqa"], plays=["call"])], "b is never reached"),
        ([REST.model_copy(update={"stages": ["mqa"]}), REST], "rest is there twice"),
    ],
)
def test_a_mistake_in_the_table_is_named(rules, message):
    with pytest.raises(ValidationError, match=message):
        plays(*rules)


def test_two_roles_or_topics_of_one_name_are_refused():
    role = {"name": "buyer", "title_pattern": "x"}
    with pytest.raises(ValidationError, match="committee: buyer is there twice"):
        plays(REST, committee=[role, role])
    points = {"Data": "They have no data at all.", "data": "They have too much of it."}
    with pytest.raises(ValidationError, match="pain_points: data is there twice"):
        plays(REST, pain_points=points)


def test_a_follow_up_needs_a_touch_a_person_and_an_ad_a_frequency():
    with pytest.raises(ValidationError, match="3 people take more than 2 touches"):
        FollowUp(touches=2, people=3, days=5)
    with pytest.raises(ValidationError, match="frequency_per_week"):
        Play.model_validate({**CALL, "kind": "ad_audience"})
    with pytest.raises(ValidationError, match="frequency_per_week"):
        Play.model_validate({**CALL, "frequency_per_week": 3})


def test_a_folder_with_only_its_own_plays_keeps_the_packaged_motions(tmp_path):
    (tmp_path / "plays.yaml").write_text("rules:\n  - {name: rest, plays: []}\n")
    policy = load_policy(tmp_path)
    assert [p.program.motion for p in policy.motions()] == ["new_business", "expansion"]
    assert policy.plays.plays == {}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x/?a=b", "https://a b/", "//x", "https://x|y"]
)
def test_the_base_of_the_links_is_an_address_and_nothing_else(tmp_path, url):
    from mqa_platform.policy.problems import PolicyError

    (tmp_path / "program.yaml").write_text(f'evidence_base_url: "{url}"\n')
    with pytest.raises(PolicyError, match="evidence_base_url"):
        load_policy(tmp_path)
