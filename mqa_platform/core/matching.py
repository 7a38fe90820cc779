"""The kernel of names: companies by the words that identify them, distinct names only.

Belongs here: company-name cleaning by distinct value. Does not belong here: who owns an address
(``ip_owners``), the order of the rules and their confidences (``identity``).
"""

from __future__ import annotations

import pyarrow as pa

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.kernel import Kernel

NAME_KEY = pa.schema([("name", pa.string()), ("name_key", pa.string())])


def _name_keys(table: pa.Table) -> pa.Table:
    names = table["name"].to_pylist()
    keys = [clean_company_name(n) or None if n else None for n in names]
    return pa.table({"name": names, "name_key": keys}, schema=NAME_KEY)


NAME_KEYS = Kernel("name_keys", _name_keys, NAME_KEY, {"name": ("name",), "name_key": ("name",)})
