"""Hostile and broken files: each has a clear outcome, and none of them stops the others."""

from __future__ import annotations

import gzip
import json
import os
import struct
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources import registry
from mqa_platform.sources.landing_report import LandingReport
from mqa_platform_tests.sources.contract.driving import ask, land_under, policy_with

SOUND = (
    '{"id":"t0","type":"funding_round","announced_at":"2025-07-02T10:00:07Z","domain":"acme.com"}'
)
HEADER = "domain,company_name,employees,as_of\n"
RECORD = "acme.com,Acme,100,2025-07-02\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    (home.inbox / "in").mkdir(parents=True)
    return home


def policy(connector: str = "trigger_feed", path: str = "${MQA_HOME}/inbox/in/*") -> Policy:
    source = Source.model_validate({"connector": connector, "path": path})
    # Beside every bad file a good one, which must land.
    good = Source(connector="cidr_list", kind="bot", path="${MQA_HOME}/inbox/good.txt")
    return policy_with(bad=source, good=good)


def land(home: Home, content: bytes, connector: str = "trigger_feed") -> LandingReport:
    (home.inbox / "in" / "file").write_bytes(content)
    (home.inbox / "good.txt").write_text("192.0.2.0/24\n")
    report = land_under(policy(connector), home)
    assert report.rows["good"] == 1
    return report


def held(home: Home, content: bytes, connector: str = "trigger_feed") -> str:
    report = land(home, content, connector)
    assert [h.source for h in report.held] == ["bad"]
    row = "SELECT status, landed_rows FROM landed_batches WHERE source = 'bad'"
    assert ask(home, row) == [("held", 0)]
    return report.held[0].reason


def accounted(home: Home) -> dict[str, Any]:
    columns = ("status", "landed_rows", "accepted_rows", "quarantined_rows", "reasons")
    (row,) = ask(home, f"SELECT {', '.join(columns)} FROM landed_batches WHERE source = 'bad'")
    found = dict(zip(columns, row, strict=True))
    return {**found, "reasons": json.loads(found["reasons"])["quarantined"]}


def test_a_truncated_gzip_is_held_and_says_so(home: Home) -> None:
    packed = gzip.compress((SOUND + "\n").encode() * 1000)
    assert "damaged gzip" in held(home, packed[: len(packed) // 2])


@pytest.mark.parametrize("cut", [8, 100, -8, -1])
def test_a_truncated_parquet_is_held_and_says_so(home: Home, cut: int) -> None:
    path = home.root / "x.parquet"
    pq.write_table(pa.table({"domain": ["acme.com"] * 500, "as_of": ["2025-07-02"] * 500}), path)
    reason = held(home, path.read_bytes()[:cut], "enrichment")
    assert "damaged or truncated Parquet" in reason


def test_a_parquet_that_declares_absurd_sizes_is_refused_before_it_is_unpacked(home: Home) -> None:
    path = home.root / "x.parquet"
    pq.write_table(pa.table({"domain": ["acme.com"] * 200, "as_of": ["2025-07-02"] * 200}), path)
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[-8:-4])
    body, footer = content[: -8 - length], content[-8 - length : -8]
    # Field 3 of the file's metadata is its number of rows: 200, zigzag and in seven-bit groups.
    absurd = footer.replace(b"\x16\x90\x03", b"\x16\xfe" + b"\xff" * 5 + b"\x7f", 1)
    assert absurd != footer
    began = time.monotonic()
    reason = held(home, body + absurd + struct.pack("<I", len(absurd)) + b"PAR1", "enrichment")
    assert "Parquet" in reason or "unpacks to more than" in reason
    assert time.monotonic() - began < 10


def test_a_gzip_bomb_is_held_without_being_unpacked_to_its_end(home: Home) -> None:
    member = gzip.compress(b" " * (16 << 20), 1)
    began = time.monotonic()
    assert "200 times its size" in held(home, member * 100)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"]
)
def test_names_survive_the_encodings_of_real_exports(home: Home, encoding: str) -> None:
    text = f"{HEADER}acme.com,Société Générale,100,2025-07-02\n"
    assert not land(home, text.encode(encoding), "enrichment").degraded
    assert ask(home, "SELECT company_name, domain FROM landed_enrichment") == [
        ("Société Générale", "acme.com")
    ]


def test_nul_bytes_inside_a_text_are_dropped_and_its_rows_land(home: Home) -> None:
    land(home, HEADER.encode() + b"acme.com,Ac\x00me,100,2025-07-02\n", "enrichment")
    assert ask(home, "SELECT company_name FROM landed_enrichment") == [("Acme",)]


