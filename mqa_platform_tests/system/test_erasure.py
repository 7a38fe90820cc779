"""An erased person is nowhere under the home, stays away, and nobody else is touched."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.assets import sessions, signals, sources
from mqa_platform.assets.platform import Step
from mqa_platform.assets.privacy import guard_personal_data
from mqa_platform.assets.reporting import Outcome
from mqa_platform.core.source_report import TABLES, source_report
from mqa_platform.core.window import Window
from mqa_platform.erasure import Erased, ErasureError, erase, unfinished
from mqa_platform.exports import to_csv
from mqa_platform.home import Home
from mqa_platform.sources.contact_addresses import ad_digest
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.names import person_refs
from mqa_platform_tests.system.pipeline import (
    copy_home,
    environment,
    opened,
    rows,
    run,
)

pytestmark = pytest.mark.slow


def arrive(step: Step, _: Window | None = None) -> Outcome:
    """What is new lands, and the quarantine and the record of rewrites are told; without audits."""
    guard_personal_data(step, land_new(step.session, step.policy, step.home))
    return Outcome([])


DAYS = Window.of(date(2025, 7, 1), date(2025, 7, 3))
WORK = (arrive, sources.crm, signals.signals, sessions.sessions)
NAMES = ("inbox", "landing", "policy", "pulled", "exports", "audiences", "reports",
         "warehouse.duckdb", "snapshot.duckdb")  # fmt: skip
AUDIENCE = "new_business.awareness_ads.people"
JANE, NEWS, BOB = "jane@acme.com", "Jane+news@Acme.com", "bob@acme.com"
AWAY = "jane+away@acme.com"
SOURCES = """
sources:
  segment: {connector: segment_jsonl, path: "${MQA_HOME}/inbox/segment/*.jsonl*"}
  marketo: {connector: marketo_activities, path: "${MQA_HOME}/inbox/marketo/activities*.csv"}
  marketo_leads: {connector: marketo_leads, path: "${MQA_HOME}/inbox/marketo/leads*.csv"}
  accounts: {connector: crm_export, crm: salesforce, object: Account,
             path: "${MQA_HOME}/inbox/salesforce/Account*.csv"}
  contacts: {connector: crm_export, crm: salesforce, object: Contact,
             path: "${MQA_HOME}/inbox/salesforce/Contact*.csv"}
"""


def page(number: int, cookie: str, on: int, **more: object) -> str:
    at = f"2025-07-{on:02d}T10:{number % 60:02d}:07Z"
    context = {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "consent": "granted"}
    return json.dumps(
        {"type": "page", "messageId": f"m{number}-{on}", "anonymousId": cookie, "timestamp": at,
         "receivedAt": at, "properties": {"path": "/pricing"}, "context": context, **more}
    )  # fmt: skip


def named(number: int, cookie: str, on: int, email: str) -> str:
    return page(number, cookie, on, type="identify", userId=email, traits={"email": email})


def deliver(home: Home, name: str, *lines: str) -> None:
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Jane with two browsers, a lead, a contact and a plus; Bob, who shares a browser with her."""
    home = Home(tmp_path_factory.mktemp("seen"))
    home.policy.mkdir()
    (home.policy / "sources.yaml").write_text(SOURCES)
    (home.policy / "program.yaml").write_text(
        "history_starts_on: 2025-07-01\nip_retention_days: 3650\nmax_quarantine_ratio: 0.9\n"
    )
    lines = [named(90, "fox-1", 1, JANE), named(91, "fox-2", 1, NEWS), named(92, "kiosk", 1, JANE)]
    lines += [named(93, "kiosk", 1, BOB), named(94, "owl-1", 1, BOB)]
    lines += [
        page(n, c, on) for n, c in enumerate(("fox-1", "fox-2", "owl-1", "kiosk")) for on in (1, 3)
    ]
    lines += [page(50, "owl-1", 2, properties={"path": f"/welcome/{JANE}/x"})]
    lines += [page(51, "owl-1", 2, properties={"path": "/notes/JANE MILLER - pilot"})]
    broken = '{"type": "page", "userId": "JANE@acme.com", "traits": {"name": "Jane Miller"}'
    deliver(home, "segment/visits.jsonl", *lines, broken)
    deliver(home, "segment/packed.jsonl.gz", named(95, "fox-1", 3, "JANE@ACME.COM"))
    deliver(home, "marketo/leads.csv", "id,email,created_at",
            f"7,{JANE},2025-07-01T00:00:00Z", f"8,{BOB},2025-07-01T00:00:00Z")  # fmt: skip
    deliver(home, "marketo/activities.csv",
            "id,activity_date,activity_type_id,lead_id,primary_attribute_value",
            "1,2025-07-02T09:00:00Z,11,7,x", "2,2025-07-02T09:00:00Z,11,8,x")  # fmt: skip
    deliver(home, "salesforce/Account.csv", "Id,SystemModstamp,CreatedDate,Name,Website,IsDeleted",
            "001,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,Acme,acme.com,false")  # fmt: skip
    deliver(home, "salesforce/Contact.csv",
            "Id,SystemModstamp,CreatedDate,AccountId,Email,Name,Title,IsDeleted",
            f"003,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,001,{JANE},Jane Miller,CTO,false",
            f"004,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,001,{BOB},Bob Stone,CFO,false")  # fmt: skip
    # A delivery that is taken away once it has landed, as the documentation says.
    taken_away = [named(99, "fox-3", 1, AWAY), page(100, "fox-3", 3)]
    deliver(home, "segment/away.jsonl", *taken_away)
    run(home, DAYS, work=WORK)
    (home.inbox / "segment/away.jsonl").unlink()
    page_of_a_crm = home.root / "pulled" / "crm" / "1.json"
    page_of_a_crm.parent.mkdir(parents=True)
    page_of_a_crm.write_text(json.dumps({"results": [{"email": JANE}, {"email": BOB}]}))
    (home.root / "exports").mkdir()
    for table in ("signals", "crm_contacts"):
        with duckdb.connect(str(home.snapshot), read_only=True) as con:
            found = con.execute(f"FROM {table}").to_arrow_table()
        (home.root / "exports" / f"{table}.csv").write_bytes(to_csv(found))
    (home.root / "exports" / "brief.md").write_text(f"Call Jane Miller, {JANE}, today.\n")
    written = home.root / "reports" / "accounts" / "h1.html"
    written.parent.mkdir(parents=True)
    written.write_text("<h1>Acme</h1><p>Jane Miller</p>")
    exported(home)
    return home


