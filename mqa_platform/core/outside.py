"""What others say of our accounts, as of the day: vendors' facts and lists, laid over the versions.

Belongs here: cutting the versions of accounts where a fact or an entry of a list begins or ends. Does
not belong here: facts (``enrichment``), entries (``account_lists``) or whose they are
(``company_keys``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from mqa_platform.core.account_lists import entries, listed
from mqa_platform.core.company_keys import account_domains, holdings, matched
from mqa_platform.core.enrichment import facts, given
from mqa_platform.core.spans import cut
from mqa_platform.policy.models import Policy

Keep = Callable[[ir.Table], ir.Table]


@dataclass(frozen=True)
class Outside:
    """The published tables ``enrichment`` and ``account_lists``, complete, and the keys of names.

    name_keys: ``matching.NAME_KEY`` for every name of an account, a record and an entry.
    """

    enrichment: ir.Table
    lists: ir.Table
    name_keys: ir.Table


def overlaid(versions: ir.Table, outside: Outside, policy: Policy, keep: Keep) -> ir.Table:
    """Versions of accounts in slices within which nobody says anything new.

    Args:
        versions: account_id, valid_from, valid_to, name, domain, aliases, is_deleted.
        outside: what others say.
        policy: its domain aliases lead from a list to an account.
        keep: may store a table and read it back.

    Returns:
        The rows with ``enrichment.given`` and ``account_lists.listed``, version_from and version_to.
    """
    said = keep(_facts_of(versions, outside))
    on_lists = keep(_entries_of(versions, outside, policy))
    days = [
        m.select("account_id", "version_from", day=m[column])
        for m in (said, on_lists)
        for column in ("match_from", "match_to")
    ]
    every = days[0]
    for more in days[1:]:
        every = every.union(more)
    slices = keep(cut(versions, every.distinct()))
    return listed(given(slices, said), on_lists)


def _facts_of(versions: ir.Table, outside: Outside) -> ir.Table:
    held = holdings(versions, outside.name_keys)
    return matched(held, facts(outside.enrichment, outside.name_keys))


def _entries_of(versions: ir.Table, outside: Outside, policy: Policy) -> ir.Table:
    domains = account_domains(versions, policy.identity)
    held = holdings(versions, outside.name_keys, domains)
    return matched(held, entries(outside.lists, outside.name_keys))


def unmatched_entries(versions: ir.Table, outside: Outside, policy: Policy) -> ir.Table:
    """Entries of lists that are about none of our accounts on any of their days."""
    found = _entries_of(versions, outside, policy)
    key = ["source", "list", "entry_id"]
    return outside.lists.anti_join(found.select(*key).distinct(), key)