@pytest.mark.parametrize(
    "content",
    [b"\x00" * 5000, b"PK\x03\x04\x14\x00\x00\x00", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"],
)
@pytest.mark.parametrize("connector", ["trigger_feed", "enrichment", "apache_combined"])
def test_a_binary_file_is_held(home: Home, content: bytes, connector: str) -> None:
    assert "binary" in held(home, content, connector)


@pytest.mark.parametrize("content", ["", "\n\n  \n", HEADER])
def test_an_empty_file_and_a_header_alone_land_no_rows_and_are_no_failure(
    home: Home, content: str
) -> None:
    assert not land(home, content.encode(), "enrichment").degraded
    found = accounted(home)
    assert (found["status"], found["landed_rows"]) == ("landed", 0)


def test_a_header_with_the_same_column_twice_is_held(home: Home) -> None:
    reason = held(home, b"domain,as_of,Domain\nacme.com,2025-07-02,beta.com\n", "enrichment")
    assert "twice" in reason


@pytest.mark.parametrize(
    ("connector", "sound"),
    [
        ("segment_jsonl", '{"type":"page","messageId":"m","anonymousId":"c","timestamp":'
         '"2025-07-02T10:00:07Z","receivedAt":"2025-07-02T10:00:08Z","properties":{"path":"/"}}'),
        ("trigger_feed", SOUND),
        ("enrichment", RECORD.strip()),
        ("apache_combined", '192.0.2.7 - - [02/Jul/2025:10:00:00 +0000] "GET / HTTP/1.1" 200 5'),
    ],
)  # fmt: skip
def test_a_line_without_end_is_quarantined_and_the_rest_of_the_file_lands(
    home: Home, connector: str, sound: str
) -> None:
    begin = HEADER if connector == "enrichment" else ""
    long = sound[:20] + "x" * (100_000_000 if connector == "segment_jsonl" else 17_000_000)
    land(home, f"{begin}{sound}\n{long}\n{sound}".encode(), connector)
    found = accounted(home)
    assert (found["landed_rows"], found["reasons"]) == (3, {"line_too_long": 1})
    ((reason, size),) = ask(home, "SELECT reason, length(raw) FROM landed_defects")
    assert (reason, size < 2_000) == ("line_too_long", True)


def test_a_json_document_may_be_one_long_line(home: Home) -> None:
    filler = "y" * 1_000_000
    records = ",".join(
        SOUND.replace("t0", f"t{n}").replace("}", f',"note":"{filler}"}}') for n in range(20)
    )
    land(home, f"[{records}]".encode())
    assert accounted(home)["accepted_rows"] == 20


def test_impossible_moments_are_quarantined(home: Home) -> None:
    moments = ["2025-02-30", "2025-13-01T00:00:00Z", "0000-00-00 00:00:00", "9999-12-31",
               "17514504070", "yesterday"]  # fmt: skip
    lines = [SOUND, *(SOUND.replace("2025-07-02T10:00:07Z", moment) for moment in moments)]
    land(home, "\n".join(lines).encode())
    found = accounted(home)
    assert (found["accepted_rows"], found["reasons"]) == (1, {"bad_timestamp": len(moments)})


def test_seconds_milliseconds_and_microseconds_are_the_same_moment(home: Home) -> None:
    moments = ["1751450407", "1751450407000", "1751450407000000"]
    lines = [
        SOUND.replace('"2025-07-02T10:00:07Z"', moment).replace("t0", f"t{number}")
        for number, moment in enumerate(moments)
    ]
    land(home, "\n".join([SOUND.replace("t0", "t9"), *lines]).encode())
    assert ask(home, "SELECT count(*), count(DISTINCT occurred_at) FROM landed_signals") == [(4, 1)]


NAMES = [
    b"a\nb.jsonl",
    b"-rf",
    b"a b;$(rm).jsonl",
    b"x..\\..\\y",
    b"y" * 255,
    "é".encode("latin-1"),
    b"%2e%2e%2fx",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_file_name_is_only_ever_text_to_show(home: Home, name: bytes) -> None:
    Path(os.fsdecode(bytes(home.inbox / "in") + b"/" + name)).write_text(SOUND + "\n")
    (home.inbox / "good.txt").write_text("192.0.2.0/24\n")
    assert land_under(policy(), home).rows["bad"] == 1
    ((shown,),) = ask(home, "SELECT file_name FROM landed_batches WHERE source = 'bad'")
    assert shown.isprintable()
    landed = [p.relative_to(home.landing) for p in home.landing.rglob("*.parquet")]
    assert {p.parts[0] for p in landed} == {"bad", "good"}
    assert all(p.name.split(".")[0].isalnum() and len(p.parts) == 3 for p in landed)


def test_a_link_planted_in_the_inbox_is_refused_and_its_neighbours_land(
    home: Home, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text(SOUND + "\n")
    (home.inbox / "in" / "link.jsonl").symlink_to(secret)
    (home.inbox / "in" / "folder").symlink_to(tmp_path)
    report = land(home, SOUND.replace("t0", "t1").encode())
    assert report.rows["bad"] == 1
    (problem,) = report.problems
    assert (problem.status, "outside" in problem.message) == ("refused", True)
    nested = policy(path="${MQA_HOME}/inbox/in/*/*.jsonl")
    assert [p.status for p in land_under(nested, home).problems] == ["refused"]


def test_a_connector_that_fails_on_a_file_holds_the_file_and_not_the_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.CONNECTORS, "trigger_feed", "triggers:no_such_function")
    reason = held(home, SOUND.encode())
    assert "AttributeError" in reason
    assert "report this" in reason


def test_what_a_dead_process_left_half_written_is_swept(home: Home) -> None:
    folder = home.landing / "bad" / "2025-07-02"
    folder.mkdir(parents=True)
    (home.root / "spool").mkdir()
    dead = [folder / "x.landed_signals.999999999.partial", home.root / "spool" / "999999999-ab"]
    alive = folder / "y.landed_signals.1.partial"
    for path in (*dead, alive):
        path.touch()
    land(home, SOUND.encode())
    assert [path.exists() for path in (*dead, alive)] == [False, False, True]
