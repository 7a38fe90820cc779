"""The truth tables: what really was, as Parquet, kept apart from what the pipeline may see.

Belongs here: columns for judging the platform. No column here shares a name with a vendor file's,
so that a leak is visible. Does not belong here: anything under the inbox.

Tables: ``accounts``, ``people``, ``intent_episodes``, ``cookie_owner``, ``opportunities`` and
``signal_account`` (row per event: feed, event_id, account_index, person_index, episode_index,
noise_kind). Indexes are null for none; noise_kind is null for genuine behaviour.
event_id is the vendor's; an intent row has none and goes by ``week|domain|topic``.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from mqa_platform.market import vocabulary as words
from mqa_platform.market.behaviour import ANONYMOUS_COOKIES
from mqa_platform.market.config import DAY, SECOND, MarketConfig
from mqa_platform.market.crm_accounts import account_ids, record_created
from mqa_platform.market.crm_files import contact_id, contact_rows, opportunity_id
from mqa_platform.market.desk import Outcomes
from mqa_platform.market.hard_cases import HardCases
from mqa_platform.market.intent import Episodes
from mqa_platform.market.noise import Cast
from mqa_platform.market.people import COOKIES_A_PERSON, People, job_titles
from mqa_platform.market.signals import NOISE_KINDS
from mqa_platform.market.streams import Bools, Ints, hex16, mixed
from mqa_platform.market.world import RELATIONSHIPS, Accounts

SIGNAL_ACCOUNT = pa.schema(
    [
        ("feed", pa.string()),
        ("event_id", pa.string()),
        ("account_index", pa.int64()),
        ("person_index", pa.int64()),
        ("episode_index", pa.int64()),
        ("noise_kind", pa.string()),
    ]
)


def _index(values: Ints) -> pa.Array:
    """Indexes with null for -1."""
    return pa.array(values, mask=values < 0)


def _noise(kinds: Ints) -> pa.Array:
    """Names of noise kinds with null for none."""
    return pa.array(NOISE_KINDS).take(pa.array(kinds, mask=kinds == 0))


def _moment(at: Ints) -> pa.Array:
    """UTC timestamps of microseconds, null for negative."""
    return pa.array(at, mask=at < 0).cast(pa.timestamp("us", tz="UTC"))


class SignalTruth:
    """The growing signal_account table; a context manager, because it is written month by month."""

    def __init__(self, folder: Path) -> None:
        """Open ``signal_account.parquet`` in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = parquet.ParquetWriter(folder / "signal_account.parquet", SIGNAL_ACCOUNT)

    def __enter__(self) -> SignalTruth:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def add(
        self, feed: str, event_id: pa.Array, account: Ints, person: Ints, episode: Ints, noise: Ints
    ) -> None:
        """Append the events of one file."""
        columns = [
            pa.array([feed]).take(pa.array(np.zeros(len(account), dtype=np.int64))),
            event_id,
            _index(account),
            _index(person),
            _index(episode),
            _noise(noise),
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=SIGNAL_ACCOUNT))


def write_world(
    config: MarketConfig,
    accounts: Accounts,
    people: People,
    episodes: Episodes,
    cast: Cast,
    outcomes: Outcomes,
    seen: Bools,
    folder: Path,
    hard: HardCases | None = None,
) -> None:
    """Write the five tables about the world; ``seen`` marks the cookies that visited."""
    tables = {
        "accounts": _accounts(accounts, outcomes),
        "people": _people(config, accounts, people, cast, outcomes, hard),
        "intent_episodes": _episodes(config, episodes, outcomes),
        "cookie_owner": _cookies(config, people, cast, seen),
        "opportunities": _opportunities(outcomes),
    }
    for name, table in tables.items():
        parquet.write_table(table, folder / f"{name}.parquet")


def _accounts(accounts: Accounts, outcomes: Outcomes) -> pa.Table:
    n, recorded = len(accounts), record_created(accounts, outcomes)
    ids = account_ids(np.arange(n))
    return pa.table(
        {
            "account_index": np.arange(n),
            "crm_account_id": pa.array(ids, mask=recorded < 0),
            "crm_recorded_at": _moment(recorded),
            "company_name": accounts.name,
            "registered_domain": accounts.domain,
            "alias_domains": [";".join(a) for a in accounts.aliases],
            "parent_index": _index(accounts.parent),
            "sector": pa.array(words.INDUSTRIES).take(pa.array(accounts.industry)),
            "headcount": accounts.employees,
            "home_country": pa.array(words.COUNTRIES).take(pa.array(accounts.country)),
            "technology_list": accounts.technologies,
            "growth_percent": accounts.growth,
            "relationship": [RELATIONSHIPS[r] for r in accounts.relationship.tolist()],
            "is_fit": accounts.is_fit,
            "on_target_list": accounts.is_target,
            "office_first_address": _index(accounts.office_start),
            "office_addresses": pa.array(
                accounts.office_size, mask=np.asarray(accounts.office_start < 0)
            ),
        }
    )


