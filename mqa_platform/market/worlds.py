"""The worlds a market can be: how many people buy, who they are, and whose signals mean anything.

Belongs here: each world's parameters and why they are what they are. Does not belong here: the draws that
use them (``intent``, ``behaviour``, ``vendors``).

* **committee**: three to nine people research together (first seed article); the world that account scoring
  was made for.
* **single_buyer**: one person tries, decides and pays; "one buyer per deal" is "the consumer or self-serve
  reality" that the MQL model was made for (first seed article). That person signs up early, so visits carry
  the address, and does alone what a committee shares out: three times the visits of a committee's member is
  chosen.
* **no_signal**: what is seen tells nothing. As many accounts behave like buyers as in the committee world,
  and others, drawn apart from them, buy. A model that finds lift here fools itself.
* **wrong_icp**: the buyers are companies that our profile refuses.
* **noisy_intent**: the intent vendor's surges fall on accounts drawn at random, as many as elsewhere. An
  published backtest of 1,200 accounts found a vendor's score without value (p = 0.42).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from mqa_platform.market.config import World


@dataclass(frozen=True)
class Parameters:
    """What one world changes.

    ``people`` is the range of active people, the last one not included; ``visits`` the mean number of
    visits of each; ``names_themselves`` the share whose visits carry the address; ``surges``,
    ``asks_demo`` shares of episodes; ``buys_fit`` and ``buys_other`` the shares of accounts inside and
    outside the profile that buy in 180 days.
    """

    people: tuple[int, int] = (3, 10)
    visits: float = 5.5
    names_themselves: float = 0.45
    surges: float = 0.7
    asks_demo: float = 0.35
    buys_fit: float = 0.11
    buys_other: float = 0.01
    is_seen: bool = True
    vendor_is_right: bool = True


_COMMITTEE = Parameters()
WORLDS = MappingProxyType[World, Parameters](
    {
        "committee": _COMMITTEE,
        # One person's research hardly shows in a co-operative's data, and trying replaces the demo.
        "single_buyer": Parameters(
            people=(1, 2), visits=16.5, names_themselves=0.9, surges=0.1, asks_demo=0.1
        ),
        "no_signal": Parameters(is_seen=False),
        "wrong_icp": Parameters(buys_fit=0.01, buys_other=0.11),
        "noisy_intent": Parameters(vendor_is_right=False),
    }
)
