"""The ad platform's report: what each campaign cost on each day, in Google Ads' columns.

Belongs here: costs and impressions of the clicks that the market has. Does not belong here: whose visits come
by a campaign (``behaviour``), or what the platform makes of spend (``core.spend``).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import DAY, MarketConfig, Month
from mqa_platform.market.mail_files import write_table
from mqa_platform.market.signals import Signals
from mqa_platform.market.streams import stream

# Google Ads search, all industries (WordStream, 2025): dollars a click, and clicks an impression.
_COST_PER_CLICK = 5.26
_CLICK_RATE = 0.0317
# What a click costs differs from day to day; impressions come without any click, too.
_SPREAD = 0.2
_UNSEEN = 20


def write_ad_spend(config: MarketConfig, visits: Signals, month: Month, folder: Path) -> int:
    """Write a month's report, a row a day and campaign; returns the rows.

    Every visit that carries a campaign is a click that was paid for, whoever made it: machines too.
    """
    rng = stream(config, "ad spend", month.index)
    campaigns = words.CAMPAIGNS[1:]
    paid = (visits.campaign > 0) & (visits.at >= month.lo) & (visits.at < month.hi)
    place = (visits.at[paid] - month.lo) // DAY * len(campaigns) + visits.campaign[paid] - 1
    clicks = np.bincount(place, minlength=month.days * len(campaigns))
    price = _COST_PER_CLICK * np.exp(rng.normal(-(_SPREAD**2) / 2, _SPREAD, len(clicks)))
    missed = rng.poisson(clicks * (1 - _CLICK_RATE) / _CLICK_RATE + _UNSEEN)
    days = [(month.first_day + timedelta(days=k)).isoformat() for k in range(month.days)]
    table = pa.table(
        {
            "day": [d for d in days for _ in campaigns],
            "campaign": list(campaigns) * month.days,
            "platform": ["google"] * len(clicks),
            "currency_code": ["USD"] * len(clicks),
            "impressions": clicks + missed,
            "clicks": clicks,
            "cost": np.round(clicks * price, 2),
        }
    )
    write_table(table, folder / f"spend-{month.first_day.isoformat()}.csv")
    return table.num_rows
