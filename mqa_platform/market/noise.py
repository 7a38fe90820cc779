"""Visitors who are nobody's buying committee, and one who looks like one.

Belongs here: students, bots, passers-by behind an ISP, candidates, competitors' staff, our own
staff, and the curious individual. All rates are chosen; the curious one is the seed articles' case
of a single very active person who must not make an account look ready.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mqa_platform.market import vocabulary as words
from mqa_platform.market.behaviour import ANONYMOUS_COOKIES, working_time
from mqa_platform.market.config import COMPETITORS, DAY, OWN_DOMAIN, MarketConfig, Month
from mqa_platform.market.intent import Episodes
from mqa_platform.market.people import COOKIES_A_PERSON, People, a_cookie
from mqa_platform.market.signals import NOISE_KINDS, Signals, columns, page_views, together
from mqa_platform.market.streams import Floats, Ints, fraction, stream
from mqa_platform.market.world import (
    CAMPUS_POOL,
    HOSTING_POOL,
    OWN_OFFICE,
    PROSPECT,
    Accounts,
    isp_address,
    visitor_address,
)  # fmt: skip

CAMPUSES = (
    "stanton-university.edu", "cs.westfield.edu", "lakeshore.edu", "student.tu-kaltenberg.de",
    "brackley.ac.uk", "students.unimere.edu.au",
)  # fmt: skip
CURIOUS_DAYS = 60


@dataclass(frozen=True)
class Cast:
    """Rows of the people of no account, the curious ones, and the first cookie of each pool."""

    students: Ints
    staff: Ints
    competitor_staff: Ints
    curious: Ints
    first_pool_cookie: int
    pool: int

    @property
    def cookies(self) -> int:
        """Number of cookies of the whole market."""
        return self.first_pool_cookie + 3 * self.pool


def add_visitors(
    config: MarketConfig, accounts: Accounts, people: People, episodes: Episodes
) -> tuple[People, Cast]:
    """Append students and our own staff to the people, and pick the curious individuals."""
    rng, n = stream(config, "visitors"), len(accounts)
    students, staff = max(6, n // 50), 12 + n // 200
    extra = students + staff
    first_name = rng.integers(0, len(words.FIRST_NAMES), extra)
    last_name = rng.integers(0, len(words.LAST_NAMES), extra)
    emails = []
    for k in range(extra):
        local = f"{words.FIRST_NAMES[first_name[k]]}.{words.LAST_NAMES[last_name[k]]}{k}".lower()
        campus = CAMPUSES[k % len(CAMPUSES)] if k % 5 < 3 else "gmail.com"
        emails.append(f"{local}@{campus if k < students else OWN_DOMAIN}")
    since = np.where(rng.random(extra) < 0.6, -90.0, np.inf)
    more = replace(
        people,
        account=np.concatenate([people.account, np.full(extra, -1)]),
        first_name=np.concatenate([people.first_name, first_name]),
        last_name=np.concatenate([people.last_name, last_name]),
        seniority=np.concatenate([people.seniority, np.full(extra, 4)]),
        title=np.concatenate([people.title, np.zeros(extra, dtype=np.int64)]),
        email=pa.concat_arrays([people.email, pa.array(emails)]),
        cookies=np.concatenate([people.cookies, np.ones(extra, dtype=np.int64)]),
        is_contact=np.concatenate([people.is_contact, np.zeros(extra, dtype=bool)]),
        lead=np.concatenate([people.lead, np.full(extra, -1)]),
        identified_from=np.concatenate([people.identified_from, since]),
    )
    calm = np.ones(n, dtype=bool)
    calm[episodes.account] = False
    calm &= accounts.is_fit & (accounts.relationship == PROSPECT) & accounts.in_crm
    wanted = min(1 + n // 5000, int(calm.sum()))
    curious = people.first[rng.choice(np.flatnonzero(calm), wanted, replace=False)]
    # The curious one is a known person: only so does an MQL model fall for them.
    more.identified_from[curious] = -90.0
    cast = Cast(
        students=np.arange(people.staffed, people.staffed + students),
        staff=np.arange(people.staffed + students, len(more)),
        competitor_staff=np.flatnonzero(people.account < len(COMPETITORS)),
        curious=curious,
        first_pool_cookie=len(more) * COOKIES_A_PERSON + n * ANONYMOUS_COOKIES,
        pool=3 * n,
    )
    return more, cast


def with_more_people(cast: Cast, people: int, accounts: int) -> Cast:
    """The cast when people were appended: the cookies of no person come after all of them."""
    first = people * COOKIES_A_PERSON + accounts * ANONYMOUS_COOKIES
    return replace(cast, first_pool_cookie=first)


def noise_signals(
    config: MarketConfig, accounts: Accounts, people: People, cast: Cast, month: Month
) -> Signals:
    """All noise on the website in one month."""
    rng, n = stream(config, "noise", month.index), len(accounts)
    by_people = _visits(config, rng, people, month, cast.students, 0.25, "student")
    staff = _visits(config, rng, people, month, cast.staff, 0.3, "own_staff")
    rivals = _visits(config, rng, people, month, cast.competitor_staff, 0.25, "competitor_staff")
    trait = fraction(by_people.cookie, config.seed)
    on_campus = rng.random(len(trait)) < 0.6
    rival_trait = fraction(rivals.cookie, config.seed)
    office = visitor_address(accounts, rivals.account, rival_trait, rng.random(len(rivals)) < 0.7)
    parts = [
        page_views(
            rng,
            by_people.but(ip=np.where(on_campus, _inside(CAMPUS_POOL, trait), isp_address(trait))),
            _mix(by_people, "student"),
            7,
            25,
        ),
        page_views(
            rng,
            staff.but(ip=_inside(OWN_OFFICE, fraction(staff.cookie, config.seed))),
            _mix(staff, "staff"),
            3,
        ),
        page_views(rng, rivals.but(ip=office), _mix(rivals, "competitor"), 3),
        _curious(config, rng, accounts, people, cast, month),
    ]
    for kind, pool, rate, pages, mix in (
        ("passer_by", 0, 0.022, 2.0, "passer_by"),
        ("bot", 1, 0.02, 2.0, "bot"),
        ("careers", 2, 0.006, 3.0, "careers"),
    ):
        visits = _strangers(config, rng, cast, month, n * rate, pool, kind)
        parts.append(page_views(rng, visits, _mix(visits, mix), pages))
    return together(parts).between(month.lo, month.hi)


def _mix(visits: Signals, name: str) -> Ints:
    return np.full(len(visits), words.MIXES.index(name))


def _inside(pool: tuple[int, int], share: Floats) -> Ints:
    return pool[0] + (share * pool[1]).astype(np.int64)


def _days(config: MarketConfig, rng: np.random.Generator, month: Month, n: int) -> Floats:
    return rng.uniform(0, month.days, n) + (month.lo - config.start) // DAY


def _visits(
    config: MarketConfig,
    rng: np.random.Generator,
    people: People,
    month: Month,
    rows: Ints,
    rate: float,
    kind: str,
) -> Signals:
    """Visits of the given people at ``rate`` a day each."""
    person = np.repeat(rows, rng.poisson(rate * month.days, len(rows)))
    at = working_time(config, rng, _days(config, rng, month, len(person)))
    known = people.identified_from[person] * DAY + config.start <= at
    cookie = a_cookie(rng, people, person)
    return columns(
        len(person),
        at=at,
        cookie=cookie,
        person=person,
        known=known.astype(np.int64),
        agent=(fraction(cookie, 5) * len(words.BROWSERS)).astype(np.int64),
        account=people.account[person],
        noise=NOISE_KINDS.index(kind),
    )


def _curious(
    config: MarketConfig,
    rng: np.random.Generator,
    accounts: Accounts,
    people: People,
    cast: Cast,
    month: Month,
) -> Signals:
    """About a dozen pages a day for two months by one person at an account that is not buying."""
    visits = _visits(config, rng, people, month, cast.curious, 2.4, "curious")
    begin = config.start + config.days // 5 * DAY
    visits = visits.between(begin, begin + CURIOUS_DAYS * DAY)
    trait = fraction(visits.cookie, config.seed)
    at_office = np.ones(len(visits), dtype=bool)
    visits = visits.but(ip=visitor_address(accounts, visits.account, trait, at_office))
    return page_views(rng, visits, _mix(visits, "curious"), 5, 20)


def _strangers(
    config: MarketConfig,
    rng: np.random.Generator,
    cast: Cast,
    month: Month,
    a_day: float,
    pool: int,
    kind: str,
) -> Signals:
    """Visits nobody can name. A third of the bots pose as browsers, seen only by their network."""
    n = int(rng.poisson(a_day * month.days))
    cookie = cast.first_pool_cookie + pool * cast.pool + rng.integers(0, cast.pool, n)
    trait = fraction(cookie, config.seed)
    is_bot = kind == "bot"
    crawler = len(words.BROWSERS) + (trait * len(words.CRAWLERS)).astype(np.int64)
    browser = (trait * 7919 % 1 * len(words.BROWSERS)).astype(np.int64)
    # A crawler does not sleep; people do.
    at = (
        month.lo + (rng.random(n) * (month.hi - month.lo)).astype(np.int64) // 1000 * 1000
        if is_bot
        else working_time(config, rng, _days(config, rng, month, n))
    )
    return columns(
        n,
        at=at,
        cookie=cookie,
        ip=_inside(HOSTING_POOL, trait) if is_bot else isp_address(trait),
        agent=np.where(fraction(cookie, 6) < 0.67, crawler, browser) if is_bot else browser,
        noise=NOISE_KINDS.index(kind),
    )
