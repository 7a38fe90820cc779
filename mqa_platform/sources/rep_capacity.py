"""reps.csv: what RevOps says of each rep that the CRM does not.

Belongs here: the names that such a file gives our columns. Does not belong here: what the CRM says of the
same rep (``core.capacity``), or what a territory or a working day means: they land as written, so that an odd
one is told with its remedy where it is used and never costs a rep his row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.columns import coalesce, mask, present
from mqa_platform.sources.landed import Landed

NAMES: Final = {
    "rep_id": ("repid", "userid", "crmuserid", "ownerid", "salesforceid", "hubspotownerid", "id"),
    "valid_from": ("validfrom", "from", "since", "startson", "startdate", "effectivefrom"),
    "modified": ("modifiedat", "modifiedon", "updatedat", "lastmodified", "lastupdated"),
    "capacity": ("capacityperweek", "weeklycapacity", "capacity", "accountsperweek", "maxperweek"),
    "weight": ("weight", "share"),
    "team": ("team", "salesteam", "segment"),
    "industries": ("industries", "industry", "verticals", "vertical"),
    "regions": ("regions", "region", "territories", "territory", "countries"),
    "postal_prefixes": ("postalprefixes", "postalprefix", "postalcodes", "postal", "zips",
                        "zipprefixes"),
    "employees_min": ("employeesmin", "minemployees", "headcountmin"),
    "employees_max": ("employeesmax", "maxemployees", "headcountmax"),
    "country": ("country", "calendarcountry", "holidaycountry"),
    "time_zone": ("timezone", "tz"),
    "workday_starts": ("workdaystarts", "workdaystart", "starts", "startsat"),
    "workday_ends": ("workdayends", "workdayend", "ends", "endsat"),
    "workdays": ("workdays", "workingdays", "days"),
}  # fmt: skip
_WRITTEN: Final = (
    "team", "industries", "regions", "postal_prefixes", "country", "time_zone", "workday_starts",
    "workday_ends", "workdays",
)  # fmt: skip


def rep_capacity(path: Path, source: Source) -> Landed:
    """Read one file, one rep a row, or several of a rep with the day from which each holds.

    Capacity and weight are numbers of at least 0; a row with another one is a defect. Lists are separated
    by semicolons. A row without ``modified_at`` was changed on the day in the file's name, else when it
    landed.

    Raises:
        SourceError: the file cannot be read, or names no rep.
    """
    t = Alternatives(source, path, NAMES)
    t.require("rep_id")
    rep = t.needed("rep_id", "missing_rep")
    capacity, weight = t.integer("capacity"), t.number("weight")
    least, most = t.integer("employees_min"), t.integer("employees_max")
    for values in (capacity, weight, least, most):
        t.check("negative_number", _negative(values))
    t.check("band_without_sizes", _above(least, most))
    named = day_in_name(path)
    told = t.time("modified")
    if named:
        told = coalesce(told, pa.repeat(midnight(named), len(t)))
    columns = {
        "rep_id": rep,
        "valid_from": t.time("valid_from").cast(pa.date32()),
        "modified_at": told,
        "capacity_per_week": capacity,
        "weight": weight,
        "employees_min": least,
        "employees_max": most,
        **{name: t.text(name) for name in _WRITTEN},
    }
    return t.landed_once("landed_rep_capacity", columns)


def _negative(values: pa.Array) -> np.ndarray:
    return np.asarray(np.nan_to_num(values.to_numpy(zero_copy_only=False)) < 0, dtype=np.bool_)


def _above(low: pa.Array, high: pa.Array) -> np.ndarray:
    return present(low) & present(high) & mask(pc.greater(low, high))
