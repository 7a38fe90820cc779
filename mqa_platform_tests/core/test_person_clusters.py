"""One person, whatever cookies and addresses: who is linked, who is not, and under which id."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.person_clusters import CLUSTER, person_clusters, with_one_person
from mqa_platform.policy.identity import People
from mqa_platform_tests.core.engine import crm_schema, day

LINK = pa.schema([("kind", pa.string()), ("ref", pa.string()), ("person_ref", pa.string())])


def clusters(links, **limits):
    rows = [dict(zip(LINK.names, link, strict=True)) for link in links]
    kernel = person_clusters(People(**limits))
    return kernel.fn(pa.Table.from_pylist(rows, schema=LINK)).cast(CLUSTER)


def roots(links, **limits):
    """reference → who it is; only those that are linked."""
    found = clusters(links, **limits).to_pylist()
    return {r["ref"]: r["root"] for r in found if r["kind"] == "person" and not r["is_refused"]}


def cookie(ref, *people):
    return [("cookie", ref, f"email:{p}") for p in people]


def lead(ref, *people):
    return [("lead", ref, f"email:{p}") for p in people]


def test_a_browser_that_told_two_addresses_is_one_person():
    assert roots(cookie("c", "b", "a")) == {"email:a": "email:a", "email:b": "email:a"}


def test_links_go_on_over_browsers_and_leads():
    links = [*cookie("c", "a", "b"), *cookie("d", "b", "c"), *lead("7", "c", "d")]
    found = roots([*links, *cookie("other", "z")])
    assert found == dict.fromkeys(["email:a", "email:b", "email:c", "email:d", "lead:7"], "email:a")


def test_merged_leads_are_one_person():
    links = [("lead", "1", "lead:2"), ("lead", "2", "email:m"), *lead("3", "m")]
    assert set(roots(links).values()) == {"email:m"}


def test_leads_without_an_address_have_the_smallest_id():
    assert roots([("lead", "9", "lead:8")]) == {"lead:8": "lead:8", "lead:9": "lead:8"}


def test_a_browser_of_many_people_links_nobody():
    links = cookie("kiosk", "a", "b", "c")
    assert roots(links) == {}
    (row,) = clusters(links).to_pylist()
    assert (row["kind"], row["ref"]) == ("shared_browser", "kiosk")
    assert set(roots(links, max_people_per_cookie=3).values()) == {"email:a"}


def test_addresses_of_one_lead_are_one_person_for_a_browser():
    assert len(roots([*lead("7", "a", "b"), *cookie("c", "a", "b", "x")])) == 4


def test_a_person_of_too_many_addresses_is_refused_as_a_whole():
    found = clusters(lead("box", "a", "b", "c"), max_addresses_per_person=2).to_pylist()
    assert {r["ref"] for r in found} == {"email:a", "email:b", "email:c", "lead:box"}
    assert all(r["is_refused"] for r in found)


people_of = st.integers(0, 9).map("email:{}".format)
links_of = st.lists(
    st.tuples(st.sampled_from(["cookie", "lead"]), st.sampled_from("pqrst"), people_of)
    | st.tuples(st.just("lead"), st.sampled_from("pqrst"), st.sampled_from(["lead:p", "lead:u"])),
    min_size=1,
    max_size=12,
)


@given(links_of.flatmap(lambda links: st.tuples(st.just(links), st.permutations(links))))
def test_who_is_one_person_does_not_depend_on_the_order_of_the_links(pair):
    one, other = (clusters(links).to_pylist() for links in pair)
    assert one == other


@given(links_of, st.integers(1, 4), st.integers(1, 6))
def test_every_reference_has_one_root_and_a_root_is_its_own(links, browser, addresses):
    found = clusters(
        links, max_people_per_cookie=browser, max_addresses_per_person=addresses
    ).to_pylist()
    people = [r for r in found if r["kind"] == "person"]
    root = {r["ref"]: r["root"] for r in people}
    assert len(root) == len(people)
    assert all(root[r] == r for r in root.values())
    for top in set(root.values()):
        mails = [r for r in people if r["root"] == top and r["ref"].startswith("email:")]
        assert all(r["is_refused"] == (len(mails) > addresses) for r in mails)


@given(links_of)
def test_the_groups_are_those_of_a_plain_search(links):
    found = roots(links, max_people_per_cookie=20, max_addresses_per_person=100)
    neighbours: dict[str, set[str]] = {}
    for kind, ref, person in links:
        one, other = f"{kind}:{ref}", person
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    for start in neighbours:
        if start.startswith("cookie:"):
            continue
        seen, todo = {start}, [start]
        while todo:
            for each in neighbours[todo.pop()] - seen:
                seen.add(each)
                todo.append(each)
        group = {r for r in seen if not r.startswith("cookie:")}
        mails = {r for r in group if r.startswith("email:")}
        if len(group) > 1:
            assert found[start] == min(mails or group)


CONTACTS = [
    {"contact_id": "k1", "account_id": "acme", "person_ref": "email:a"},
    {"contact_id": "k2", "account_id": "acme", "person_ref": "email:k", "valid_to": day(5)},
    {"contact_id": "k2", "account_id": "other", "person_ref": "email:l", "valid_from": day(5)},
    {"contact_id": "k3", "account_id": "acme", "person_ref": "email:m"},
    {"contact_id": "k4", "account_id": "acme", "person_ref": "email:n"},
]  # fmt: skip
LINKS = [*cookie("c", "a", "b"), *cookie("d", "x", "y"), *cookie("e", "m", "n"),
         *lead("9", "m", "o")]  # fmt: skip
ASKED = pa.schema(
    [
        ("signal_id", pa.string()),
        ("signal_date", pa.date32()),
        ("person", pa.string()),
        ("contact_id", pa.string()),
    ]
)


@pytest.mark.parametrize(
    ("person", "contact", "when", "who"),
    [
        ("email:a", "k1", 0, "k1"),
        ("email:b", None, 0, "k1"),
        ("email:y", None, 0, "email:x"),
        ("email:x", None, 0, "email:x"),
        ("email:stranger", None, 0, "email:stranger"),
        (None, None, 0, None),
        # What the CRM says later says nothing now; the former address is still the person's.
        ("email:l", None, 4, "email:l"),
        ("email:k", None, 5, "k2"),
        # Two contacts are two people, and a third address is neither's.
        ("email:m", "k3", 0, "k3"),
        ("email:n", "k4", 0, "k4"),
        ("email:o", None, 0, "email:o"),
    ],
)
def test_a_person_has_one_id_as_of_the_day(engine, person, contact, when, who):
    asked = engine.table(
        [{"signal_id": "s", "signal_date": day(when), "person": person, "contact_id": contact}],
        ASKED,
    )
    known = engine.table(
        CONTACTS, crm_schema("landed_contacts"), valid_from=day(-9), is_deleted=False
    )
    linked = engine.keep_arrow(clusters(LINKS))
    (row,) = engine.rows(with_one_person(asked, known, linked))
    assert row["one_person"] == who
