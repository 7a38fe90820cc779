"""Who owns the addresses of signals, for the stages that ask.

Belongs here: which tables that takes. Does not belong here: the look-up (``core.ip_owners``), or
dropping addresses (``sources.retention``).
"""

import ibis.expr.types as ir

from mqa_platform.assets.platform import Step
from mqa_platform.core.expressions import shard
from mqa_platform.core.ip_answers import addresses, with_stored
from mqa_platform.core.ip_owners import ip_lookup


def ip_answers(step: Step, signals: ir.Table) -> ir.Table:
    """One answer an address of the signals, looked up or stored before the address was dropped."""
    ips = addresses(signals)
    ranges = step.session.arrow(step.table("landed_ip_ranges"))
    live = step.session.apply(ip_lookup(ranges), ips.mutate(shard=shard(ips["ip"])), "shard")
    return with_stored(live, step.table("landed_ip_answers"), signals)
