"""The synthetic market: a seeded go-to-market world with known truth.

It writes the files that vendors would send, and apart from them what was really true. Demo, tests
and benchmarks use it. It imports nothing of the platform: a world that knew the policy or the
scoring would flatter them.
"""

from mqa_platform.market.config import MarketConfig, MarketError, MarketSummary
from mqa_platform.market.generation import generate

__all__ = ["MarketConfig", "MarketError", "MarketSummary", "generate"]
