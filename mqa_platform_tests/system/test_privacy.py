"""A refusal takes a person out of the days that are published; an old address goes, its answer stays."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.assets import sessions, signals, sources
from mqa_platform.assets.platform import Step
from mqa_platform.assets.privacy import guard_personal_data
from mqa_platform.assets.reporting import Outcome
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.marts import open_marts
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.personal_key import ip_tokens
from mqa_platform.sources.retention import Retained, retain
from mqa_platform.warehouse import rewriting
from mqa_platform.warehouse.snapshot import refresh_snapshot
from mqa_platform_tests.system.pipeline import (
    copy_home,
    day,
    fingerprint,
    mqa,
    opened,
    rows,
    run,
)

JULY = date(2025, 7, 1)
pytestmark = pytest.mark.slow
DAYS = Window.of(JULY, date(2025, 7, 3))
ADDRESS = "192.0.2.7"
LATER = "192.0.2.99"
DERIVED = ("sessions", "touchpoints", "unresolved_signals")


def arrive(step: Step, _: Window | None = None) -> Outcome:
    """What is new lands and what is old is dropped, without the audits of the ledgers."""
    guard_personal_data(step, land_new(step.session, step.policy, step.home))
    return Outcome([])


DERIVE = (signals.signals, sessions.sessions)
WORK = (arrive, *DERIVE)


def page(number: int, cookie: str, on: int, ip: str = ADDRESS, **more: object) -> str:
    at = f"2025-07-{on:02d}T10:{number % 60:02d}:07Z"
    context = {"ip": ip, "userAgent": "Mozilla/5.0", "consent": "granted"}
    return json.dumps(
        {
            "type": "page", "messageId": f"m{number}-{on}", "anonymousId": cookie,
            "timestamp": at, "receivedAt": at, "properties": {"path": "/pricing"},
            "context": context, **more,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Jane of Acme and a stranger in Acme's office, three days; addresses are kept for ten years."""
    home = Home(tmp_path_factory.mktemp("seen"))
    for name in ("inbox/segment", "inbox/office_ips", "inbox/salesforce", "policy"):
        (home.root / name).mkdir(parents=True)
    keep_addresses_for(home, 3650)
    (home.policy / "sources.yaml").write_text(SOURCES)
    named = {"type": "identify", "traits": {"email": "jane@acme.com"}}
    lines = [page(99, "jane", 1, **named)]
    for on in (1, 2, 3):
        lines += [page(1, "jane", on), page(2, "stranger", on), page(3, "else", on, "198.51.100.1")]
    lines.append(page(4, "jane", 3, LATER))
    deliver(home, "segment/visits.jsonl", lines)
    deliver(home, "office_ips/acme.csv", ["org,range_start_or_cidr,range_end,domain",
                                          "Acme,192.0.2.0/26,,acme.com"])  # fmt: skip
    deliver(home, "salesforce/Account.csv", [
        "Id,SystemModstamp,CreatedDate,Name,Website,IsDeleted",
        "001,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,Acme,acme.com,false",
    ])  # fmt: skip
    run(home, DAYS, work=(sources.land, sources.crm, *DERIVE))
    return home


@pytest.fixture
def home(seen: Home, tmp_path: Path) -> Home:
    """A copy of the same that the test may change."""
    return copy_home(seen, tmp_path / "home", "inbox", "landing", "policy", "warehouse.duckdb")


SOURCES = """
sources:
  segment: {connector: segment_jsonl, path: "${MQA_HOME}/inbox/segment/*.jsonl"}
  marketo: {connector: marketo_activities, path: "${MQA_HOME}/inbox/marketo/activities*.csv"}
  marketo_leads: {connector: marketo_leads, path: "${MQA_HOME}/inbox/marketo/leads*.csv"}
  consents: {connector: consent_changes, path: "${MQA_HOME}/inbox/consents/*.csv"}
  office_ips: {connector: office_ip_ranges, path: "${MQA_HOME}/inbox/office_ips/*.csv"}
  accounts: {connector: crm_export, crm: salesforce, object: Account,
             path: "${MQA_HOME}/inbox/salesforce/Account*.csv"}
"""


