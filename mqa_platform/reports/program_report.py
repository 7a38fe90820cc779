"""The programme report: every section in its order, as one HTML file and as Markdown for the Dagster UI.

Belongs here: which sections there are, in which order, and both forms. Does not belong here: what a section says
(``program_results``, ``program_sales``, ``program_deals``, ``program_calibration``, ``program_watch``), or reading
tables (``program_reports``).

The page is a file without a script that loads nothing: it shows at any time what it showed when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mqa_platform.reports.inert import markdown
from mqa_platform.reports.pages import STYLE, rendered
from mqa_platform.reports.program_calibration import thresholds, weights
from mqa_platform.reports.program_deals import attribution, missed, paths
from mqa_platform.reports.program_parts import Block, ProgramFacts, Section
from mqa_platform.reports.program_results import all_metrics, cohorts, funnel, headline
from mqa_platform.reports.program_sales import answers, experiment, forecast, reps, sla
from mqa_platform.reports.program_watch import backtest, drift, reviews, stale

TITLE: Final = "Programme report"
_MAKERS: Final = (
    headline, funnel, cohorts, sla, reps, answers, thresholds, weights, backtest, drift, reviews, attribution,
    paths, missed, forecast, experiment, all_metrics,
)  # fmt: skip
# The heading above a table says what its caption does: the caption is for who does not see the page.
# Wide tables scroll by themselves, and on paper they are as wide as the page and nothing is folded away.
_STYLE: Final = STYLE + (
    "main{max-width:72rem}.wide{overflow-x:auto;overflow-wrap:normal}"
    ".wide td,.wide th{min-width:2.5rem}"
    ".wide caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.wide{position:relative}"
    ".flag{border:2px solid #8a3c00;padding:.6rem 1rem;background:#fff6ee}"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:1rem;margin:1rem 0}"
    "dl div{border-left:4px solid #0b4a8f;padding-left:.8rem}"
    "dt{color:#4a4a52}dd{margin:0}dd.value{font-size:1.8rem;line-height:1.2;font-weight:600}"
    "dd.note{color:#4a4a52;font-size:.85rem}.cannot{color:#4a4a52}summary{cursor:pointer}"
    "a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid #8a3c00;outline-offset:2px}"
    "@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}"
    "@media print{nav{display:none}main{max-width:none;margin:0}body{font-size:10pt}"
    "section{break-before:auto}h2,h3,figure,tr{break-inside:avoid}h2,h3{break-after:avoid}"
    ".wide{overflow:visible;font-size:8pt}.wide td,.wide th{min-width:0;overflow-wrap:anywhere}"
    "details::details-content{content-visibility:visible;block-size:auto}summary{display:none}}"
)


def sections(facts: ProgramFacts) -> list[Section]:
    """Every section, in the order of the page."""
    return [make(facts) for make in _MAKERS]


def program_page(facts: ProgramFacts, made: Sequence[Section]) -> str:
    """The report as HTML."""
    page = {
        "title": TITLE,
        "subtitle": f"{facts.since} to {facts.as_of} · {', '.join(m.replace('_', ' ') for m in facts.motions)}",
        "flag": stale(facts),
        "sections": made,
        "foot": f"As of {facts.as_of}, policy {facts.version}. Days and months are UTC. Intervals are of 95 %.",
    }
    return rendered("program.html.j2", TITLE, _STYLE, page=page)


def section_markdown(section: Section) -> str:
    """A section as Markdown: figures, sentences, pictures as data addresses, tables; outside text is inert."""
    parts = [markdown(section.lead)]
    if section.figures:
        parts.append(
            "\n".join(
                f"- **{markdown(f.label)}**: {markdown(f.value)}"
                + (f" ({markdown(f.note)})" if f.note else "")
                for f in section.figures
            )
        )
    parts += [markdown(s) for s in section.says]
    for made in section.blocks:
        parts += _block_markdown(made)
    parts += [f"*{markdown(s)}*" for s in section.cannot]
    return "\n\n".join(parts) + "\n"


def _block_markdown(made: Block) -> list[str]:
    parts = [f"**{markdown(made.caption)}**"]
    if made.image:
        parts.append(f"![{markdown(made.alt)}]({made.image})")
    if not made.rows:
        return [*parts, markdown(made.empty)]
    lines = [_line(made.columns), "|" + " --- |" * len(made.columns), *map(_line, made.rows)]
    return [*parts, "\n".join(lines)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown(c) for c in cells) + " |"