def exported(home: Home) -> None:
    """The people of an audience as its last export left them: the state, and the file for a platform."""
    state = home.root / "audiences" / f"{AUDIENCE}.jsonl"
    state.parent.mkdir()
    told = [(str(person_refs(pa.array([a]))[0][0]), ad_digest(a)) for a in (JANE, BOB)]
    lines = [{"key": r, "person_ref": r, "email_sha256": d, "account_id": "001"} for r, d in told]
    state.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    rows_ = "".join(f"add,{digest},001\n" for _, digest in told)
    (home.root / "exports" / "people.csv").write_text(f"action,email_sha256,account_id\n{rows_}")


@pytest.fixture
def home(seen: Home, tmp_path: Path) -> Home:
    return copy_home(seen, tmp_path / "home", *NAMES)


def again(home: Home, window: Window | None) -> object:
    return run(home, window or DAYS, work=WORK if window else WORK[:2])


def gone(home: Home, *addresses: str) -> Erased:
    return erase(home, addresses or (JANE,), "asked by jane@acme.com", again)


def needles() -> set[str]:
    # Of a key, its first 16 digits: that is what stands in texts.
    keys = {str(person_refs(pa.array([a]))[0][0])[6:22] for a in (JANE, NEWS, AWAY)}
    digests = {ad_digest(a) for a in (JANE, NEWS, AWAY)}
    return {"jane@acme.com", "jane+news@acme.com", "jane miller", "jane%40", *keys, *digests}


