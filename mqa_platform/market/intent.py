"""Latent buying episodes: which accounts are truly in the market, when, and with how many people.

Belongs here: the hidden cause. Does not belong here: its visible effects (``behaviour``, ``mail``,
``vendors``) or what sales made of it (``outcomes``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market.config import MarketConfig
from mqa_platform.market.people import People
from mqa_platform.market.streams import Bools, Floats, Ints, ranks_within, stream
from mqa_platform.market.world import FORMER, PROSPECT, Accounts

SLOT_DAYS = 180


@dataclass(frozen=True)
class Episodes:
    """Row per episode, ordered by start; days count from the market's start.

    ``member_episode`` and ``member_person`` list the active committee, row per person and episode.
    """

    account: Ints
    start: Floats
    ramp: Floats
    end: Floats
    size: Ints
    intensity: Floats
    surges: Bools
    has_trigger: Bools
    asks_demo: Bools
    member_episode: Ints
    member_person: Ints

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.account)


def build_episodes(config: MarketConfig, accounts: Accounts, people: People) -> Episodes:
    """Draw the episodes.

    Chosen: 11 % of fit prospects per 180 days (1 % of the others, who buy against the profile), a
    ramp of 3 to 8 weeks. Three to nine active people follow the first seed article, which calls
    several contacts inside two to four weeks the strongest sign.
    """
    rng, n = stream(config, "intent"), len(accounts)
    open_to_buy = np.isin(accounts.relationship, (PROSPECT, FORMER))
    chance = np.where(accounts.is_fit, 0.11, 0.01) * open_to_buy
    found, begins = [], []
    for lo in range(0, config.days, SLOT_DAYS):
        length = min(SLOT_DAYS, config.days - lo)
        chosen = np.flatnonzero(rng.random(n) < chance * length / SLOT_DAYS)
        found.append(chosen)
        begins.append(rng.uniform(lo, lo + length, len(chosen)))
    account, start = np.concatenate(found), np.concatenate(begins)
    order = np.lexsort((account, start))
    account, start = account[order], start[order]
    size = np.minimum(rng.integers(3, 10, len(account)), people.count[account])
    ramp = rng.uniform(21, 56, len(account))
    member_episode, member_person = _committee(rng, account, size, people)
    return Episodes(
        account=account,
        start=start,
        ramp=ramp,
        end=start + ramp + rng.uniform(14, 40, len(account)),
        size=size,
        intensity=np.exp(rng.normal(0, 0.35, len(account))),
        surges=rng.random(len(account)) < 0.7,
        has_trigger=rng.random(len(account)) < 0.35,
        asks_demo=rng.random(len(account)) < 0.35,
        member_episode=member_episode,
        member_person=member_person,
    )


def _committee(
    rng: np.random.Generator, account: Ints, size: Ints, people: People
) -> tuple[Ints, Ints]:
    """Active people, drawn without replacement among the account's."""
    counts = people.count[account]
    episode = np.repeat(np.arange(len(account)), counts)
    person = np.repeat(people.first[account], counts) + ranks_within(counts)
    order = np.lexsort((rng.random(len(person)), episode))
    keep = ranks_within(counts) < np.repeat(size, counts)
    return episode[order][keep], person[order][keep]
