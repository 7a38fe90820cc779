"""The truth explains every row, and none of it is in the inbox."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from pyarrow import parquet

from mqa_platform_tests.market.conftest import World


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {k for v in value.values() for k in _keys(v)}
    return set()


def _vendor_names(inbox: Path) -> set[str]:
    names: set[str] = set()
    for path in inbox.rglob("*.csv"):
        if path.parent.name != "bombora":
            with path.open(newline="") as file:
                names |= set(next(csv.reader(file)))
    for path in inbox.rglob("feed-*.jsonl"):
        names |= {k for line in path.read_text().splitlines() for k in _keys(json.loads(line))}
    return names


def test_no_truth_column_is_named_in_the_inbox(world: World) -> None:
    truth = {
        name
        for path in (world.home / "truth").glob("*.parquet")
        for name in parquet.read_schema(path).names
    }
    vendor = _vendor_names(world.home / "inbox")
    vendor |= {k for m in world.messages for k in _keys(m)}
    assert len(vendor) > 60
    assert truth & vendor == set()


def test_every_message_has_its_truth_and_no_other(world: World) -> None:
    truth = world.true_events("segment")
    sent = {m["messageId"] for m in world.messages}
    assert sent <= set(truth)
    # Only lines cut short on the way may be missing from what can still be read.
    assert len(set(truth) - sent) <= world.broken_lines


def test_truth_names_each_event_once(world: World) -> None:
    rows = world.truth("signal_account").select(["feed", "event_id"]).to_pylist()
    assert len({(r["feed"], r["event_id"]) for r in rows}) == len(rows)


def test_mail_intent_and_trigger_rows_have_their_truth(world: World) -> None:
    inbox = world.home / "inbox"
    mail = set()
    for path in (inbox / "marketo").glob("activities-*.csv"):
        with path.open(newline="") as file:
            mail |= {row["id"] for row in csv.DictReader(file)}
    surges = {
        "|".join([path.stem.removeprefix("surge-"), line.split(",")[1], line.split(",")[5]])
        for path in (inbox / "bombora").glob("*.csv")
        for line in path.read_text().splitlines()
    }
    triggers = {
        json.loads(line)["id"]
        for path in (inbox / "triggers").glob("*.jsonl")
        for line in path.read_text().splitlines()
    }
    for feed, ids in (("marketo", mail), ("bombora", surges), ("triggers", triggers)):
        assert ids == set(world.true_events(feed))
        assert len(ids) == world.summary.rows[feed]


def test_a_cookie_belongs_to_whom_its_messages_belong(world: World) -> None:
    owner = {r["cookie_id"]: r for r in world.truth("cookie_owner").to_pylist()}
    truth = world.true_events("segment")
    for message in world.messages:
        row, cookie = truth[message["messageId"]], owner[message["anonymousId"]]
        assert (row["person_index"], row["account_index"]) == (
            cookie["person_index"],
            cookie["account_index"],
        )


def test_an_e_mail_in_a_message_is_the_true_persons(world: World) -> None:
    people = world.truth("people").to_pylist()
    truth = world.true_events("segment")
    told = 0
    for message in world.messages:
        email = message["userId"] or message.get("properties", {}).get("email")
        if email:
            told += 1
            person = truth[message["messageId"]]["person_index"]
            assert people[person]["mail_address"] == email
    assert told > 1000


def test_noise_is_named_and_buyers_are_not_noise(world: World) -> None:
    rows = list(world.true_events("segment").values())
    kinds = {r["noise_kind"] for r in rows}
    assert kinds >= {
        "student", "bot", "passer_by", "careers", "competitor_staff", "own_staff", "curious",
    }  # fmt: skip
    assert all(r["noise_kind"] is None for r in rows if r["episode_index"] is not None)
    nobody = {"student", "bot", "passer_by", "careers", "own_staff"}
    assert all(r["account_index"] is None for r in rows if r["noise_kind"] in nobody)
