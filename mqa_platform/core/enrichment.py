"""Enrichment: what vendors know of companies as history, and which side of each field is believed.

Belongs here: the published ``enrichment`` table, the facts in it, and the precedence of CRM and
vendor. Does not belong here: reading exports (``sources``), which account a record is about
(``company_keys``), or fit (``fit``).

Nothing looks ahead: on a day count only records as of that day or before. A vendor's empty field says
that it does not know, and takes back nothing. A record that repeats what was said is no news.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.company_keys import named_by
from mqa_platform.core.expressions import first_match, joined, newest_first, none_of_type
from mqa_platform.core.firmographics import UPPER_ENDS
from mqa_platform.core.spans import closed, said_within
from mqa_platform.policy.models import Policy

FIRMOGRAPHICS = {
    "industry": "string",
    "employees": "int64",
    "revenue": "float64",
    "country": "string",
    "technologies": "string",
    "growth_pct": "float64",
}
_KEYS = ("account_id", "domain", "company_name", "parent_domain")
_FACT = ("kind", "key", "named_domain", "field")
CRM = "crm"


def enrichment(landed: ir.Table) -> ir.Table:
    """Every record of every vendor with the days on which it said so (valid_from, valid_to).

    The last record of a day is that day's. Deliveries that change nothing make no version, so that a
    monthly file does not open the past again.
    """
    told = (*_KEYS, *FIRMOGRAPHICS, *UPPER_ENDS.values())
    t = landed.mutate(valid_from=landed["modified_at"].date())
    key = ["source", "record_id"]
    t = newest_first(t, [*key, "valid_from"], [t["modified_at"].desc(), *(t[c] for c in told)])
    order = ibis.window(group_by=key, order_by="valid_from")
    same = ibis.row_number().over(order) > 0
    for column in told:
        same = same & t[column].identical_to(t[column].lag().over(order))
    t = t.mutate(is_same=same)
    t = t.filter(~t["is_same"])
    return t.select(*key, "valid_from", *told, valid_to=t["valid_from"].lead().over(order))


def facts(records: ir.Table, name_keys: ir.Table) -> ir.Table:
    """Single facts under the keys of their records, each until a newer one of the same key.

    Columns: kind, key, named_domain, field, text or number, upper (the upper end where the number is
    a band's lower one), said_by (the source), said_from and said_to (closed). Of several vendors the
    newest record speaks; on one day the first by name of
    the source.
    """
    told = ["source", "record_id", "valid_from", *FIRMOGRAPHICS, *UPPER_ENDS.values()]
    rows = named_by(records, name_keys, told, strictly=True)
    parts = []
    for name, dtype in FIRMOGRAPHICS.items():
        value = rows[name]
        is_text = dtype == "string"
        part = rows.select(
            "kind",
            "key",
            "named_domain",
            "source",
            "record_id",
            "valid_from",
            field=ibis.literal(name),
            text=value.nullif("") if is_text else none_of_type("string"),
            number=none_of_type("float64") if is_text else value.cast("float64"),
            upper=(
                rows[UPPER_ENDS[name]].cast("float64")
                if name in UPPER_ENDS
                else none_of_type("float64")
            ),
        )
        parts.append(part.filter(part["text"].notnull() | part["number"].notnull()))
    t = parts[0]
    for part in parts[1:]:
        t = t.union(part)
    return _speaking(t)


def _speaking(t: ir.Table) -> ir.Table:
    """The fact that speaks for each key and day, with the days until another takes its place."""
    rest = [t[c] for c in ("source", "record_id", "text", "number", "upper")]
    t = newest_first(t, [*_FACT, "valid_from"], rest)
    order = ibis.window(group_by=list(_FACT), order_by="valid_from")
    news = ~(
        t["text"].identical_to(t["text"].lag().over(order))
        & t["number"].identical_to(t["number"].lag().over(order))
        & t["upper"].identical_to(t["upper"].lag().over(order))
    )
    t = t.mutate(is_news=news)
    t = t.filter(t["is_news"])
    return t.select(
        *_FACT,
        "text",
        "number",
        "upper",
        said_by="source",
        said_from="valid_from",
        said_to=closed(t["valid_from"].lead().over(order)),
    )


def given(slices: ir.Table, matches: ir.Table) -> ir.Table:
    """Slices with what vendors say of each field on their first day: value, source and since when.

    Columns ``given_<field>``, ``given_<field>_by``, ``_since`` and, for sizes, ``_upper``; nothing a vendor says
    changes within a slice.
    """
    columns = ["field", "text", "number", "upper", "said_by", "said_from", "kind"]
    said = matches.select("account_id", "version_from", "match_from", "match_to", *columns)
    t = said_within(slices, said)
    newest = [t["said_from"].desc(), t["said_by"], t["kind"], t["text"], t["number"], t["upper"]]
    t = newest_first(t, ["account_id", "valid_from", "field"], newest)
    wide = t.group_by(of_account=t["account_id"], of_day=t["valid_from"]).aggregate(
        **{name: value for f in FIRMOGRAPHICS for name, value in _pivoted(t, f).items()}
    )
    return slices.left_join(
        wide,
        [
            slices["account_id"] == wide["of_account"],
            slices["valid_from"] == wide["of_day"],
        ],
    ).drop("of_account", "of_day")


def _pivoted(t: ir.Table, name: str) -> dict[str, ir.Value]:
    is_it = t["field"] == name
    column = "text" if FIRMOGRAPHICS[name] == "string" else "number"
    value = t[column].max(where=is_it)
    end = t["upper"].max(where=is_it)
    is_whole = FIRMOGRAPHICS[name] == "int64"
    upper = {f"given_{name}_upper": end.floor() if is_whole else end} if name in UPPER_ENDS else {}
    return {
        **upper,
        f"given_{name}": value.floor() if is_whole else value,
        f"given_{name}_by": t["said_by"].max(where=is_it),
        f"given_{name}_since": t["said_from"].max(where=is_it),
    }


def since_when(versions: ir.Table, policy: Policy) -> ir.Table:
    """CRM versions with ``since_<field>``, the day the field's value was entered, where policy asks."""
    asked = [f for f in FIRMOGRAPHICS if getattr(policy.icp.precedence, f) == "newest"]
    order = ibis.window(group_by="account_id", order_by="valid_from")
    upto = ibis.window(group_by="account_id", order_by="valid_from", preceding=None, following=0)
    entered = {}
    for name in asked:
        is_old = versions[name].identical_to(versions[name].lag().over(order))
        if name in UPPER_ENDS:
            end = versions[UPPER_ENDS[name]]
            is_old = is_old & end.identical_to(end.lag().over(order))
        is_old = is_old & (ibis.row_number().over(order) > 0)
        entered[f"since_{name}"] = ibis.ifelse(is_old, none_of_type("date"), versions["valid_from"])
    t = versions.mutate(**entered)
    return t.mutate(**{c: t[c].max().over(upto) for c in entered})


def believed(t: ir.Table, policy: Policy) -> ir.Table:
    """Every firmographic field from exactly one side, and ``firmographics_from`` saying which.

    Without the ``given_`` columns of ``given`` the CRM is the only side.
    """
    values: dict[str, ir.Value] = {}
    origins = []
    for name, dtype in FIRMOGRAPHICS.items():
        mine = t[name].nullif("") if dtype == "string" else t[name]
        if f"given_{name}" not in t.columns:
            values[name], is_given = mine, ibis.literal(False)
            by: ir.Value = ibis.literal(CRM)
        else:
            theirs = t[f"given_{name}"]
            is_given = _theirs_wins(t, name, mine, policy)
            values[name] = ibis.ifelse(is_given, theirs, mine)
            by = ibis.ifelse(is_given, t[f"given_{name}_by"], ibis.literal(CRM))
            if name in UPPER_ENDS:
                upper, end = UPPER_ENDS[name], t[f"given_{name}_upper"]
                values[upper] = ibis.ifelse(is_given, end, t[upper])
        origins.append(
            first_match(
                [(values[name].notnull(), joined("", [ibis.literal(f"{name}:"), by]) + ";")],
                ibis.literal(""),
            )
        )
    told = joined("", origins).re_replace(r";$", "")
    return t.mutate(**values, firmographics_from=told)


def _theirs_wins(t: ir.Table, name: str, mine: ir.Value, policy: Policy) -> ir.BooleanValue:
    theirs = t[f"given_{name}"]
    rule = getattr(policy.icp.precedence, name)
    if rule == "enrichment_first":
        return theirs.notnull()
    if rule == "newest":
        later = (t[f"given_{name}_since"] > t[f"since_{name}"]).fill_null(False)
        return theirs.notnull() & (mine.isnull() | later)
    return theirs.notnull() & mine.isnull()
