"""What accounts do on the website: the trickle of everyone, and what buying intent adds.

Belongs here: visits and forms of people who belong to accounts. Does not belong here: visitors of
no account and odd visitors (``noise``), mail (``mail``), what vendors see elsewhere (``vendors``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market.config import DAY, HOUR, MarketConfig, Month
from mqa_platform.market.intent import Episodes
from mqa_platform.market.people import COOKIES_A_PERSON, People, a_cookie
from mqa_platform.market.signals import (
    AD,
    CONTENT,
    DEMO,
    WEBINAR,
    Signals,
    columns,
    page_views,
    together,
)  # fmt: skip
from mqa_platform.market.streams import Bools, Floats, Ints, fraction, stream
from mqa_platform.market.vocabulary import BROWSERS, CAMPAIGNS, MIXES, PAGES
from mqa_platform.market.world import CUSTOMER, Accounts, visitor_address
from mqa_platform.market.worlds import WORLDS

ANONYMOUS_COOKIES = 3
_DEMO_PAGE = PAGES.index("/demo")
_FORM_PAGES = np.array([i for i, p in enumerate(PAGES) if p.startswith("/case-studies/")])
_WEBINAR_PAGE = PAGES.index("/blog/revenue-teams")

# Activity types of the mail system that are the subscription's own; below 100,000 they are Marketo's.
ATTENDED_TYPE, REPLIED_TYPE = 100_001, 100_002


@dataclass(frozen=True)
class MailActions:
    """What committee members do by mail: ``type_id`` is the mail system's activity type."""

    at: Ints
    type_id: Ints
    person: Ints
    episode: Ints


