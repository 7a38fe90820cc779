"""What arrives late is counted where it belongs, and the days after it are computed again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import (
    ALL,
    copy_home,
    day,
    differing,
    fingerprints,
    rows,
    run,
)
from mqa_platform_tests.system.test_landing import page


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
def test_late_signals_end_in_the_tables_of_a_clean_rebuild(home: Home, tmp_path: Path) -> None:
    late_file(home)
    run(home, day(4))
    clean = copy_home(home, tmp_path / "clean", "inbox")
    run(clean, ALL)
    assert differing(fingerprints(home), fingerprints(clean)) == {}


@pytest.mark.slow
def test_a_lost_warehouse_is_rebuilt_from_landing_without_the_inbox(
    home: Home, built: Home
) -> None:
    home.warehouse.unlink()
    shutil.rmtree(home.inbox)
    run(home, ALL)
    assert differing(fingerprints(home), fingerprints(built)) == {}
