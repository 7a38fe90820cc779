"""The score tables of random accounts under random policies, against plain Python."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.scores import score_lines, score_receipts, scores
from mqa_platform_tests.core.arithmetic import CENT, expected
from mqa_platform_tests.core.engine import ACCOUNTS, TOUCHPOINTS, Engine, account, day
from mqa_platform_tests.core.scoring import CALM, NUMBERS, policies, touchpoints

# Each example asks the database; a dozen of them say enough.
FEW = settings(CALM, max_examples=10)
ENGINE = cache(Engine)
NAMES = ("acme", "bolt", "cog")
FIT = st.fixed_dictionaries(
    {
        "fit_gate": st.sampled_from(["pass", "pass", "unknown", "fail"]),
        "fit_grade": st.sampled_from("ABCD"),
        "tier": st.sampled_from(["strategic", "scaled", "programmatic"]),
    }
)


@st.composite
def histories(draw):
    """Versions of three accounts: fit, grade and tier change on some days; one may begin late."""
    found = []
    for name in NAMES:
        starts = sorted(draw(st.sets(st.integers(-10, 70), min_size=1, max_size=3)))
        ends = [*[day(n) for n in starts[1:]], None]
        for start, end in zip(starts, ends, strict=True):
            found.append(account(name, valid_from=day(start), valid_to=end, **draw(FIT)))
    return found


def held(versions, name, on):
    for v in versions:
        ended = v.get("valid_to") is not None and v["valid_to"] <= on
        if v["account_id"] == name and v["valid_from"] <= on and not ended:
            return v
    return None


def kind(version, score, limit):
    """The score type of SEMANTICS."""
    good, above = version["fit_grade"] in "AB", score >= limit
    return {
        (True, True): "balanced",
        (True, False): "fit_heavy",
        (False, True): "intent_heavy",
    }.get((good, above))


@FEW
@given(
    policy=policies(),
    versions=histories(),
    rows=st.tuples(*[touchpoints(name, 15) for name in NAMES]),
    numbers=st.lists(st.integers(-5, 90), min_size=1, max_size=4, unique=True),
)
def test_the_tables_of_random_accounts_equal_plain_python(policy, versions, rows, numbers):
    engine, days = ENGINE(), [day(n) for n in numbers]
    t = engine.table([r for each in rows for r in each], TOUCHPOINTS)
    a = engine.table(versions, ACCOUNTS)
    lines = score_lines(t, policy, days, engine.apply)
    found = {
        (r["account_id"], r["score_date"]): r for r in engine.rows(scores(lines, a, policy, "v"))
    }
    receipts = {}
    for r in engine.rows(score_receipts(lines, a, policy)):
        receipts.setdefault((r["account_id"], r["score_date"]), {})[r["component"]] = r
    for name, mine in zip(NAMES, rows, strict=True):
        for on in days:
            version, wanted = held(versions, name, on), expected(mine, policy, on)
            scored = version is not None and version["fit_gate"] != "fail" and wanted is not None
            assert ((name, on) in found) == scored
            if not scored:
                continue
            row, cell = found[name, on], receipts.get((name, on), {})
            assert set(cell) == set(wanted.receipts)
            for component, figures in wanted.receipts.items():
                got = [cell[component][n] for n in NUMBERS]
                assert all(abs(x - y) <= CENT for x, y in zip(got, figures, strict=True)), component
            total = sum((c["points"] for c in cell.values()), Decimal(0))
            assert row["engagement_score"] == total
            limit = getattr(policy.stages.tiers, version["tier"]).threshold
            assert row["threshold"] == limit
            assert row["score_type"] == kind(version, row["engagement_score"], limit)
            assert row["eligible_people"] == wanted.eligible_people


@FEW
@given(policy=policies(), rows=touchpoints(), cut=st.integers(0, 60), data=st.data())
def test_touchpoints_that_come_in_pieces_score_like_those_that_come_at_once(
    policy, rows, cut, data
):
    # Only the table counts, not how it was filled: two inserts in any order, late ones last.
    late = [r for r in rows if r["touchpoint_date"] >= day(cut)]
    early = data.draw(st.permutations([r for r in rows if r["touchpoint_date"] < day(cut)]))
    engine, days = ENGINE(), [day(60), day(61) + timedelta(days=20)]
    once = engine.table(rows, TOUCHPOINTS)
    pieces = engine.table(late, TOUCHPOINTS).union(engine.table(early, TOUCHPOINTS))
    one, two = (
        sorted(map(repr, engine.rows(score_lines(t, policy, days, engine.apply))))
        for t in (once, pieces)
    )
    assert one == two
