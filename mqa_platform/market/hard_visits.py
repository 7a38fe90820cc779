"""What the hard cases do to visits and mail: other browsers, other networks, machines that look human.

Belongs here: changing and adding rows, with their truth. Does not belong here: who is a hard case
(``hard_cases``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mqa_platform.market import vocabulary as words
from mqa_platform.market.behaviour import working_time
from mqa_platform.market.config import DAY, HOUR, SECOND, MarketConfig, Month
from mqa_platform.market.hard_cases import HardCases
from mqa_platform.market.mail import CLICKED, SENT, MailRows
from mqa_platform.market.noise import Cast
from mqa_platform.market.people import COOKIES_A_PERSON, People
from mqa_platform.market.signals import (
    NOISE_KINDS,
    Signals,
    columns,
    page_views,
    pages_by_mix,
    together,
)  # fmt: skip
from mqa_platform.market.streams import Bools, Ints, fraction, stream
from mqa_platform.market.world import VPN_POOL, Accounts, isp_address

_BOT, _GATEWAY = NOISE_KINDS.index("bot"), NOISE_KINDS.index("mail_gateway")
_LOOK_ALIKE = NOISE_KINDS.index("look_alike")
_PAGES_A_ROUND, _EVERY = 40, 20 * SECOND


def harder(
    config: MarketConfig,
    hard: HardCases,
    accounts: Accounts,
    people: People,
    cast: Cast,
    month: Month,
    visits: Signals,
) -> Signals:
    """The month's visits after the hard cases, with the strangers' and the machines' added."""
    visits = _moved(config, hard, people, visits)
    visits = _shared_browsers(hard, visits)
    visits = _other_networks(config, hard, accounts, visits)
    strangers = _strangers(config, hard, people, month)
    machines = _machines(config, hard, accounts, cast, month)
    return together([visits, strangers, machines])


def _moved(config: MarketConfig, hard: HardCases, people: People, visits: Signals) -> Signals:
    """From the day they move, people visit for their new employer, with the browser they had."""
    becomes, at = _by_person(people, hard)
    mine = np.maximum(visits.person, 0)
    gone = (visits.person >= 0) & (becomes[mine] >= 0) & (visits.at >= at[mine])
    person = np.where(gone, becomes[mine], visits.person)
    home = isp_address(fraction(visits.cookie, config.seed))
    return visits.but(
        person=person,
        account=np.where(gone, people.account[np.maximum(person, 0)], visits.account),
        episode=np.where(gone, -1, visits.episode),
        ip=np.where(gone, home, visits.ip),
    )


def _by_person(people: People, hard: HardCases) -> tuple[Ints, Ints]:
    """By person: who they become, -1 for nobody, and when."""
    becomes, at = np.full(len(people), -1), np.zeros(len(people), dtype=np.int64)
    becomes[hard.moves.person], at[hard.moves.person] = hard.moves.becomes, hard.moves.at
    return becomes, at


def _shared_browsers(hard: HardCases, visits: Signals) -> Signals:
    """A consultant works for two companies in one browser."""
    first, second = hard.consultants
    cookie = visits.cookie.copy()
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        cookie[visits.person == other] = one * COOKIES_A_PERSON
    return visits.but(cookie=cookie)


def _other_networks(
    config: MarketConfig, hard: HardCases, accounts: Accounts, visits: Signals
) -> Signals:
    """Guests behind their host's one address, VPN exits, and offices that changed hands."""
    ip, mine = visits.ip.copy(), np.maximum(visits.account, 0)
    known_account = visits.account >= 0
    trait = fraction(visits.cookie, config.seed + 6)

    def of(kind: str) -> Bools:
        return known_account & hard.has(kind)[mine]

    host = hard.partner[mine]
    guests = of("guest_network") & (host >= 0)
    ip = np.where(guests, accounts.office_start[np.maximum(host, 0)] + 1, ip)
    ip = np.where(of("hidden_address"), VPN_POOL[0] + (trait * VPN_POOL[1]).astype(np.int64), ip)
    start = accounts.office_start[mine]
    inside = (start >= 0) & (ip >= start) & (ip < start + accounts.office_size[mine])
    later = visits.at >= hard.moved_at
    ip = np.where(of("office_moved") & inside & later, isp_address(trait), ip)
    former = np.full(len(accounts), -1)
    movers = hard.accounts["office_moved"]
    movers = movers[hard.partner[movers] >= 0]
    former[hard.partner[movers]] = movers
    landlord = former[mine]
    arrived = known_account & (landlord >= 0) & later & (trait < 0.7)
    office = accounts.office_start[np.maximum(landlord, 0)] + 1
    size = accounts.office_size[np.maximum(landlord, 0)] - 2
    return visits.but(ip=np.where(arrived, office + (trait * size).astype(np.int64), ip))


