"""The report's sections on deals: attribution, paths, and deals that no MQA led to.

Belongs here: their tables, pictures and words. Does not belong here: rules of credit or missing rules (``core``), or
the other sections.
"""

from __future__ import annotations

from collections import Counter

from mqa_platform.core.attribution import MODELS
from mqa_platform.core.missed_deals import MISSING_RULES
from mqa_platform.reports.program_charts import bars
from mqa_platform.reports.program_parts import (
    ProgramFacts,
    Row,
    Section,
    block,
    number,
    plain_words,
    share,
)

_MOST = 10
_LEADING = "linear"


def attribution(facts: ProgramFacts) -> Section:
    """Pipeline by channel under each rule, and by campaign and content under one.

    Reads rows of ``attribution`` summed up by (by, model): part, opportunities, credit, pipeline, revenue, and spend
    and roi of channels.
    """
    rows = facts.rows("attribution")
    linear = [r for r in rows if r["by"] == "channel" and r["model"] == _LEADING]
    cells = [
        (plain_words(r["part"]), r["opportunities"], r["credit"], _money(r["pipeline"]), _money(r["revenue"]),
         _money(r["spend"]), "" if r["roi"] is None else number(r["roi"]))
        for r in linear
    ]  # fmt: skip
    told = [{"label": plain_words(r["part"]), "value": float(r["pipeline"] or 0),
             "shown": _money(r["pipeline"]) or "no amount"} for r in linear]  # fmt: skip
    picture = {}
    if told:
        alt = "Pipeline by channel, shared out evenly over the touches: " + ", ".join(
            f"{t['label']} {t['shown']}" for t in told
        )
        picture = {"image": bars(told, f"pipeline, {facts.currency}"), "alt": f"{alt}."}
    money = f"in {facts.currency}"
    none = next((r for r in linear if r["part"] == "none"), None)
    whole = sum(float(r["credit"]) for r in linear)
    says = []
    if none is not None and whole:
        says.append(
            f"{share(float(none['credit']) / whole)} of the opportunities had no touch before them; a large share "
            "means that signals are missing or not matched."
        )
    return Section(
        "attribution",
        "Attribution",
        "Every opportunity shared out over the touches of its account, by five rules. Credit is not effect.",
        says=says,
        blocks=[
            block(f"By channel, linear, {money}",
                  ("Channel", "Opportunities", "Credit", "Pipeline", "Revenue", "Spend", "ROI"), cells, **picture),
            block(f"Pipeline by channel under each rule, {money}", ("Channel", *map(plain_words, MODELS)),
                  _by_rule(rows)),
            *(block(f"By {by}, linear, the most pipeline first, {money}",
                    (by.capitalize(), "Opportunities", "Credit", "Pipeline", "Revenue"),
                    [(r["part"], r["opportunities"], r["credit"], _money(r["pipeline"]), _money(r["revenue"]))
                     for r in rows if r["by"] == by and r["model"] == _LEADING][:_MOST])
              for by in ("campaign", "content")),
        ],
        cannot=["A channel that everybody passes through gets credit for deals that would have come anyway.",
                "Spend stands beside a channel only where both have the same name."],
    )  # fmt: skip


def _by_rule(rows: list[Row]) -> list[list[str]]:
    mine = {(r["part"], r["model"]): r["pipeline"] for r in rows if r["by"] == "channel"}
    parts = list(dict.fromkeys(r["part"] for r in rows if r["by"] == "channel"))
    return [
        [plain_words(part), *(_money(mine.get((part, model))) for model in MODELS)]
        for part in parts
    ]


def _money(value: object) -> str:
    return "" if value is None else f"{float(value):,.0f}"  # type: ignore[arg-type]


def paths(facts: ProgramFacts) -> Section:
    """The order of channels before opportunities."""
    rows = facts.rows("conversion_paths")
    cells = [
        (r["path"], r["opportunities"], r["won"], r["open"], _money(r["amount"]), r["median_touches"],
         r["median_days"])
        for r in rows[:_MOST]
    ]  # fmt: skip
    columns = ("Path", "Opportunities", "Won", "Open", f"Amount, {facts.currency}", "Median touches",
               "Median days")  # fmt: skip
    return Section(
        "paths",
        "Paths",
        "The channels an account came by before an opportunity, in the order of time, repeats once.",
        blocks=[block(f"The most frequent of {len(rows)} paths", columns, cells)],
        cannot=["A path with one or two opportunities says nothing about its channels."],
    )


def missed(facts: ProgramFacts) -> Section:
    """Opportunities without an MQA before them: which rule was absent."""
    rows = facts.rows("opportunity_origin")
    lost = [r for r in rows if r["origin"] != "mqa_sourced"]
    counts = Counter(r["missing_rule"] for r in lost)
    ordered = sorted(counts, key=lambda rule: (-counts[rule], rule or ""))
    cells = [(plain_words(rule), counts[rule], share(counts[rule] / len(lost)), _won(lost, rule),
              MISSING_RULES.get(rule, "")) for rule in ordered]  # fmt: skip
    told = [{"label": plain_words(rule), "value": counts[rule], "shown": str(counts[rule])}
            for rule in ordered]  # fmt: skip
    picture = {}
    if told:
        alt = "Opportunities that no MQA led to, by the rule that was absent: " + ", ".join(
            f"{t['label']} {t['shown']}" for t in told
        )
        picture = {"image": bars(told, "opportunities"), "alt": f"{alt}."}
    absent = Counter(r["absent_signal"] for r in lost if r["absent_signal"])
    nearly = [
        r for r in lost if r["points_short"] is not None and r["missing_rule"] == "below_threshold"
    ]
    nearly.sort(key=lambda r: (float(r["points_short"]), r["opportunity_id"]))
    says = (
        [
            f"{len(lost)} of {len(rows)} opportunities since {facts.since} were not created in the window of an MQA."
        ]
        if rows
        else []
    )
    return Section(
        "missed",
        "Missed deals",
        "Opportunities that no MQA led to, with the first rule that kept the account from being one.",
        says=says,
        blocks=[
            block("By the rule that was absent", ("Rule", "Opportunities", "Share", "Won", "What it says"), cells,
                  empty="No opportunity came without an MQA.", **picture),
            block("By the signal that was absent", ("Signal", "Opportunities"),
                  [(plain_words(name), n) for name, n in absent.most_common(_MOST)],
                  empty="No signal that most MQAs had was absent."),
            block("The nearest misses below the threshold",
                  ("Account", "Created", "Won", "Highest score", "Points short", "Absent signal"),
                  [(r["name"] or r["account_id"], r["created_on"], r["is_won"], r["max_score_90d"],
                    r["points_short"], plain_words(r["absent_signal"])) for r in nearly[:_MOST]],
                  empty="None was scored below its threshold."),
        ],
        cannot=["What was never seen, as a call that nobody wrote down, is not missing here: it is unknown."],
    )  # fmt: skip


def _won(rows: list[Row], rule: str) -> int:
    return sum(1 for r in rows if r["missing_rule"] == rule and r["is_won"])
