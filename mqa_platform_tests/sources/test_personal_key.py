from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.doctor import examine
from mqa_platform.home import Home
from mqa_platform.sources.personal_key import (
    email_key,
    ip_tokens,
    is_demo,
    key_problem,
    keys_used,
    note_key,
    visitor_id,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("MQA_PII_KEY", raising=False)
    return Home(tmp_path / "home")


def finding(home: Home) -> tuple[bool | None, str]:
    (found,) = [f for f in examine(home) if f.check == "personal data key"]
    return found.ok, found.detail


def test_before_anything_lands_the_development_key_is_only_worth_knowing(home: Home) -> None:
    assert key_problem(home) == ""
    assert finding(home) == (None, "the public development key")


def test_real_people_under_the_development_key_are_a_failure(home: Home) -> None:
    note_key(home)
    note_key(home)
    assert len(keys_used(home)) == 1
    assert "development key" in key_problem(home)
    assert finding(home)[0] is False


def test_a_key_of_ones_own_is_fine_until_it_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQA_PII_KEY", "one of our own")
    note_key(home)
    assert key_problem(home) == ""
    assert finding(home)[0] is True
    monkeypatch.setenv("MQA_PII_KEY", "another")
    assert "under another key" in key_problem(home)
    assert finding(home)[0] is False


def test_setting_a_key_afterwards_does_not_help_what_has_landed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_key(home)
    monkeypatch.setenv("MQA_PII_KEY", "too late")
    assert "development key" in key_problem(home)


def test_the_people_of_the_demo_its_shadows_and_the_examples_need_no_protection(home: Home) -> None:
    (home.truth).mkdir(parents=True)
    places = [home, Home(home.shadows / "0123abcd"), Home(home.examples / "web_logs")]
    for place in places:
        note_key(place)
        assert is_demo(place)
        assert key_problem(place) == ""
    assert not is_demo(Home(home.root.parent / "other"))


def test_no_name_gives_away_what_it_stands_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = (email_key("a@b.com"), ip_tokens(["192.0.2.7"])["192.0.2.7"], visitor_id("192.0.2.7|x"))
    assert first[1].startswith("ip:")
    assert len(first[1]) == 19
    monkeypatch.setenv("MQA_PII_KEY", "another")
    second = (
        email_key("a@b.com"),
        ip_tokens(["192.0.2.7"])["192.0.2.7"],
        visitor_id("192.0.2.7|x"),
    )
    assert all(one != other for one, other in zip(first, second, strict=True))