def working_time(config: MarketConfig, rng: np.random.Generator, day: Floats) -> Ints:
    """Instants for day numbers: office hours around 13:30 UTC; most weekend days move to Monday."""
    whole = np.floor(day).astype(np.int64)
    weekday = (config.start // DAY + whole + 3) % 7
    moves = (weekday >= 5) & (rng.random(len(whole)) < 0.7)
    whole = np.where(moves, whole + 7 - weekday, whole)
    hour = np.clip(rng.normal(13.5, 3.0, len(whole)), 0.1, 23.5)
    return config.start + whole * DAY + (hour * HOUR).astype(np.int64) // 1000 * 1000


def _dressed(
    config: MarketConfig,
    rng: np.random.Generator,
    accounts: Accounts,
    people: People,
    visits: Signals,
    also_known: Bools | None = None,
) -> Signals:
    """Give visits their browser, address, campaign and whether the e-mail travels with them."""
    trait = fraction(visits.cookie, config.seed)
    agent = (trait * 7919 % 1 * len(BROWSERS)).astype(np.int64)
    ip = visitor_address(accounts, visits.account, trait, rng.random(len(visits)) < 0.65)
    campaign = np.where(
        rng.random(len(visits)) < 0.1, rng.integers(1, len(CAMPAIGNS), len(visits)), 0
    )
    since = people.identified_from[np.maximum(visits.person, 0)]
    known = (visits.person >= 0) & (since * DAY + config.start <= visits.at)
    if also_known is not None:
        known |= also_known & (visits.person >= 0)
    return visits.but(agent=agent, ip=ip, campaign=campaign, known=known.astype(np.int64))


def background_signals(
    config: MarketConfig, accounts: Accounts, people: People, month: Month
) -> Signals:
    """The trickle: one or two regular readers or unnamed colleagues at every account."""
    rng = stream(config, "background", month.index)
    visits_each = rng.poisson(accounts.activity * month.days)
    account = np.repeat(np.arange(len(accounts)), visits_each)
    n = len(account)
    reader = people.first[account] + (rng.random(n) < 0.35)
    named = rng.random(n) < 0.45
    unnamed = len(people) * COOKIES_A_PERSON + account * ANONYMOUS_COOKIES + rng.integers(0, 3, n)
    day = rng.uniform(0, month.days, n) + (month.lo - config.start) // DAY
    visits = columns(
        n,
        at=working_time(config, rng, day),
        cookie=np.where(named, a_cookie(rng, people, reader), unnamed),
        person=np.where(named, reader, -1),
        account=account,
    )
    visits = _dressed(config, rng, accounts, people, visits)
    is_customer = accounts.relationship[account] == CUSTOMER
    mix = np.where(is_customer, MIXES.index("customer"), MIXES.index("background"))
    views = page_views(rng, visits, mix, 2.1)
    fills = np.flatnonzero((visits.person >= 0) & (rng.random(n) < 0.018))
    forms = visits.take(fills)
    kind = rng.choice([CONTENT, WEBINAR, AD], len(forms), p=(0.3, 0.15, 0.55))
    forms = forms.but(
        kind=kind, page=np.where(kind == AD, PAGES.index("/product/overview"), _WEBINAR_PAGE)
    )
    return together([views, forms]).between(month.lo, month.hi)


def episode_signals(
    config: MarketConfig, accounts: Accounts, people: People, episodes: Episodes
) -> tuple[Signals, MailActions]:
    """Everything the active committees do on the site and by mail, over the whole market."""
    rng, world = stream(config, "episode behaviour"), WORLDS[config.world]
    e, person = episodes.member_episode, episodes.member_person
    begin = episodes.start[e] + rng.uniform(0, 0.5, len(e)) * episodes.ramp[e]
    names_themselves = rng.random(len(e)) < world.names_themselves
    times = rng.poisson(world.visits * episodes.intensity[e])
    m = np.repeat(np.arange(len(e)), times)
    peak = (episodes.start + episodes.ramp)[e][m]
    day = rng.triangular(begin[m], np.maximum(peak, begin[m] + 0.5), episodes.end[e][m])
    visits = columns(
        len(m),
        at=working_time(config, rng, day),
        cookie=a_cookie(rng, people, person[m]),
        person=person[m],
        account=episodes.account[e][m],
        episode=e[m],
    )
    visits = _dressed(config, rng, accounts, people, visits, names_themselves[m])
    progress = (day - episodes.start[e][m]) / (episodes.end - episodes.start)[e][m]
    mix = MIXES.index("early") + (progress > 0.3).astype(np.int64) + (progress > 0.55)
    views = page_views(rng, visits, mix, 2.6)
    forms, actions = _committee_actions(config, rng, accounts, people, episodes, begin)
    return together([views, forms]).between(config.start, config.end), actions


def _committee_actions(
    config: MarketConfig,
    rng: np.random.Generator,
    accounts: Accounts,
    people: People,
    episodes: Episodes,
    begin: Floats,
) -> tuple[Signals, MailActions]:
    """Downloads, webinars, ad clicks and the demo request; replies and attendance known by mail."""
    e, person = episodes.member_episode, episodes.member_person
    until = (episodes.end - 4)[e]
    acts: list[tuple[Ints, Ints, Floats]] = []
    for form, chance in ((CONTENT, 0.45), (WEBINAR, 0.22), (AD, 0.15)):
        rows = np.flatnonzero(rng.random(len(e)) < chance)
        when = rng.uniform(begin[rows], until[rows])
        acts.append((rows, np.full(len(rows), form), when))
    first_rows = np.flatnonzero(np.diff(e, prepend=-1) > 0)
    asking = first_rows[episodes.asks_demo[e[first_rows]]]
    late = (episodes.start + rng.uniform(0.55, 0.95, len(episodes)) * episodes.ramp)[e[asking]]
    acts.append((asking, np.full(len(asking), DEMO), late))
    rows = np.concatenate([act[0] for act in acts])
    kind = np.concatenate([act[1] for act in acts])
    day = np.concatenate([act[2] for act in acts])
    by_mail = (kind == WEBINAR) & (people.lead[person[rows]] >= 0) & (rng.random(len(rows)) < 0.5)
    web = np.flatnonzero(~by_mail)
    form_page = _FORM_PAGES[rng.integers(0, len(_FORM_PAGES), len(web))]
    pages = np.where(kind[web] == WEBINAR, _WEBINAR_PAGE, form_page)
    pages = np.where(kind[web] == DEMO, _DEMO_PAGE, pages)
    forms = columns(
        len(web),
        at=working_time(config, rng, day[web]),
        kind=kind[web],
        cookie=a_cookie(rng, people, person[rows[web]]),
        person=person[rows[web]],
        page=pages,
        account=episodes.account[e[rows[web]]],
        episode=e[rows[web]],
    )
    forms = _dressed(config, rng, accounts, people, forms)
    replies = np.flatnonzero((rng.random(len(e)) < 0.28) & (people.lead[person] >= 0))
    attended = rows[by_mail]
    mail_rows = np.concatenate([replies, attended])
    mail_day = np.concatenate([rng.uniform(begin[replies], until[replies]), day[by_mail]])
    return forms, MailActions(
        at=working_time(config, rng, mail_day),
        type_id=np.repeat([REPLIED_TYPE, ATTENDED_TYPE], [len(replies), len(attended)]),
        person=person[mail_rows],
        episode=e[mail_rows],
    )
