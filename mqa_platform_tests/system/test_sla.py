"""The clocks in the running platform: recomputed they are the same, and everybody sees his own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mqa_platform.assets import handoffs
from mqa_platform.assets.clocks import CLOCK_TABLES, known_until
from mqa_platform.assets.platform import Step
from mqa_platform.home import Home
from mqa_platform.marts import MartError, open_marts
from mqa_platform_tests.system.pipeline import ALL, LAST, opened, run

Verb = Callable[..., tuple[int, str]]


def rows(home: Home, table: str, *order: str) -> list[dict[str, Any]]:
    with open_marts(home) as marts:
        return marts.rows(marts.table(table).order_by(*order))


def test_clocks_that_are_read_again_change_nothing(home: Home) -> None:
    changed = run(home, ALL, work=(handoffs.handoffs,))
    again = {t for t in ("handoffs", *CLOCK_TABLES) if changed[t]}
    assert again == set()


def test_every_delivered_handoff_has_a_clock_and_stands_on_one_list(built: Home) -> None:
    made = rows(built, "handoffs", "handoff_id")
    assert made
    end = datetime.combine(LAST + timedelta(days=1), datetime.min.time(), UTC)
    for h in made:
        assert (h["sla_met"] is None) == (h["sla_state"] not in ("met", "breached"))
        assert h["delivered_at"] is None or h["qualified_at"] <= h["delivered_at"] <= end
    listed = {r["handoff_id"] for r in rows(built, "worklist", "handoff_id")}
    assert listed == {h["handoff_id"] for h in made if h["status"] in ("open", "accepted")
                      or (h["status"] == "backlog" and h["released_on"] and h["released_on"] <= LAST)}  # fmt: skip
    assert listed == {r["handoff_id"] for r in rows(built, "ageing_handoffs", "handoff_id")}


def test_the_shares_are_those_of_the_handoffs(built: Home) -> None:
    made = rows(built, "handoffs", "handoff_id")
    (every,) = [r for r in rows(built, "sla_compliance", "segment")
                if (r["dimension"], r["period"]) == ("all", "all")]  # fmt: skip
    for state in ("met", "breached", "running", "stopped"):
        assert every[state] == sum(h["sla_state"] == state for h in made)


def test_the_reps_of_the_market_all_have_a_calendar(built: Home) -> None:
    assert rows(built, "calendar_problems", "rep_id") == []


def test_a_day_that_is_not_over_is_known_up_to_the_last_landing(built: Home) -> None:
    class Told:
        """A step whose last batch landed at another moment."""

        def __init__(self, step: Step, at: datetime) -> None:
            self.policy, self.session = step.policy, self
            self.table, self.real, self.at = step.table, step.session, at

        def days(self, table: str) -> list[Any]:
            return self.real.days(table)

        def rows(self, _: Any) -> list[dict[str, Any]]:
            return [{"at": self.at}]

    end = datetime.combine(LAST + timedelta(days=1), datetime.min.time(), UTC)
    with opened(built) as step:
        assert known_until(step) == end
        morning = end - timedelta(hours=14)
        assert known_until(Told(step, morning)) == morning  # type: ignore[arg-type]


def test_a_rep_finds_his_list_by_id_name_or_address(built: Home, verb: Verb) -> None:
    first = rows(built, "worklist", "rep_id", "rank")[0]
    with open_marts(built) as marts:
        u = marts.table("crm_users")
        (user,) = marts.rows(u.filter((u["user_id"] == first["rep_id"]) & u["valid_to"].isnull()))
    for word in (user["user_id"], user["name"], user["email"].upper()):
        code, printed = verb(built, "worklist", word, "--json")
        found = json.loads(printed)
        assert code == 0
        assert found[0]["handoff_id"] == first["handoff_id"]
        assert {r["rep"] for r in found} == {user["name"]}


def test_the_manager_asks_for_age_shares_and_follow_up(built: Home, verb: Verb) -> None:
    code, printed = verb(built, "handoffs", "ageing", "--json")
    ages = [r["age_business_hours"] for r in json.loads(printed)]
    assert code == 0
    assert ages == sorted(ages, reverse=True)
    code, printed = verb(built, "handoffs", "sla", "--by", "team", "--json")
    assert (code, {r["dimension"] for r in json.loads(printed)}) == (0, {"team"})
    for words in (
        ["worklist"],
        ["handoffs", "ageing"],
        ["handoffs", "sla"],
        ["handoffs", "follow-up"],
    ):
        assert verb(built, *words)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["handoffs", "sla", "--by", "planet"],
        ["handoffs", "sla", "--period", "year"],
        ["handoffs", "follow-up", "--state", "done"],
    ],
)
def test_a_word_that_no_table_knows_is_refused(built: Home, verb: Verb, words: list[str]) -> None:
    assert verb(built, *words)[0] == 2


def test_an_unknown_rep_or_team_is_told_with_those_there_are(built: Home) -> None:
    from mqa_platform.handoff_reports import ageing, worklist

    with pytest.raises(MartError, match="no rep or queue"):
        worklist(built, "nobody@example.com")
    with pytest.raises(MartError, match="there are"):
        ageing(built, team="Moon")
