"""Where an installation lies, and whose policy it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.home import Home


def test_the_home_is_dot_mqa_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.from_environment({}) == Home(tmp_path / ".mqa")
    assert Home.from_environment({"MQA_HOME": "", "MQA_DATA": ""}).data is None


def test_the_environment_places_the_home_and_the_reference_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.from_environment({"MQA_HOME": "there", "MQA_DATA": "/srv/data"})
    assert home == Home(tmp_path / "there", Path("/srv/data"))
    monkeypatch.setenv("MQA_HOME", "/srv/mqa")
    assert Home.from_environment().inbox == Path("/srv/mqa/inbox")


def test_a_customers_own_policy_comes_before_the_packaged_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.policy_folder() is None
    home.policy.mkdir()
    assert home.policy_folder() == tmp_path / "policy"


def test_naming_a_place_does_not_create_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    places = [home.inbox, home.landing, home.warehouse, home.snapshot, home.postgres, home.dagster]
    places += [home.policy, home.truth, home.examples, home.shadows]
    assert len(set(places)) == 10
    assert not home.root.exists()