def deliver(home: Home, name: str, lines: list[str]) -> None:
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def keep_addresses_for(home: Home, days: int) -> None:
    (home.policy / "program.yaml").write_text(
        f"history_starts_on: 2025-07-01\nip_retention_days: {days}\n"
    )


def say(home: Home, name: str, who: str, status: str, at: str = "2025-07-09") -> None:
    header = "email,anonymous_id,status,changed_at"
    deliver(home, f"consents/{name}.csv", [header, f"{who},{status},{at}T10:00:00Z"])


def published(home: Home, *tables: str) -> dict[str, str]:
    with opened(home) as step:
        return {t: fingerprint(step.session.arrow(step.table(t))) for t in tables or DERIVED}


def who(home: Home) -> list[tuple[object, ...]]:
    return rows(
        home,
        "SELECT strftime(touchpoint_date, '%d'), anonymous_id, resolution_rule FROM touchpoints ORDER BY ALL",
    )


def land(home: Home) -> None:
    with opened(home) as step:
        arrive(step)


def drop(home: Home, as_of: date) -> Retained:
    with opened(home) as step:
        return retain(step.session, home, step.policy, as_of)


def everywhere(home: Home) -> Iterator[tuple[str, str]]:
    """Every text of the home's landing files and of every table of its warehouse, with its place."""
    for path in home.landing.rglob("*.parquet"):
        yield from texts(path.name, pq.read_table(path))
    with opened(home) as step:
        names = [n for (n,) in step.session.fetch("SELECT table_name FROM duckdb_tables()")]
        for name in names:
            yield from texts(name, step.session.con.table(name).to_pyarrow())


def texts(place: str, table: pa.Table) -> Iterator[tuple[str, str]]:
    for name in table.column_names:
        if pa.types.is_string(table.schema.field(name).type):
            yield from ((f"{place}.{name}", v) for v in table[name].to_pylist() if v is not None)


def test_a_refusal_takes_a_person_out_of_days_that_are_published(home: Home) -> None:
    assert ("02", "jane", "stitched_cookie") in who(home)
    say(home, "no", "jane@acme.com,", "withdrawn")
    run(home, day(2), work=(arrive, sessions.sessions))
    assert "jane" not in {cookie for _, cookie, _ in who(home)}
    told = rows(home, "SELECT reason, count(*) FROM unresolved_signals GROUP BY 1 ORDER BY 1")
    assert told == [("no_consent", 4), ("no_match", 3)]
    assert rows(home, "SELECT count(*) FROM sessions WHERE person_id IS NOT NULL") == [(0,)]


def test_who_says_yes_again_is_there_again(home: Home) -> None:
    before = published(home)
    say(home, "no", "jane@acme.com,", "denied")
    run(home, day(2), work=(arrive, sessions.sessions))
    assert published(home) != before
    say(home, "yes", "jane@acme.com,", "granted", "2025-07-10")
    run(home, day(2), work=(arrive, sessions.sessions))
    assert published(home) == before


def test_the_order_in_which_words_arrive_does_not_matter(home: Home) -> None:
    before = published(home)
    say(home, "yes", "jane@acme.com,", "granted", "2025-07-10")
    land(home)
    say(home, "no", "jane@acme.com,", "denied", "2025-07-09")
    run(home, day(2), work=(arrive, sessions.sessions))
    assert published(home) == before


def test_a_change_of_mind_reopens_the_days_of_that_person_and_no_others(home: Home) -> None:
    deliver(home, "segment/once.jsonl", [page(7, "once", 1), page(7, "once", 3)])
    run(home, DAYS, work=WORK)
    say(home, "no", ",once", "denied")
    with opened(home) as step:
        arrive(step)
        assert step.session.asked("sessions") == {date(2025, 7, 1), date(2025, 7, 3)}
        assert step.session.reopened("identity") is None


