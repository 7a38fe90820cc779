"""Outside text is seen in every form of a brief, and does nothing in any of them."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.brief_words import LIMIT, shown
from mqa_platform.exports import harmless
from mqa_platform.reports.brief_markdown import markdown
from mqa_platform.reports.brief_slack import BLOCKS, HEADER, SECTION, TOTAL, slack_message
from mqa_platform.reports.inert import markdown as markdown_word
from mqa_platform.reports.inert import plain, slack
from mqa_platform.reports.pages import brief_html
from mqa_platform_tests.reports.facts import ATTACKS, facts

OUTSIDE = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(ATTACKS), max_size=4).map("".join),
    st.text(alphabet="<>!@#*_~`[](){}|:/.\\&=-+\"' \n\u200b\u202ex1", max_size=60),
)
UNSEEN = re.compile(
    "[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2069\ufeff]"
)


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser.tags


def texts_of(value) -> list[str]:
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in (texts_of(v) if k != "type" else [])]
    if isinstance(value, list):
        return [t for v in value for t in texts_of(v)]
    return [value] if isinstance(value, str) else []


def check_markdown(outside: str) -> None:
    text = markdown(facts(outside))
    assert UNSEEN.search(text) is None
    assert "@" not in text
    assert len(text.split("\n")) == len(markdown(facts("Acme")).split("\n"))
    # What is left when escapes are taken away has no sign that means something, but for our own layout.
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", markdown_word(outside))
    assert re.search(r"[*`_\[\]<>|~#\\!]|://|www\.", bare) is None
    assert re.match(r"\s*([-+>=]\s|\d+\.\s)", bare) is None


def check_slack(outside: str) -> None:
    message = slack_message(facts(outside), "https://pages.example/h1.html")
    assert len(json.dumps(message)) <= TOTAL
    assert len(message["blocks"]) <= BLOCKS
    (header,) = [b["text"]["text"] for b in message["blocks"] if b["type"] == "header"]
    assert len(header) <= HEADER
    links = []
    for text in texts_of(message):
        assert len(text) <= SECTION
        assert UNSEEN.search(text) is None
        links += re.findall(r"<[^>]*>?", text)
        assert re.search(r"&(?!amp;)", text) is None or text == header
    assert links == ["<https://pages.example/h1.html|Account page>"]
    for word in (slack(outside), plain(outside)):
        assert re.search(r"[<>*_~`@#:|\\]", word) is None
        assert re.search(r"\w\.\w", word) is None


def check_html(outside: str) -> None:
    page = brief_html(facts(outside))
    same = tags_of(brief_html(facts("Acme")))
    assert [t for t, _ in tags_of(page)] == [t for t, _ in same]
    assert UNSEEN.search(page) is None
    assert {a["href"] for t, a in tags_of(page) if t == "a"} <= {f"#source-{n}" for n in range(9)}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: repr(a)[:30])
@pytest.mark.parametrize("check", [check_markdown, check_slack, check_html])
def test_a_known_attack_comes_out_inert(check, attack):
    check(attack)


@settings(max_examples=150, deadline=None)
@given(OUTSIDE)
def test_any_text_comes_out_inert_in_markdown(outside):
    check_markdown(outside)


@settings(max_examples=150, deadline=None)
@given(OUTSIDE)
def test_any_text_comes_out_inert_in_slack(outside):
    check_slack(outside)


@settings(max_examples=60, deadline=None)
@given(OUTSIDE)
def test_any_text_comes_out_inert_in_html(outside):
    check_html(outside)


@settings(max_examples=150, deadline=None)
@given(OUTSIDE)
def test_any_shown_text_is_one_short_visible_line_and_showing_it_again_changes_nothing(outside):
    once = shown(outside)
    assert 0 < len(once) <= LIMIT
    assert UNSEEN.search(once) is None
    assert "\n" not in once
    assert shown(once) == once


@pytest.mark.parametrize(
    ("outside", "seen"),
    [
        ("Müller & Söhne GmbH", "Müller &amp; Söhne GmbH"),
        ("株式会社データ", "株式会社データ"),
        ("شركة البيانات", "شركة البيانات"),
        ("O'Neill-Smith, Inc.", "O'Neill-Smith, Inc."),
    ],
)
def test_an_honest_name_stays_readable(outside, seen):
    assert slack(outside) == seen
    assert html.unescape(re.sub(r"\\(.)", r"\1", markdown_word(outside))) == outside
    assert seen.replace("&amp;", "&") in html.unescape(brief_html(facts(outside)))


def test_a_name_of_marks_does_not_run_over_the_lines_around_it():
    assert len(shown("Z" + "\u0301" * 500)) <= 4


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cell_of_an_export_is_no_formula(attack):
    assert not harmless(attack).lstrip(" \u00a0\u200b\ufeff").startswith(("=", "+", "-", "@", "\t"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ("\u202e=1+1", "'=1+1"),
        ("\u2060=1+1", "'\u2060=1+1"),
        ("\x0b=1+1", "'\x0b=1+1"),
        ("Acme \u202egnp.exe", "Acme gnp.exe"),
        ("one; two", "one; two"),
    ],
)
def test_a_cell_is_no_formula_behind_a_semicolon_or_signs_that_nobody_sees(text, cell):
    assert harmless(text) == cell
