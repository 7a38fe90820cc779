"""Audiences: who is exported, what came and went, and who never is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from mqa_platform.audiences import AudienceError, audience, export_audience, listed_in
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.sources.contact_addresses import ad_digest, digests_of
from mqa_platform.sources.erasing_texts import Needles, without
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.personal_key import base_email, email_key
from mqa_platform.sources.tombstones import bury

LAST = date(2026, 1, 5)
ADS, SEQUENCE = "awareness_ads", "committee_sequence"


def ref(address: str) -> str:
    return f"email:{email_key(address)}"


def contact(contact_id: str, address: str | None, **more: Any) -> dict[str, Any]:
    return {
        "contact_id": contact_id, "account_id": "a1", "valid_from": date(2020, 1, 1),
        "person_ref": ref(address) if address else None, "do_not_contact": False,
        "is_deleted": False, **more,
    }  # fmt: skip


def member(contact_id: str, why: str | None = None, account: str = "a1") -> dict[str, Any]:
    return {
        "contact_id": contact_id, "motion": "new_business", "account_id": account, "role": "user",
        "reachable": why is None, "why_not": why, "as_of": LAST,
    }  # fmt: skip


def enrolled(account: str, play: str = ADS, **more: Any) -> dict[str, Any]:
    return {
        "account_id": account, "motion": "new_business", "play": play, "kind": "ad_audience",
        "enrolled_on": date(2026, 1, 1), "left_on": None, "reason": "warming_up", **more,
    }  # fmt: skip


ACCOUNTS = [
    {"account_id": a, "valid_from": date(2020, 1, 1), "name": n, "domain": f"{a}.com"}
    for a, n in (("a1", "=HYPERLINK(1)"), ("a2", "Acme, Inc."), ("a3", "Zeta"))
]


def publish(home: Home, **tables: list[dict[str, Any]]) -> None:
    """A snapshot with these rows and nothing else."""
    home.root.mkdir(parents=True, exist_ok=True)
    rows = {
        "stages": [{"account_id": "a1", "stage_date": LAST}],
        "accounts": ACCOUNTS, "play_enrollments": [], "committees": [], "crm_contacts": [],
        "crm_leads": [], **tables,
    }  # fmt: skip
    home.snapshot.unlink(missing_ok=True)
    with duckdb.connect(str(home.snapshot)) as con:
        for name, listed in rows.items():
            schema = load_contracts()[name].arrow_schema
            free = pa.schema([pa.field(f.name, f.type) for f in schema])
            given = pa.Table.from_pylist([{**dict.fromkeys(free.names), **r} for r in listed], free)
            con.register("given", given)
            con.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')


def crm_file(home: Home, *addresses: str, name: str = "Contact.csv") -> None:
    folder = home.inbox / "salesforce"
    folder.mkdir(parents=True, exist_ok=True)
    text = "Id,Email\n" + "".join(f"00{i},{a}\n" for i, a in enumerate(addresses))
    content = text.encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def read(target: Path) -> list[tuple[str, ...]]:
    return [tuple(r) for r in csv.reader(io.StringIO(target.read_text()))][1:]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_an_export_says_who_came_and_who_went_since_the_last_one(home, tmp_path):
    target = tmp_path / "ads.csv"
    publish(home, play_enrollments=[enrolled("a1"), enrolled("a2")])
    export_audience(home, audience(home, ADS), target)
    assert [r[:2] for r in read(target)] == [("add", "a1"), ("add", "a2")]

    publish(home, play_enrollments=[enrolled("a1", left_on=LAST), enrolled("a2"), enrolled("a3")])
    export_audience(home, audience(home, ADS), target)
    assert [r[:2] for r in read(target)] == [("add", "a3"), ("remove", "a1")]

    export_audience(home, audience(home, ADS), target)
    assert read(target) == []


def test_looking_at_an_audience_remembers_nothing(home):
    publish(home, play_enrollments=[enrolled("a1")])
    assert audience(home, ADS).count("add") == 1
    assert audience(home, ADS).count("add") == 1


def test_a_list_that_starts_anew_has_every_member(home, tmp_path):
    publish(home, play_enrollments=[enrolled("a1")])
    export_audience(home, audience(home, ADS), tmp_path / "x.csv")
    assert audience(home, ADS, whole=True).count("add") == 1


def test_no_cell_is_a_formula(home, tmp_path):
    publish(home, play_enrollments=[enrolled("a1")])
    export_audience(home, audience(home, ADS), tmp_path / "x.csv")
    assert read(tmp_path / "x.csv")[0] == (
        "add", "a1", "'=HYPERLINK(1)", "a1.com", ADS, "new_business", "2"
    )  # fmt: skip


def test_plays_and_levels_have_lists_of_their_own(home, tmp_path):
    publish(home, play_enrollments=[enrolled("a1"), enrolled("a1", SEQUENCE)])
    export_audience(home, audience(home, ADS), tmp_path / "x.csv")
    assert audience(home, SEQUENCE).count("add") == 1


def people(home: Home, contacts, members, **more: Any) -> None:
    publish(
        home, play_enrollments=[enrolled("a1")], crm_contacts=contacts, committees=members, **more
    )


def test_people_are_told_by_the_digest_of_their_address_and_nothing_else(home):
    people(home, [contact("c1", "Jane@Acme.com")], [member("c1")])
    crm_file(home, "jane@acme.com")
    found = audience(home, ADS, hashed=True)
    digest = hashlib.sha256(b"jane@acme.com").hexdigest()
    assert found.as_csv().decode().splitlines()[1] == f"add,{digest},a1,{ADS},new_business,2"
    assert b"@" not in found.as_csv()


@pytest.mark.parametrize("why", ["do_not_contact", "consent_denied", "unsubscribed"])
def test_who_may_not_be_contacted_is_left_out_and_counted(home, why):
    people(home, [contact("c1", "jane@acme.com"), contact("c2", "bob@acme.com")],
           [member("c1", why), member("c2")])  # fmt: skip
    crm_file(home, "jane@acme.com", "bob@acme.com")
    found = audience(home, ADS, hashed=True)
    assert (list(found.now), found.left_out) == ([ref("bob@acme.com")], {why: 1})


def test_a_no_under_one_record_is_a_no_under_all(home):
    both = [contact("c1", "jane@acme.com"), contact("c2", "jane@acme.com")]
    crm_file(home, "jane@acme.com")
    people(home, both, [member("c1"), member("c2", "unsubscribed")])
    assert audience(home, ADS, hashed=True).now == {}
    lead = {"lead_id": "l", "person_ref": ref("jane@acme.com"), "do_not_contact": True,
            "valid_from": date(2020, 1, 1)}  # fmt: skip
    people(home, both[:1], [member("c1")], crm_leads=[lead])
    assert audience(home, ADS, hashed=True).now == {}


def test_who_opts_out_after_an_export_is_removed(home, tmp_path):
    crm_file(home, "jane@acme.com")
    people(home, [contact("c1", "jane@acme.com")], [member("c1")])
    export_audience(home, audience(home, ADS, hashed=True), tmp_path / "x.csv")
    people(home, [contact("c1", "jane@acme.com")], [member("c1", "consent_denied")])
    assert [r["action"] for r in audience(home, ADS, hashed=True).rows] == ["remove"]


def test_one_address_of_two_contacts_is_one_member(home):
    crm_file(home, "jane@acme.com")
    people(home, [contact("c1", "jane@acme.com"), contact("c2", "JANE@acme.com")],
           [member("c1"), member("c2")])  # fmt: skip
    assert len(audience(home, ADS, hashed=True).now) == 1


def test_an_address_that_is_nowhere_on_disk_is_counted_and_may_be_given_in_a_file(home, tmp_path):
    people(home, [contact("c1", "jane@acme.com")], [member("c1")])
    assert audience(home, ADS, hashed=True).left_out == {"address_not_on_disk": 1}
    extra = tmp_path / "fresh.csv"
    extra.write_text("email\njane@acme.com\n")
    assert len(audience(home, ADS, hashed=True, addresses=extra).now) == 1
    with pytest.raises(SourceError, match="cannot be read"):
        audience(home, ADS, hashed=True, addresses=tmp_path / "none.csv")


def test_an_erased_person_is_in_no_audience_whatever_a_file_says(home):
    from datetime import UTC, datetime

    crm_file(home, "jane@acme.com")
    people(home, [contact("c1", "jane@acme.com")], [member("c1")])
    bury(home, base_email("jane@acme.com"), [], datetime(2026, 1, 1, tzinfo=UTC), "asked")
    found = audience(home, ADS, hashed=True)
    assert (found.now, found.left_out) == ({}, {"address_not_on_disk": 1})


def test_the_state_of_an_export_loses_an_erased_person_as_a_whole_line(home, tmp_path):
    crm_file(home, "jane@acme.com", "bob@acme.com")
    people(home, [contact("c1", "jane@acme.com"), contact("c2", "bob@acme.com")],
           [member("c1"), member("c2")])  # fmt: skip
    target = tmp_path / "x.csv"
    export_audience(home, audience(home, ADS, hashed=True), target)
    assert listed_in(home, [ref("jane@acme.com")]) == [f"new_business.{ADS}.people"]
    needles = Needles(frozenset({"jane@acme.com"}),
                      frozenset({email_key("jane@acme.com"), ad_digest("jane@acme.com")}))  # fmt: skip
    (state,) = (home.root / "audiences").glob("*.jsonl")
    for path in (state, target):
        left = without(path, path.read_bytes(), needles)
        assert left is not None
        assert left.removed == 1
        assert ad_digest("jane@acme.com").encode() not in left.content
        assert ad_digest("bob@acme.com").encode() in left.content


def test_addresses_are_found_in_packed_exports_and_pulled_pages(home):
    from mqa_platform.policy.loader import load_policy

    crm_file(home, "jane@acme.com", name="Contact.csv.gz")
    pulled = home.root / "pulled" / "hubspot"
    pulled.mkdir(parents=True)
    (pulled / "1.json").write_text('{"email": "bob@acme.com"}')
    (pulled / "2.bin").write_bytes(b"\0\1\2")
    wanted = {ref("jane@acme.com"), ref("bob@acme.com"), ref("nobody@acme.com")}
    found = digests_of(home, load_policy(None).sources, wanted)
    assert found == {
        r: ad_digest(a) for a, r in ((a, ref(a)) for a in ("jane@acme.com", "bob@acme.com"))
    }


def test_an_unknown_play_is_refused_with_those_that_there_are(home):
    publish(home)
    with pytest.raises(AudienceError, match=r"no play 'adds'; it has answer_request"):
        audience(home, "adds")
