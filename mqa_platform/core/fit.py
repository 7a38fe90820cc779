"""Fit: the ICP as a gate and a grade of every version of an account.

Belongs here: whether a criterion is met, the gate, the grade and its range. Does not belong here: which
accounts there are (``accounts``).
"""

from __future__ import annotations

import re

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, joined
from mqa_platform.core.firmographics import size_is_met, word_is_met
from mqa_platform.policy.icp import Criterion, Icp
from mqa_platform.policy.models import Policy

_TEXT = ("industry", "country")
FIT = (
    "fit_gate",
    "failed_criteria",
    "missing_fields",
    "fit_score",
    "fit_low",
    "fit_high",
    "fit_grade",
)


def _met(t: ir.Table, criterion: Criterion, icp: Icp) -> ir.BooleanValue:
    """Whether a criterion is met; null when the field is missing or says nothing that is understood."""
    if criterion.field in _TEXT:
        return word_is_met(t, criterion, icp)
    if criterion.field == "technologies":
        value = t[criterion.field].nullif("")
        words = "|".join(re.escape(w.lower()) for w in criterion.any_of)
        return ibis.ifelse(
            value.isnull(), ibis.null("boolean"), value.lower().re_search(f"(^|;)({words})(;|$)")
        )
    return size_is_met(t, criterion)


def on_query(t: ir.Table, icp: Icp) -> ir.BooleanValue:
    """Whether a row surely meets all of the target query; false for a policy without one."""
    held = ibis.literal(bool(icp.target_query))
    for criterion in icp.target_query.values():
        held = held & _met(t, criterion, icp).fill_null(False)
    return held


def _gate_view(met: ir.BooleanValue, criterion: Criterion) -> ir.BooleanValue:
    """What the gate makes of a criterion: a missing field passes, fails or stays unknown by policy."""
    if criterion.on_missing == "unknown":
        return met
    return met.fill_null(criterion.on_missing == "pass")


def _listed(cases: list[tuple[ir.BooleanValue, str]]) -> ir.StringValue:
    """The names whose condition holds, in order, separated by semicolons; empty text for none."""
    if not cases:
        return ibis.literal("")
    pieces = [ibis.ifelse(c.fill_null(False), f"{name};", "") for c, name in cases]
    return joined("", pieces).re_replace(r";$", "")


def with_fit(t: ir.Table, policy: Policy, prefix: str = "") -> ir.Table:
    """Adds fit_gate, failed_criteria, missing_fields, fit_score, fit_low, fit_high and fit_grade.

    ``fit_score = 100 × Σ weight of met ÷ Σ weight of known``; low and high count the unknown as
    missed and as met. An ICP without criteria passes everyone at 100. ``prefix`` stands before every
    added name, so that a row can carry the fit of several motions.
    """
    criteria = policy.icp.criteria
    if not criteria:
        full, none = ibis.literal(100.0), ibis.literal("")
        values = (ibis.literal("pass"), none, none, full, full, full, ibis.literal("A"))
        return t.mutate(**{prefix + n: v for n, v in zip(FIT, values, strict=True)})
    t = t.mutate(**{f"met_{n}": _met(t, c, policy.icp) for n, c in criteria.items()})
    gate = {n: _gate_view(t[f"met_{n}"], c) for n, c in criteria.items()}
    required = [n for n, c in criteria.items() if c.required]
    failed = [(~gate[n], n) for n in required]
    unknown = [gate[n].isnull() for n in required]
    total = float(sum(c.weight for c in criteria.values()))

    def weighed(condition: str) -> ir.FloatingValue:
        parts = [
            ibis.ifelse(
                t[f"met_{n}"].fill_null(False) if condition == "met" else t[f"met_{n}"].notnull(),
                float(c.weight),
                0.0,
            )
            for n, c in criteria.items()
        ]
        out = parts[0]
        for part in parts[1:]:
            out = out + part
        return out

    met, known = weighed("met"), weighed("known")
    score = met * 100.0 / known.nullif(0.0)
    icp = policy.icp
    found = {
        "fit_gate": first_match(
            [(c.fill_null(False), ibis.literal("fail")) for c, _ in failed]
            + [(c, ibis.literal("unknown")) for c in unknown],
            ibis.literal("pass"),
        ),
        "failed_criteria": _listed(failed),
        "missing_fields": _listed([(t[f"met_{n}"].isnull(), c.field) for n, c in criteria.items()]),
        "fit_score": score,
        "fit_low": met * 100.0 / total,
        "fit_high": (met + total - known) * 100.0 / total,
        "fit_grade": first_match(
            [
                ((score >= limit).fill_null(False), ibis.literal(grade))
                for grade, limit in (("A", icp.grade_a), ("B", icp.grade_b), ("C", icp.grade_c))
            ],
            ibis.literal("D"),
        ),
    }
    added = t.mutate(**{prefix + n: v for n, v in found.items()})
    return added.drop(*[f"met_{n}" for n in criteria])
