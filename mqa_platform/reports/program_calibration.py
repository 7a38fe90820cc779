"""The report's sections on calibration: the threshold curve and its proposal, signal lift, weights and half-lives.

Belongs here: their tables, pictures and words. Does not belong here: solving or estimating (``core.calibration``), or
whether what was calibrated still holds (``program_watch``).
"""

from __future__ import annotations

from mqa_platform.core.metrics.definitions import BAND
from mqa_platform.reports.program_charts import curves, intervals
from mqa_platform.reports.program_parts import (
    CANNOT,
    Block,
    ProgramFacts,
    Row,
    Section,
    between,
    block,
    motion_cells,
    motion_head,
    number,
    plain_words,
    share,
)

_MOST = 20
# A step of the curve is 3 % of the threshold in force.
_STEP = 3


def thresholds(facts: ProgramFacts) -> Section:
    """What each threshold would bring, and what is proposed."""
    proposed = _newest(facts.rows("threshold_proposals"), "proposed_on")
    curve = [r for r in _newest(facts.rows("threshold_curve"), "proposed_on")
             if r["tier"] == "all" and r["motion"] == facts.motion]  # fmt: skip
    curve.sort(key=lambda r: r["step"])
    tiers = [
        (*motion_cells(facts, r), plain_words(r["tier"]), plain_words(r["status"]), r["threshold_now"],
         r["threshold_proposed"], r["threshold_lowest"], r["volume_now"], r["volume_per_week"],
         f"{r['week_low']} to {r['week_high']}", share(r["precision"]) or CANNOT,
         between(r["precision_low"], r["precision_high"], "share", ""), r["entering"], r["leaving"])
        for r in sorted(proposed, key=lambda r: (r["motion"], r["tier"]))
    ]  # fmt: skip
    columns = (*motion_head(facts), "Tier", "Status", "Now", "Proposed", "Lowest allowed", "A week now",
               "A week proposed", "One week, 95 %", "Precision", "95 % interval", "Entering", "Leaving")  # fmt: skip
    day = proposed[0]["proposed_on"] if proposed else None
    says = [
        f"{plain_words(r['tier']).capitalize()}: {r['says']}"
        for r in sorted(proposed, key=lambda r: r["tier"])
    ]
    says += [f"Tier {plain_words(r['tier'])} was lowered on {r['lowered_on']} and converts no better since."
             for r in proposed if r["lowered_without_gain"]]  # fmt: skip
    names = _newest(facts.rows("proposal_accounts"), "proposed_on")
    names.sort(key=lambda r: (r["change"], r["name"] or "", r["account_id"]))
    listed = [(plain_words(r["change"]), r["name"] or r["account_id"], plain_words(r["tier"]), r["entered_on"])
              for r in names[:_MOST]]  # fmt: skip
    more = f", {_MOST} of {len(names)}" if len(names) > _MOST else ""
    return Section(
        "thresholds",
        "Thresholds",
        "Solved from what the reps can take, with a floor of precision. Nothing is in force before it is promoted.",
        says=says,
        blocks=[
            *_curves(curve, proposed),
            block(f"Proposal of {day}" if day else "Proposal", columns, tiers,
                  empty="No proposal has been made yet: mqa calibrate."),
            block(f"Accounts that enter or leave with it{more}", ("Change", "Account", "Tier", "Entered"), listed,
                  empty="No account enters or leaves."),
        ],
        cannot=["The curve asks what the past would have been at another threshold: it cannot know what sales would "
                "have done with the accounts that were never handed over.",
                f"The band of {BAND[0]} to {BAND[1]} MQAs a rep and quarter is shown and never aimed at."],
    )  # fmt: skip


def _curves(curve: list[Row], proposed: list[Row]) -> list[Block]:
    columns = ("Against today's threshold", "A week", "One week, 95 %", "Precision", "95 % interval", "Recall",
               "95 % interval", "A rep and week", "Proposed")  # fmt: skip
    rows = [
        (f"{100 + _STEP * r['step']} %", r["volume_per_week"], between(r["week_low"], r["week_high"], "", ""),
         share(r["precision"]) or CANNOT, between(r["precision_low"], r["precision_high"], "share", ""),
         share(r["recall"]) or CANNOT, between(r["recall_low"], r["recall_high"], "share", ""),
         r["per_rep_week"], r["is_proposed"])
        for r in curve
    ]  # fmt: skip
    captions = (
        "Volume at each threshold, all tiers moved alike",
        "Precision and recall at each threshold",
    )
    if not curve:
        return [
            block(captions[0], columns, (), empty="No curve has been computed yet: mqa calibrate.")
        ]
    here = [{"x": 100, "label": "today"}]
    chosen = [r for r in curve if r["is_proposed"]]
    here += [{"x": 100 + _STEP * r["step"], "label": "proposed"} for r in chosen if r["step"] != 0]
    room = next((float(r["room_per_week"]) for r in proposed), None)
    level = None if room is None else {"value": room, "label": "room of the reps"}
    told = [_point(r, "volume_per_week", "week_low", "week_high", "a week") for r in curve]
    alt = f"MQAs a week fall from {number(told[0]['value'])} at {told[0]['x']} % of today's threshold to " \
          f"{number(told[-1]['value'])} at {told[-1]['x']} %." + (
              f" The reps have room for {number(room)}." if room is not None else "")  # fmt: skip
    across = "threshold, % of today's"
    volume = block(captions[0], columns, rows, alt=alt,
                   image=curves(told, across, "MQAs a week", here, level))  # fmt: skip
    shares = [
        _point(r, name, f"{name}_low", f"{name}_high", name)
        for name in ("precision", "recall")
        for r in curve
        if r[name] is not None
    ]
    if not shares:
        return [volume]
    now = next((r for r in curve if r["step"] == 0), curve[0])
    said = (f"Precision and recall over the threshold; today {share(now['precision']) or CANNOT} and "
            f"{share(now['recall']) or CANNOT}.")  # fmt: skip
    few = [(r[0], r[3], r[4], r[5], r[6]) for r in rows]
    heads = (columns[0], *columns[3:7])
    picture = curves(shares, across, "share", here)
    return [volume, block(captions[1], heads, few, image=picture, alt=said)]


