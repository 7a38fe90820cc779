"""What arrives late is counted where it belongs, and the days after it are computed again."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from mqa_platform.assets import scores, stages
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import (
    ALL,
    DAYS,
    copy_home,
    day,
    differing,
    fingerprints,
    opened,
    rows,
    run,
)
from mqa_platform_tests.system.test_landing import page


@pytest.mark.slow
def test_what_is_asked_of_days_before_the_history_is_answered_once(home: Home) -> None:
    last = day(DAYS - 1)
    with opened(home) as step:
        for consumer in ("scores", "stages"):
            step.session.reopen(consumer, date(1900, 1, 1))
        assert scores.scores(step, last).facts["days_scored"] == DAYS
        assert stages.stages(step, last).facts["days_folded"] == DAYS
        assert step.session.reopened("scores") is None
        assert step.session.reopened("stages") is None
        assert scores.scores(step, last).facts["days_scored"] == 1
        assert stages.stages(step, last).facts["days_folded"] == 1


def late_file(home: Home) -> str:
    """Three known people of a quiet account read our prices on day 4; the file comes at the end."""
    people = rows(
        home,
        "SELECT i.ref, t.account_id FROM landed_identities i JOIN touchpoints t "
        "ON t.anonymous_id = i.ref JOIN accounts a USING (account_id) "
        "WHERE i.kind = 'cookie' AND t.is_known_person AND a.fit_gate = 'pass' "
        "AND a.valid_to IS NULL AND a.suppression_reason IS NULL "
        "GROUP BY ALL ORDER BY t.account_id, i.ref",
    )
    cookie, account = people[0]
    lines = []
    for n in range(6):
        line = json.loads(page(5000 + n, ("/pricing", "/compare/x")[n % 2], day=5))
        lines.append(json.dumps({**line, "anonymousId": cookie}))
    (home.inbox / "segment" / "late.jsonl").write_text("\n".join(lines) + "\n")
    return account


@pytest.mark.slow
def test_a_late_signal_reopens_the_scores_and_stages_after_it(home: Home) -> None:
    account = late_file(home)
    where = f"WHERE account_id = '{account}'"
    before = rows(home, f"SELECT score_date, engagement_score FROM scores {where} ORDER BY 1")
    changed = run(home, day(4))
    after = dict(rows(home, f"SELECT score_date, engagement_score FROM scores {where}"))
    raised = [d for d, score in before if after[d] > score]
    assert raised[-1] == ALL.days()[-1]
    assert changed["scores"]
    assert all(after[d] == score for d, score in before if d < day(4).lo)


@pytest.mark.slow
def test_a_lost_warehouse_is_rebuilt_from_landing_without_the_inbox(
    home: Home, built: Home
) -> None:
    home.warehouse.unlink()
    shutil.rmtree(home.inbox)
    run(home, ALL)
    assert differing(fingerprints(home), fingerprints(built)) == {}


@pytest.mark.slow
def test_what_is_learned_late_about_the_past_ends_in_the_tables_of_a_clean_rebuild(
    home: Home, tmp_path: Path
) -> None:
    before = fingerprints(home)
    signals_of = ("signals", "touchpoints", "scores", "score_receipts", "stages")
    for late, changes in (
        (name_a_visitor, ("stages",)),
        (open_a_deal, ("stages",)),
        (change_an_account, ("stages",)),
        (late_file, signals_of),
        (ask_late, (*signals_of, "stage_transitions", "handoffs", "conversions")),
    ):
        late(home)
        # Nobody says which days it is about: the run is of the last day, as every morning.
        run(home, day(DAYS - 1))
        after = fingerprints(home)
        assert set(changes) <= set(differing(after, before)), late.__name__
        before = after
    known_late = rows(
        home,
        "SELECT DISTINCT changed_on FROM known_entries WHERE to_stage = 'mqa' AND late_touchpoints > 0",
    )
    assert (day(4).lo,) in known_late
    clean = copy_home(home, tmp_path / "clean", "inbox")
    run(clean, ALL)
    assert differing(fingerprints(home), fingerprints(clean)) == {}


def ask_late(home: Home) -> None:
    """Somebody of a quiet account asked on day 4 to be called; the file comes at the end."""
    (domain,) = rows(
        home,
        "SELECT a.domain FROM accounts a JOIN stages s USING (account_id) WHERE a.fit_gate = 'pass' "
        "AND a.domain IS NOT NULL AND a.valid_to IS NULL AND NOT a.is_discovered AND s.motion = "
        "'new_business' GROUP BY 1 HAVING max(s.episode) = 0 AND max(s.stage) = 'target' "
        "AND min(s.stage) = 'target' AND count(s.suppression_reason) = 0 ORDER BY 1",
    )[0]
    line = json.loads(page(9100, day=5))
    who = {"anonymousId": "asking", "userId": f"ask@{domain}"}
    told = {**line, **who, "type": "identify", "traits": {"email": f"ask@{domain}"}}
    asked = {**line, **who, "type": "track", "event": "Demo Requested", "messageId": "asked"}
    text = "\n".join(map(json.dumps, (told, asked)))
    (home.inbox / "segment" / "asked.jsonl").write_text(text + "\n")


def name_a_visitor(home: Home) -> None:
    """The busiest nameless browser turns out to belong to an account that fits."""
    (cookie, _) = rows(
        home,
        "SELECT anonymous_id, count(*) FROM signals JOIN unresolved_signals USING (signal_id) "
        # A program stays one, whatever name it gives.
        "WHERE reason = 'no_match' AND consent = 'granted' AND NOT is_bot_agent "
        "AND anonymous_id NOT IN (SELECT ref FROM landed_identities) AND signals.signal_date < "
        "DATE '2025-07-20' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
    )[0]
    (domain,) = rows(
        home,
        "SELECT domain FROM accounts WHERE fit_gate = 'pass' AND domain IS NOT NULL "
        "AND valid_to IS NULL AND suppression_reason IS NULL AND NOT is_discovered ORDER BY 1",
    )[0]
    line = json.loads(page(9000, day=30))
    told = {**line, "type": "identify", "anonymousId": cookie, "userId": f"new@{domain}",
            "traits": {"email": f"new@{domain}"}}  # fmt: skip
    (home.inbox / "segment" / "named.jsonl").write_text(json.dumps(told) + "\n")


def open_a_deal(home: Home) -> None:
    """A deal of day 15 that the CRM tells us of at the end of the month."""
    add_version(home, "Opportunity", {"Id": "006late", "IsClosed": "FALSE", "IsWon": "FALSE",
                "CloseDate": "", "Loss_Reason__c": "", "AccountId": targeted(home),
                "CreatedDate": "2025-07-15T10:00:00.000Z"})  # fmt: skip


def change_an_account(home: Home) -> None:
    """An account turns out to have been a customer since day 15."""
    add_version(home, "Account", {"Type": "Customer"}, Id=targeted(home, 1))


def targeted(home: Home, number: int = 0) -> str:
    found = rows(
        home,
        "SELECT account_id FROM stages JOIN crm_accounts USING (account_id) "
        "WHERE stage_date = DATE '2025-07-30' AND stage = 'target' AND valid_to IS NULL ORDER BY 1",
    )
    return str(found[number][0])


def add_version(home: Home, name: str, changed: dict[str, str], **where: str) -> None:
    """A further file of a CRM object with one record of it, changed on day 15."""
    folder = home.inbox / "salesforce"
    with (folder / f"{name}.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    record = [r for r in records if where.items() <= r.items()][-1]
    record |= {"SystemModstamp": "2025-07-15T10:00:00.000Z", **changed}
    with (folder / f"{name}-late.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(record))
        writer.writeheader()
        writer.writerow(record)
