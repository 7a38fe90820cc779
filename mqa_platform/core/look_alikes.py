"""Domains that look like an account's: never the account's, always for a person to see.

Belongs here: what two domains look alike by, and their rows of ``identity_reviews``. Does not belong
here: whose a domain is (``domains``), which is never decided by likeness.

Two domains look alike when they are the same but for hyphens, accents and letters that are easily taken
for each other: acme-inc.com and acmeinc.com, acrne.com and acme.com, and the same in Cyrillic letters.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.kernel import Kernel

LOOK_ALIKE: Final = "look_alike"
LIKENESS = pa.schema([("domain", pa.string()), ("likeness", pa.string())])
DISCOVERED: Final = "domain:"
# Letters of other alphabets, and digits, that are drawn like a Latin letter.
_DRAWN_LIKE = str.maketrans("аеорсухіјѕһԁԛԝкмтвнгαορνικτωγ013", "aeopcyxijshdqwkmtbhraopviktwyole")
_PAIRS: Final = (("rn", "m"), ("vv", "w"))


def likeness(domain: str) -> str:
    """What a domain is compared by: two domains that look alike have the same."""
    text = ".".join(_read(label) for label in domain.casefold().split("."))
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_DRAWN_LIKE)
    for pair, letter in _PAIRS:
        plain = plain.replace(pair, letter)
    return plain.replace("-", "").replace("ı", "l").replace("i", "l")


def _read(label: str) -> str:
    """A label in its own letters; one that says it has others and has not stays as it is."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def _likenesses(table: pa.Table) -> pa.Table:
    domains = table["domain"].to_pylist()
    told = [likeness(d) if d else None for d in domains]
    return pa.table({"domain": domains, "likeness": told}, schema=LIKENESS)


LIKENESSES = Kernel(
    "likenesses", _likenesses, LIKENESS, {"domain": ("domain",), "likeness": ("domain",)}
)


def seen_domains(touchpoints: ir.Table) -> ir.Table:
    """(domain, signals, first_seen, last_seen) of the companies that no CRM account is."""
    t = touchpoints.mutate(
        domain=touchpoints["own_account_id"].re_extract(r"^domain:(.+)$", 1).nullif("")
    )
    t = t.filter(t["domain"].notnull())
    return t.group_by("domain").aggregate(
        signals=t["signal_id"].nunique(),
        first_seen=t["touchpoint_date"].min(),
        last_seen=t["touchpoint_date"].max(),
    )


def look_alike_reviews(owners: ir.Table, seen: ir.Table, likenesses: ir.Table) -> ir.Table:
    """One row a domain and account whose domain it looks like: the columns of identity_reviews.

    The domain is a discovered company's, or today another account's; of one account, or of accounts
    whose points go to one node, likeness is no doubt.

    Args:
        owners: ``domains.OWNER``.
        seen: ``seen_domains``.
        likenesses: ``LIKENESS`` for the domains of both.
    """
    today = owners.filter(owners["valid_to"].isnull())
    owned = today.select("domain", "account_id", "node_id").distinct()
    named = owned.join(likenesses, "domain").select(
        "likeness", candidate="account_id", node="node_id", its_domain="domain"
    )
    # A company without an account is a node of its own.
    strange = seen.anti_join(owned, "domain").select("domain")
    strange = strange.mutate(own_node=ibis.literal(DISCOVERED) + strange["domain"])
    asked = strange.union(owned.select("domain", own_node="node_id").distinct())
    t = asked.join(likenesses, "domain").join(named, "likeness")
    t = t.filter((t["domain"] != t["its_domain"]) & (t["own_node"] != t["node"]))
    t = t.select("domain", "candidate").distinct()
    said = seen.rename(said_domain="domain")
    t = t.left_join(said, [("domain", "said_domain")])
    return t.select(
        "candidate",
        "first_seen",
        "last_seen",
        kind=ibis.literal(LOOK_ALIKE),
        ref=t["domain"],
        is_suggested=ibis.literal(False),
        signals=t["signals"].fill_null(0),
    )
