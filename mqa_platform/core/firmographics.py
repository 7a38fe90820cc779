"""What the words and bands of the vendors mean for a criterion of the ICP.

Belongs here: sizes that are known as a band, countries and industries however they are spelled, and the
words that nobody understands. Does not belong here: reading a band out of a text (``sources.bands``), the
gate and the grade (``fit``).

Nothing is guessed: a band that lies on both sides of a limit is unknown, and so is a word that no table
has. Such words are counted and published (``unknown_words``).
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from mqa_platform.core import countries
from mqa_platform.core.expressions import one_of
from mqa_platform.policy.icp import Criterion, Icp

# Field → the column with the upper end, where the value is the lower end of a band.
UPPER_ENDS = {"employees": "employees_max", "revenue": "revenue_max"}


def size_is_met(t: ir.Table, criterion: Criterion) -> ir.BooleanValue:
    """Whether a number lies within the criterion's limits; null where nobody can say.

    A null upper end means that the number is exact.
    """
    low = t[criterion.field].cast("float64")
    high = low
    upper = UPPER_ENDS.get(criterion.field)
    if upper is not None and upper in t.columns:
        high = ibis.coalesce(t[upper].cast("float64"), low)
    inside, outside = ibis.literal(True), ibis.literal(False)
    if criterion.minimum is not None:
        inside = inside & (low >= float(criterion.minimum))
        outside = outside | (high < float(criterion.minimum))
    if criterion.maximum is not None:
        inside = inside & (high <= float(criterion.maximum))
        outside = outside | (low > float(criterion.maximum))
    nobody_knows = low.isnull() | ~(inside | outside)
    return ibis.ifelse(nobody_knows, ibis.null("boolean"), inside)


def word_is_met(t: ir.Table, criterion: Criterion, icp: Icp) -> ir.BooleanValue:
    """Whether an industry or country is one of those asked for; null for none or an unknown word."""
    value = _folded(t[criterion.field])
    wanted, understood = _asked(criterion, icp)
    met = _is_among(value, wanted)
    # Without a table of industries every word is taken as ours, as the CRM's picklist has it.
    known = _is_among(value, wanted | understood) if understood else value.notnull()
    return ibis.ifelse(value.notnull() & known, met, ibis.null("boolean"))


def _asked(criterion: Criterion, icp: Icp) -> tuple[frozenset[str], frozenset[str]]:
    """The folded words that meet a criterion, and all that are understood."""
    if criterion.field == "country":
        return countries.spellings(criterion.any_of), countries.UNDERSTOOD
    return _industries(criterion.any_of, icp)


def _is_among(value: ir.StringValue, words: frozenset[str]) -> ir.BooleanValue:
    """Whether a folded column is one of the folded words.

    Some databases lower the letters of English only, so a word with others stands here as they leave it.
    """
    forms = {form for w in words for form in (w, _lowered(w.upper()), _lowered(w.title()))}
    return one_of(value, forms)


def _lowered(word: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in word)


def _industries(names: Iterable[str], icp: Icp) -> tuple[frozenset[str], frozenset[str]]:
    """The folded words of the named industries, and all that the policy's table understands."""
    table = {
        countries.folded(ours): frozenset(countries.folded(w) for w in (ours, *theirs))
        for ours, theirs in icp.industries.items()
    }
    wanted: set[str] = set()
    for name in names:
        wanted |= table.get(countries.folded(name), frozenset({countries.folded(name)}))
    everything = frozenset().union(*table.values()) if table else frozenset()
    return frozenset(wanted), everything


def _folded(value: ir.StringValue) -> ir.StringValue:
    """``countries.folded`` of a column; null for an empty text."""
    return value.lower().replace(".", "").re_replace(r"^\s+|\s+$", "").nullif("")


def unknown_words(accounts: ir.Table, icp: Icp) -> ir.Table:
    """(field, word, accounts): the words of industries and countries that no table understands.

    Counted over the versions of accounts that hold now. Without a table of industries in the policy
    every industry is understood.
    """
    now = accounts.filter(accounts["valid_to"].isnull())
    asked = {c.field: c for c in icp.criteria.values()}
    own = {w for c in icp.criteria.values() if c.field == "industry" for w in c.any_of}
    _, industries = _industries(own, icp)
    named = frozenset(countries.folded(w) for w in own)
    place = asked.get("country")
    places = countries.UNDERSTOOD | (countries.spellings(place.any_of) if place else frozenset())
    parts = [_unknown(now, "country", places)]
    if industries:
        parts.append(_unknown(now, "industry", industries | named))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def _unknown(accounts: ir.Table, field: str, understood: frozenset[str]) -> ir.Table:
    value = _folded(accounts[field])
    strange = accounts.filter(value.notnull() & ~_is_among(value, understood))
    return strange.group_by(field=ibis.literal(field), word=strange[field]).aggregate(
        accounts=strange["account_id"].nunique()
    )