def test_a_change_of_mind_reaches_a_person_under_every_name(home: Home) -> None:
    mails = ["id,activity_date,activity_type_id,lead_id,primary_attribute_value"]
    mails += [f"{n},2025-07-0{n}T09:00:00Z,11,{lead},x" for n, lead in ((1, 7), (2, 8), (3, 9))]
    deliver(home, "marketo/activities.csv", mails)
    leads = [
        "id,email,created_at",
        "7,jo@acme.com,2025-07-01T00:00:00Z",
        "9,al@acme.com,2025-07-01",
    ]
    deliver(home, "marketo/leads.csv", leads)
    run(home, DAYS, work=WORK)
    assert rows(home, "SELECT count(*) FROM touchpoints WHERE signal_type LIKE 'email%'") == [(2,)]
    say(home, "no", "jo@acme.com,", "denied")
    with opened(home) as step:
        arrive(step)
        assert step.session.asked("sessions") == {date(2025, 7, 1)}


def test_a_yes_of_somebody_who_never_said_no_reopens_nothing(home: Home) -> None:
    say(home, "yes", "jane@acme.com,jane", "granted")
    with opened(home) as step:
        arrive(step)
        assert step.session.asked("sessions") == set()


def test_a_browser_that_refused_is_forgotten_and_its_person_is_not(home: Home) -> None:
    named = {"type": "identify", "traits": {"email": "jane@acme.com"}}
    lines = [page(50, "phone", 1, **named), page(51, "phone", 2)]
    deliver(home, "segment/phone.jsonl", lines)
    run(home, DAYS, work=WORK)
    say(home, "no", ",phone", "denied")
    run(home, day(2), work=(arrive, sessions.sessions))
    cookies = {cookie for _, cookie, _ in who(home)}
    assert "jane" in cookies
    assert "phone" not in cookies


def test_an_old_address_goes_and_the_days_stay_as_they_were(home: Home) -> None:
    before = published(home)
    assert ("02", "stranger", "office_ip") in who(home)
    keep_addresses_for(home, 90)
    # The third of July is ninety days before the first of October, and not yet older than that.
    assert drop(home, date(2025, 10, 1)) == Retained(addresses=2, rows=6, batches=1)
    run(home, DAYS, work=DERIVE)
    assert published(home) == before
    kept = rows(home, "SELECT DISTINCT signal_date FROM signals WHERE ip LIKE '192%'")
    assert kept == [(date(2025, 7, 3),)]


def test_no_old_address_is_left_anywhere_but_in_the_inbox(home: Home) -> None:
    assert {p.partition(".")[0] for p, text in everywhere(home) if text == ADDRESS} > {"signals"}
    keep_addresses_for(home, 1)
    drop(home, date(2025, 8, 1))
    found = [p for p, t in everywhere(home) if ADDRESS in t or LATER in t or "198.51.100.1" in t]
    assert found == []
    assert ip_tokens([ADDRESS])[ADDRESS] in {text for _, text in everywhere(home)}


def test_dropping_again_changes_nothing(home: Home) -> None:
    keep_addresses_for(home, 1)
    drop(home, date(2025, 8, 1))
    before = published(home, "signals", "privacy_rewrites")
    files = {p: p.stat().st_mtime_ns for p in home.landing.rglob("*.parquet")}
    assert drop(home, date(2025, 8, 1)) == Retained()
    assert published(home, "signals", "privacy_rewrites") == before
    assert {p: p.stat().st_mtime_ns for p in home.landing.rglob("*.parquet")} == files


