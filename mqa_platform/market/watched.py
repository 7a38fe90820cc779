"""A market without files: what the website, the mail system and the vendors saw, as arrays in memory.

Belongs here: drawing the same world as ``generate`` for measurements that need thousands of accounts over
years and no vendor's format. Does not belong here: files (``generation``) or any judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market.behaviour import background_signals, episode_signals
from mqa_platform.market.config import MarketConfig
from mqa_platform.market.desk import Outcomes
from mqa_platform.market.intent import Episodes, build_episodes
from mqa_platform.market.mail import MailRows, mail_rows
from mqa_platform.market.news import News, drawn_news
from mqa_platform.market.noise import Cast, add_visitors, noise_signals
from mqa_platform.market.outcomes import build_outcomes
from mqa_platform.market.people import People, build_people
from mqa_platform.market.reps import SalesTeam, build_sales_team
from mqa_platform.market.signals import Signals, together
from mqa_platform.market.streams import Bools, Ints, stream
from mqa_platform.market.vendors import surging
from mqa_platform.market.world import Accounts, build_accounts
from mqa_platform.market.worlds import WORLDS


@dataclass(frozen=True)
class Surges:
    """Rows of the intent vendor: account, day (from the market's start) and composite."""

    account: Ints
    day: Ints
    score: Ints


@dataclass(frozen=True)
class Watched:
    """One market: the world, what was seen of it, and what sales made of it.

    ``episodes`` are who truly buys; ``signals`` and ``mail`` carry the number of the episode they came of in
    ``shown``, which is another set in a world whose signals tell nothing.
    """

    config: MarketConfig
    accounts: Accounts
    people: People
    team: SalesTeam
    cast: Cast
    episodes: Episodes
    outcomes: Outcomes
    signals: Signals
    mail: list[MailRows]
    surges: Surges
    news: News


def watched(config: MarketConfig, only: Bools | None = None) -> Watched:
    """Draw a market; the hard cases of identity need files and are not in it.

    Args:
        config: of the market; the same one gives the same world as ``generate`` does.
        only: accounts whose signals are wanted; the others' are drawn and dropped month by month.
    """
    accounts = build_accounts(config)
    team = build_sales_team(config, accounts)
    staff = build_people(config, accounts)
    episodes = build_episodes(config, accounts, staff)
    people, cast = add_visitors(config, accounts, staff, episodes)
    shown = episodes
    if not WORLDS[config.world].is_seen:
        shown = build_episodes(config, accounts, staff, "look of intent")
    outcomes = build_outcomes(
        config, accounts, people, team, episodes, people.account[cast.curious]
    )
    intent, actions = episode_signals(config, accounts, people, shown)
    web, mail = [], []
    for month in config.months():
        parts = [
            intent.between(month.lo, month.hi),
            background_signals(config, accounts, people, month),
            noise_signals(config, accounts, people, cast, month),
        ]
        visits = together(parts)
        keep = visits.account >= 0
        if only is not None:
            keep &= only[visits.account]
        web.append(visits.take(np.flatnonzero(keep)))
        mail.append(mail_rows(config, people, shown, actions, month))
    return Watched(
        config, accounts, people, team, cast, episodes, outcomes, together(web), mail,
        _surges(config, accounts, shown), drawn_news(config, accounts, shown),
    )  # fmt: skip


def _surges(config: MarketConfig, accounts: Accounts, episodes: Episodes) -> Surges:
    parts = []
    for number, monday in enumerate(config.weeks()):
        rng = stream(config, "surges", number)
        account, _, score = surging(config, rng, accounts, episodes, monday)
        day = np.full(len(account), (monday - config.starts_on).days)
        parts.append((account, day, score))
    none = np.zeros(0, dtype=np.int64)
    columns = zip(*parts, strict=True) if parts else ((none,), (none,), (none,))
    return Surges(*(np.concatenate(c) for c in columns))
