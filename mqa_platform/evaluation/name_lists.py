"""Company names with the company that each one means: real lists, and names made dirty.

Belongs here: reading the lists, and who is an account in them. Does not belong here: how names are spoilt
(``name_dirt``) or whether they are matched (``names``).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.evaluation.measures import EvaluationError
from mqa_platform.evaluation.name_dirt import OTHER, SAME
from mqa_platform.market.config import MarketConfig
from mqa_platform.market.world import build_accounts
from mqa_platform.sources.names import registrable_domain

Asked = tuple[str, str | None, str]
"""A name as it is written, the account it means (None: no account), and what kind of name it is."""
_FORTUNE = "companies/fortune500.csv"
_CNCF = "companies/cncf_orgs_2020.csv"
_CRUNCHBASE = "companies/crunchbase2013_companies.csv.gz"
_OPENSTACK = "identity/openstack_affiliations.json"
_INTENT = "intent/bombora_master_surge.csv"
_NETWORKS = "ip/asn-ipv4.csv.gz"
_MOST = 12_000


@dataclass(frozen=True)
class NameList:
    """Names of accounts, and names to find them by. No two accounts have one cleaned name."""

    title: str
    accounts: tuple[str, ...]
    asked: tuple[Asked, ...]


def name_lists(root: Path, seed: int) -> tuple[list[NameList], list[str]]:
    """The lists that can be made of the files below ``root``, and the files that are missing."""
    makers = (
        ((_FORTUNE, _CNCF), _two_years),
        ((_FORTUNE, _CNCF, _OPENSTACK, _INTENT), _one_domain),
        ((_OPENSTACK,), _aliases),
        ((_CRUNCHBASE,), _crunchbase),
        ((_NETWORKS,), _networks),
    )
    lists, missing = [_market(seed)], set[str]()
    for files, make in makers:
        absent = {name for name in files if not (root / name).is_file()}
        missing |= absent
        if not absent:
            lists.append(make(root, seed))
    return lists, sorted(missing)


def read_names(path: Path) -> NameList:
    """A CSV file with the columns ``name`` and ``company``: the account's name, empty for no account.

    Raises:
        EvaluationError: the file cannot be read, lacks a column or names no account.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} cannot be read as CSV: {error}") from error
    absent = [c for c in ("name", "company") if c not in (reader.fieldnames or ())]
    if absent:
        raise EvaluationError(f"{path} has no column {absent[0]!r}; it needs name and company")
    accounts = _distinct(row["company"] or "" for row in rows)
    if not accounts:
        raise EvaluationError(f"{path} names no account in its column 'company'")
    asked = [(row["name"] or "", row["company"] or None, "as given") for row in rows]
    return _list(path.name, accounts, asked)


def _list(title: str, accounts: Sequence[str], asked: Sequence[Asked]) -> NameList:
    """The list with one account a cleaned name, and every written name once."""
    held = {clean_company_name(name): name for name in reversed(accounts)}
    found: dict[str, Asked] = {}
    for text, company, kind in asked:
        if not clean_company_name(text):
            continue
        known = held.get(clean_company_name(company)) if company else None
        # By the letter an account's, by the list nobody's: it has moved its web site.
        if known or clean_company_name(text) not in held:
            found.setdefault(text, (text, known, kind))
    return NameList(title, tuple(held.values()), tuple(found.values()))


def _distinct(names: Iterator[str]) -> list[str]:
    """One name for each cleaned name, in the order given."""
    return list({clean_company_name(n): n for n in names if clean_company_name(n)}.values())


def _half_dirty(title: str, names: Sequence[str], seed: int) -> NameList:
    """Every other company is an account; names of both halves are asked for, spoilt in every way.

    A name that is spoilt until it is another company's by the letter is left out: nobody could tell.
    """
    rng = Random(seed)  # noqa: S311 (nothing secret: chooses how names are spoilt)
    chosen = sorted(names)
    rng.shuffle(chosen)
    chosen = chosen[:_MOST]
    accounts = chosen[::2]
    keys = {clean_company_name(name): name for name in chosen}
    asked: list[Asked] = [(name, None, "no account") for name in chosen[1::2]]
    for i, name in enumerate(chosen):
        account = name if i % 2 == 0 else None
        for ways, means in ((SAME, account), (OTHER, None)):
            kind = rng.choice(list(ways))
            text = ways[kind](name, rng)
            owner = keys.get(clean_company_name(text), name if ways is SAME else None)
            if text != name and owner in (None, name if ways is SAME else None):
                asked.append((text, means, kind))
    return _list(title, accounts, asked)


def _market(seed: int) -> NameList:
    made = build_accounts(MarketConfig(_MOST // 2, 30, seed, date(2025, 7, 1)))
    return _half_dirty("synthetic market", _distinct(iter(made.name)), seed)


def _rows(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode(
        "utf-8", "replace"
    )
    return list(csv.DictReader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))))


def _crunchbase(root: Path, seed: int) -> NameList:
    names = (row["name"] for row in _rows(root / _CRUNCHBASE) if not row["name"].startswith("#"))
    return _half_dirty("Crunchbase, spoilt", _distinct(names), seed)


def _networks(root: Path, seed: int) -> NameList:
    text = gzip.decompress((root / _NETWORKS).read_bytes()).decode("utf-8", "replace")
    names = (row[3] for row in csv.reader(io.StringIO(text)) if len(row) > 3)
    return _half_dirty("network owners, spoilt", _distinct(names), seed)


def _two_years(root: Path, seed: int) -> NameList:
    """The Fortune list of 2015, and what the one of 2018 calls the companies; by web site."""
    rows = _rows(root / _FORTUNE)
    before = {_site(r["website"]): r["name"] for r in rows if r["year"] == "2015"}
    others = [r["name"] for r in _rows(root / _CNCF)]
    asked = [
        (r["name"], before.get(_site(r["website"])), "as listed")
        for r in rows
        if r["year"] == "2018"
    ]
    known = {clean_company_name(name) for name in before.values()}
    others = [name for name in others if clean_company_name(name) not in known]
    return _list("Fortune 500 of 2018 in that of 2015", [*before.values(), *others], asked)


def _one_domain(root: Path, seed: int) -> NameList:
    """Names of other lists for the companies of the Fortune 500; the same web site is the same company."""
    home = {_site(r["website"]): r["name"] for r in _rows(root / _FORTUNE)}
    named = [(r["name"], _site(r["homepage"])) for r in _rows(root / _CNCF)]
    for company in json.loads((root / _OPENSTACK).read_text("utf-8"))["companies"]:
        named += [(company["company_name"], d) for d in company["domains"]]
    with (root / _INTENT).open(encoding="utf-8", newline="") as file:
        named += [(row[0], row[1]) for row in csv.reader(file)]
    asked = [(name, home.get(site), "as listed") for name, site in named if name and site]
    return _list("other lists' names for the Fortune 500", list(home.values()), asked)


def _aliases(root: Path, seed: int) -> NameList:
    companies = [
        c
        for c in json.loads((root / _OPENSTACK).read_text("utf-8"))["companies"]
        if not c["company_name"].startswith("*")
    ]
    asked = [(a, c["company_name"], "alias") for c in companies for a in c.get("aliases") or ()]
    return _list("OpenStack aliases", [c["company_name"] for c in companies], asked)


def _site(url: str | None) -> str:
    host = (url or "").lower().partition("://")[2] or (url or "").lower()
    return registrable_domain(host.partition("/")[0].removeprefix("www.")) or ""