def test_a_warehouse_rebuilt_from_landing_finds_the_same_and_remembers_the_rewrites(
    home: Home,
) -> None:
    keep_addresses_for(home, 90)
    drop(home, date(2025, 9, 30))
    drop(home, date(2025, 10, 1))
    run(home, DAYS, work=WORK)
    tables = (*DERIVED, "signals", "privacy_rewrites", "landed_ip_answers")
    before = published(home, *tables)
    record = (
        "SELECT rewrite_id, reason, rows, old_sha256, new_sha256 FROM privacy_rewrites ORDER BY 1"
    )
    (first, second, *_) = written = rows(home, record)
    assert [r[0].partition("-")[2] for r in written] == ["1", "2", "3"]
    assert first[4] == second[3]
    home.warehouse.unlink()
    shutil.rmtree(home.inbox)
    run(home, DAYS, work=(arrive, sources.crm, *DERIVE))
    assert published(home, *tables) == before
    assert rows(home, record) == written


def test_the_record_tells_which_file_became_which(home: Home) -> None:
    keep_addresses_for(home, 1)
    drop(home, date(2025, 8, 1))
    ((source, reason, old, new, count),) = rows(
        home, "SELECT source, reason, old_sha256, new_sha256, rows FROM privacy_rewrites"
    )
    assert (source, reason, count) == ("segment", "ip_retention", 10)
    (file,) = home.landing.rglob("*.landed_signals.parquet")
    assert old != new
    assert hashlib.sha256(file.read_bytes()).hexdigest() == new


@pytest.mark.parametrize("step_of_death", ["landed_ip_answers", "landed_signals", "warehouse"])
def test_a_drop_that_is_killed_is_finished_by_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch, step_of_death: str
) -> None:
    before = published(home)
    keep_addresses_for(home, 1)

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    replace = Path.replace

    def replace_until(path: Path, target: Path) -> Path:
        moved = replace(path, target)
        if f".{step_of_death}." in target.name:
            raise Killed
        return moved

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace_until)
        if step_of_death == "warehouse":
            patched.setattr(rewriting, "_update", die)
        with pytest.raises(Killed):
            drop(home, date(2025, 8, 1))
    # The network changes hands before the next run: what was begun stays as it was.
    deliver(home, "office_ips/other.csv", ["org,range_start_or_cidr,range_end,domain",
                                           "Acme,198.51.100.0/24,,acme.com"])  # fmt: skip
    land(home)
    assert [p for p, text in everywhere(home) if ADDRESS in text] == []
    run(home, DAYS, work=DERIVE)
    assert published(home) == before
    assert len(rows(home, "SELECT * FROM privacy_rewrites")) == 1


def test_an_address_that_meant_something_else_later_keeps_both_answers(home: Home) -> None:
    keep_addresses_for(home, 90)
    drop(home, date(2025, 9, 30))
    deliver(home, "office_ips/sold.csv", ["org,range_start_or_cidr,range_end,domain",
                                          "Buyer,192.0.2.0/27,,buyer.com"])  # fmt: skip
    deliver(home, "salesforce/Account-2.csv", [
        "Id,SystemModstamp,CreatedDate,Name,Website,IsDeleted",
        "002,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z,Buyer,buyer.com,false",
    ])  # fmt: skip
    run(home, DAYS, work=(arrive, sources.crm, *DERIVE))
    before = published(home)
    owners = rows(
        home,
        "SELECT DISTINCT touchpoint_date, account_id FROM touchpoints "
        "WHERE anonymous_id = 'stranger' ORDER BY 1",
    )
    assert [account for _, account in owners] == ["001", "002", "002"]
    drop(home, date(2025, 12, 1))
    run(home, DAYS, work=DERIVE)
    assert published(home) == before
    token = ip_tokens([ADDRESS])[ADDRESS]
    assert rows(
        home, f"SELECT DISTINCT ip FROM landed_ip_answers WHERE ip LIKE '{token}%' ORDER BY 1"
    ) == [(token,), (f"{token}-2",)]


