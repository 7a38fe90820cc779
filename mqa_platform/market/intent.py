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
from mqa_platform.market.worlds import WORLDS

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


def build_episodes(
    config: MarketConfig, accounts: Accounts, people: People, part: str = "intent"
) -> Episodes:
    """Draw the episodes; another ``part`` draws others of the same kind.

    Chosen: 11 % of fit prospects per 180 days (1 % of the others, who buy against the profile), a
    ramp of 3 to 8 weeks. Three to nine active people follow the first seed article, which calls
    several contacts inside two to four weeks the strongest sign. The world's parameters replace these
    (``worlds``).
    """
    rng, n, world = stream(config, part), len(accounts), WORLDS[config.world]
    open_to_buy = np.isin(accounts.relationship, (PROSPECT, FORMER))
    chance = np.where(accounts.is_fit, world.buys_fit, world.buys_other) * open_to_buy
    most = max(1.0, 1 + config.intent_drift)
    found, begins = [], []
    for lo in range(0, config.days, SLOT_DAYS):
        length = min(SLOT_DAYS, config.days - lo)
        chosen = np.flatnonzero(rng.random(n) < chance * most * length / SLOT_DAYS)
        found.append(chosen)
        begins.append(rng.uniform(lo, lo + length, len(chosen)))
    account, start = np.concatenate(found), np.concatenate(begins)
    if config.intent_drift:
        stays = stream(config, f"{part} drift").random(len(start))
        kept = stays < intent_factor(config, start) / most
        account, start = account[kept], start[kept]
    order = np.lexsort((account, start))
    account, start = account[order], start[order]
    size = np.minimum(rng.integers(*world.people, len(account)), people.count[account])
    ramp = rng.uniform(21, 56, len(account))
    member_episode, member_person = _committee(rng, account, size, people)
    return Episodes(
        account=account,
        start=start,
        ramp=ramp,
        end=start + ramp + rng.uniform(14, 40, len(account)),
        size=size,
        intensity=np.exp(rng.normal(0, 0.35, len(account))),
        surges=rng.random(len(account)) < world.surges,
        has_trigger=rng.random(len(account)) < 0.35,
        asks_demo=rng.random(len(account)) < world.asks_demo,
        member_episode=member_episode,
        member_person=member_person,
    )


def intent_factor(config: MarketConfig, day: Floats) -> Floats:
    """How much intent there is on each day, as a share of what there was before the drift began."""
    since = day - config.drift_from
    weeks = max(config.drift_weeks, 1 / 7)
    return 1 + config.intent_drift * np.clip(since / (7 * weeks), 0, 1)


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
