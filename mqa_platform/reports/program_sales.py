"""The report's sections on sales: the SLA, the reps, what they answer, the forecast, and the experiment.

Belongs here: their tables, pictures and words. Does not belong here: clocks, rates or forecasts (``core``), or the
other sections.
"""

from __future__ import annotations

from mqa_platform.core.metrics.definitions import BAND
from mqa_platform.reports.program_charts import bars, intervals, periods
from mqa_platform.reports.program_parts import (
    CANNOT,
    ProgramFacts,
    Row,
    Section,
    between,
    block,
    figure_of,
    motion_cells,
    motion_head,
    number,
    plain_words,
    share,
)

_MOST = 15


def sla(facts: ProgramFacts) -> Section:
    """Whether sales keeps its promise, by month, and by what it is cut by."""
    rows = [r for r in facts.rows("sla_compliance") if r["period_kind"] == "month"]
    by_month = sorted((r for r in rows if r["dimension"] == "motion" and r["segment"] == facts.motion),
                      key=lambda r: r["period"])  # fmt: skip
    cells = [(r["period"], *_kept(r)) for r in by_month]
    columns = ("Month of delivery", "Kept", "95 % interval", "Met", "Breached", "Running",
               "Median hours to touch")  # fmt: skip
    picture = {}
    decided = [r for r in by_month if r["rate"] is not None]
    if decided:
        told = [{"label": r["period"], "value": r["rate"], "low": r["low"], "high": r["high"]}
                for r in by_month]  # fmt: skip
        last = decided[-1]
        alt = (f"SLA kept by month; in {last['period']} {share(last['rate'])} of "
               f"{last['met'] + last['breached']}.")  # fmt: skip
        picture = {"image": periods([_floats(t) for t in told], "share kept"), "alt": alt}
    latest = max((r["period"] for r in rows), default="")
    cut = [
        r
        for r in rows
        if r["period"] == latest and r["dimension"] in ("rep", "tier", "class", "team")
    ]
    cut.sort(key=lambda r: (r["dimension"], r["segment"]))
    cells_cut = [
        (plain_words(r["dimension"]), facts.names.get(r["segment"], plain_words(r["segment"])), *_kept(r))
        for r in cut
    ]  # fmt: skip
    return Section(
        "sla",
        "SLA",
        "A handoff is kept when somebody touched it up to its due time, in the working hours of its rep.",
        figures=[figure_of(facts, "sla_compliance_rate", "SLA kept"),
                 figure_of(facts, "time_to_first_touch", "To the first touch, median"),
                 figure_of(facts, "time_to_first_touch_business", "In working hours, median"),
                 figure_of(facts, "time_to_first_meeting", "To the first meeting, median")],
        blocks=[
            block("SLA by month", columns, cells, **picture),
            block(f"SLA in {latest}, by rep, team, tier and class" if latest else "SLA by rep",
                  ("Cut by", "Part", *columns[1:]), cells_cut),
        ],
        cannot=["Medians of times count those that got there; how many did not stands beside them."],
    )  # fmt: skip


def _kept(row: Row) -> tuple[object, ...]:
    return (share(row["rate"]) or CANNOT, between(row["low"], row["high"], "share", ""), row["met"],
            row["breached"], row["running"], row["median_touch_hours"])  # fmt: skip


def _floats(row: Row) -> Row:
    return {k: v if isinstance(v, str) or v is None else float(v) for k, v in row.items()}


def reps(facts: ProgramFacts) -> Section:
    """MQAs a rep and quarter beside the band that practitioners name, and the room of the coming week."""
    quarters = facts.of("mqa_per_rep", cohort=None)
    cells = [
        (r["cohort"], "" if r["value"] is None else number(float(r["value"])),
         between(r["low"], r["high"], "", ""), r["numerator"], r["denominator"])
        for r in quarters
    ]  # fmt: skip
    # A quarter that runs has no figure yet, and is no quarter of a rep's work.
    last = next((r for r in reversed(quarters) if r["value"] is not None), None)
    says = []
    if last is not None:
        value = float(last["value"])
        where = (
            "inside" if BAND[0] <= value <= BAND[1] else ("below" if value < BAND[0] else "above")
        )
        says.append(
            f"{number(value)} MQAs a rep in {last['cohort']}: {where} the band of {BAND[0]} to {BAND[1]} that "
            "practitioners name. It is a band to look at and no target."
        )  # fmt: skip
    room = facts.rows("sales_room")
    first = min((r["week_from"] for r in room), default=None)
    week = [r for r in room if r["week_from"] == first]
    week.sort(key=lambda r: (-float(r["room"]), r["rep_id"]))
    return Section(
        "reps",
        "Reps",
        "What reps were given, and what they can take.",
        says=says,
        blocks=[
            block("MQAs a rep and quarter", ("Quarter", "MQAs a rep", "95 % interval", "Delivered", "Active reps"),
                  cells),
            block(f"Room in the week from {first}" if first else "Room of the reps",
                  ("Rep", "Team", "Capacity", "Absent", "Open work", "Room"),
                  [(facts.names.get(r["rep_id"], r["rep_id"]), r["team"], r["capacity"], r["absent"],
                    r["open_work"], r["room"]) for r in week],
                  empty="No room has been computed yet: mqa calibrate."),
        ],
        cannot=["A quarter that is not over has no figure."],
    )  # fmt: skip


