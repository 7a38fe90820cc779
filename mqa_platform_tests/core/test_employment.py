"""Who employs a person when the CRM is old: every kind of evidence, and what may never matter."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.employment import ADDRESS, ASKED, EMPLOYER, FACTS, USE, employment_kernel
from mqa_platform.core.employment_facts import Question, employment
from mqa_platform.policy.identity import Employment
from mqa_platform_tests.core.employment_cases import CASES, question_rows
from mqa_platform_tests.core.engine import TIMESTAMP

TEXT = pa.string()
SCHEMAS = {
    "asked": {"ref": TEXT, "person": TEXT, "at": TIMESTAMP, "confirmed_at": TIMESTAMP,
              "domain": TEXT, "label": TEXT},
    "uses": {"person": TEXT, "at": TIMESTAMP, "domain": TEXT},
    "users": {"person": TEXT, "at": TIMESTAMP, "domain": TEXT},
    "employers": {"person": TEXT, "at": TIMESTAMP, "company": TEXT},
    "addresses": {"person": TEXT, "at": TIMESTAMP, "domain": TEXT},
    "owners": {"domain": TEXT, "company": TEXT, "is_sole": pa.bool_(), "owned_from": TIMESTAMP,
               "owned_to": TIMESTAMP},
    "named": {"label": TEXT, "company": TEXT, "at": TIMESTAMP},
}  # fmt: skip


def answers(engine, cases):
    rows = question_rows(cases)
    tables = {n: engine.table(rows[n], pa.schema(list(s.items()))) for n, s in SCHEMAS.items()}
    found = employment(Question(**tables), Employment(), engine.keep, engine.apply)
    return {row["person"]: row for row in engine.rows(found)}


@pytest.fixture(scope="module")
def found(engine):
    return answers(engine, CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_employer_is_weighed_from_what_was_known(found, name):
    wanted = CASES[name][-1]
    row = found.get(name)
    assert (row and (row["company"], row["evidence"])) == wanted
    if row:
        assert row["ref"] == f"q:{name}"
        assert row["confidence"] == getattr(Employment().confidence, row["evidence"])


def test_no_person_depends_on_another(engine, found):
    for name in ("a new corporate domain", "the bought company's domain", "a use of tomorrow"):
        assert answers(engine, {name: CASES[name]}) == {name: found[name]}


COMPANIES = st.sampled_from(["a", "b", "c", None])
MOMENTS = st.integers(min_value=0, max_value=400)


@st.composite
def facts(draw):
    """Rows of up to three people, as the kernel takes them."""
    rows = []
    for person in draw(st.lists(st.sampled_from("xyz"), min_size=1, unique=True)):
        for kind, least in ((ASKED, 1), (EMPLOYER, 0), (USE, 0), (ADDRESS, 0)):
            for n in range(draw(st.integers(min_value=least, max_value=4))):
                moment = draw(MOMENTS) * 86_400
                row = dict.fromkeys(FACTS.names) | {"kind": kind, "person": person, "at": moment}
                row["company"] = draw(COMPANIES)
                row["established_at"] = draw(st.sampled_from([None, 0, 200 * 86_400]))
                if kind == ASKED:
                    row |= {"ref": f"{person}{n}", "named": draw(COMPANIES),
                            "confirmed_at": max(0, moment - draw(MOMENTS) * 86_400)}  # fmt: skip
                rows.append(row)
    return rows


def run(rows):
    table = employment_kernel(Employment()).fn(pa.Table.from_pylist(rows, schema=FACTS))
    return {row["ref"]: row for row in table.to_pylist()}


@settings(max_examples=60, deadline=None)
@given(facts(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_and_other_people_do_not_matter(rows, random):
    whole = run(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert run(shuffled) == whole
    alone = {}
    for person in {row["person"] for row in rows}:
        alone |= run([row for row in rows if row["person"] == person])
    assert alone == whole


@settings(max_examples=60, deadline=None)
@given(facts(), facts())
def test_what_was_not_known_yet_does_not_matter(rows, later):
    asked = [row for row in rows if row["kind"] == ASKED]
    horizon = max(row["at"] for row in asked)
    known = max(row["confirmed_at"] for row in asked)
    future = [
        row | {"at": row["at"] + 1 + (horizon if row["kind"] == USE else known)}
        for row in later
        if row["kind"] in (USE, EMPLOYER)
    ]
    assert run(rows + future) == run(rows)


@settings(max_examples=60, deadline=None)
@given(facts())
def test_an_answer_is_a_company_somebody_has_named(rows):
    told = {row["company"] for row in rows} | {row["named"] for row in rows}
    for row in run(rows).values():
        assert row["company"] in told - {None}
        assert row["crm_company"] in told - {None}
        assert 0 < row["confidence"] <= 1
