"""What is said after a correction, or of what was corrected, opens the days that it changes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from mqa_platform.assets import sessions, signals, sources
from mqa_platform.assets.platform import Step
from mqa_platform.assets.reporting import Outcome
from mqa_platform.core.window import Window
from mqa_platform.corrections import CorrectionError, correct
from mqa_platform.home import Home
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.lateness import IDENTITY
from mqa_platform_tests.system.deliveries import deliver, page
from mqa_platform_tests.system.pipeline import (
    ALL,
    FIRST,
    copy_home,
    fingerprints,
    opened,
    rows,
    run,
)

pytestmark = pytest.mark.slow


def arrive(step: Step, _: Window | None = None) -> Outcome:
    """What is new lands, without the audits of the ledgers."""
    land_new(step.session, step.policy, step.home)
    return Outcome([])


WORK = (arrive, sources.crm, signals.signals, sessions.sessions)
TABLES = ("signals", "sessions", "touchpoints", "unresolved_signals", "crm_accounts")
ANN, BOB = "ann@acme-fox.com", "bob@acme-fox.com"
STAMP = "2025-06-20T10:00:00Z"


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def visit(number: int, day: int, cookie: str, **more: object) -> str:
    return json.dumps({**json.loads(page(number, on(day))), "anonymousId": cookie, **more})


def named(number: int, day: int, cookie: str, email: str, **traits: str) -> str:
    told = {"userId": email, "traits": {"email": email, **traits}}
    return visit(number, day, cookie, type="identify", **told)


def go(home: Home, first: int, last: int) -> None:
    run(home, Window.of(on(first), on(last)), work=WORK)


def again(home: Home, window: Window | None) -> None:
    run(home, window or Window.of(on(0), on(0)), work=WORK)


def told_by_hand(home: Home, **row: str) -> None:
    folder = home.inbox / "corrections"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{row['at'].replace(':', '')}.jsonl").write_text(json.dumps(row) + "\n")


def days_of(home: Home, cookie: str) -> list[int]:
    found = rows(
        home,
        f"SELECT DISTINCT touchpoint_date FROM touchpoints WHERE anonymous_id = '{cookie}' ORDER BY 1",
    )
    return [(day - FIRST).days for (day,) in found]


def accounts_by_day(home: Home) -> list[tuple[int, str]]:
    found = rows(home, "SELECT DISTINCT touchpoint_date, account_id FROM touchpoints ORDER BY 1, 2")
    return [((day - FIRST).days, account) for day, account in found]


def assert_as_if_run_at_once(home: Home, last: int, folder: Path) -> None:
    clean = copy_home(home, folder, "inbox")
    go(clean, 0, last)
    one, other = fingerprints(home), fingerprints(clean)
    assert {t: one[t] for t in TABLES} == {t: other[t] for t in TABLES}
    # Nothing is left to be done.
    assert (one["_reopened"], other["_reopened"]) == ("[]", "[]") or not days_asked(home)


def days_asked(home: Home) -> bool:
    with opened(home) as step:
        return bool(step.session.asked("sessions") or step.session.reopened(IDENTITY))


def test_what_is_said_of_corrected_browsers_opens_the_past(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    lines = [visit(1, 0, "fox"), named(2, 1, "owl", BOB), visit(3, 0, "elk"), visit(4, 2, "dog")]
    deliver(home, "a.jsonl", *lines, named(5, 1, "elk", ANN))
    split = {"kind": "cookie", "ref": "elk", "action": "split", "at": f"{on(2)}T00:00:00Z"}
    told_by_hand(home, **split)
    go(home, 0, 2)
    assert (days_of(home, "fox"), days_of(home, "elk")) == ([], [])
    # A browser that never said a name is given to Bob.
    assert correct(home, "fox", BOB, "merge", None, again).changed_days == [on(0)]
    # Bob says no in another browser; the one that was taken from Ann says again that it is hers.
    no = named(6, 2, "cat", BOB, consent="denied")
    deliver(home, "b.jsonl", no, visit(7, 3, "elk"), named(8, 3, "elk", ANN))
    go(home, 3, 3)
    assert (days_of(home, "fox"), days_of(home, "elk")) == ([], [0, 3])
    assert_as_if_run_at_once(home, 3, tmp_path / "clean")


def crm(home: Home, *accounts: str) -> None:
    path = home.inbox / "salesforce" / "Account.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "Id,Name,Website,IsDeleted,MasterRecordId,CreatedDate,SystemModstamp\n"
    path.write_text(head + "".join(f"{each}\n" for each in accounts))


def betas(*days: int) -> list[str]:
    """On each day somebody of beta.com, and somebody of another company."""
    lines = []
    for n in days:
        lines += [named(10 + n, n, f"b{n}", f"b{n}@betaworks.com"), visit(20 + n, n, f"b{n}")]
        lines += [named(30 + n, n, f"x{n}", f"x{n}@other-firm.com"), visit(40 + n, n, f"x{n}")]
    return lines


def test_a_merge_of_the_crm_that_is_taken_back_gives_the_account_its_life_again(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    crm(
        home,
        f"001a,Acme,acme.com,false,,2025-01-01,{STAMP}",
        "001b,Beta Works,betaworks.com,true,001a,2025-01-01,2025-07-02T10:00:00Z",
    )
    deliver(home, "a.jsonl", *betas(0, 1, 2))
    go(home, 0, 2)
    others = [(n, "domain:other-firm.com") for n in range(3)]
    assert accounts_by_day(home) == sorted([(0, "001b"), (1, "001a"), (2, "001a"), *others])
    found = correct(home, "001b", "001a", "split", None, again)
    assert (found.days, found.changed_days) == ([on(1), on(2)], [on(1), on(2)])
    assert accounts_by_day(home) == sorted([*((n, "001b") for n in range(3)), *others])
    assert_as_if_run_at_once(home, 2, tmp_path / "clean")


def twice(home: Home) -> Home:
    """A company that the CRM has twice."""
    crm(
        home,
        f"001a,Acme,acme.com,false,,2025-01-01,{STAMP}",
        f"001b,Beta Works,betaworks.com,false,,2025-01-01,{STAMP}",
    )
    deliver(home, "a.jsonl", *betas(0, 2), visit(50, 1, "elk"), visit(51, 3, "elk"))
    return home


def only_land(home: Home, window: Window | None) -> None:
    run(home, ALL, work=WORK[:1])


@pytest.fixture
def landed(tmp_path: Path) -> Home:
    """The same, of which no day was run."""
    home = twice(Home(tmp_path / "home"))
    only_land(home, None)
    return home


def test_accounts_merged_by_hand_are_one_on_all_days_and_only_theirs_are_run(
    tmp_path: Path,
) -> None:
    home = twice(Home(tmp_path / "home"))
    go(home, 0, 3)
    before = accounts_by_day(home)
    found = correct(home, "001b", "001a", "merge", "the same company", again)
    assert (found.days, found.changed_days) == ([on(0), on(2)], [on(0), on(2)])
    assert found.accounts == ["001a", "001b"]
    assert {a for _, a in accounts_by_day(home)} == {"001a", "domain:other-firm.com"}
    assert_as_if_run_at_once(home, 3, tmp_path / "clean")
    correct(home, "001b", None, "split", "they are two", again)
    assert accounts_by_day(home) == before
    # A person who was parted from all browsers can be given them back.
    assert correct(home, "b0@betaworks.com", None, "split", None, again).changed_days == [on(0)]
    assert accounts_by_day(home) != before
    assert correct(home, "b0@betaworks.com", None, "merge", None, again).changed_days == [on(0)]
    assert accounts_by_day(home) == before


def test_a_correction_that_would_change_nothing_or_mixes_kinds_is_refused(landed: Home) -> None:
    def refused(who: str, onto: str | None, action: str) -> str:
        with pytest.raises(CorrectionError) as told:
            correct(landed, who, onto, action, None, only_land)
        return str(told.value)

    ann = "b0@betaworks.com"
    assert "goes with" not in refused("b0", "001a", "merge")
    assert "an account" in refused("b0", "001a", "merge")
    assert "a browser" in refused("001a", "b0", "merge")
    assert "a browser" in refused("b0", "b2", "merge")
    assert "nobody with the address" in refused("nobody@never.example", None, "split")
    assert "nobody with the address" in refused("email:whatever", None, "split")
    assert "nobody with the address" in refused("b0", "nobody@never.example", "merge")
    assert "one already" in refused("b0", ann, "merge")
    assert "was never split" in refused("b0", None, "merge")
    assert "would change nothing" in refused("001b", "001a", "split")
    assert "would change nothing" in refused(ann, "x0@other-firm.com", "split")
    assert "are the same" in refused("001a", "001a", "merge")
    assert not (landed.inbox / "corrections").exists()


def test_a_correction_is_written_where_the_policy_reads_it_and_told_when_it_is_held(
    landed: Home,
) -> None:
    text = "sources:\n  web:\n    connector: segment_jsonl\n    path: ${MQA_HOME}/inbox/segment/*.jsonl\n"
    hand = "  by_hand:\n    connector: corrections\n    path: ${MQA_HOME}/inbox/%s\n"
    folder = landed.root / "policy"
    folder.mkdir()
    (folder / "sources.yaml").write_text(text + hand % "said/c-*.jsonl")
    found = correct(landed, "b0", None, "split", None, only_land)
    assert Path(found.file).parent == landed.inbox / "said"
    assert Path(found.file).exists()
    (folder / "sources.yaml").write_text(text + hand % "one.jsonl")
    with pytest.raises(CorrectionError, match="where a new file may lie"):
        correct(landed, "b2", None, "split", None, only_land)
    # What is written but not read is told, and taken away again.
    (folder / "sources.yaml").write_text(text + hand % "said/c-*.jsonl")
    with pytest.raises(CorrectionError, match="did not land"):
        correct(landed, "b2", None, "split", None, lambda *_: None)
    assert [str(path) for path in (landed.inbox / "said").iterdir()] == [found.file]
