"""A synthetic market as the scoring sees it: touchpoints, accounts and opportunities without a file.

Belongs here: who of the visitors can be told, by the rules of identity that need no doubt, and the tables that
the core reads. Does not belong here: drawing the market (``market.watched``), scoring it (``scored_market``) or
how well identity works (``mqa evaluate identity`` measures that, with its hard cases).

A visit is its person's when it carries the address of a contact or of the company, or comes from a browser that
did so before; else the company's when it comes from its office; else nobody's. Each rule's confidence is that
of the policy. Machines, staff, competitors and partners are left out, as the filters do.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import DAY, MarketConfig
from mqa_platform.market.mail import ATTENDED, CLICKED, REPLIED, UNSUBSCRIBED
from mqa_platform.market.news import TRIGGER_TYPES
from mqa_platform.market.people import job_titles
from mqa_platform.market.signals import Signals
from mqa_platform.market.streams import Bools, Floats, Ints, joined
from mqa_platform.market.watched import Watched
from mqa_platform.market.world import FORMER, PROSPECT
from mqa_platform.policy.models import Policy

_WEB = ("page_view", "demo_request", "content_download", "event_attendance", "ad_click", "identify")
_MAIL = {CLICKED: "email_click", REPLIED: "email_reply", ATTENDED: "event_attendance",
         UNSUBSCRIBED: "unsubscribe"}  # fmt: skip


def sellable(w: Watched) -> Bools:
    """Accounts that could be called: the CRM has them, and they are neither customer, partner nor competitor."""
    asked: Bools = w.accounts.in_crm & np.isin(w.accounts.relationship, (PROSPECT, FORMER))
    return asked


def names(prefix: str, numbers: Ints) -> pa.Array:
    """Texts such as ``a17``; null for −1."""
    return joined(prefix, pa.array(numbers, mask=numbers < 0).cast(pa.string()))


def touchpoints(w: Watched, policy: Policy) -> pa.Table:
    """The touchpoints of all accounts, with event and page path in place of the signal type."""
    return pa.concat_tables(
        [_web(w, policy), *_mail(w, policy), _surges(w, policy), _news(w, policy)]
    )


def _told(w: Watched) -> Bools:
    """People whose address tells their company: contacts, and those who write from its domain."""
    corporate = pc.invert(pc.match_substring(w.people.email, "@gmail.com"))
    told: Bools = w.people.is_contact | corporate.to_numpy(zero_copy_only=False)
    return told


def _seniority(w: Watched, policy: Policy) -> Floats:
    """The factor of each person's title; the first band that matches."""
    titles = job_titles(w.people, np.arange(len(w.people)))
    bands = [(re.compile(b.title_pattern), b.factor) for b in policy.signals.seniority]
    factor = {
        title: next((f for pattern, f in bands if pattern.search(title)), 1.0)
        for title in pc.unique(titles).to_pylist()
    }
    return np.array([factor[t] for t in titles.to_pylist()])


def _known_from(s: Signals, cookies: int) -> Ints:
    """For each cookie when its visits first carried an address; far away for never."""
    first = np.full(cookies, np.iinfo(np.int64).max)
    rows = np.flatnonzero(s.known == 1)
    np.minimum.at(first, s.cookie[rows], s.at[rows])
    return first


