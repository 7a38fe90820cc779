"""Who employs a person at a moment, when the CRM's word is old.

Belongs here: weighing the employer the CRM last confirmed against the domain of the signal, the domains
the person used before and the addresses on file. Does not belong here: which contact a signal is of
(``evidence``), how the rows are gathered (``employment_facts``), or when the CRM is old enough to be
doubted (``policy``).

Nothing is used that was known only later: an employer counts if it began before the CRM's last
confirmation, a use or an address on file if it is not after the signal, a domain as a company's if enough
people had used it by then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import Employment

DAY = 86_400
_NEVER = 2**33
_SPAN = 2 * _NEVER
ASKED, USE, EMPLOYER, ADDRESS = "asked", "use", "employer", "address"
FACTS = pa.schema(
    [
        ("kind", pa.string()),
        ("person", pa.string()),
        ("ref", pa.string()),
        ("at", pa.int64()),
        ("confirmed_at", pa.int64()),
        ("company", pa.string()),
        ("named", pa.string()),
        ("established_at", pa.int64()),
    ]
)
"""Rows of four kinds, times in seconds since 1970, null for never or unknown.

asked: signal ``ref`` at ``at``, when the CRM's last confirmation is ``confirmed_at``; ``company`` owns its
domain and ``named`` is the other company the domain is called after, either may be null.
use: a signal of the person, with the company of its domain or null.
employer: the CRM's employer from ``at`` on.
address: an address on file at ``company``, since ``at`` where that is known.
``established_at`` is when enough people had used the company's domain.
"""
ANSWERS = pa.schema(
    [
        ("ref", pa.string()),
        ("person", pa.string()),
        ("company", pa.string()),
        ("crm_company", pa.string()),
        ("confidence", pa.float64()),
        ("evidence", pa.string()),
    ]
)


def _codes(column: pa.ChunkedArray, words: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.index_in(column, words), -1).to_numpy().astype(np.int64)


def _seconds(column: pa.ChunkedArray, missing: int) -> np.ndarray:
    return np.clip(pc.fill_null(column, missing).to_numpy().astype(np.int64), 0, _NEVER)


class _Latest:
    """Moments by key: the last one not after a given moment, and how many; negative keys have none."""

    def __init__(self, key: np.ndarray, at: np.ndarray) -> None:
        self.keys, code = np.unique(key[key >= 0], return_inverse=True)
        self.packed = np.sort(code * _SPAN + at[key >= 0])

    def _code(self, key: np.ndarray) -> np.ndarray:
        """Small numbers for the keys, so that key and moment fit into one integer."""
        if not len(self.keys):
            return np.full(len(key), -1)
        code = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[code] == key, code, -1)

    def count(self, key: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Moments of the key at or before ``at``."""
        code = self._code(key)
        low = np.searchsorted(self.packed, code * _SPAN)
        high = np.searchsorted(self.packed, code * _SPAN + at, side="right")
        return np.where(code >= 0, high - low, 0)

    def last(self, key: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The latest moment of the key at or before ``at``, −1 for none."""
        if not len(self.packed):
            return np.full(len(key), -1)
        code = self._code(key)
        high = np.searchsorted(self.packed, code * _SPAN + at, side="right")
        moment = self.packed[np.maximum(high - 1, 0)] - code * _SPAN
        return np.where(self.count(key, at) > 0, moment, -1)


class _Dated:
    """A company by person and moment: the one that began last."""

    def __init__(self, person: np.ndarray, at: np.ndarray, company: np.ndarray) -> None:
        order = np.lexsort((company, at, person))
        self.packed = person[order] * _SPAN + at[order]
        self.person, self.at, self.company = person[order], at[order], company[order]

    def find(self, person: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(company, moment it began) at ``at``; −1 where there is none."""
        if not len(self.packed):
            return np.full(len(person), -1), np.full(len(person), -1)
        row = np.searchsorted(self.packed, person * _SPAN + at, side="right") - 1
        row = np.maximum(row, 0)
        found = (self.person[row] == person) & (self.at[row] <= at)
        return np.where(found, self.company[row], -1), np.where(found, self.at[row], -1)


@dataclass(frozen=True)
class _Rows:
    """The rows of one kind as numbers; of an address ``told_at`` is when the CRM had it first.

    ``at`` may be later than that: when the company had the address's domain.
    """

    person: np.ndarray
    at: np.ndarray
    told_at: np.ndarray
    company: np.ndarray
    established_at: np.ndarray

    @classmethod
    def of(cls, table: pa.Table, people: pa.Array, companies: pa.Array) -> _Rows:
        """Numbers of people and companies; a missing time is never."""
        return cls(
            _codes(table["person"], people),
            _seconds(table["at"], _NEVER),
            _seconds(table["confirmed_at"], _NEVER),
            _codes(table["company"], companies),
            _seconds(table["established_at"], _NEVER),
        )


class _Case:
    """One shard's questions with everything the rules ask of them, as equally long arrays."""

    def __init__(self, facts: pa.Table, policy: Employment) -> None:
        self.policy = policy
        said = pa.chunked_array([*facts["company"].chunks, *facts["named"].chunks], pa.string())
        people = pc.unique(facts["person"])
        self.companies = pc.unique(said.drop_null()).sort()
        self.width = len(self.companies) + 1
        parts = {
            k: facts.filter(pc.equal(facts["kind"], k)) for k in (ASKED, USE, EMPLOYER, ADDRESS)
        }
        self.table = parts[ASKED]
        asked, uses, employers, addresses = (
            _Rows.of(t, people, self.companies) for t in parts.values()
        )
        self.at, self.domain, self.person = asked.at, asked.company, asked.person
        self.confirmed = _seconds(self.table["confirmed_at"], 0)
        self.named = _codes(self.table["named"], self.companies)
        self.established = asked.established_at <= asked.at
        history = _Dated(employers.person, employers.at, employers.company)
        self.crm = history.find(asked.person, self.confirmed)[0]
        self.began = _Latest(self._pair(employers.person, employers.company), employers.at)
        self._uses(uses, history)
        self._addresses(addresses)

    def _pair(self, person: np.ndarray, company: np.ndarray) -> np.ndarray:
        return np.where(company >= 0, person * self.width + company, -1)

    def was_employer(self, company: np.ndarray) -> np.ndarray:
        """Whether the CRM has known the company as the person's employer, now or before."""
        return self.began.count(self._pair(self.person, company), self.confirmed) > 0

    def _uses(self, uses: _Rows, history: _Dated) -> None:
        pair = self._pair(uses.person, uses.company)
        with_domain = uses.company >= 0
        used = _Latest(pair[with_domain], uses.at[with_domain])
        everything = _Latest(uses.person, uses.at)
        self.last_use = used.last(self._pair(self.person, self.crm), self.at)
        self.since_use = everything.count(self.person, self.at) - everything.count(
            self.person, np.maximum(self.last_use, 0)
        )
        # A domain that was in use while the CRM confirmed another employer says nothing about a move.
        beside = with_domain & (history.find(uses.person, uses.at)[0] != uses.company)
        side = _Latest(pair[beside], uses.at[beside])
        self.beside = side.count(self._pair(self.person, self.domain), self.confirmed) > 0
        chosen = np.flatnonzero(with_domain)
        recent = _Dated(uses.person[chosen], uses.at[chosen], uses.company[chosen])
        self.recent, self.recent_at = recent.find(self.person, self.at)
        established = _Dated(uses.person[chosen], uses.at[chosen], uses.established_at[chosen])
        self.recent_established = established.find(self.person, self.at)[0]

    def _addresses(self, addresses: _Rows) -> None:
        pair = self._pair(addresses.person, addresses.company)
        # The address was confirmed with that employer, whoever had its domain then.
        dated = _Latest(pair, addresses.told_at)
        self.on_record = dated.count(self._pair(self.person, self.domain), self.confirmed) > 0
        # An address on file without a day was always known.
        since = np.where(addresses.at == _NEVER, 0, addresses.at)
        known = _Latest(pair, since)
        self.has_own = known.count(self._pair(self.person, self.crm), self.at) > 0
        self.candidate = np.full(len(self.at), -1)
        several = np.zeros(len(self.at), dtype=np.int64)
        # One row a person and company, of the address known first.
        order = np.lexsort((addresses.established_at, since, pair))
        order = order[pair[order] >= 0]
        rows = order[np.diff(pair[order], prepend=-1) > 0]
        owner = addresses.person[rows]
        low = np.searchsorted(owner, self.person)
        high = np.searchsorted(owner, self.person, side="right")
        # A loop over the number of addresses a person has, not over signals.
        for step in range(int((high - low).max(initial=0))):
            row = rows[np.minimum(low + step, max(len(rows) - 1, 0))]
            company = addresses.company[row]
            fits = (low + step < high) & (addresses.established_at[row] <= self.at)
            fits &= (since[row] <= self.at) & ~self.was_employer(company)
            several += fits
            self.candidate = np.where(fits, company, self.candidate)
        # Of two other companies nobody knows which came next.
        self.candidate = np.where(several == 1, self.candidate, -1)

    def rules(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """(evidence, where it speaks, the company it answers with), the first that speaks wins."""
        p, crm, domain = self.policy, self.crm, self.domain
        spoken = domain >= 0
        gap = (self.at - self.last_use) / DAY
        used = self.last_use >= 0
        stopped = used & (gap > p.silence_days) & (self.since_use >= p.silence_signals)
        elsewhere = (self.recent >= 0) & (self.recent != crm) & ~self.was_employer(self.recent)
        elsewhere &= (self.at - self.recent_at) / DAY <= p.recent_days
        elsewhere &= self.recent_established <= self.at
        other = self.candidate >= 0
        everywhere = np.ones(len(crm), dtype=bool)
        return [
            ("domain_agrees", spoken & (domain == crm), crm),
            ("domain_named_after_employer", spoken & (self.named >= 0) & (self.named == crm), crm),
            ("domain_named_after_another", spoken & (self.named >= 0), self.named),
            ("domain_of_former_employer", spoken & self.was_employer(domain), crm),
            ("domain_on_record", spoken & self.on_record, crm),
            ("personal_domain", spoken & (self.beside | ~self.established), crm),
            ("new_domain", spoken, domain),
            ("recent_new_domain", elsewhere, self.recent),
            ("address_in_use", used & ~stopped & (gap <= p.in_use_days), crm),
            ("address_stopped_for_another", stopped & other, self.candidate),
            ("address_stopped", stopped, crm),
            ("other_address", other, crm),
            ("own_address", self.has_own, crm),
            ("no_address", everywhere, crm),
        ]


def employment_kernel(policy: Employment) -> Kernel:
    """Kernel: ``FACTS`` of whole people → ``ANSWERS``, one row an asked signal of a known employer."""

    def run(facts: pa.Table) -> pa.Table:
        case = _Case(facts.combine_chunks(), policy)
        rules = case.rules()
        known = case.crm >= 0
        first = np.argmax(np.stack([speaks for _, speaks, _ in rules]), axis=0)
        answer = np.choose(first, [company for _, _, company in rules])
        names = [name for name, _, _ in rules]
        stated = np.array([getattr(policy.confidence, name) for name in names])
        table = pa.table(
            {
                "ref": case.table["ref"],
                "person": case.table["person"],
                "company": case.companies.take(pa.array(answer, mask=~known)),
                "crm_company": case.companies.take(pa.array(case.crm, mask=~known)),
                "confidence": stated[first],
                "evidence": pa.array(names).take(pa.array(first)),
            },
            schema=ANSWERS,
        )
        return table.filter(pa.array(known))

    told = ("kind", "at", "confirmed_at", "company", "named", "established_at", "person")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(ANSWERS.names, told)
    return Kernel("employment", run, ANSWERS, {**lineage, "ref": ("ref",), "person": ("person",)})
