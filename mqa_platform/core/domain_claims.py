"""Who says that a domain is theirs: the CRM, the policy's aliases, merges and acquisitions.

Belongs here: claims and the days on which they hold. Does not belong here: what happens where several
accounts claim one domain (``domains``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mqa_platform.core.hierarchy import FOREVER, Version, number
from mqa_platform.policy.identity import Acquisition, Identity

OWN, ALIAS, POLICY, MERGED, BOUGHT = "own", "alias", "policy", "merge", "acquisition"
Versions = dict[str, list[Version]]


@dataclass(frozen=True)
class Claim:
    """An account says that a domain is its own, on days ``first`` to before ``end``."""

    account: str
    first: int
    end: int
    source: str


Claims = dict[str, list[Claim]]


def declared(versions: dict[str, list[Version]], identity: Identity) -> Claims:
    """What the CRM and the policy's aliases say."""
    found: Claims = defaultdict(list)
    for account, each in versions.items():
        for v in each:
            if v.domain:
                found[v.domain].append(Claim(account, v.first, v.end, OWN))
            for alias in (v.aliases or "").split(";"):
                if alias and alias != v.domain:
                    found[alias].append(Claim(account, v.first, v.end, ALIAS))
    told = {domain: list(each) for domain, each in found.items()}
    for alias, target in policy_aliases(identity):
        own = [Claim(c.account, c.first, c.end, POLICY) for c in told.get(target, [])]
        found[alias] = [*found.get(alias, []), *own]
    return found


def policy_aliases(identity: Identity) -> list[tuple[str, str]]:
    """(alias, domain) of the policy, also where an alias stands for another one; a circle ends."""
    pairs = []
    for alias in sorted(identity.domain_aliases):
        seen, target = {alias}, identity.domain_aliases.get(alias)
        while target is not None and target not in seen:
            pairs.append((alias, target))
            seen.add(target)
            target = identity.domain_aliases.get(target)
    return pairs


def after_merges(claims: Claims, merges: dict[str, tuple[str, int]]) -> Claims:
    """With the survivor's claim on what the merged account claimed last, from the merge on."""
    ends: dict[str, int] = {}
    for each in claims.values():
        for c in each:
            ends[c.account] = max(ends.get(c.account, c.end), c.end)
    found: Claims = defaultdict(list)
    for domain, each in claims.items():
        for c in each:
            account, end = c.account, c.end
            if account in merges:
                survivor, day = _survivor(account, merges)
                if end >= min(day, ends[account]):
                    found[domain].append(Claim(survivor, day, FOREVER, MERGED))
                end = min(end, day)
            if c.first < end:
                found[domain].append(Claim(account, c.first, end, c.source))
    return found


def _survivor(account: str, merges: dict[str, tuple[str, int]]) -> tuple[str, int]:
    """Who is left after all merges, and the day from which."""
    seen, day = {account}, 0
    while account in merges and merges[account][0] not in seen:
        account, merged = merges[account]
        seen.add(account)
        day = max(day, merged)
    return account, day


def after_acquisition(claims: Claims, bought: Acquisition, versions: Versions) -> Claims:
    """The domains of a bought company: not the buyer's before the day, and nobody else's after it.

    A bought company that lives on in the CRM keeps its own domain, as a subsidiary whose points the
    roll-up may move; a brand that was somebody's alias, and what nobody claims, is the buyer's.
    """
    day = number(bought.on)
    buyer = _account(bought.by, claims, versions, day)
    if buyer is None:
        return claims
    if bought.domain:
        domains = [bought.domain]
    else:
        domains = [
            d for d, each in claims.items() if any(c.account == bought.account for c in each)
        ]
    found = dict(claims)
    lives = [(v.first, v.end) for v in versions[buyer]]
    for domain in domains:
        mine = claims.get(domain, [])
        theirs = [c for c in mine if c.account != buyer]
        before = [Claim(c.account, c.first, min(c.end, day), c.source) for c in theirs]
        living = [c for c in theirs if bought.account or c.source == OWN]
        after = [Claim(c.account, max(c.first, day), c.end, c.source) for c in living]
        free = _free([(c.first, c.end) for c in after if c.first < c.end], day)
        taken = [
            Claim(buyer, max(first, lo), min(end, hi), BOUGHT)
            for first, end in lives
            for lo, hi in free
        ]
        found[domain] = [c for c in (*before, *after, *taken) if c.first < c.end]
    return found


def _free(held: Iterable[tuple[int, int]], day: int) -> list[tuple[int, int]]:
    """The stretches from a day on that nobody holds."""
    at, out = day, []
    for first, end in sorted(held):
        if at < first:
            out.append((at, first))
        at = max(at, end)
    if at < FOREVER:
        out.append((at, FOREVER))
    return out


def _account(text: str, claims: Claims, versions: Versions, day: int) -> str | None:
    """The one account of an id or a domain, on a day or later; None for none and for several."""
    if text in versions:
        return text
    found = {c.account for c in claims.get(text, []) if c.end > day and c.account in versions}
    return found.pop() if len(found) == 1 else None