def _point(row: Row, value: str, low: str, high: str, series: str) -> Row:
    told = {k: None if row[c] is None else float(row[c])
            for k, c in (("value", value), ("low", low), ("high", high))}  # fmt: skip
    return {"x": 100 + _STEP * row["step"], "series": series, **told}


def _newest(rows: list[Row], day: str) -> list[Row]:
    last = max((r[day] for r in rows), default=None)
    return [r for r in rows if r[day] == last]


def weights(facts: ProgramFacts) -> Section:
    """Lift by signal, and proposed points and half-lives beside those in force."""
    lift = _newest(facts.rows("signal_lift"), "estimated_on")
    lift.sort(key=lambda r: (r["motion"], -(r["lift"] or 0), r["signal"]))
    cells = [
        (plain_words(r["signal"]), *motion_cells(facts, r), plain_words(r["verdict"]),
         "" if r["lift"] is None else number(float(r["lift"])), between(r["low"], r["high"], "", ""),
         share(r["coverage"]), r["winners_with"], r["winners"],
         f"{plain_words(r['overlaps_with'])}, {share(r['overlap'])}" if r["overlaps_with"] else "", r["says"])
        for r in lift
    ]  # fmt: skip
    columns = ("Signal", *motion_head(facts), "Verdict", "Lift", "95 % interval", "Accounts with it", "Won with it",
               "Won", "Mostly together with", "What it says")  # fmt: skip
    # Equal factors are equally far apart, so that half and double are: zero has no place there.
    told = [
        {"label": plain_words(r["signal"]), **{k: float(r[k]) for k in ("low", "high")}, "value": float(r["lift"])}
        for r in lift
        if r["motion"] == facts.motion and None not in (r["lift"], r["low"], r["high"])
        and min(r["lift"], r["low"]) > 0
    ]  # fmt: skip
    picture = {}
    if told:
        alt = "Lift by signal, 1 is no difference: " + ", ".join(
            f"{t['label']} {t['value']:.2f} ({t['low']:.2f} to {t['high']:.2f})" for t in told
        )
        picture = {
            "image": intervals(told, "lift, times as often", 1.0, log=True),
            "alt": f"{alt}.",
        }
    points = _newest(facts.rows("weight_proposals"), "estimated_on")
    points.sort(key=lambda r: (r["motion"], r["status"] != "change", r["component"]))
    beside = [
        (plain_words(r["component"]), *motion_cells(facts, r), plain_words(r["status"]), r["weight_now"],
         r["weight_proposed"], between(r["weight_low"], r["weight_high"], "", ""), r["says"])
        for r in points
    ]  # fmt: skip
    fading = _newest(facts.rows("half_life_estimates"), "estimated_on")
    fading.sort(key=lambda r: (r["motion"], r["signal"]))
    lives = [
        (plain_words(r["signal"]), *motion_cells(facts, r), plain_words(r["status"]), r["half_life_now"],
         r["half_life"], between(r["low"], r["high"], "", ""), r["half_life_proposed"], r["says"])
        for r in fading
    ]  # fmt: skip
    silent = sum(1 for r in points if r["status"] == "cannot_rank")
    return Section(
        "weights",
        "Signals and weights",
        "How much more often accounts with a signal are won, and points that deals speak for beside those in force.",
        blocks=[
            block("Lift by signal", columns, cells, empty="No lift has been computed yet: mqa calibrate weights.",
                  **picture),
            block("Points now and proposed",
                  ("Part of the score", *motion_head(facts), "Status", "Now", "Proposed", "95 % interval", "Why"),
                  beside, empty="No weights have been proposed yet: mqa calibrate weights."),
            block("Half-lives now and seen, in days",
                  ("Signal", *motion_head(facts), "Status", "Now", "Seen", "95 % interval", "Proposed", "Why"), lives,
                  empty="No half-life has been estimated yet: mqa calibrate weights."),
        ],
        cannot=[*([f"Deals do not suffice to rank {silent} of {len(points)} parts of the score: rules stay there."]
                  if silent else []),
                "What our own outreach brings about is left out: it would find what we did, and not what they want.",
                "Lift is not cause: a signal that goes with another shares its deals."],
    )  # fmt: skip
