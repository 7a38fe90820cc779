"""What vendors sell about accounts: weekly intent surges, trigger events, the reverse-IP list.

Belongs here: those three files, with the truth of their rows. Does not belong here: first-party
signals (``behaviour``, ``mail``). Composite 60 and above is a surge, 50 is average (Bombora).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import (
    DAY,
    OWN_DOMAIN,
    OWN_NAME,
    MarketConfig,
)  # fmt: skip
from mqa_platform.market.hard_cases import HardCases, name_variants
from mqa_platform.market.intent import Episodes
from mqa_platform.market.news import TRIGGER_TYPES, drawn_news
from mqa_platform.market.signals import NOISE_KINDS
from mqa_platform.market.streams import Ints, fraction, hex16, instants, mixed, stream
from mqa_platform.market.world import CAMPUS_POOL, ISP_POOL, OWN_OFFICE, VPN_POOL, Accounts
from mqa_platform.market.worlds import WORLDS

ISPS = ("Metro Cable Internet", "Northline Broadband", "Lakeside Telecom", "Plains Wireless")
ISP_DOMAINS = ("metrocable.net", "northline-dsl.net", "lakeside-tel.net", "plainswireless.net")
_INTENT_NOISE = NOISE_KINDS.index("intent_noise")


@dataclass(frozen=True)
class VendorTruth:
    """Truth of a vendor file's rows, in file order."""

    event_id: list[str]
    account: Ints
    episode: Ints
    noise: Ints


def write_surges(
    config: MarketConfig, accounts: Accounts, episodes: Episodes, folder: Path
) -> Iterator[VendorTruth]:
    """Write a surge file a week (nine columns, no header) and yield the truth of each."""
    folder.mkdir(parents=True)
    for number, monday in enumerate(config.weeks()):
        rng = stream(config, "surges", number)
        account, episode, score = surging(config, rng, accounts, episodes, monday)
        topic = rng.integers(0, len(words.TOPICS), len(account))
        lines: list[str] = []
        ids: list[str] = []
        # Seven topics, rank within the account added: no topic twice for a company in a week.
        topic = (topic[_starts(account)] + _rank(account)) % len(words.TOPICS)
        named = rng.random(len(account)) < 0.33
        by_alias = rng.random(len(account)) < 0.05
        nearby, jitter = rng.integers(0, 2, len(account)), rng.integers(-9, 3, (2, len(account)))
        for i, a in enumerate(account.tolist()):
            aliases = accounts.aliases[a]
            domain = aliases[0] if by_alias[i] and aliases else accounts.domain[a]
            name = accounts.name[a] if named[i] else ""
            head = (
                f"{name},{domain},,{words.INDUSTRIES[accounts.industry[a]]},{words.TOPIC_CATEGORY}"
            )
            land = words.COUNTRIES[accounts.country[a]]
            metro = words.METROS[accounts.country[a]][nearby[i]]
            where = f"{metro}[{score[i] + jitter[0, i]}]|[{score[i] + jitter[1, i]}]"
            lines.append(f"{head},{words.TOPICS[topic[i]]},{score[i]},{where},{land}")
            ids.append(surge_id(monday, domain, words.TOPICS[topic[i]]))
        for domain in ISP_DOMAINS:
            lines.append(f",{domain},,,{words.TOPIC_CATEGORY},{words.TOPICS[0]},74,,United States")
            ids.append(surge_id(monday, domain, words.TOPICS[0]))
        (folder / f"surge-{monday.isoformat()}.csv").write_text("".join(f"{x}\n" for x in lines))
        none = np.full(len(ISP_DOMAINS), -1)
        yield VendorTruth(
            ids,
            np.concatenate([account, none]),
            np.concatenate([episode, none]),
            np.repeat([0, _INTENT_NOISE], [len(account), len(none)]),
        )


def surge_id(week: date, domain: str, topic: str) -> str:
    """What names an intent row in the truth: the vendor gives no id, but this is its key."""
    return f"{week.isoformat()}|{domain}|{topic}"


def surging(
    config: MarketConfig,
    rng: np.random.Generator,
    accounts: Accounts,
    episodes: Episodes,
    monday: date,
) -> tuple[Ints, Ints, Ints]:
    """Account, episode and composite of a week's rows, grouped by account."""
    day = (monday - config.starts_on).days
    n = len(accounts)
    running = np.full(n, -1, dtype=np.int64)
    now = np.flatnonzero(episodes.surges & (episodes.start <= day) & (day < episodes.end))
    if WORLDS[config.world].vendor_is_right:
        running[episodes.account[now]] = now
    in_market = (running >= 0) & (rng.random(n) < 0.85)
    # One in eighty looks like a buyer to the vendor for a quarter and is not.
    quarter = day // 91
    misread = (fraction(np.arange(n), config.seed + 100 + quarter) < 0.0125) & (rng.random(n) < 0.6)
    if not WORLDS[config.world].vendor_is_right:
        # As many as it would find, for the same quarter, and never because they buy.
        found = len(now) / max(n, 1)
        misread |= (fraction(np.arange(n), config.seed + 300 + quarter) < found) & (
            rng.random(n) < 0.85
        )
    seen = in_market | misread | (rng.random(n) < 0.16)
    topics = np.where(in_market | misread, rng.integers(1, 5, n), rng.integers(1, 3, n)) * seen
    account = np.repeat(np.arange(n), topics)
    high = (in_market | misread)[account]
    raw = np.where(high, rng.normal(73, 9, len(account)), rng.normal(51, 6, len(account)))
    score = np.where(high, np.clip(raw, 60, 98), np.clip(raw, 35, 68)).round().astype(np.int64)
    return account, np.where(in_market, running, -1)[account], score


