"""HTML out of templates: one self-contained file that runs no script and loads nothing.

Belongs here: the environment of the templates, the style, the content security policy, and a brief as HTML.
Does not belong here: the account page (``account_page``), or where a page is written (``account_pages``).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from mqa_platform.core.brief_words import shown, words
from mqa_platform.reports.inert import LONGEST
from mqa_platform.reports.sentences import TITLES, Sources, said

# Dark text on white, and links that differ by more than colour: at least 7:1 throughout.
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1d1d1f;background:#fff;margin:0}"
    "main{max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "caption{text-align:left;color:#4a4a52;padding:.3rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d8d8de}"
    "tbody th{font-weight:400}"
    "a{color:#0b4a8f;text-decoration:underline}a.cite{font-size:.8em}"
    "img{max-width:100%;height:auto}nav ul{display:flex;flex-wrap:wrap;gap:1rem;padding:0;list-style:none}"
    "footer{margin-top:2rem;color:#4a4a52;font-size:.85rem}"
)


def content_security_policy(style: str = STYLE) -> str:
    """Nothing is loaded and nothing runs; the one style is named by its hash, images are in the page."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("mqa_platform.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def rendered(template: str, title: str, style: str = STYLE, **told: Any) -> str:
    """A page of a template with a style of ours; every value in it is escaped."""
    return (
        _environment()
        .get_template(template)
        .render(title=title, style=style, policy=content_security_policy(style), **told)
    )


def told_brief(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts as the templates want them: titles, lines with numbers, sources."""
    sources = Sources()
    sections = [
        {
            "title": TITLES.get(section["name"], words(section["name"])),
            "lines": [
                {"text": said(s, _visible), "number": sources.number(s)}
                for s in section["sentences"]
            ],
        }
        for section in facts["sections"]
    ]
    return {
        "name": shown(facts["name"]),
        "subtitle": subtitle(facts),
        "sections": sections,
        "sources": [cites for _, cites in sources.listed()],
    }


def _visible(word: str) -> str:
    return shown(word, "", LONGEST)


def subtitle(facts: dict[str, Any]) -> str:
    """Tier, motion, day and play on one line."""
    told = f"tier {words(facts['tier'])}, {words(facts['motion'])}, since {facts['created_on']}"
    return f"{told}, play {words(facts['play'])}" if facts["play"] else told


def brief_html(facts: dict[str, Any], evidence_url: str | None = None) -> str:
    """A brief as one HTML page.

    Args:
        facts: of a brief.
        evidence_url: of the account page; None: no link.
    """
    brief = told_brief(facts)
    return rendered("brief.html.j2", brief["name"], facts=brief, evidence_url=evidence_url)
