"""What ads cost: one row a day and campaign of an ad platform's report.

Belongs here: the names that ad reports give our columns, currencies, and the id of a sum. Does not
belong here: who saw the ads (``advertising``), or cost per MQA (``core.conversions``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.columns import (
    coalesce,
    each_unique,
    joined,
    mask,
    md5_hex,
    nulls,
    numbers,
    present,
)
from mqa_platform.sources.names import snake_case
from mqa_platform.sources.timestamps import parse_timestamps

# No day of a campaign costs this much in any currency; it is a number of something else.
MOST: Final = 1e12
_COSTS: Final = ("cost", "spend", "amountspent", "totalspent", "totalspend", "amount", "adspend")
# Meta and others name the currency in the header: "Amount spent (EUR)".
_CURRENCIES: Final = (
    "usd", "eur", "gbp", "cad", "aud", "chf", "sek", "nok", "dkk", "pln", "jpy", "inr", "sgd", "nzd",
    "brl", "mxn", "ils", "zar", "cny", "hkd",
)  # fmt: skip
# Which platform a click id is of, where no column says it.
CLICK_IDS: Final = {
    "gclid": "google", "gbraid": "google", "wbraid": "google", "fbclid": "meta", "msclkid": "microsoft",
    "lifatid": "linkedin", "twclid": "x", "ttclid": "tiktok", "clickid": None, "adclickid": None,
}  # fmt: skip
SPEND_NAMES: Final = {
    "spend_id": ("spendid", "rowid", "reportrowid"),
    "day": ("date", "day", "spenddate", "reportdate", "startdate", "startdateinutc",
            "reportingstarts", "datestart", "segmentsdate"),
    "modified": ("modifiedat", "lastmodified", "updatedat", "lastupdated", "exportedat", "syncedat",
                 "fivetransynced"),
    "platform": ("platform", "channel", "network", "adplatform", "source", "publisher"),
    "account": ("adaccount", "accountid", "adaccountid", "customerid"),
    "campaign": ("campaignname", "campaign", "campaigngroupname", "campaigngroup", "campaignid"),
    "campaign_id": ("campaignid",),
    "ad_group": ("adgroup", "adgroupname", "adset", "adsetname", "adgroupid"),
    "ad": ("ad", "adname", "creative", "creativename", "adid", "creativeid"),
    "impressions": ("impressions", "impr", "metricsimpressions"),
    "clicks": ("clicks", "linkclicks", "clicksall", "totalclicks", "metricsclicks"),
    "cost": (*_COSTS, *(f"{c}{code}" for code in _CURRENCIES for c in _COSTS)),
    "cost_micros": ("costmicros", "metricscostmicros", "spendmicros"),
    "currency": ("currency", "currencycode", "accountcurrency", "accountcurrencycode"),
    **{click: (click,) for click in CLICK_IDS},
}  # fmt: skip
# Columns that cut one campaign's day into rows of their own.
_CUTS: Final = (
    "device", "network", "networkwithsearchpartners", "country", "countryterritory", "region", "city",
    "placement", "publisherplatform", "age", "gender", "objective", "audience", "keyword", "searchterm",
    "hour", "jobfunction", "seniority", "industry", "language",
)  # fmt: skip


def said(values: pa.Array) -> pa.Array:
    """The same text, null where the platform writes a dash for nothing."""
    return pc.if_else(
        pc.fill_null(pc.match_substring_regex(values, r"^[-–—]+$"), False),
        nulls(len(values)),
        values,
    )


def number(t: Alternatives, name: str) -> pa.Array:
    """A measure of a report; a dash is no value, what is no number is a defect."""
    values, wrong = numbers(said(t.text(name)))
    t.check("bad_number", wrong)
    return values


def whole(t: Alternatives, name: str) -> pa.Array:
    """A count of a report."""
    values = number(t, name)
    doubles = np.nan_to_num(values.to_numpy(zero_copy_only=False))
    odd = (np.floor(doubles) != doubles) | (doubles < 0) | (doubles > 2**53)
    t.check("bad_number", odd)
    counts = np.where(odd, 0, doubles).astype(np.int64)
    return pa.array(counts, pa.int64(), mask=odd | ~present(values))


def platform(t: Alternatives) -> pa.Array:
    """Which platform each row is of: its column, else its click id, else ``ads``."""
    named = each_unique(t.text("platform"), snake_case)
    for column, owner in CLICK_IDS.items():
        if owner and t.has(column):
            given = pa.array(present(t.text(column)))
            named = coalesce(named, pc.if_else(given, owner, pa.scalar(None, pa.string())))
    return pc.fill_null(named, "ads")


def amount(t: Alternatives) -> pa.Array:
    """What a row cost, in its currency; null where it does not say."""
    micros = number(t, "cost_micros")
    return coalesce(number(t, "cost"), pc.divide(micros, 1e6))


def is_total(t: Alternatives) -> npt.NDArray[np.bool_]:
    """Rows below the report that add the others up: counting them would double the spend."""
    found = np.zeros(len(t), dtype=np.bool_)
    for name in ("day", "campaign"):
        text = pc.utf8_lower(t.text(name))
        found |= mask(pc.match_substring_regex(text, r"^(grand )?totals?\b"))
    return found


def spend_columns(t: Alternatives) -> dict[str, pa.Array | str]:
    """The columns of ``landed_spend``.

    Every row of a campaign's day needs an id of its own, although reports cut the day by devices and
    places that we may not know: rows that otherwise look alike are told apart by their figures, in
    ascending order, so that the same report in another order gives the same ids.
    """
    day, wrong_day = parse_timestamps(t.text("day"))
    stated, wrong_modified = parse_timestamps(t.text("modified"))
    named = day_in_name(t.path)
    exported = pa.repeat(midnight(named), len(t)) if named else pa.nulls(len(t), day.type)
    cost, currency = amount(t), _currency(t)
    impressions, clicks = whole(t, "impressions"), whole(t, "clicks")
    channel, campaign = platform(t), t.text("campaign")
    t.check("missing_date", ~present(t.text("day")))
    t.check("bad_timestamp", wrong_day | wrong_modified)
    t.check("missing_amount", ~present(cost))
    t.check("bad_number", np.abs(np.nan_to_num(cost.to_numpy(zero_copy_only=False))) >= MOST)
    t.check("missing_currency", ~present(currency))
    t.check("bad_currency", ~mask(pc.match_substring_regex(currency, "^[A-Z]{3}$")))
    cuts = [t.records.text(name) for name in _CUTS if t.records.has(name)]
    parts = [t.text(name) for name in ("account", "campaign_id", "ad_group", "ad")]
    date = day.cast(pa.date32()).cast(pa.string())
    key = joined([date, channel, campaign, *parts, *cuts])
    figures = joined([v.cast(pa.string()) for v in (cost, impressions, clicks)])
    return {
        "spend_id": coalesce(t.text("spend_id"), _numbered(key, figures)),
        "spend_date": day.cast(pa.date32()),
        "modified_at": coalesce(stated, exported, day),
        "channel": channel,
        "campaign": campaign,
        "impressions": impressions,
        "clicks": clicks,
        "amount": cost,
        "currency": currency,
    }


def _currency(t: Alternatives) -> pa.Array:
    named = pc.utf8_upper(t.text("currency"))
    for code in _CURRENCIES:
        if any(t.records.has(f"{cost}{code}") for cost in _COSTS):
            return coalesce(named, pa.repeat(code.upper(), len(t)))
    return named


def _numbered(key: pa.Array, figures: pa.Array) -> pa.Array:
    """An id from the key, and the place of the figures among those of the same key."""
    rows = pd.DataFrame({"key": key.to_pylist(), "figures": figures.to_pylist()})
    place = rows.groupby("key")["figures"].rank(method="dense").astype("int64").to_numpy()
    return md5_hex(joined([key, pa.array(place).cast(pa.string())]))
