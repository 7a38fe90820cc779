"""A brief reads the same in Markdown, HTML and Slack, and keeps inside the limits of each."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from mqa_platform.reports.brief_markdown import MARKDOWN, markdown
from mqa_platform.reports.brief_slack import BLOCKS, SECTION, TOTAL, slack_message
from mqa_platform.reports.pages import brief_html, content_security_policy
from mqa_platform.reports.sentences import TITLES
from mqa_platform_tests.reports.facts import facts, sentence

GOLDEN = """# Acme Systems

Tier scaled · new business · since 2026-01-01 · play committee sequence

## Why now

- Acme Systems qualified. [1]

## Score and its parts

- Score 112.0 against a threshold of 90. [2]

## Who acted

- Acme Systems, Acme Systems: 3 acts. [3]

## Pages and topics

- Most read: Acme Systems (3). [4]

## History with us

- Opportunity Acme Systems was lost.

## What to do

- Next: Call them; today.

## Sources

- [1] s1, s2
- [2] s1, s2, s3
- [3] s3
- [4] s1
"""


def test_the_brief_reads_as_it_is_meant_to():
    assert markdown(facts("Acme Systems")) == GOLDEN


def test_the_kernel_makes_the_same_markdown_for_every_row_in_any_order():
    rows = [{"handoff_id": f"h{i}", "facts": json.dumps(facts(f"Acme {i}"))} for i in range(3)]
    schema = pa.schema([("handoff_id", pa.string()), ("facts", pa.string())])
    one = MARKDOWN.fn(pa.Table.from_pylist(rows, schema))
    assert MARKDOWN.fn(pa.Table.from_pylist(rows[::-1], schema)) == one
    assert one["brief"][1].as_py() == markdown(facts("Acme 1"))


def said(page: str) -> set[str]:
    return set(re.findall(r"Acme qualified\.|Score 112\.0[^<]*90\.|Call them; today\.", page))


def test_all_forms_say_the_same_sentences():
    told = facts("Acme")
    blocks = json.dumps(slack_message(told))
    assert len(said(markdown(told))) == 3
    assert said(brief_html(told)) == said(markdown(told)) == said(blocks)


def test_every_number_in_the_page_leads_to_a_source_with_all_of_its_ids():
    page = brief_html(facts("Acme"))
    numbers = re.findall(r'href="#(source-\d+)"', page)
    assert numbers
    assert all(f'id="{n}"' in page for n in numbers)
    assert "<code>s1 s2 s3</code>" in page


def test_the_page_runs_no_script_and_loads_nothing():
    page = brief_html(facts("Acme"), "https://pages.example/h1.html")
    policy = content_security_policy()
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    assert re.findall(r"<(script|link|iframe|object|embed|form|base)", page) == []
    assert re.findall(r'(?:src|href)="(?!#)([^"]*)"', page) == ["https://pages.example/h1.html"]
    assert re.search(r"\son\w+=", page) is None


def test_the_style_is_the_one_that_the_policy_of_the_page_names():
    import base64
    import hashlib

    page = brief_html(facts("Acme"))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"sha256-{digest}" in page


@pytest.mark.parametrize("signs", ["a", "&", "ü", "😀"])
def test_a_brief_of_any_length_stays_inside_the_limits_of_slack(signs):
    lines = [sentence("{a} {b} {c}", f"s{i}", a=signs * 600, b=signs * 600, c=signs * 600)
             for i in range(200)]  # fmt: skip
    long = facts(signs * 5000, sections=[{"name": n, "sentences": lines} for n in TITLES])
    message = slack_message(long, "https://pages.example/h1.html")
    assert len(json.dumps(message)) <= TOTAL
    assert len(message["blocks"]) <= BLOCKS
    texts = [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]
    assert all(len(t) <= SECTION for t in texts)
    assert "Cut to fit" in json.dumps(message["blocks"][-3:])


def test_what_a_rep_needs_first_survives_when_a_message_is_cut():
    many = [sentence("Padding {a}.", a="x" * 500) for _ in range(100)]
    told = facts("Acme")
    told["sections"].insert(1, {"name": "anonymous", "sentences": many})
    text = json.dumps(slack_message(told))
    assert "Acme qualified." in text
    assert "Call them; today." in text


def test_a_brief_without_a_page_has_no_link_at_all():
    assert "<" not in json.dumps(slack_message(facts("Acme")))
    assert "Account page" not in brief_html(facts("Acme"))
