"""Telling sales: what is young goes out once, and no run of the past tells anybody anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mqa_platform.assets import deliveries, handoffs
from mqa_platform.destinations.delivering import ShadowError, delivered
from mqa_platform.destinations.filling import Filled, fill
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.journal_tables import ATTEMPTS, MESSAGES
from mqa_platform.destinations.outbox import send_due
from mqa_platform.home import Home
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.delivery_channels import Channels, Slack
from mqa_platform_tests.destinations.carrying import FAST, Service
from mqa_platform_tests.system.pipeline import ALL, LAST, day, opened, rows, run

NOW = datetime(LAST.year, LAST.month, LAST.day, 18, tzinfo=UTC)
TAKES = {"memory": ("handoff", "update", "reminder", "escalation")}
WAITING = "SELECT handoff_id FROM deliveries WHERE kind = 'handoff' AND state <> 'sent'"


def tell(
    home: Home,
    service: Service,
    now: datetime = NOW,
    kinds: Mapping[str, tuple[str, ...]] = TAKES,
    publishes: bool = True,
    **settings: Any,
) -> Filled:
    """One delivery at a moment, and its tables unless nobody looks at them."""
    journal = Journal(home.outbox)
    with opened(home) as step:
        policy = step.policy.model_copy(
            update={"delivery": Delivery(enabled=True, **{"delivery_window_days": 28, **settings})}
        )
        filled = fill(step.session, journal, policy, kinds, now)
    sending = {service.name: service}
    send_due(journal, sending, FAST, lambda: now, lambda _: None, filled.over)
    if publishes:
        with opened(home) as step:
            deliveries.deliveries(step, None, facts={"held_because": filled.held})
    return filled


def handoffs_in(service: Service) -> list[str]:
    return sorted(k.removesuffix(":memory") for k in service.has if k.count(":") == 1)


def test_a_young_handoff_is_told_once_and_an_old_one_never(home: Home) -> None:
    service = Service()
    tell(home, service, delivery_window_days=14, publishes=False)
    moment = f"delivered_at >= TIMESTAMPTZ '{NOW - timedelta(days=14)}'"
    waiting = (
        "status IN ('open', 'backlog') AND delivered_at IS NOT NULL AND sla_state <> 'no_clock'"
    )
    listed = f"SELECT handoff_id FROM handoffs WHERE {waiting} AND {{}} ORDER BY 1"
    young = {h for (h,) in rows(home, listed.format(moment))}
    old = {h for (h,) in rows(home, listed.format(f"NOT {moment}"))}
    assert young
    assert old
    assert set(handoffs_in(service)) >= young
    assert not set(handoffs_in(service)) & old
    before = list(service.calls)
    tell(home, service, delivery_window_days=14, publishes=False)
    tell(home, service, NOW + timedelta(hours=1), delivery_window_days=14, publishes=False)
    assert service.calls == before


@pytest.mark.slow
def test_rerunning_history_into_a_lost_warehouse_tells_nobody_anything(home: Home) -> None:
    service = Service()
    tell(home, service, publishes=False)
    before = list(service.calls)
    assert before
    home.warehouse.unlink()
    run(home, ALL)
    tell(home, service, publishes=False)
    assert service.calls == before


def test_nothing_of_the_past_is_told_when_delivery_is_switched_on_later(home: Home) -> None:
    service = Service()
    tell(home, service, NOW + timedelta(days=90))
    assert service.calls == []
    assert rows(home, "SELECT count(*) FROM deliveries") == [(0,)]


def test_the_tables_say_what_was_told_and_what_was_known_then(home: Home) -> None:
    service = Service()
    tell(home, service)
    told = rows(
        home,
        "SELECT handoff_id, state, external_id, attempts FROM deliveries "
        "WHERE kind = 'handoff' ORDER BY 1",
    )
    wanted = [(h, "sent", f"id of {h}:memory", 1) for h in handoffs_in(service)]
    assert told == wanted
    assert rows(home, "SELECT count(*) FROM delivery_attempts") == [(len(service.calls),)]
    known = (
        "SELECT subject_id, known_on, decided_at FROM decisions WHERE kind = 'delivery' ORDER BY 1"
    )
    assert rows(home, known) == [(h, LAST, NOW) for h in handoffs_in(service)]
    tell(home, service, NOW + timedelta(hours=1))
    assert rows(home, known) == [(h, LAST, NOW) for h in handoffs_in(service)]


@pytest.mark.slow
def test_the_clock_of_a_handoff_starts_when_its_rep_was_told(home: Home) -> None:
    service = Service()
    then = NOW - timedelta(hours=3)
    tell(home, service, then)
    run(home, day(29), work=(handoffs.handoffs,))
    told = rows(
        home,
        "SELECT handoff_id, delivered_at FROM handoffs WHERE delivered_via = 'channel' ORDER BY 1",
    )
    assert told == [(h, then) for h in handoffs_in(service)]


def _entry_moves(home: Home, account: str, days: int) -> str:
    """As late data would: the same episode begins some days earlier than it was known to."""
    with opened(home) as step:
        step.session.run(
            f"UPDATE stage_transitions SET changed_on = changed_on - {days}, "
            f"qualified_at = qualified_at - INTERVAL {days} DAY "
            f"WHERE to_stage = 'mqa' AND account_id = '{account}'"
        )
        handoffs.handoffs(step)
    ((moved,),) = rows(home, f"SELECT handoff_id FROM handoffs WHERE account_id = '{account}'")
    return moved


def _one_of(home: Home, told: list[str]) -> tuple[str, str]:
    listed = ", ".join(f"'{h}'" for h in told)
    return rows(
        home,
        f"SELECT handoff_id, account_id FROM handoffs WHERE handoff_id IN ({listed}) "
        "AND account_id IN (SELECT account_id FROM handoffs GROUP BY 1 HAVING count(*) = 1) ORDER BY 1",
    )[0]


@pytest.mark.slow
def test_late_data_that_moves_an_episode_does_not_tell_its_rep_twice(home: Home) -> None:
    service = Service()
    tell(home, service)
    before = list(service.calls)
    handoff, account = _one_of(home, handoffs_in(service))
    moved = _entry_moves(home, account, 1)
    assert moved != handoff
    tell(home, service)
    assert service.calls == before
    # What was sent under the old name is the delivery of the new one.
    run(home, day(29), work=(handoffs.handoffs,))
    via = f"SELECT delivered_via FROM handoffs WHERE handoff_id = '{moved}'"
    assert rows(home, via) == [("channel",)]


@pytest.mark.slow
def test_what_still_waits_is_told_under_the_name_that_late_data_gave_it(home: Home) -> None:
    service = Service()
    service.faults = ["broken_before"] * 999
    tell(home, service)
    handoff, account = _one_of(home, [h for (h,) in rows(home, WAITING)])
    moved = _entry_moves(home, account, 1)
    service.faults = []
    tell(home, service, NOW + timedelta(hours=2), publishes=False)
    # Its key is the old one, so that it is told once.
    assert f"{handoff}:memory" in service.has
    assert f"{moved}:memory" not in service.has


def test_a_flood_goes_out_at_so_many_a_rep_and_day_and_nothing_of_it_is_lost(home: Home) -> None:
    with opened(home) as step:
        # Nine accounts more than the market has qualify for one rep at once.
        one = "account_id = (SELECT min(account_id) FROM handoffs)"
        for table, where, facts in (
            (
                "decisions",
                f"{one} AND kind = 'handoff'",
                "'d' || i AS decision_id, 'h' || i AS subject_id",
            ),
            (
                "handoffs",
                one,
                "'h' || i AS handoff_id, 'rep' AS rep_id, 'open' AS status, 'running' AS sla_state, "
                f"NULL AS delivered_via, TIMESTAMPTZ '{NOW}' AS qualified_at",
            ),
        ):
            step.session.run(
                f"INSERT INTO {table} SELECT * EXCLUDE (i) REPLACE ({facts}, 'a' || i AS account_id) "
                f"FROM (SELECT * FROM {table} WHERE {where} LIMIT 1), range(9) AS more(i)"
            )
    service, only = Service(), {"memory": ("handoff",)}

    def told_on(day: int, hour: int = 0, **settings: int) -> tuple[Filled, int]:
        at = NOW + timedelta(days=day, hours=hour)
        before = len(service.has)
        # Only the first day's tables are looked at.
        shown = day == hour == 0
        filled = tell(home, service, at, only, shown, max_new_handoffs_per_rep_day=2, **settings)
        return filled, len(service.has) - before

    filled, told = told_on(0)
    assert told >= 2
    assert rows(
        home, "SELECT count(*) FROM deliveries WHERE rep_id = 'rep' AND state = 'sent'"
    ) == [(2,)]
    assert len(filled.held) > 6
    assert set(filled.held.values()) == {"max_new_handoffs_per_rep_day"}
    held = rows(home, "SELECT delivery_id FROM deliveries WHERE held_because IS NOT NULL")
    assert {k for (k,) in held} == set(filled.held)
    wanted = {*service.has, *filled.held}
    # Nobody is told of more on the same day; the others follow, even once the window is over.
    assert told_on(0, hour=1)[1] == 0
    day = 1
    while wanted != set(service.has):
        assert 1 <= told_on(day, delivery_window_days=1)[1] <= 2
        day += 1
    assert day > 1


def test_what_is_over_before_its_turn_is_told_to_nobody(home: Home) -> None:
    service = Service()
    service.faults = ["broken_before"] * 999
    tell(home, service, publishes=False)
    with opened(home) as step:
        step.session.run("UPDATE handoffs SET status = 'recycled'")
    service.faults = []
    tell(home, service, NOW + timedelta(hours=2))
    # What may have arrived is looked up first, and then nobody needs it any more.
    assert service.looked_up
    assert handoffs_in(service) == []
    states = rows(home, "SELECT DISTINCT state, last_error FROM deliveries WHERE kind = 'handoff'")
    assert states == [("dead", "its handoff is no longer open")]


def test_who_has_a_handoff_by_now_is_told_of_it_and_not_who_had_it(home: Home) -> None:
    service, only = Service(), {"memory": ("handoff",)}
    service.faults = ["again"] * 999
    tell(home, service, kinds=only)
    waiting = [h for (h,) in rows(home, WAITING)]
    assert waiting
    with opened(home) as step:
        step.session.run("UPDATE handoffs SET rep_id = 'another'")
    service.faults = []
    tell(
        home,
        service,
        NOW + timedelta(hours=1),
        only,
        max_new_handoffs_per_rep_day=1000,
        publishes=False,
    )
    assert handoffs_in(service) == sorted(waiting)
    sent = Journal(home.outbox).entries(("sent",))
    assert {e.message.rep_id for e in sent} == {"another"}


def test_what_was_closed_before_its_turn_and_is_open_again_is_told(home: Home) -> None:
    service, only = Service(), {"memory": ("handoff",)}
    service.faults = ["again"] * 999
    tell(home, service, kinds=only)
    waiting = [h for (h,) in rows(home, WAITING)]
    with opened(home) as step:
        step.session.run("CREATE TABLE before AS SELECT handoff_id, sla_state AS was FROM handoffs")
        step.session.run("UPDATE handoffs SET sla_state = 'no_clock'")
    tell(home, service, NOW + timedelta(hours=1), only, publishes=False)
    assert Journal(home.outbox).counts()["dead"] == len(waiting)
    with opened(home) as step:
        step.session.run(
            "UPDATE handoffs SET sla_state = was FROM before WHERE before.handoff_id = handoffs.handoff_id"
        )
        step.session.run("DROP TABLE before")
    service.faults = []
    # What was dropped by hand stays so.
    journal = Journal(home.outbox)
    journal.retry([f"{waiting[0]}:memory"])
    journal.bury({f"{waiting[0]}:memory": "dropped by hand: a test"})
    tell(
        home,
        service,
        NOW + timedelta(hours=2),
        only,
        max_new_handoffs_per_rep_day=1000,
        publishes=False,
    )
    assert handoffs_in(service) == sorted(waiting[1:])


def test_what_a_weekly_file_made_a_handoff_is_told_when_the_file_comes(home: Home) -> None:
    service, only = Service(), {"memory": ("handoff",)}
    tell(
        home,
        service,
        NOW + timedelta(days=6),
        only,
        delivery_window_days=1,
        late_news_days=14,
        publishes=False,
    )
    assert service.calls == []
    week = "created_on >= DATE '{}' AND status = 'open' AND sla_state <> 'no_clock'"
    listed = f"SELECT handoff_id FROM handoffs WHERE {week.format(LAST - timedelta(days=7))}"
    young = sorted(h for (h,) in rows(home, listed))
    assert young
    then = NOW + timedelta(days=6)
    with opened(home) as step:
        moment = f"TIMESTAMPTZ '{then - timedelta(hours=1)}'"
        step.session.run(f"UPDATE decisions SET decided_at = {moment} WHERE kind = 'handoff'")
        # All came today: to a platform without a published day it is a first load.
        step.session.run(f"UPDATE landed_batches SET landed_at = {moment}, published_to = NULL")
    tell(home, service, then, only, delivery_window_days=1, publishes=False)
    assert service.calls == []
    with opened(home) as step:
        step.session.run(f"UPDATE landed_batches SET published_to = DATE '{LAST}'")
    tell(home, service, then, only, delivery_window_days=1, late_news_days=0, publishes=False)
    assert service.calls == []
    tell(
        home,
        service,
        then,
        only,
        delivery_window_days=1,
        max_new_handoffs_per_rep_day=1000,
        publishes=False,
    )
    assert set(handoffs_in(service)) >= set(young)
    before = list(service.calls)
    tell(home, service, then + timedelta(hours=1), only, delivery_window_days=1, publishes=False)
    assert service.calls == before


def test_a_replay_of_another_policy_delivers_nothing(home: Home) -> None:
    shadow = Home(home.shadows / "abc")
    with opened(home) as step:
        policy = step.policy.model_copy(update={"delivery": Delivery(enabled=True)})
    with pytest.raises(ShadowError, match="never delivers"):
        delivered(shadow, policy, {}, lambda: pytest.fail("it looked at its tables"))


def test_slack_is_asked_to_post_each_handoff_once_however_often_it_is_delivered(home: Home) -> None:
    with LocalSlack(channels=("C0SALES",)) as slack:
        place = Slack(
            base_url=f"{slack.url}/api/", otherwise="C0SALES", look_up_by_email=False, kinds=["handoff"]
        )  # fmt: skip
        settings = Delivery(
            enabled=True, delivery_window_days=28, channels=Channels(slack=place), digest_at="24:00"
        )

        @contextmanager
        def session() -> Iterator[Any]:
            with opened(home) as step:
                yield step.session

        def deliver(**off: bool) -> None:
            with opened(home) as step:
                told = settings.model_copy(update=off)
                policy = step.policy.model_copy(update={"delivery": told})
            delivered(home, policy, slack.environment(), session, lambda: NOW)

        deliver(enabled=False)
        assert slack.asked("chat.postMessage") == []
        deliver()
        posted = slack.messages("C0SALES")
        assert posted
        keys = {m["metadata"]["event_payload"]["key"] for m in posted}
        assert keys == {e.key for e in Journal(home.outbox).entries(("sent",))}
        before = len(slack.log)
        deliver()
        assert len(slack.log) == before
        # The message had arrived, and its process was killed before it was written down.
        journal = Journal(home.outbox)
        with journal._engine.begin() as connection:
            started = {"outcome": "started", "ended_at": None}
            connection.execute(ATTEMPTS.update().values(**started))
            lost = {"state": "pending", "unanswered": True, "sent_at": None, "external_id": None}
            connection.execute(MESSAGES.update().values(**lost))
        deliver()
        assert slack.messages("C0SALES") == posted
        assert journal.counts()["sent"] == len(posted)
