"""What sales made of it: touches, meetings, opportunities, and the accounts' sales status.

Belongs here: which outcomes happen, and when. Does not belong here: their records (``desk``), the
CRM's files (``crm_files``) and the account record's versions (``crm_accounts``). Reps here work by
themselves; they do not know the platform's scores, so no outcome is the platform's own doing.
"""

from __future__ import annotations

import numpy as np

from mqa_platform.market.config import HOUR, MarketConfig
from mqa_platform.market.desk import Activity, Desk, Opportunity, Outcomes
from mqa_platform.market.intent import Episodes
from mqa_platform.market.people import People
from mqa_platform.market.reps import SalesTeam
from mqa_platform.market.streams import Ints
from mqa_platform.market.world import CUSTOMER, PROSPECT, Accounts

LOSS_REASONS = ("competitor", "no_decision", "price", "timing")
DEAL_SIZE = {True: 90_000, False: 30_000}


def build_outcomes(
    config: MarketConfig,
    accounts: Accounts,
    people: People,
    team: SalesTeam,
    episodes: Episodes,
    never_buying: Ints,
) -> Outcomes:
    """Work every episode, the deals nobody saw coming, and the past of today's customers.

    Chosen: 60 % of episodes make an opportunity 20 to 60 days after the start, 28 % of the closed
    ones are won 20 to 70 days later. What would happen after the market's end stays open or unseen.
    ``never_buying`` lists accounts that must not buy.
    """
    desk = Desk(config, accounts, people, team)
    bounds = np.searchsorted(episodes.member_episode, np.arange(len(episodes) + 1))
    for e in range(len(episodes)):
        members = episodes.member_person[bounds[e] : bounds[e + 1]]
        _work_episode(desk, e, int(episodes.account[e]), float(episodes.start[e]), members)
    _dark_deals(desk, episodes, never_buying)
    _past_deals(desk)
    _prospecting(desk)
    # A rep cannot log a touch on a record that is not there yet.
    held = [a for a in desk.out.activities if a.at >= desk.recorded(a.account)]
    desk.out.activities[:] = sorted(held, key=lambda a: (a.at, a.account, a.kind, a.person))
    desk.out.opportunities.sort(key=lambda o: o.number)
    return desk.out


def _work_episode(
    desk: Desk,
    episode: int,
    account: int,
    start: float,
    members: Ints,
) -> None:
    """Touches, then a meeting and an opportunity, or a rejection, or nobody noticed."""
    rng = desk.rng
    fate = rng.random()
    opportunity_day = start + rng.uniform(20, 60)
    if fate > (0.85 if desk.accounts.in_crm[account] else 0.6):
        return
    first_touch = start + rng.uniform(0.3, 0.7) * (opportunity_day - start)
    if fate <= 0.6:
        desk.adopt(account, desk.at(first_touch) - HOUR)
    for _ in range(int(rng.integers(3, 8))):
        kind = str(rng.choice(["call", "email", "social"], p=(0.4, 0.45, 0.15)))
        day = rng.uniform(first_touch, opportunity_day)
        desk.touch(kind, account, desk.contact(account, members), day)
    accepted = desk.at(first_touch)
    desk.status(account, accepted, "accepted")
    if fate > 0.6:
        reason = str(rng.choice(["no_response", "timing", "competitor"], p=(0.5, 0.35, 0.15)))
        desk.status(account, desk.at(opportunity_day + 5), "rejected", reason)
        return
    meeting = opportunity_day - rng.uniform(1, 9)
    if rng.random() < 0.12:
        desk.touch("meeting", account, desk.contact(account, members), meeting - 4, is_held=False)
    for day in (meeting, opportunity_day + rng.uniform(5, 15)):
        desk.touch("meeting", account, desk.contact(account, members), day)
    _open_deal(desk, account, episode, opportunity_day, opportunity_day + rng.uniform(20, 70))