def _web(w: Watched, policy: Policy) -> pa.Table:
    s, confidence = w.signals, policy.identity.confidence
    told = _told(w)[np.maximum(s.person, 0)] & (s.person >= 0)
    now = told & (s.known == 1)
    stitched = told & ~now & (s.at >= _known_from(s, w.cast.cookies)[s.cookie])
    start, size = w.accounts.office_start[s.account], w.accounts.office_size[s.account]
    at_office = (start >= 0) & (s.ip >= start) & (s.ip < start + size) & ~now & ~stitched
    own = np.where(
        w.people.is_contact[np.maximum(s.person, 0)],
        confidence.crm_contact,
        confidence.email_domain,
    )
    sure = np.select(
        [now, stitched, at_office], [own, confidence.stitched_cookie, confidence.office_ip], 0.0
    )
    rows = np.flatnonzero(sure > 0)
    s, is_person = s.take(rows), (now | stitched)[rows]
    person = np.where(is_person, s.person, -1)
    factor = np.where(person >= 0, _seniority(w, policy)[np.maximum(person, 0)], 1.0)
    paths = pa.array(words.PAGES).take(pa.array(s.page))
    visit = joined(names("c", s.cookie), names("", s.at // DAY), separator="-")
    event = pa.array(_WEB).take(pa.array(s.kind))
    return _table(
        w, s.account, s.at, event, person=person, cookie=s.cookie, session=visit, path=paths,
        seniority=factor, confidence=sure[rows],
    )  # fmt: skip


def _mail(w: Watched, policy: Policy) -> list[pa.Table]:
    told, factor = _told(w), _seniority(w, policy)
    confidence = policy.identity.confidence
    out = []
    for m in w.mail:
        keep = np.isin(m.type_id, list(_MAIL)) & (m.noise == 0) & told[m.person]
        keep &= w.people.account[m.person] >= 0
        rows = np.flatnonzero(keep)
        who = m.person[rows]
        event = pa.array([_MAIL[k] for k in m.type_id[rows].tolist()], pa.string())
        own = np.where(w.people.is_contact[who], confidence.crm_contact, confidence.email_domain)
        out.append(_table(w, w.people.account[who], m.at[rows], event, person=who,
                          seniority=factor[who], confidence=own))  # fmt: skip
    return out


def _surges(w: Watched, policy: Policy) -> pa.Table:
    at = w.config.start + w.surges.day * DAY
    event = pa.array(["intent"]).take(pa.array(np.zeros(len(at), dtype=np.int64)))
    sure = np.full(len(at), policy.identity.confidence.company_domain)
    score = w.surges.score.astype(float)
    return _table(w, w.surges.account, at, event, confidence=sure, intent=score)


def _news(w: Watched, policy: Policy) -> pa.Table:
    event = pa.array(TRIGGER_TYPES).take(pa.array(w.news.kind))
    sure = np.full(len(w.news), policy.identity.confidence.company_domain)
    return _table(w, w.news.account, w.news.published, event, confidence=sure)


def _table(
    w: Watched,
    account: Ints,
    at: Ints,
    event: pa.Array,
    *,
    confidence: Floats,
    person: Ints | None = None,
    cookie: Ints | None = None,
    session: pa.Array | None = None,
    path: pa.Array | None = None,
    seniority: Floats | None = None,
    intent: Floats | None = None,
) -> pa.Table:
    n = len(account)
    none = np.full(n, -1)
    strength = np.ones(n) if intent is None else np.clip((intent - 50) / 50, 0, 1)
    table = pa.table(
        {
            "account_id": names("a", account),
            "touchpoint_date": pa.array((at // DAY).astype(np.int32)).cast(pa.date32()),
            "event": event,
            "page_path": pa.nulls(n, pa.string()) if path is None else path,
            "direction": pa.array(["inbound"]).take(pa.array(np.zeros(n, dtype=np.int64))),
            "person_id": names("p", none if person is None else person),
            "anonymous_id": names("c", none if cookie is None else cookie),
            "session_id": pa.nulls(n, pa.string()) if session is None else session,
            "strength": strength,
            "seniority": np.ones(n) if seniority is None else seniority,
            "share": np.ones(n),
            "match_confidence": confidence,
            "intent_score": pa.nulls(n, pa.float64()) if intent is None else pa.array(intent),
        }
    )
    return table.filter(pa.array(sellable(w)[account]))


def account_rows(w: Watched) -> pa.Table:
    """The sellable accounts with what fit is judged by, from the day on which the CRM has them.

    A tenth of the records miss a field, as in the CRM of the demo.
    """
    rows = np.flatnonzero(sellable(w))
    a, n = w.accounts, len(rows)
    missing = np.random.default_rng(w.config.seed).integers(0, 50, n)
    size = a.employees[rows]
    tier = np.where(
        (size >= 5000) & a.is_target[rows],
        "strategic",
        np.where(size >= 1000, "scaled", "programmatic"),
    )
    born = np.minimum(a.created[rows], w.config.end) // DAY
    return pa.table(
        {
            "account_id": names("a", rows),
            "valid_from": pa.array(born.astype(np.int32)).cast(pa.date32()),
            "valid_to": pa.nulls(n, pa.date32()),
            "tier": pa.array(tier),
            "industry": pa.array(np.array(words.INDUSTRIES)[a.industry[rows]], mask=missing == 0),
            "employees": pa.array(size, mask=missing == 1),
            "country": pa.array(np.array(words.COUNTRIES)[a.country[rows]], mask=missing == 2),
            "technologies": pa.array(a.technologies).take(pa.array(rows)),
            "growth_pct": a.growth[rows],
            "revenue": pa.array(a.revenue[rows], mask=missing == 4),
            "suppression_reason": pa.nulls(n, pa.string()),
        }
    )


def opportunity_rows(w: Watched) -> pa.Table:
    """The opportunities of the CRM, one version each."""
    deals = w.outcomes.opportunities
    made = np.array([o.created_at for o in deals], dtype=np.int64)
    account = np.array([o.account for o in deals], dtype=np.int64)
    return pa.table(
        {
            "opportunity_id": names("o", np.arange(len(deals))),
            "account_id": names("a", account),
            "created_at": pa.array(made).cast(pa.timestamp("us", tz="UTC")),
            "valid_to": pa.nulls(len(deals), pa.date32()),
            "is_deleted": pa.array(np.zeros(len(deals), dtype=bool)),
        }
    )


def day_of(config: MarketConfig, number: int) -> date:
    """The day with a number, counted from the market's first."""
    return config.starts_on + timedelta(days=number)


def number_of(config: MarketConfig, day: date) -> int:
    """The number of a day, counted from the market's first."""
    return (day - config.starts_on).days
