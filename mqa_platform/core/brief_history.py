"""What a brief says of the time before: opportunities and earlier handoffs.

Belongs here: the sentences about our history with the account; they name CRM records, for no touchpoint is
behind them. Does not belong here: the sentences about what the account did (``brief_facts``).
"""

from __future__ import annotations

from collections.abc import Iterator

from mqa_platform.core.brief_facts import MOST, Case, Row, Sentence, say
from mqa_platform.core.brief_words import counted, shown, spoken_day, words


def history(case: Case) -> Iterator[Sentence]:
    """What there was between us before: opportunities, and earlier handoffs."""
    deals = sorted(
        case.items.get("opportunity", []), key=lambda r: (-r["on_day"].toordinal(), r["ref"])
    )
    for r in deals[:MOST]:
        yield say(f"{_deal(r)}.", (), [r["ref"]], **_deal_words(r))
    if deals[MOST:]:
        more = [r["ref"] for r in deals[MOST:]]
        yield say(f"{counted(len(more), 'older opportunity', 'older opportunities')}.", (), more)
    earlier = sorted(case.items.get("episode", []), key=lambda r: -r["on_day"].toordinal())
    for r in earlier[:MOST]:
        why = " because of {why}" if r["reason"] else ""
        yield say(
            f"Handed over before, on {spoken_day(r['on_day'])}: {words(r['text'])}{why}.",
            (), [r["ref"]], **({"why": shown(words(r["reason"]))} if r["reason"] else {}),
        )  # fmt: skip
    if not deals and not earlier:
        yield say("No opportunity and no handoff before this one.")


def _deal(r: Row) -> str:
    if r["is_open"]:
        return f"Opportunity {{deal}} is open since {spoken_day(r['on_day'])}, at {{stage}}"
    ended = "was won" if r["is_won"] else "was lost"
    why = " because of {why}" if r["reason"] and not r["is_won"] else ""
    return f"Opportunity {{deal}} {ended} on {spoken_day(r['on_day'])}{why}"


def _deal_words(r: Row) -> dict[str, str]:
    said = {"deal": shown(r["name"], "without a name")}
    if r["is_open"]:
        said["stage"] = shown(r["text"], "no stage")
    elif r["reason"] and not r["is_won"]:
        said["why"] = shown(words(r["reason"]))
    return said
