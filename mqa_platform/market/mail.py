"""The mail system: newsletters sent, opened, clicked; replies and attendance of buyers.

Belongs here: rows of the activity export, with their truth. Does not belong here: the lead list
(``crm_files``). Rates are chosen near what mail programmes report: a fifth opens, a few in a
hundred click, and machines that scan links click at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market.behaviour import ATTENDED_TYPE, REPLIED_TYPE, MailActions
from mqa_platform.market.config import DAY, HOUR, MINUTE, SECOND, MarketConfig, Month
from mqa_platform.market.intent import Episodes
from mqa_platform.market.people import People, lead_since
from mqa_platform.market.signals import NOISE_KINDS
from mqa_platform.market.streams import Bools, Ints, stream

SENT, UNSUBSCRIBED, OPENED, CLICKED = 6, 9, 10, 11
ATTENDED, REPLIED = ATTENDED_TYPE, REPLIED_TYPE
_SCANNER = NOISE_KINDS.index("mail_scanner")


@dataclass(frozen=True)
class MailRows:
    """Equally long columns ordered by time; ``campaign`` numbers the mailing."""

    at: Ints
    type_id: Ints
    person: Ints
    campaign: Ints
    episode: Ints
    noise: Ints

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.at)


def mail_rows(
    config: MarketConfig, people: People, episodes: Episodes, actions: MailActions, month: Month
) -> MailRows:
    """All mail activity of one month, clamped into it: the export has one file a month."""
    rng = stream(config, "mail", month.index)
    leads = np.flatnonzero(people.lead >= 0)
    since = lead_since(config, leads)
    parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    for day in range(month.lo, month.hi, DAY):
        if (day // DAY + 3) % 7 != 1:
            continue
        week = day // DAY // 7
        person = leads[(rng.random(len(leads)) < 0.22) & (since <= day)]
        sent = day + 14 * HOUR + rng.integers(0, 90 * 60, len(person)) * SECOND
        warm = _in_the_market(config, people, episodes, day)[person]
        opens = rng.random(len(person)) < np.where(warm, 0.4, 0.2)
        clicks = opens & (rng.random(len(person)) < np.where(warm, 0.35, 0.17))
        leaves = opens & (rng.random(len(person)) < 0.004)
        scans = rng.random(len(person)) < 0.004
        delay = (rng.exponential(9, len(person)) * HOUR).astype(np.int64) // SECOND * SECOND
        for sort, chosen, wait, noise in (
            (SENT, np.ones(len(person), dtype=bool), 0 * delay, 0),
            (OPENED, opens, delay + MINUTE, 0),
            (CLICKED, clicks, delay + 3 * MINUTE, 0),
            (UNSUBSCRIBED, leaves, delay + 5 * MINUTE, 0),
            (CLICKED, scans, 0 * delay + 4 * SECOND, _SCANNER),
        ):
            rows = np.flatnonzero(chosen)
            parts.append(
                (
                    (sent + wait)[rows],
                    np.full(len(rows), sort),
                    person[rows],
                    np.full(len(rows), week),
                    np.full(len(rows), noise),
                )
            )
    own = np.flatnonzero(
        (actions.at >= month.lo)
        & (actions.at < month.hi)
        & (actions.at >= lead_since(config, actions.person))
    )
    parts.append(
        (
            actions.at[own],
            actions.type_id[own],
            actions.person[own],
            actions.at[own] // DAY // 7,
            np.zeros(len(own), dtype=np.int64),
        )
    )
    at, type_id, person, campaign, noise_kind = [
        np.concatenate([part[k] for part in parts]) for k in range(5)
    ]
    at = np.minimum(at, month.hi - SECOND)
    episode = np.where(noise_kind == 0, _episode_at(config, people, episodes, person, at), -1)
    episode = np.where(type_id == SENT, -1, episode)
    order = np.lexsort((type_id, person, at))
    return MailRows(*(c[order] for c in (at, type_id, person, campaign, episode, noise_kind)))


def _in_the_market(config: MarketConfig, people: People, episodes: Episodes, instant: int) -> Bools:
    """Which people are active in an episode at an instant."""
    day = (instant - config.start) / DAY
    running = (episodes.start <= day) & (day < episodes.end)
    warm = np.zeros(len(people), dtype=bool)
    warm[episodes.member_person[running[episodes.member_episode]]] = True
    return warm


def _episode_at(
    config: MarketConfig, people: People, episodes: Episodes, person: Ints, at: Ints
) -> Ints:
    """The person's episode that runs at each instant, -1 for none.

    A person is in at most a few episodes, which do not overlap by much: the latest begun wins.
    """
    found = np.full(len(person), -1, dtype=np.int64)
    if not len(episodes):
        return found
    order = np.argsort(episodes.member_person, kind="stable")
    holders, held = episodes.member_person[order], episodes.member_episode[order]
    lo = np.searchsorted(holders, person, "left")
    hi = np.searchsorted(holders, person, "right")
    day = (at - config.start) / DAY
    for step in range(int((hi - lo).max(initial=0))):
        rows = np.flatnonzero(lo + step < hi)
        e = held[lo[rows] + step]
        inside = (episodes.start[e] <= day[rows]) & (day[rows] < episodes.end[e])
        found[rows[inside]] = e[inside]
    return found
