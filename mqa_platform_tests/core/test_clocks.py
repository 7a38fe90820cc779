"""The clocks of a handoff: delivered, due, touched, met, accepted; and what they set off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import pyarrow as pa

from mqa_platform.core.due import due_kernel, run_kernel
from mqa_platform.core.sla_events import sla_events, sla_moves
from mqa_platform_tests.core.clock_cases import (
    LATE,
    activity,
    calendars,
    clocked,
    handoff,
    left,
    rep,
    utc,
)
from mqa_platform_tests.core.engine import TIMESTAMP, default_policy, policy_with


def one(engine, *args, **given):
    (row,) = engine.rows(clocked(engine, *args, **given))
    return row


def test_without_a_delivery_the_worklist_is_the_channel(engine):
    found = one(engine, handoff())
    assert (found["delivered_via"], found["delivered_at"]) == ("worklist", utc("2026-01-05T10:00"))
    # Ten o'clock in London is eleven in Berlin: six hours today, two tomorrow (an ordinary Tuesday).
    assert found["due_at"] == utc("2026-01-06T10:00")


def test_the_first_delivery_that_succeeded_starts_the_clock(engine):
    deliveries = [
        {"handoff_id": "h1", "channel": "slack", "state": "failed", "sent_at": utc("2026-01-05T11:00")},
        {"handoff_id": "h1", "channel": "email", "state": "sent", "sent_at": utc("2026-01-05T13:00")},
        {"handoff_id": "h1", "channel": "slack", "state": "sent", "sent_at": utc("2026-01-05T12:00")},
        {"handoff_id": "other", "channel": "slack", "state": "sent", "sent_at": utc("2026-01-05T10:30")},
    ]  # fmt: skip
    found = one(engine, handoff(), deliveries=deliveries)
    assert (found["delivered_via"], found["delivered_at"]) == ("channel", utc("2026-01-05T12:00"))
    assert found["due_at"] == utc("2026-01-06T12:00")


def test_the_moments_to_tell_somebody_are_known_before_they_come(engine):
    early = one(engine, handoff(), as_of=utc("2026-01-05T10:30"))
    assert (early["reminder_at"], early["escalated_at"]) == (None, None)
    assert early["delivered_at"] < early["remind_at"] < early["due_at"] <= early["escalate_at"]
    late = one(engine, handoff())
    assert (late["reminder_at"], late["escalated_at"]) == (early["remind_at"], early["escalate_at"])


# What the rep's row says, and when eight hours from Monday at ten in London are over.
OFFICES = [
    # The sixth of January is a holiday in Austria and, but for three of its states, none in Germany.
    ({"country": "DE"}, "2026-01-06T10:00"),
    ({"country": "Austria"}, "2026-01-07T10:00"),
    ({"workdays": "Sunday-Thursday"}, "2026-01-06T10:00"),
    ({"workdays": "mon;wed"}, "2026-01-07T10:00"),
    ({"workday_ends": "24:00"}, "2026-01-05T18:00"),
    ({"time_zone": "America/New_York"}, "2026-01-05T22:00"),
]


def test_the_sla_runs_in_the_working_time_of_the_rep(engine):
    reps = [rep(f"r{n}", **changed) for n, (changed, _) in enumerate(OFFICES)]
    given = [handoff(handoff_id=f"h{n}", rep_id=f"r{n}") for n in range(len(OFFICES))]
    found = engine.rows(clocked(engine, *given, reps=reps), "handoff_id")
    assert [h["due_at"] for h in found] == [utc(wanted) for _, wanted in OFFICES]


# Two working hours over the nights on which the clock goes forward or back, and where it never does.
NIGHTS = [
    ("America/New_York", "US", "2025-03-07T21:00", "2025-03-10T14:00"),
    ("America/New_York", "US", "2025-10-31T20:00", "2025-11-03T15:00"),
    ("Europe/London", "GB", "2025-03-28T16:00", "2025-03-31T09:00"),
    ("Australia/Lord_Howe", "AU", "2025-04-04T05:00", "2025-04-06T23:30"),
    ("Asia/Kathmandu", "NP", "2025-12-25T10:15", "2025-12-26T05:15"),
]


def test_a_clock_over_the_night_of_summer_time_is_right(engine):
    reps = [rep(f"r{n}", time_zone=z, country=c) for n, (z, c, _, _) in enumerate(NIGHTS)]
    given = [
        handoff(since, handoff_id=f"h{n}", rep_id=f"r{n}", sla_hours=2)
        for n, (_, _, since, _) in enumerate(NIGHTS)
    ]
    found = engine.rows(clocked(engine, *given, reps=reps), "handoff_id")
    assert [h["due_at"] for h in found] == [utc(wanted) for *_, wanted in NIGHTS]


def test_a_rep_of_whom_nothing_is_known_has_the_usual_hours(engine):
    found = one(engine, handoff(), reps=[])
    assert found["due_at"] == utc("2026-01-06T10:00")
    policy = policy_with(
        sla={"working_hours": {"time_zone": "UTC", "starts": "00:00", "ends": "24:00"}}
    )
    assert one(engine, handoff(), reps=[], policy=policy)["due_at"] == utc("2026-01-05T18:00")


def test_while_the_rep_is_away_the_clock_waits_if_the_policy_says_so(engine):
    away = [{"rep_id": "ann", "starts_on": date(2026, 1, 6), "ends_on": date(2026, 1, 12)}]
    assert one(engine, handoff(), absences=away)["due_at"] == utc("2026-01-12T10:00")
    policy = policy_with(sla={"absences_stop_the_clock": False})
    found = one(engine, handoff(), absences=away, policy=policy)
    assert found["due_at"] == utc("2026-01-06T10:00")


def test_a_rep_who_never_comes_back_does_not_stop_the_clock_for_ever(engine):
    away = [{"rep_id": "ann", "starts_on": date(2026, 1, 1), "ends_on": None}]
    assert one(engine, handoff(), absences=away)["due_at"] == utc("2026-01-06T10:00")


def test_the_hours_left_and_the_due_moment_are_of_one_calendar(engine):
    away = [{"rep_id": "ann", "starts_on": date(2026, 1, 5), "ends_on": None}]
    found = one(engine, handoff(), absences=away, as_of=utc("2026-01-06T12:00"))
    assert (found["sla_state"], found["due_at"]) == ("breached", utc("2026-01-06T10:00"))
    assert (found["waited_business_hours"], found["sla_left_hours"]) == (10.0, -2.0)


BACKLOG = {"status": "backlog", "released_on": date(2026, 1, 8)}


def test_backlog_is_delivered_when_the_working_day_of_its_release_starts(engine):
    found = one(engine, handoff(**BACKLOG), backlog=True)
    assert found["delivered_at"] == utc("2026-01-08T08:00")
    assert found["due_at"] == utc("2026-01-08T16:00")
    saturday = BACKLOG | {"released_on": date(2026, 1, 10)}
    found = one(engine, handoff(**saturday), backlog=True)
    assert found["delivered_at"] == utc("2026-01-12T08:00")
    # Accepted later, it keeps the day of its release: no SLA counts from the day of the entry.
    found = one(engine, handoff(**BACKLOG | {"status": "accepted"}), backlog=True)
    assert found["due_at"] == utc("2026-01-08T16:00")


def test_backlog_that_waits_for_its_turn_has_no_clock_yet(engine):
    waiting = handoff(status="backlog", released_on=None)
    found = one(engine, waiting, backlog=True)
    assert (found["sla_state"], found["delivered_at"], found["due_at"]) == (
        "not_delivered",
        None,
        None,
    )
    early = one(engine, handoff(**BACKLOG), backlog=True, as_of=utc("2026-01-08T07:00"))
    assert (early["sla_state"], early["delivered_at"]) == ("not_delivered", None)


NOON = "2026-01-05T12:00"
TOUCHES = [
    activity(NOON),
    activity(NOON, "email"),
    activity(NOON, "meeting"),
    activity(NOON, "social"),
    activity(NOON, contact_id=None),
    activity(NOON, user_id="another"),
]
NO_TOUCHES = [
    activity(NOON, "bulk_email"),
    activity(NOON, "automatic"),
    activity(NOON, is_deleted=True),
    activity(NOON, "meeting", is_held=False),
    # An older version of a record: the call was moved, or is gone.
    activity(NOON, valid_to=date(2026, 1, 6)),
    activity(NOON, account_id="other"),
    activity(NOON, account_id=None),
    # Before it was delivered, and after what is known.
    activity("2026-01-05T09:59"),
    activity("2026-03-01T00:01"),
]


def test_the_first_touch_is_what_a_person_did_on_the_account_after_delivery(engine):
    done = [*TOUCHES, *NO_TOUCHES]
    given = [handoff(handoff_id=f"h{n:02}", account_id=f"a{n}") for n in range(len(done))]
    own = [
        {**a, "account_id": f"a{n}" if a["account_id"] == "acme" else a["account_id"],
         "activity_id": str(n)}
        for n, a in enumerate(done)
    ]  # fmt: skip
    found = engine.rows(clocked(engine, *given, activities=own), "handoff_id")
    touched = [h["first_touch_at"] for h in found]
    assert touched == [utc(NOON)] * len(TOUCHES) + [None] * len(NO_TOUCHES)
    assert [h["meeting_at"] is not None for h in found[:4]] == [False, False, True, False]


def test_a_touch_of_the_next_episode_is_not_one_of_this(engine):
    second = handoff("2026-02-02T10:00", handoff_id="h2", episode=2)
    found = engine.rows(
        clocked(engine, handoff(), second, activities=[activity("2026-02-02T12:00")]), "handoff_id"
    )
    assert [h["first_touch_at"] for h in found] == [None, utc("2026-02-02T12:00")]


def test_a_touch_up_to_the_due_moment_meets_the_sla(engine):
    for moment, met in (("2026-01-06T10:00", True), ("2026-01-06T10:01", False)):
        found = one(engine, handoff(), activities=[activity(moment), activity("2026-02-01T10:00")])
        assert (found["sla_met"], found["first_touch_at"]) == (met, utc(moment))
        assert found["breached_at"] == (None if met else utc("2026-01-06T10:00"))


def test_hours_to_the_touch_are_told_as_elapsed_and_as_working_time(engine):
    found = one(engine, handoff(), activities=[activity("2026-01-06T09:00")])
    assert (found["touch_hours"], found["touch_business_hours"]) == (23.0, 7.0)
    waiting = one(engine, handoff(), as_of=utc("2026-01-06T09:00"))
    assert (waiting["touch_hours"], waiting["touch_business_hours"]) == (None, None)
    assert (waiting["waited_business_hours"], waiting["sla_left_hours"]) == (7.0, 1.0)
    overdue = one(engine, handoff(), as_of=utc("2026-01-06T12:00"))
    assert overdue["sla_left_hours"] == -2.0


def test_what_is_not_due_yet_is_neither_met_nor_breached(engine):
    found = one(engine, handoff(), as_of=utc("2026-01-06T09:59"))
    assert (found["sla_state"], found["sla_met"]) == ("running", None)
    assert one(engine, handoff(), as_of=utc("2026-01-06T10:00"))["sla_state"] == "breached"


def test_what_was_over_before_it_was_due_is_neither(engine):
    for day, state in (("2026-01-06", "stopped"), ("2026-01-07", "breached")):
        found = one(engine, handoff(), moves=[left(day, "recycled")])
        assert (found["sla_state"], found["over_on"]) == (state, date.fromisoformat(day))
    accepted = one(engine, handoff(), moves=[left("2026-01-05", "sales_accepted")])
    assert accepted["sla_state"] == "breached"


def test_what_marketing_has_runs_no_clock_of_sales(engine):
    queue = default_policy().routing.marketing_queue
    found = one(engine, handoff(rep_id=queue, evidence_rule="anonymous_only"))
    assert (found["sla_state"], found["due_at"]) == ("no_clock", None)
    assert found["delivered_at"] == utc("2026-01-05T10:00")


def test_the_clock_of_what_marketing_had_starts_when_a_rep_gets_it(engine):
    queue = default_policy().routing.marketing_queue
    since = {"handoff_id": "h1", "from_on": date(2026, 1, 5), "to_on": date(2026, 1, 7)}
    owners = [
        {**since, "rep_id": queue},
        {"handoff_id": "h1", "rep_id": "ann", "from_on": date(2026, 1, 7), "to_on": None},
    ]
    sent = {"handoff_id": "h1", "channel": "slack", "state": "sent"}
    early = [{**sent, "sent_at": utc("2026-01-05T11:00")}]
    for told in (None, early):
        found = one(engine, handoff(), owners=owners, deliveries=told)
        assert found["delivered_at"] == utc("2026-01-07T08:00")
        assert (found["due_at"], found["sla_state"]) == (utc("2026-01-07T16:00"), "breached")
        assert found["sla_rep_id"] == "ann"
    with_rep = [*early, {**sent, "sent_at": utc("2026-01-07T09:00")}]
    found = one(engine, handoff(), owners=owners, deliveries=with_rep)
    assert found["delivered_at"] == utc("2026-01-07T09:00")


def test_nobody_is_charged_with_an_account_that_may_not_be_called(engine):
    held = {"account_id": "acme", "motion": "new_business", "suppression_reason": "legal"}
    days = [{**held, "stage_date": date(2026, 1, n)} for n in (4, 8, 6)]
    found = one(engine, handoff(), stages=days[1:])
    assert (found["sla_state"], found["over_on"]) == ("stopped", date(2026, 1, 6))
    assert (found["sla_left_hours"], found["escalated_at"]) == (None, None)
    # Before the entry, in another motion or on a day after it was due it takes nothing back.
    for other in (days[0], days[1], {**days[2], "motion": "expansion"}):
        assert one(engine, handoff(), stages=[other])["sla_state"] == "breached"
    free = {**days[2], "suppression_reason": None}
    assert one(engine, handoff(), stages=[free])["over_on"] is None


def test_a_day_of_the_crm_becomes_the_moment_of_the_touch_that_made_it(engine):
    given = handoff(status="accepted", accepted_at=utc("2026-01-05T00:00"))
    assert one(engine, given, activities=[activity("2026-01-05T15:00")])["accepted_at"] == utc(
        "2026-01-05T15:00"
    )
    # Without a touch, not before the account qualified.
    assert one(engine, given)["accepted_at"] == utc("2026-01-05T10:00")
    refused = handoff(status="rejected", rejected_at=utc("2026-01-07T00:00"))
    assert one(engine, refused)["rejected_at"] == utc("2026-01-07T00:00")


OWNERS = [
    {"handoff_id": "h1", "rep_id": "ann", "from_on": date(2026, 1, 5), "to_on": date(2026, 1, 6)},
    {"handoff_id": "h1", "rep_id": "ann", "from_on": date(2026, 1, 5), "to_on": date(2026, 1, 5)},
    {"handoff_id": "h1", "rep_id": "ben", "from_on": date(2026, 1, 6), "to_on": None},
]


def test_who_gets_it_later_gets_no_more_time_and_answers_for_the_end(engine):
    reps = [rep(), rep("ben", time_zone="Asia/Tokyo", country="JP", team="APAC")]
    found = one(engine, handoff(rep_id="ben"), reps=reps, owners=OWNERS)
    assert found["due_at"] == utc("2026-01-06T10:00")
    assert (found["sla_rep_id"], found["sla_team"]) == ("ben", "APAC")
    quick = one(
        engine, handoff(rep_id="ben"), reps=reps, owners=OWNERS,
        activities=[activity("2026-01-05T11:00")],
    )  # fmt: skip
    assert (quick["sla_rep_id"], quick["sla_team"]) == ("ann", "EMEA")


def events(engine, *args, policy=None, **given):
    policy = policy or policy_with(sla={"managers": {"EMEA": "eva"}})
    t = clocked(engine, *args, policy=policy, **given)
    found = engine.rows(sla_events(t, policy), "at", "kind")
    return [(e["kind"], e["told"], f"{e['at']:%d %H:%M}") for e in found]


ASKED = {"evidence_rule": "hand_raise", "sla_hours": 1}


def test_who_is_told_when_a_request_for_a_call_waits(engine):
    assert events(engine, handoff(**ASKED)) == [
        ("reminder", "ann", "05 10:30"),
        ("breach", "eva", "05 11:00"),
        ("escalation", "eva", "05 11:00"),
        ("reassignment", "sla_queue", "05 14:00"),
    ]
    assert events(engine, handoff(**ASKED), as_of=utc("2026-01-05T10:45")) == [
        ("reminder", "ann", "05 10:30")
    ]


def test_an_answer_ends_what_a_clock_sets_off(engine):
    quick = [activity("2026-01-05T10:20")]
    assert events(engine, handoff(**ASKED), activities=quick) == [("met", "ann", "05 10:20")]
    late = [activity("2026-01-05T12:00")]
    kinds = [kind for kind, _, _ in events(engine, handoff(**ASKED), activities=late)]
    assert kinds == ["reminder", "breach", "escalation"]


def test_nobody_is_told_of_what_is_over(engine):
    assert events(engine, handoff(**ASKED), moves=[left("2026-01-05", "disqualified")]) == []


def test_a_team_without_a_manager_has_its_queue(engine):
    told = events(engine, handoff(**ASKED), reps=[rep(team="APAC")])
    assert ("escalation", "sales_managers", "05 11:00") in told
    assert ("escalation", "sales_managers", "05 11:00") in events(
        engine, handoff(**ASKED), policy=default_policy()
    )


def test_who_neither_accepts_nor_refuses_is_told_of(engine):
    found = events(engine, handoff(), activities=[activity("2026-01-05T12:00")])
    assert found == [("met", "ann", "05 12:00"), ("unaccepted", "eva", "07 10:00")]
    taken = handoff(status="accepted", accepted_at=utc("2026-01-06T00:00"))
    assert events(engine, taken, activities=[activity("2026-01-06T09:00")]) == [
        ("reminder", "ann", "05 16:00"),
        ("met", "ann", "06 09:00"),
    ]


def test_what_was_taken_away_goes_to_the_queue_on_that_day(engine):
    policy = default_policy()
    t = clocked(engine, handoff(**ASKED), handoff(handoff_id="h2", account_id="other"))
    assert engine.rows(sla_moves(t, policy)) == [
        {
            "handoff_id": "h1",
            "rep_id": "sla_queue",
            "reassigned_on": date(2026, 1, 5),
            "reason": "sla",
        }
    ]


def test_a_class_without_reassignment_stays_with_its_rep(engine):
    assert [k for k, _, _ in events(engine, handoff(), moves=[left("2026-01-07", "mqa")])] == [
        "reminder", "breach", "escalation", "unaccepted",
    ]  # fmt: skip


def test_the_same_log_gives_the_same_clocks_in_any_order(engine):
    handoffs = [handoff(handoff_id=f"h{n}", account_id=f"a{n}") for n in range(5)]
    done = [activity(f"2026-01-0{5 + n % 3}T12:0{n}", account_id=f"a{n % 5}") for n in range(9)]
    once = engine.rows(clocked(engine, *handoffs, activities=done), "handoff_id")
    again = engine.rows(
        clocked(engine, *handoffs[::-1], activities=done[::-1], reps=[rep(), rep("zoe")]),
        "handoff_id",
    )
    assert once == again


def test_rows_that_come_twice_or_say_nothing_make_no_second_handoff(engine):
    odd = handoff(
        handoff_id="h2", account_id="odd", tier="unheard_of", evidence_rule=None, sla_hours=None
    )
    done = activity("2026-01-05T12:00")
    found = engine.rows(
        clocked(
            engine, handoff(), odd, reps=[rep(), rep(), rep(None)], owners=[OWNERS[2]] * 2,
            activities=[done, done],
        ),
        "handoff_id",
    )  # fmt: skip
    assert [(h["handoff_id"], h["sla_state"]) for h in found] == [("h1", "met"), ("h2", "stopped")]


def test_a_hundred_thousand_handoffs_take_seconds(engine):
    zones = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
    countries = ("DE", "US", "IN", "AU")
    reps = [rep(f"r{n}", time_zone=zones[n % 4], country=countries[n % 4]) for n in range(200)]
    texts = {c["rep_id"]: c["calendar"] for c in engine.rows(calendars(engine, reps))}
    number = 100_000
    since = datetime(2024, 1, 1, tzinfo=UTC)
    names = [f"h{n}" for n in range(number)]
    moments = pa.array([since + timedelta(minutes=7 * n) for n in range(number)], TIMESTAMP)
    asked = {
        "handoff_id": names, "account_id": names, "holder": [f"r{n % 200}" for n in range(number)],
        "calendar": [texts[f"r{n % 200}"] for n in range(number)], "qualified_at": moments,
        "was_backlog": [False] * number, "sla_hours": [8] * number, "tier": ["scaled"] * number,
        "evidence_rule": ["people"] * number, "runs": [True] * number,
        "sent_at": pa.nulls(number, TIMESTAMP), "next_qualified_at": pa.nulls(number, TIMESTAMP),
        **{c: pa.nulls(number, pa.date32()) for c in ("released_on", "given_on", "over_on")},
    }  # fmt: skip
    started = perf_counter()
    due = due_kernel(default_policy(), LATE).fn(pa.table(asked))
    spans = {c: due[c] for c in ("handoff_id", "calendar", "delivered_at", "over_on")}
    spans |= {"first_touch_at": due["due_at"], "meeting_at": due["due_at"]}
    spans |= {"sla_rep_id": due["holder"], "sla_team": due["holder"]}
    run = run_kernel(default_policy(), LATE).fn(pa.table(spans))
    assert perf_counter() - started < 20
    assert set(run["touch_business_hours"].to_pylist()) == {8.0}