def _strangers(config: MarketConfig, hard: HardCases, people: People, month: Month) -> Signals:
    """People of companies whose domain looks like an account's."""
    rng = stream(config, "look-alikes", month.index)
    rows = hard.look_alikes
    person = np.repeat(rows, rng.poisson(0.1 * month.days, len(rows)))
    day = rng.uniform(0, month.days, len(person)) + (month.lo - config.start) // DAY
    cookie = person * COOKIES_A_PERSON
    visits = columns(
        len(person),
        at=working_time(config, rng, day),
        cookie=cookie,
        person=person,
        known=1,
        agent=(fraction(cookie, 5) * len(words.BROWSERS)).astype(np.int64),
        ip=isp_address(fraction(cookie, config.seed)),
        noise=_LOOK_ALIKE,
    )
    mix = np.full(len(visits), words.MIXES.index("background"))
    return page_views(rng, visits, mix, 2.0).between(month.lo, month.hi)


def _machines(
    config: MarketConfig, hard: HardCases, accounts: Accounts, cast: Cast, month: Month
) -> Signals:
    """A monitor in the office that poses as a browser and asks every twenty seconds, twice a month."""
    rng = stream(config, "monitors", month.index)
    homes = np.repeat(hard.accounts["monitor"], 2)
    begin = month.lo + rng.integers(0, max(month.days, 1), len(homes)) * DAY
    begin = begin + rng.integers(0, 20, len(homes)) * HOUR
    rows = np.repeat(np.arange(len(homes)), _PAGES_A_ROUND)
    step = np.tile(np.arange(_PAGES_A_ROUND), len(homes))
    cookie = cast.first_pool_cookie + cast.pool + homes % cast.pool
    views = columns(
        len(rows),
        at=begin[rows] + step * _EVERY,
        cookie=cookie[rows],
        agent=(homes % len(words.BROWSERS))[rows],
        ip=accounts.office_start[homes[rows]] + 2,
        noise=_BOT,
        page=pages_by_mix(rng, np.full(len(rows), words.MIXES.index("bot"))),
    )
    return views.between(month.lo, month.hi)


def harder_mail(hard: HardCases, people: People, month: Month, rows: MailRows) -> MailRows:
    """Mail after the hard cases: who has left does not answer, and gateways click every link."""
    becomes, at = _by_person(people, hard)
    stays = (becomes[rows.person] < 0) | (rows.at < at[rows.person]) | (rows.type_id == SENT)
    rows = _taken(rows, np.flatnonzero(stays))
    behind = hard.has("mail_gateway")[np.maximum(people.account[rows.person], 0)]
    sent = np.flatnonzero((rows.type_id == SENT) & behind & (people.account[rows.person] >= 0))
    scans = replace(
        _taken(rows, sent),
        at=np.minimum(rows.at[sent] + 3 * SECOND, month.hi - SECOND),
        type_id=np.full(len(sent), CLICKED),
        episode=np.full(len(sent), -1),
        noise=np.full(len(sent), _GATEWAY),
    )
    names = ("at", "type_id", "person", "campaign", "episode", "noise")
    both = MailRows(*(np.concatenate([getattr(rows, k), getattr(scans, k)]) for k in names))
    return _taken(both, np.lexsort((both.type_id, both.person, both.at)))


def _taken(rows: MailRows, index: Ints) -> MailRows:
    return MailRows(
        rows.at[index],
        rows.type_id[index],
        rows.person[index],
        rows.campaign[index],
        rows.episode[index],
        rows.noise[index],
    )