def answers(facts: ProgramFacts) -> Section:
    """How often sales says yes, why it says no, and what that suggests to leave out."""
    rows = facts.rows("rejection_reasons")
    whole = sorted((r for r in rows if r["dimension"] == "all"), key=lambda r: -r["share"])
    told = [{"label": plain_words(r["reason"]), "value": float(r["share"]), "shown": share(r["share"])}
            for r in whole]  # fmt: skip
    picture = {}
    if told:
        alt = "Why sales rejected, as a share of what it answered: " + ", ".join(
            f"{t['label']} {t['shown']}" for t in told
        )
        picture = {"image": bars(told, "share of answered"), "alt": f"{alt}."}
    cells = [(plain_words(r["reason"]), r["rejected"], r["answered"], share(r["share"]),
              between(r["low"], r["high"], "share", "")) for r in whole]  # fmt: skip
    standing = [r for r in rows if r["suggestion"]]
    standing.sort(key=lambda r: (-r["share"], r["dimension"], r["segment"]))
    out = [
        (plain_words(r["dimension"]), facts.names.get(r["segment"], plain_words(r["segment"])),
         plain_words(r["reason"]), r["rejected"], share(r["share"]), share(r["usual_share"]), r["suggestion"])
        for r in standing[:_MOST]
    ]  # fmt: skip
    return Section(
        "answers",
        "What sales answers",
        "Acceptance counts silence: what ended without an answer is below the line.",
        figures=[figure_of(facts, "sales_acceptance_rate", "Accepted"),
                 figure_of(facts, "sales_rejection_rate", "Rejected")],
        blocks=[
            block("Reasons", ("Reason", "Rejected", "Answered", "Share", "95 % interval"), cells,
                  empty="No handoff has been rejected yet.", **picture),
            block("What stands out, and is suggested to be left out",
                  ("Cut by", "Part", "Reason", "Rejected", "Share", "Of all others", "Suggestion"), out,
                  empty="Nothing stands out beyond its interval."),
        ],
        cannot=["Many parts are compared at once: one of forty stands out by chance alone. Ask sales first; nothing "
                "is left out by itself."],
    )  # fmt: skip


def forecast(facts: ProgramFacts) -> Section:
    """What open MQAs are expected to bring."""
    rows = sorted(facts.rows("pipeline_forecast"),
                  key=lambda r: (r["dimension"] != "all", r["segment"], r["horizon_days"]))  # fmt: skip
    whole = [r for r in rows if r["dimension"] == "all" and r["opportunities"] is not None]
    told = [
        _floats({"label": f"{r['horizon_days']} days", "value": r["opportunities"],
                 "low": r["opportunities_low"], "high": r["opportunities_high"]})
        for r in whole
    ]  # fmt: skip
    picture = {}
    if told:
        alt = "Opportunities expected of open MQAs: " + ", ".join(
            f"within {t['label']} {t['value']:.1f} ({t['low']:.1f} to {t['high']:.1f})"
            for t in told
        )
        picture = {"image": intervals(told, "opportunities"), "alt": f"{alt}."}
    cells = [
        (plain_words(r["segment"]), r["horizon_days"], r["open_mqas"], r["opportunities"],
         between(r["opportunities_low"], r["opportunities_high"], "", ""), _money(r["pipeline"], facts),
         between(r["pipeline_low"], r["pipeline_high"], "currency", facts.currency), plain_words(r["verdict"]))
        for r in rows
    ]  # fmt: skip
    columns = ("Tier", "Days ahead", "Open MQAs", "Opportunities", "95 % interval", "Annual value",
               "95 % interval of it", "Verdict")  # fmt: skip
    thin = sorted({plain_words(r["verdict"]) for r in rows if r["verdict"] != "ok"})
    return Section(
        "forecast",
        "Forecast",
        "What MQAs that are open now are expected to bring, if they are like those before them.",
        blocks=[block("Opportunities and annual value expected", columns, cells, **picture)],
        cannot=[*(["Some rows cannot say: " + "; ".join(thin) + "."] if thin else []),
                "After a change of threshold or weights the forecast is out of date until new MQAs have grown old."],
    )  # fmt: skip


def _money(value: object, facts: ProgramFacts) -> str:
    return "" if value is None else f"{float(value):,.0f} {facts.currency}"  # type: ignore[arg-type]


def experiment(facts: ProgramFacts) -> Section:
    """What a randomised holdout shows, where one runs."""
    rows = [r for r in facts.rows("experiment_results") if r["tier"] == "all"]
    cells = [
        (r["experiment"], *motion_cells(facts, r), plain_words(r["outcome"]), share(r["handed_off_rate"]),
         r["handed_off_n"], share(r["held_out_rate"]), r["held_out_n"], share(r["lift"]) or CANNOT,
         between(r["lift_low"], r["lift_high"], "share", ""), r["says"])
        for r in rows
    ]  # fmt: skip
    columns = ("Experiment", *motion_head(facts), "Outcome", "Handed off", "of", "Held out", "of", "Difference",
               "95 % interval", "What it says")  # fmt: skip
    return Section(
        "experiment",
        "Experiment",
        "Accounts drawn by chance and kept from sales: the only figure here that says what handing over causes.",
        blocks=[block("Handed off beside held out", columns, cells,
                      empty="No experiment has drawn anything. mqa experiment plan says what one would need.")],
        cannot=[] if rows else [
            "Without a holdout, nothing here says what would have happened without a handoff: accounts with intent "
            "also buy by themselves.",
        ],
    )  # fmt: skip