def _starts(account: Ints) -> Ints:
    """For rows grouped by account, the index of each group's first row."""
    return np.searchsorted(account, account, "left")


def _rank(account: Ints) -> Ints:
    """0, 1, 2 … within each account, for rows grouped by account."""
    return np.arange(len(account)) - _starts(account)


def write_triggers(
    config: MarketConfig,
    accounts: Accounts,
    episodes: Episodes,
    folder: Path,
    variants: dict[int, str],
) -> VendorTruth:
    """Write the monthly trigger feeds: news happens to everyone, a little more to buyers.

    Accounts in ``variants`` are named, by that name, without their domain.
    """
    folder.mkdir(parents=True)
    news = drawn_news(config, accounts, episodes)
    ids = [f"trg-{x}" for x in hex16(mixed(np.arange(len(news)), config.seed + 2)).to_pylist()]
    said, out = instants(news.announced).to_pylist(), instants(news.published).to_pylist()
    when = news.published
    for month in config.months():
        lines = [
            json.dumps(
                {
                    "id": ids[i],
                    "type": TRIGGER_TYPES[news.kind[i]],
                    **_called(accounts, int(news.account[i]), variants),
                    "announced_at": said[i],
                    "published_at": out[i],
                }
            )
            for i in np.flatnonzero((when >= month.lo) & (when < month.hi)).tolist()
        ]
        name = f"feed-{month.first_day.isoformat()}.jsonl"
        (folder / name).write_text("".join(f"{x}\n" for x in lines))
    return VendorTruth(ids, news.account, news.episode, np.zeros(len(news), dtype=np.int64))


def _called(accounts: Accounts, account: int, variants: dict[int, str]) -> dict[str, str]:
    if account in variants:
        return {"company": variants[account], "domain": ""}
    return {"company": accounts.name[account], "domain": accounts.domain[account]}


def write_office_ranges(
    config: MarketConfig, accounts: Accounts, folder: Path, hard: HardCases | None = None
) -> int:
    """Write the reverse-IP list, ISPs and campuses in it as in real ones; returns its rows."""
    folder.mkdir(parents=True)
    rng, lines = stream(config, "office ranges"), []
    has = np.flatnonzero(accounts.office_start >= 0)
    variants = name_variants(hard, accounts)
    as_cidr, with_domain = rng.random(len(has)) < 0.5, rng.random(len(has)) < 0.7
    shouts = rng.random(len(has)) < 0.2
    for i, a in enumerate(has.tolist()):
        name = accounts.name[a].upper() if shouts[i] else accounts.name[a]
        domain = accounts.domain[a] if with_domain[i] else ""
        if a in variants:
            name, domain = variants[a], ""
        lines.append(
            _range(name, accounts.office_start[a], accounts.office_size[a], as_cidr[i], domain)
        )
    lines.append(_range(OWN_NAME, *OWN_OFFICE, True, OWN_DOMAIN))
    quarter = ISP_POOL[1] // len(ISPS)
    for k, (name, domain) in enumerate(zip(ISPS, ISP_DOMAINS, strict=True)):
        lines.append(_range(name, ISP_POOL[0] + k * quarter, quarter, True, domain))
    lines.append(_range("Stanton University", *CAMPUS_POOL, True, "stanton-university.edu"))
    head = "source_file,org,range_start_or_cidr,range_end,domain"
    if hard is not None:
        head += ",valid_from,valid_to"
        lines = _dated(accounts, hard, lines, has.tolist(), config)
    head += "\n"
    (folder / "ranges.csv").write_text(head + "".join(f"{x}\n" for x in lines))
    return len(lines)


def _dated(
    accounts: Accounts, hard: HardCases, lines: list[str], owners: list[int], config: MarketConfig
) -> list[str]:
    """The same lines with the days they hold, and the next user's line for an office that moved."""
    moved = (config.starts_on + timedelta(days=(hard.moved_at - config.start) // DAY)).isoformat()
    gone = {a for a in hard.accounts["office_moved"].tolist() if hard.partner[a] >= 0}
    dated = [
        f"{line},,{moved if k < len(owners) and owners[k] in gone else ''}"
        for k, line in enumerate(lines)
    ]
    for a in sorted(gone):
        heir = int(hard.partner[a])
        where = (accounts.office_start[a], accounts.office_size[a])
        dated.append(
            _range(accounts.name[heir], *where, True, accounts.domain[heir]) + f",{moved},"
        )
    return [*dated, _range("Tunnelhide VPN", *VPN_POOL, True, "tunnelhide.example") + ",,"]


def _range(name: str, start: int, size: int, as_cidr: bool, domain: str) -> str:
    """One line of the list, as CIDR or as first and last address."""
    first = ipaddress.IPv4Address(int(start))
    if as_cidr:
        return f"reverse-ip.json,{name},{first}/{33 - int(size).bit_length()},,{domain}"
    return f"reverse-ip.json,{name},{first},{first + int(size) - 1},{domain}"
