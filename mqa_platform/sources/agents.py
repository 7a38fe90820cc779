"""Which user agents are bots.

Belongs here: the published crawler patterns, applied once per distinct agent. Does not belong
here: bots told by address (``ip_ranges``) or by behaviour (``core``).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, mask

# Alternations of this size keep the automaton small; one of all 1,500 patterns is 8 times slower.
_PATTERNS_AT_ONCE = 100


@cache
def _alternations() -> tuple[str, ...]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    patterns = [f"(?:{entry['pattern']})" for entry in CRAWLER_USER_AGENTS_DATA]
    steps = range(0, len(patterns), _PATTERNS_AT_ONCE)
    return tuple("|".join(patterns[at : at + _PATTERNS_AT_ONCE]) for at in steps)


def bot_agents(agents: pa.Array, *, blank_is_bot: bool) -> npt.NDArray[np.bool_]:
    """Where the agent is a crawler; null (the format carries none) is never a bot.

    Args:
        agents: user agents as written by the vendor.
        blank_is_bot: whether an agent given but empty, or ``-``, is a bot. No browser sends that,
            but a CSV cell cannot tell an empty agent from one that was never recorded.
    """
    encoded = flat(agents).dictionary_encode()
    distinct = encoded.dictionary
    crawler = np.zeros(len(distinct), dtype=np.bool_)
    for alternation in _alternations() if len(distinct) else ():
        crawler |= mask(pc.match_substring_regex(distinct, alternation))
    if blank_is_bot:
        crawler |= mask(pc.is_in(pc.utf8_trim_whitespace(distinct), pa.array(["", "-"])))
    return mask(pa.array(crawler, pa.bool_()).take(encoded.indices))
