"""Generating a market: the world first, then its files month by month.

Belongs here: the order of things and the counts. Does not belong here: any draw or format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from mqa_platform.market.ad_files import write_ad_spend
from mqa_platform.market.behaviour import MailActions, background_signals, episode_signals
from mqa_platform.market.config import MarketConfig, MarketSummary, Month
from mqa_platform.market.crm_files import write_crm
from mqa_platform.market.desk import Outcomes
from mqa_platform.market.hard_cases import HardCases, deal, harden, name_variants
from mqa_platform.market.hard_visits import harder, harder_mail
from mqa_platform.market.intent import Episodes, build_episodes
from mqa_platform.market.mail import mail_rows
from mqa_platform.market.mail_files import FIRST_ACTIVITY, write_activities, write_leads
from mqa_platform.market.noise import Cast, add_visitors, noise_signals, with_more_people
from mqa_platform.market.outcomes import build_outcomes
from mqa_platform.market.people import People, build_people
from mqa_platform.market.placement import empty_partial, only_one, put_in_place, stored_summary
from mqa_platform.market.rep_files import write_reps
from mqa_platform.market.reps import SalesTeam, build_sales_team
from mqa_platform.market.signals import Signals, together
from mqa_platform.market.streams import Bools, Ints, hex16, joined
from mqa_platform.market.truth import SignalTruth, write_world
from mqa_platform.market.vendors import write_office_ranges, write_surges, write_triggers
from mqa_platform.market.web_files import (
    Messages,
    delivered,
    followed,
    with_identifies,
    write_month,
)  # fmt: skip
from mqa_platform.market.world import Accounts, build_accounts
from mqa_platform.market.worlds import WORLDS

Progress = Callable[[str, float], None]


def generate(config: MarketConfig, home: Path, progress: Progress | None = None) -> MarketSummary:
    """Write a market's vendor files to ``home/inbox`` and its truth to ``home/truth``.

    The same configuration gives the same bytes. A market of this configuration that is already
    there is left alone and its summary returned. ``progress`` is told a step's name and the share
    done, 0 to 1. Raises MarketError when the inbox holds anything else.
    """
    with only_one(home):
        stored = stored_summary(config, home)
        if stored is not None:
            return stored
        partial = empty_partial(home)
        summary = _Generation(config, partial, progress or (lambda step, share: None)).run()
        put_in_place(partial, home, summary)
        return summary


class _Generation:
    """One run: holds the world while the months go by."""

    def __init__(self, config: MarketConfig, folder: Path, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.inbox, self.truth = folder / "inbox", folder / "truth"
        self.rows: Counter[str] = Counter()
        progress("accounts and people", 0.0)
        self.accounts: Accounts = build_accounts(config)
        self.hard: HardCases | None = None
        if config.hard_cases:
            self.accounts, chosen, partner = deal(config, self.accounts)
        self.team: SalesTeam = build_sales_team(config, self.accounts)
        staff = build_people(config, self.accounts)
        self.episodes: Episodes = build_episodes(config, self.accounts, staff)
        # Whose behaviour shows; in a world whose signals tell nothing it is not who buys.
        self.shown: Episodes = self.episodes
        if not WORLDS[config.world].is_seen:
            self.shown = build_episodes(config, self.accounts, staff, "look of intent")
        added = add_visitors(config, self.accounts, staff, self.episodes)
        self.people: People = added[0]
        self.cast: Cast = added[1]
        if config.hard_cases:
            self.people, self.hard = harden(config, self.accounts, self.people, chosen, partner)
            self.cast = with_more_people(self.cast, len(self.people), len(self.accounts))
        self.seen: Bools = np.zeros(self.cast.cookies, dtype=bool)

    def run(self) -> MarketSummary:
        """Write everything; returns the summary."""
        config, accounts, people, episodes = self.config, self.accounts, self.people, self.episodes
        never_buying = people.account[self.cast.curious]
        outcomes = build_outcomes(config, accounts, people, self.team, episodes, never_buying)
        self.progress("crm", 0.05)
        salesforce = self.inbox / "salesforce"
        files = write_crm(config, accounts, people, self.team, outcomes, salesforce, self.hard)
        self.rows.update({f"salesforce_{name.lower()}": n for name, n in files.items()})
        reps = write_reps(config, self.team, self.inbox / "reps")
        self.rows.update(reps)
        self.rows["office_ips"] = write_office_ranges(
            config, accounts, self.inbox / "office_ips", self.hard
        )
        with SignalTruth(self.truth) as truth:
            self._vendors(truth)
            self._months(truth)
        self.progress("truth", 0.97)
        write_world(
            config,
            accounts,
            people,
            episodes,
            self.cast,
            outcomes,
            self.seen,
            self.truth,
            self.hard,
        )
        self.progress("done", 1.0)
        return self._summary(outcomes)

    def _vendors(self, truth: SignalTruth) -> None:
        self.progress("intent and triggers", 0.1)
        config, accounts, episodes = self.config, self.accounts, self.shown
        variants, news = name_variants(self.hard, accounts), self.inbox / "triggers"
        triggers = write_triggers(config, accounts, episodes, news, variants)
        feeds = [("triggers", triggers)]
        surges = write_surges(config, accounts, episodes, self.inbox / "bombora")
        for feed, rows in [*feeds, *(("bombora", week) for week in surges)]:
            self.rows[feed] += len(rows.event_id)
            nobody = np.full(len(rows.account), -1)
            ids = pa.array(rows.event_id, pa.string())
            truth.add(feed, ids, rows.account, nobody, self._true(rows.episode), rows.noise)

    def _months(self, truth: SignalTruth) -> None:
        config, months = self.config, self.config.months()
        signals, actions = episode_signals(config, self.accounts, self.people, self.shown)
        (self.inbox / "segment").mkdir()
        (self.inbox / "marketo").mkdir()
        (self.inbox / "ads").mkdir()
        self.rows["marketo_leads"] = write_leads(config, self.people, self.inbox / "marketo")
        waiting: list[Messages] = []
        for month in months:
            self.progress(f"month {month.first_day:%Y-%m}", 0.15 + 0.8 * month.index / len(months))
            waiting = self._web(truth, month, signals, waiting)
            self._mail(truth, month, actions)

    def _web(
        self, truth: SignalTruth, month: Month, intent: Signals, waiting: list[Messages]
    ) -> list[Messages]:
        config = self.config
        parts = [
            intent.between(month.lo, month.hi),
            background_signals(config, self.accounts, self.people, month),
            noise_signals(config, self.accounts, self.people, self.cast, month),
        ]
        visits = together(parts)
        if self.hard is not None:
            visits = harder(config, self.hard, self.accounts, self.people, self.cast, month, visits)
        self.rows["ad_spend"] += write_ad_spend(config, visits, month, self.inbox / "ads")
        messages = delivered(config, with_identifies(visits, month), month)
        s = messages.signals
        self.seen[s.cookie] = True
        ids = joined("m-", hex16(messages.message))
        truth.add("segment", ids, s.account, s.person, self._true(s.episode), s.noise)
        folder = self.inbox / "segment"
        everything = followed([*waiting, messages])
        count, later = write_month(config, self.people, month, everything, folder)
        self.rows["segment"] += count
        return [later]

    def _mail(self, truth: SignalTruth, month: Month, actions: MailActions) -> None:
        rows = mail_rows(self.config, self.people, self.shown, actions, month)
        if self.hard is not None:
            rows = harder_mail(self.hard, self.people, month, rows)
        first = FIRST_ACTIVITY + self.rows["marketo"]
        ids = write_activities(self.people, rows, first, month, self.inbox / "marketo")
        self.rows["marketo"] += len(ids)
        account = self.people.account[rows.person]
        text = pa.array(ids).cast(pa.string())
        truth.add("marketo", text, account, rows.person, self._true(rows.episode), rows.noise)

    def _true(self, episode: Ints) -> Ints:
        """The buying episodes that signals came of: none, where what is seen is another's."""
        return episode if self.shown is self.episodes else np.full(len(episode), -1)

    def _summary(self, outcomes: Outcomes) -> MarketSummary:
        return MarketSummary(
            config=self.config,
            accounts=len(self.accounts),
            crm_accounts=int(self.accounts.in_crm.sum()) + len(outcomes.adopted),
            people=self.people.staffed,
            reps=len(self.team.reps),
            episodes=len(self.episodes),
            opportunities=len(outcomes.opportunities),
            opportunities_won=sum(o.is_won for o in outcomes.opportunities),
            rows=dict(sorted(self.rows.items())),
        )
