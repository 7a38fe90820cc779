"""The page for sales tells the policy, all of it that matters, and nothing that runs."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy_page import FORMATS, policy_page

DEFAULT = load_policy(None)
VERSION = policy_version(DEFAULT)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_policy_gives_the_same_page(form: str) -> None:
    assert policy_page(DEFAULT, VERSION, form) == policy_page(load_policy(None), VERSION, form)


@pytest.mark.parametrize("form", FORMATS)
def test_the_page_has_every_bar_every_signal_and_every_motion(form: str) -> None:
    page = policy_page(DEFAULT, VERSION, form)
    assert VERSION in page
    for motion in DEFAULT.motions():
        assert motion.program.motion.replace("_", " ").capitalize() in page
        for _, tier in motion.stages.tiers:
            assert f"{tier.threshold:f}" in page
        for name in motion.signals.signals:
            assert name.replace("_", " ") in page


def test_a_changed_setting_changes_the_page(tmp_path: Path) -> None:
    copy_policy(None, tmp_path)
    file = tmp_path / "stages.yaml"
    file.write_text(file.read_text().replace("threshold: 90", "threshold: 87.5"))
    policy = load_policy(tmp_path)
    assert policy.stages.tiers.scaled.threshold == Decimal("87.5")
    page = policy_page(policy, policy_version(policy))
    assert "| scaled | 87.5 | 8 hours |" in page
    assert "| scaled | 90 | 8 hours |" not in page


@pytest.mark.parametrize(
    ("on_missing", "rule"),
    [
        ("unknown", "(must hold; while the field is empty it is scored, and waits below the bar)"),
        ("pass", "(must hold; an empty field counts as met)"),
        ("fail", "(must hold; an empty field counts as failed)"),
    ],
)
def test_the_page_says_of_each_must_what_an_empty_field_means(
    tmp_path: Path, on_missing: str, rule: str
) -> None:
    (tmp_path / "icp.yaml").write_text(
        "criteria:\n"
        f"  industry: {{field: industry, any_of: [Software], required: true, on_missing: {on_missing}}}\n"
        "  size: {field: employees, minimum: 10, on_missing: pass}\n"
    )
    page = policy_page(load_policy(tmp_path), VERSION)
    assert f"industry: one of Software {rule}." in page
    assert page.count("empty") == 1
    assert "(raises the grade)" in page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def test_text_of_a_policy_is_text_on_the_page(tmp_path: Path) -> None:
    copy_policy(None, tmp_path)
    file = tmp_path / "signals.yaml"
    evil = '"<script>alert(1)</script> | [a](javascript:b) ![c](d)"'
    text = file.read_text()
    before = "reason: An hour spent with us costs the buyer more than any click, and is remembered longer."
    assert before in text
    file.write_text(text.replace(before, f"reason: {evil}"))
    policy = load_policy(tmp_path)
    tags = Tags()
    tags.feed(policy_page(policy, VERSION, "html"))
    assert "script" not in tags.seen
    assert {"table", "ul", "h2"} <= tags.seen
    row = next(r for r in policy_page(policy, VERSION).splitlines() if "alert" in r)
    assert r"\<script\>" in row
    assert r"\[a\](javascript:b)" in row
    # A bar in the text is no new column.
    assert row.replace(r"\|", "").count("|") == 6