def test_every_landing_drops_what_is_old(home: Home) -> None:
    keep_addresses_for(home, 90)
    land(home)
    assert rows(home, "SELECT count(*) FROM signals WHERE ip NOT LIKE 'ip:%'") == [(0,)]
    assert rows(home, "SELECT count(*) FROM privacy_rewrites") == [(1,)]
    assert JULY + timedelta(days=90) < date.today()  # noqa: DTZ011 (the runs take today as well)


def test_pages_of_a_feed_go_with_their_addresses_and_pages_of_a_crm_stay(home: Home) -> None:
    feed = SOURCES + (
        "  feed: {connector: json_feed, url: 'http://127.0.0.1:9/x', streams: [visits],\n"
        "         reads_as: segment_jsonl}\n"
    )
    pages = {}
    for source in ("feed", "accounts"):
        pages[source] = home.root / "pulled" / source / "visits" / "00000000-a.jsonl"
        pages[source].parent.mkdir(parents=True)
        pages[source].write_text(page(1, "x", 1) + "\n")
    keep = pages["feed"].with_name("00000001-b.jsonl")
    keep.write_text(page(1, "x", 1, "203.0.113.5") + "\n")
    with opened(home) as step:
        step.session.run("UPDATE landed_signals SET source = 'feed'")
    (home.policy / "sources.yaml").write_text(feed)
    keep_addresses_for(home, 90)
    assert drop(home, date(2025, 10, 1)).pages == 1
    assert (pages["feed"].exists(), keep.exists(), pages["accounts"].exists()) == (
        False,
        True,
        True,
    )
    assert drop(home, date.today() + timedelta(days=91)).pages == 1  # noqa: DTZ011
    assert (keep.exists(), pages["accounts"].exists()) == (False, True)


def test_the_command_drops_in_the_live_warehouse_and_in_every_shadow(home: Home) -> None:
    shadow = copy_home(home, home.shadows / "0123456789ab", "warehouse.duckdb")
    for place in (home, shadow):
        with opened(place) as step:
            refresh_snapshot(step.session, place.snapshot)
    keep_addresses_for(home, 90)
    told = mqa(home, "privacy", "retain", "--as-of", "2025-10-01", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert [(f["place"], f["rows"]) for f in found] == [("live", 6), ("shadow 0123456789ab", 6)]
    for place in (home, shadow):
        with opened(place) as step, open_marts(place) as marts:
            for tables in (step, marts):
                kept = tables.table("signals")
                kept = kept.filter(kept["signal_date"] < date(2025, 7, 3))
                assert kept["ip"].startswith("ip:").all().to_pyarrow().as_py()
    again = mqa(home, "privacy", "retain", "--as-of", "2025-10-01", "--json")
    assert [f["rows"] for f in json.loads(again.stdout)] == [0, 0]
    wrong = mqa(home, "privacy", "retain", "--as-of", "yesterday")
    assert (wrong.returncode, "yesterday" in wrong.stderr) == (2, True)


def test_a_landing_of_real_people_under_the_development_key_is_loud(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MQA_PII_KEY", raising=False)
    deliver(home, "segment/more.jsonl", [page(1, "more", 2)])
    with opened(home) as step:
        report = land_new(step.session, step.policy, step.home)
        guard_personal_data(step, report)
        assert "development key" in report.messages[0]
        home.truth.mkdir()
        deliver(home, "segment/made-up.jsonl", [page(2, "more", 2)])
        report = land_new(step.session, step.policy, step.home)
        guard_personal_data(step, report)
    assert not any("key" in message for message in report.messages)


def test_a_landing_of_corrections_alone_is_of_real_people_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MQA_PII_KEY", raising=False)
    home = Home(tmp_path / "corrected")
    told = {"kind": "cookie", "ref": "fox", "onto": "ann@acme.com", "action": "merge"}
    path = home.inbox / "corrections" / "c.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**told, "at": "2025-07-02T10:00:00Z"}) + "\n")
    with opened(home) as step:
        report = land_new(step.session, step.policy, step.home)
        guard_personal_data(step, report)
    assert "development key" in report.messages[0]