def _people(
    config: MarketConfig,
    accounts: Accounts,
    people: People,
    cast: Cast,
    outcomes: Outcomes,
    hard: HardCases | None,
) -> pa.Table:
    n, rows = len(people), np.arange(len(people))
    held = np.zeros(n, dtype=bool)
    held[contact_rows(config, accounts, people, outcomes)] = True
    kind = _person_noise(people, cast)
    if hard is not None:
        kind[hard.look_alikes] = NOISE_KINDS.index("look_alike")
    return pa.table(
        {
            "person_index": rows,
            "account_index": _index(people.account),
            "mail_address": people.email,
            "job_title": job_titles(people, rows),
            "seniority": pa.array(words.SENIORITIES).take(pa.array(people.seniority)),
            "crm_contact_id": pa.array([contact_id(p) for p in rows.tolist()], mask=~held),
            "mail_lead_id": _index(people.lead),
            "noise_kind": _noise(kind),
        }
    )


def _person_noise(people: People, cast: Cast) -> Ints:
    """The kind of noise each person is, 0 for a genuine member of an account."""
    kind = np.zeros(len(people), dtype=np.int64)
    kind[cast.competitor_staff] = NOISE_KINDS.index("competitor_staff")
    kind[cast.students] = NOISE_KINDS.index("student")
    kind[cast.staff] = NOISE_KINDS.index("own_staff")
    kind[cast.curious] = NOISE_KINDS.index("curious")
    return kind


def _episodes(config: MarketConfig, episodes: Episodes, outcomes: Outcomes) -> pa.Table:
    def instant(day: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pa.Array:
        return _moment(config.start + (day * DAY).astype(np.int64) // SECOND * SECOND)

    deal: list[str | None] = [None] * len(episodes)
    for o in outcomes.opportunities:
        if o.episode >= 0:
            deal[o.episode] = opportunity_id(o.number)
    members = episodes.member_person.tolist()
    bounds = np.searchsorted(episodes.member_episode, np.arange(len(episodes) + 1)).tolist()
    return pa.table(
        {
            "episode_index": np.arange(len(episodes)),
            "account_index": episodes.account,
            "begins_at": instant(episodes.start),
            "peaks_at": instant(episodes.start + episodes.ramp),
            "ends_at": instant(episodes.end),
            "active_people": episodes.size,
            "member_indexes": [
                ";".join(map(str, members[lo:hi]))
                for lo, hi in zip(bounds[:-1], bounds[1:], strict=True)
            ],
            "intensity": episodes.intensity,
            "has_surge": episodes.surges,
            "has_trigger": episodes.has_trigger,
            "asks_demo": episodes.asks_demo,
            "crm_opportunity_id": pa.array(deal, pa.string()),
        }
    )


def _cookies(config: MarketConfig, people: People, cast: Cast, seen: Bools) -> pa.Table:
    cookie = np.flatnonzero(seen)
    of_people, of_accounts = len(people) * COOKIES_A_PERSON, cast.first_pool_cookie
    person = np.where(cookie < of_people, cookie // COOKIES_A_PERSON, -1)
    unnamed = (cookie >= of_people) & (cookie < of_accounts)
    account = np.where(person >= 0, people.account[np.maximum(person, 0)], -1)
    account = np.where(unnamed, (cookie - of_people) // ANONYMOUS_COOKIES, account)
    pools = [NOISE_KINDS.index(k) for k in ("passer_by", "bot", "careers")]
    pool = np.clip((cookie - of_accounts) // cast.pool, 0, 2)
    kind = np.where(cookie >= of_accounts, np.array(pools)[pool], 0)
    kind = np.where(person >= 0, _person_noise(people, cast)[np.maximum(person, 0)], kind)
    return pa.table(
        {
            "cookie_id": hex16(mixed(cookie, config.seed + 5)),
            "person_index": _index(person),
            "account_index": _index(account),
            "noise_kind": _noise(kind),
        }
    )


def _opportunities(outcomes: Outcomes) -> pa.Table:
    deals = outcomes.opportunities
    return pa.table(
        {
            "crm_opportunity_id": [opportunity_id(o.number) for o in deals],
            "account_index": pa.array([o.account for o in deals], pa.int64()),
            "episode_index": _index(np.array([o.episode for o in deals], dtype=np.int64)),
            "opened_at": _moment(np.array([o.created_at for o in deals], dtype=np.int64)),
            "ended_at": _moment(
                np.array(
                    [-1 if o.closed_at is None else o.closed_at for o in deals], dtype=np.int64
                )
            ),
            "was_won": [o.is_won for o in deals],
            "lost_because": pa.array([o.loss_reason or None for o in deals], pa.string()),
            "deal_size": pa.array([o.amount for o in deals], pa.int64()),
        }
    )