def texts(home: Home) -> Iterator[tuple[str, str]]:
    """Every text under the home: files as they are, gzip and Parquet undone, each table's columns."""
    for path in sorted(p for p in home.root.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.suffix == ".duckdb":
            yield path.name, content.decode("latin-1")
            with duckdb.connect(str(path), read_only=True) as con:
                for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    yield f"{path.name}:{name}", str(con.execute(f"FROM {name}").fetchall())
        elif path.suffix == ".parquet":
            table = pq.read_table(io.BytesIO(content))
            yield path.name, f"{table.schema.metadata} {table.to_pylist()}"
        else:
            plain = gzip.decompress(content) if path.suffix == ".gz" else content
            yield path.name, plain.decode("utf-8", errors="replace")


def places(home: Home) -> set[str]:
    return {place for place, text in texts(home) if any(n in text.lower() for n in needles())}


@pytest.fixture(scope="module")
def erased(seen: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Erased]:
    """The same home without Jane; tests only read it, or copy it."""
    home = copy_home(seen, tmp_path_factory.mktemp("erased"), *NAMES)
    return home, gone(home)


def copied(erased: tuple[Home, Erased], folder: Path) -> Home:
    return copy_home(erased[0], folder / "copy", *NAMES)


def test_an_erased_person_is_nowhere_under_the_home(
    seen: Home, erased: tuple[Home, Erased]
) -> None:
    before = places(seen)
    assert {"visits.jsonl", "packed.jsonl.gz", "Contact.csv", "1.json", "brief.md",
            "crm_contacts.csv", "signals.csv", "warehouse.duckdb:landed_signals",
            "warehouse.duckdb:landed_defects", "snapshot.duckdb:crm_contacts", "h1.html",
            "people.csv", f"{AUDIENCE}.jsonl"} <= before  # fmt: skip
    home, found = erased
    assert (places(home), found.remains) == (set(), 0)
    assert found.accounts == ["001"]
    assert found.days == list(DAYS.days())
    assert found.beside == 1
    assert unfinished(home) == 0
    cookies = rows(home, "SELECT DISTINCT anonymous_id FROM signals ORDER BY 1 NULLS FIRST")
    assert cookies == [(None,), ("kiosk",), ("owl-1",)]


def test_an_audience_loses_the_person_and_the_proof_says_where_else_it_is(
    erased: tuple[Home, Erased],
) -> None:
    home, found = erased
    state = (home.root / "audiences" / f"{AUDIENCE}.jsonl").read_text().splitlines()
    assert [json.loads(line)["email_sha256"] for line in state] == [ad_digest(BOB)]
    given = [p for p in found.places if p.place == "exported audiences"]
    assert [(p.removed, p.remains) for p in given] == [(1, 0)]
    assert given[0].note == f"take the person out of the ad platform by hand: {AUDIENCE}"
    assert list((home.root / "reports" / "accounts").iterdir()) == []
    assert [p.removed for p in found.places if p.place == "account pages"] == [1]


def test_everybody_else_stays_as_they_were(seen: Home, erased: tuple[Home, Erased]) -> None:
    home, _ = erased
    bobs = (
        "SELECT * EXCLUDE (page_path) FROM signals WHERE anonymous_id = 'owl-1' "
        "OR person_key = 'lead:8' ORDER BY signal_id"
    )
    assert rows(home, bobs) == rows(seen, bobs)
    assert rows(home, "SELECT page_path FROM signals WHERE page_path LIKE '/welcome%'") == [
        ("/welcome/[erased]/x",)
    ]
    assert rows(home, "SELECT name FROM crm_contacts") == [("Bob Stone",)]
    left = (home.inbox / "salesforce/Contact.csv").read_text().splitlines()
    assert [r["Name"] for r in csv.DictReader(left)] == ["Bob Stone"]


def test_what_was_delivered_still_adds_up_and_every_change_is_in_the_record(
    erased: tuple[Home, Erased],
) -> None:
    home, _ = erased
    ledger = "landed_rows - accepted_rows - duplicate_rows - quarantined_rows - filtered_rows"
    assert rows(home, f"SELECT DISTINCT {ledger} FROM landed_batches") == [(0,)]
    told = rows(home, "SELECT DISTINCT reason, old_sha256 = new_sha256 FROM privacy_rewrites")
    assert told == [("erasure", False)]
    with opened(home) as step:
        report = source_report(step.table("landed_batches"), {n: step.table(n) for n in TABLES})
        for row in step.session.rows(report):
            told = sum(row[n] for n in ("accepted", "duplicate", "quarantined", "filtered"))
            assert told == row["landed"], row


def test_the_tables_are_those_of_a_home_that_never_knew_the_person(
    erased: tuple[Home, Erased], tmp_path: Path
) -> None:
    home, _ = erased
    clean = copy_home(home, tmp_path / "clean", "inbox", "policy")
    # A click of her lead names nobody; that it was hers, only the tombstone knows.
    clean.landing.mkdir()
    shutil.copy(home.landing / "_erased.jsonl", clean.landing)
    run(clean, DAYS, work=WORK)
    for table, columns in {
        "signals": "signal_id, person_key, anonymous_id, page_path",
        "touchpoints": "signal_id, account_id, person_id, resolution_rule, match_confidence",
        "sessions": "session_id, account_id, person_id, page_views",
        "crm_contacts": "contact_id, account_id, valid_from",
    }.items():
        query = f"SELECT {columns} FROM {table} ORDER BY ALL"
        assert rows(home, query) == rows(clean, query), table


def test_a_second_erasure_finds_nothing_and_nothing_lands_again(
    erased: tuple[Home, Erased], tmp_path: Path
) -> None:
    home = copied(erased, tmp_path)
    count = "SELECT count(*) FROM landed_batches WHERE status = 'landed' AND landed_rows > 0"
    touched = "SELECT * FROM touchpoints ORDER BY ALL"
    before = rows(home, count), rows(home, touched)
    found = gone(home)
    assert found.remains == 0
    assert sum(p.removed for p in found.places) == 0
    assert (rows(home, count), rows(home, touched)) == before


def test_a_rebuild_from_landing_does_not_bring_the_person_back(
    erased: tuple[Home, Erased], tmp_path: Path
) -> None:
    home = copied(erased, tmp_path)
    before = rows(home, "SELECT * FROM touchpoints ORDER BY ALL")
    rewrites = rows(home, "SELECT rewrite_id FROM privacy_rewrites ORDER BY 1")
    home.warehouse.unlink()
    run(home, DAYS, work=WORK)
    assert rows(home, "SELECT * FROM touchpoints ORDER BY ALL") == before
    assert rows(home, "SELECT rewrite_id FROM privacy_rewrites ORDER BY 1") == rewrites
    assert places(home) == set()


IMPORTS = (
    ("segment/late.jsonl", [named(96, "new-1", 2, "JANE@acme.COM"), page(97, "fox-1", 2)]),
    ("segment/plus.jsonl.gz", [named(98, "new-2", 2, "jane+again@acme.com")]),
    ("marketo/leads2.csv", ["id,email,created_at", "77,Jane@Acme.com,2025-07-02T00:00:00Z"]),
    ("salesforce/Contact2.csv", [
        "Id,SystemModstamp,CreatedDate,AccountId,Email,Name,Title,IsDeleted",
        "009,2025-07-02T00:00:00Z,2025-07-02T00:00:00Z,001,jane+x@acme.com,Jane Miller,CTO,false",
    ]),
)  # fmt: skip


def test_no_source_brings_the_person_back(erased: tuple[Home, Erased], tmp_path: Path) -> None:
    home = copied(erased, tmp_path)
    query = "SELECT * FROM touchpoints ORDER BY ALL"
    before = rows(home, query)
    for name, lines in IMPORTS:
        deliver(home, name, *lines)
    run(home, DAYS, work=WORK)
    assert rows(home, query) == before
    assert rows(home, "SELECT count(*) FROM landed_identities WHERE ref IN ('new-1', '77')") == [
        (0,)
    ]
    assert rows(home, "SELECT name FROM crm_contacts") == [("Bob Stone",)]
    assert rows(home, "SELECT sum(filtered_rows) FROM landed_batches")[0][0] >= 4
    for name, _ in IMPORTS:
        (home.inbox / name).unlink()
    assert places(home) == set()


DIE = """
import os, signal, sys
from pathlib import Path
from mqa_platform import erasure
from mqa_platform.sources import erasing_files, erasing_landing
from mqa_platform_tests.system import test_erasure as case
from mqa_platform.home import Home

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

module, name = {
    "first delivery": (erasing_files, "put"), "warehouse": (erasing_landing, "erase_rows"),
    "run": (erasure, "_drop_shadows"),
}[sys.argv[1]]
put = erasing_files.put

def put_and_die(path, content):
    put(path, content)
    if "inbox" in path.parts:
        die()

setattr(module, name, put_and_die if name == "put" else die)
case.gone(Home(Path(sys.argv[2])))
"""


@pytest.mark.parametrize("moment", ["first delivery", "warehouse", "run"])
def test_an_erasure_that_was_killed_is_ended_by_the_same_command(home: Home, moment: str) -> None:
    landed = "SELECT count(*) FROM landed_batches WHERE landed_rows > 0"
    before = rows(home, landed)
    killed = subprocess.run(
        [sys.executable, "-c", DIE, moment, str(home.root)], env=environment(home), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert unfinished(home) == 1
    # A run in between lands no delivery again because it is shorter now.
    again(home, None)
    assert gone(home).remains == 0
    assert places(home) == set()
    assert unfinished(home) == 0
    assert rows(home, landed) == before


def test_what_the_platform_may_not_change_is_told_of_and_a_shadow_goes(home: Home) -> None:
    (home.policy / "notes.yaml.txt").write_text(f"# ask {JANE}\n")
    shadow = home.shadows / "abc"
    shadow.mkdir(parents=True)
    (shadow / "warehouse.duckdb").write_bytes(b"x")
    found = gone(home)
    assert found.remains == 1
    assert [p.place for p in found.places if p.remains] == ["files: policy"]
    assert unfinished(home) == 1
    # A shadow is a copy, and is made again when somebody wants it.
    assert [p.removed for p in found.places if p.place == "shadows"] == [1]
    assert not shadow.exists()


def test_what_is_no_address_is_refused_before_anything_is_written(home: Home) -> None:
    before = places(home)
    with pytest.raises(ErasureError, match="no e-mail address"):
        gone(home, "Jane Miller")
    assert places(home) == before