def _open_deal(desk: Desk, account: int, episode: int, day: float, close_day: float) -> None:
    """Create the opportunity, qualify the account, and close the deal if time allows."""
    rng, created = desk.rng, desk.at(day)
    won = bool(rng.random() < 0.28)
    closed = desk.at(max(close_day, int(day) + 1))
    reason = "" if won else str(rng.choice(LOSS_REASONS, p=(0.3, 0.35, 0.15, 0.2)))
    size = DEAL_SIZE[bool(desk.accounts.employees[account] >= 1000)]
    amount = int(size * np.exp(rng.normal(0, 0.5))) // 500 * 500
    term = int(rng.choice([12, 24, 36], p=(0.6, 0.25, 0.15)))
    if created >= desk.config.end:
        return
    closes = closed < desk.config.end
    deal = Opportunity(
        len(desk.out.opportunities), account, episode, desk.rep(account), created,
        closed if closes else None, won and closes, reason if closes else "", amount, term,
    )  # fmt: skip
    desk.out.opportunities.append(deal)
    desk.status(account, created, "qualified")
    if closes and won:
        desk.change(account, closed, "type", "Customer")
        desk.status(account, closed, "")
    elif closes:
        desk.status(account, closed, "nurture")


def _dark_deals(desk: Desk, episodes: Episodes, never_buying: Ints) -> None:
    """A quarter as many deals again come by referral, without a trace in the signals."""
    accounts = desk.accounts
    calm = accounts.in_crm & accounts.is_fit & (accounts.relationship == PROSPECT)
    calm[episodes.account] = False
    calm[never_buying] = False
    calm &= accounts.created < desk.config.start
    candidates = np.flatnonzero(calm)
    count = min(len(candidates), int(0.15 * len(episodes)))
    for account in desk.rng.choice(candidates, count, replace=False).tolist():
        day = float(desk.rng.uniform(1, desk.config.days))
        _open_deal(desk, account, -1, day, day + desk.rng.uniform(20, 70))


def _past_deals(desk: Desk) -> None:
    """Today's customers bought something before the market starts."""
    for account in np.flatnonzero(desk.accounts.relationship == CUSTOMER).tolist():
        known = int(desk.accounts.created[account])
        opened = known + int(desk.rng.uniform(0, 0.5) * (desk.config.start - known)) // HOUR * HOUR
        closed = opened + int(desk.rng.uniform(0.3, 0.9) * (desk.config.start - opened))
        closed = closed // HOUR * HOUR
        amount = int(desk.rng.integers(10, 200)) * 1000
        desk.out.opportunities.append(
            Opportunity(
                len(desk.out.opportunities),
                account,
                -1,
                desk.rep(account),
                opened,
                closed,
                True,
                "",
                amount,
                12,
            )  # fmt: skip
        )


def _prospecting(desk: Desk) -> None:
    """Reps call targets without a cause, send bulk mail, and reject some who only looked busy."""
    rng, accounts = desk.rng, desk.accounts
    targets = np.flatnonzero(accounts.is_target & (accounts.relationship == PROSPECT))
    nobody = np.empty(0, dtype=np.int64)
    for account in rng.choice(targets, int(len(targets) * desk.config.days * 0.006)).tolist():
        day = float(rng.uniform(0, desk.config.days))
        person = desk.contact(account, nobody)
        if rng.random() < 0.3:
            at = desk.at(day)
            desk.out.activities.append(
                Activity("email", account, person, desk.rep(account), at, is_bulk=True)
            )
        else:
            desk.touch("call" if rng.random() < 0.5 else "email", account, person, day)
    for account in rng.choice(targets, int(len(targets) * 0.03), replace=False).tolist():
        day = float(rng.uniform(5, desk.config.days))
        desk.status(account, desk.at(day), "accepted")
        reason = "bad_fit" if rng.random() < 0.5 else "no_response"
        desk.status(account, desk.at(day + float(rng.uniform(2, 12))), "rejected", reason)
