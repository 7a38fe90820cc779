"""One page for sales: what we call a marketing-qualified account, out of the policy and nothing else.

Belongs here: which settings the page tells, in which words, as Markdown and as HTML. Does not belong here:
any figure of an account. The same policy gives the same page, to the byte.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from mqa_platform.policy.icp import Criterion
from mqa_platform.policy.models import Policy

FORMATS = ("md", "html")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_TITLES = {"new_business": "New business", "expansion": "Expansion"}
_ROUTES = {
    "named_owner": "the owner of the account",
    "opportunity_team": "who works an opportunity of it",
    "vertical_specialist": "a specialist of its industry",
    "territory": "the rep of the territory and company size",
    "round_robin": "a rep of the team, drawn by weight",
}
# What a must makes of an empty field, by ``on_missing``.
_EMPTY = {
    "unknown": "while the field is empty it is scored, and waits below the bar",
    "pass": "an empty field counts as met",
    "fail": "an empty field counts as failed",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1d1d1f}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d8d8de}"
    "footer{margin-top:2rem;color:#5a5a62;font-size:.85rem}"
)


@dataclass(frozen=True)
class Part:
    """A heading of a level with what stands below it: sentences as a list, then a table."""

    level: int
    heading: str
    points: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def policy_page(policy: Policy, version: str, form: str = "md") -> str:
    """The page of a policy with all of its motions.

    Args:
        policy: all that the page tells.
        version: its content hash, which the page names.
        form: ``md`` or ``html``.
    """
    parts = [part for motion in policy.motions() for part in _motion(motion)]
    title = "What we call a marketing-qualified account"
    foot = f"Policy {policy.program.name}, version {version}. Made from the policy; do not edit."
    return {"md": _markdown, "html": _html}[form](title, parts, foot)


def _motion(policy: Policy) -> Iterator[Part]:
    name = policy.program.motion
    yield Part(2, _TITLES.get(name, name))
    yield Part(3, "In one sentence", (_sentence(policy),))
    yield Part(3, "Who can be one", tuple(_fit(policy)))
    yield Part(3, "The bar", (), ("Tier", "Points", "First answer within"), _bars(policy))
    yield Part(3, "What counts", (), ("Signal", "Points", "Halves in", "At most", "Why"),
               _signals(policy))  # fmt: skip
    yield Part(3, "More people count more", tuple(_breadth(policy)))
    yield Part(3, "What proves it", tuple(_evidence(policy)))
    yield Part(3, "When it ends", tuple(_ends(policy)))
    yield Part(3, "Who gets it", tuple(_routing(policy)))


def _sentence(policy: Policy) -> str:
    low, high = _range(policy)
    return (
        f"A company that fits, with at least {low} to {high} points by its tier, from at least "
        f"{policy.stages.evidence_people} of its people within {policy.stages.evidence_window_days} days; "
        "or one that asks for us by name."
    )


def _range(policy: Policy) -> tuple[str, str]:
    bars = [tier.threshold for _, tier in policy.stages.tiers]
    return _number(min(bars)), _number(max(bars))


def _fit(policy: Policy) -> Iterator[str]:
    if not policy.icp.criteria:
        yield "Every company fits."
        return
    for name, rule in policy.icp.criteria.items():
        must = f"must hold; {_EMPTY[rule.on_missing]}" if rule.required else "raises the grade"
        yield f"{_words(name)}: {_criterion(rule)} ({must})."
    if any(rule.required for rule in policy.icp.criteria.values()):
        yield "A company that fails a must is not scored."
    grade = policy.icp
    yield f"Fit grades: A from {grade.grade_a:g} %, B from {grade.grade_b:g} %, C from {grade.grade_c:g} %."


def _criterion(rule: Criterion) -> str:
    field = {"growth_pct": "percent of growth", "employees": "people", "revenue": "of revenue"}
    if rule.any_of:
        return f"one of {', '.join(rule.any_of)}"
    bounds = [
        f"{word} {_number(Decimal(str(limit)))}"
        for word, limit in (("at least", rule.minimum), ("at most", rule.maximum))
        if limit is not None
    ]
    return f"{' and '.join(bounds)} {field.get(rule.field, rule.field)}"


def _bars(policy: Policy) -> tuple[tuple[str, ...], ...]:
    tiers = [
        (_words(name), _number(tier.threshold), _hours(tier.sla_hours))
        for name, tier in policy.stages.tiers
    ]
    raised = ("Whoever asks for us", "any", _hours(policy.stages.hand_raise_sla_hours))
    return (*tiers, raised)


def _signals(policy: Policy) -> tuple[tuple[str, ...], ...]:
    def row(name: str) -> tuple[str, ...]:
        s = policy.signals.signals[name]
        most = [
            f"{limit:g} {what}"
            for limit, what in (
                (s.per_person_day, "a person and day"),
                (s.per_account_day, "a day"),
                (s.ceiling, "at any time"),
            )
            if limit is not None
        ]
        return (
            _words(name), f"{s.weight:g}", f"{s.half_life_days:g} days", ", ".join(most) or "no limit",
            s.reason,
        )  # fmt: skip

    by_weight = sorted(policy.signals.signals.items(), key=lambda x: -x[1].weight)
    return tuple(row(name) for name, _ in by_weight)


def _breadth(policy: Policy) -> Iterator[str]:
    multi, committee = policy.signals.multi_contact, policy.signals.committee_on_high_intent
    yield (
        f"{multi.weight:g} points for each further person within {multi.window_days} days, for up to "
        f"{multi.limit} of them."
    )
    yield (
        f"{committee.weight:g} points once, when {committee.people} people read buying pages within "
        f"{committee.window_days} days."
    )
    factors = ", ".join(f"{_words(s.name)} × {s.factor:g}" for s in policy.signals.seniority)
    if factors:
        yield (
            f"Points are multiplied by seniority: {factors}; and by how sure we are whose they are. "
            "They fade by half-life."
        )


def _evidence(policy: Policy) -> Iterator[str]:
    s = policy.stages
    yield f"People: {s.evidence_people} of them within {s.evidence_window_days} days."
    a = s.anonymous_research
    yield (
        f"Or visits without names: {a.sessions} on {a.days} days within {a.window_days}, with a buying page "
        f"and an intent of {a.intent_score:g} in {a.intent_window_days} days. Marketing finds the people first."
    )
    yield "Or a request to be called by a person we know: at once, whatever the points."
    yield "News about the company and our own calls and mails are never evidence."
    if s.intent_heavy_needs_committee:
        yield "A company of fit C or D also needs the people on buying pages."


def _ends(policy: Policy) -> Iterator[str]:
    s = policy.stages
    yield (
        f"Below {s.exit_ratio:.0%} of the bar on {s.exit_days} days in a row, at least "
        f"{s.min_dwell_days} days after it began."
    )
    yield f"Nobody of sales touched it in {s.expiry_days} days; or nothing moved in {s.stall_days}."
    yield f"Rejected: for good by {', '.join(map(_words, s.terminal_reject_reasons)) or 'no reason'}; else it rests."
    rests = ", ".join(f"{_words(reason)} {days} days" for reason, days in s.cool_down_days.items())
    yield f"Rest before it can come back, with new evidence only: {rests}."


def _routing(policy: Policy) -> Iterator[str]:
    steps = [step for place in policy.routing.places() for _, step in place]
    order = ", then ".join(_ROUTES[step.rule] for step in steps)
    yield f"First {order}; else the queue {_words(policy.routing.fallback_queue)}."
    yield f"Without a known person: {_words(policy.routing.marketing_queue)}."
    held = policy.routing.experiment
    if held is not None:
        yield f"Experiment {_words(held.name)}: {held.holdout_share:.0%} are kept from sales, by a draw."
    yield f"One person alone is an MQL from {_number(policy.stages.mql_threshold)} points."


def _hours(hours: int) -> str:
    return "1 hour" if hours == 1 else f"{hours} hours"


def _number(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _markdown(title: str, parts: list[Part], foot: str) -> str:
    lines = [f"# {title}", ""]
    for part in parts:
        lines += [f"{'#' * part.level} {_escaped(part.heading)}", ""]
        lines += [f"- {_escaped(point)}" for point in part.points]
        if part.points:
            lines.append("")
        if part.rows:
            lines += _markdown_row(part.columns), f"|{' --- |' * len(part.columns)}"
            lines += [_markdown_row(row) for row in part.rows]
            lines.append("")
    return "\n".join([*lines, "---", "", _escaped(foot)]) + "\n"


def _markdown_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _html(title: str, parts: list[Part], foot: str) -> str:
    e: Callable[[str], str] = html.escape
    body = [f"<h1>{e(title)}</h1>"]
    for part in parts:
        body.append(f"<h{part.level}>{e(part.heading)}</h{part.level}>")
        if part.points:
            body.append("<ul>" + "".join(f"<li>{e(p)}</li>" for p in part.points) + "</ul>")
        if part.rows:
            head = "".join(f'<th scope="col">{e(c)}</th>' for c in part.columns)
            rows = ["".join(f"<td>{e(c)}</td>" for c in row) for row in part.rows]
            body.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
            body += [f"<tr>{row}</tr>" for row in rows]
            body.append("</tbody></table>")
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{e(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + f"\n<footer>{e(foot)}</footer>\n</body>\n</html>\n"
    )
