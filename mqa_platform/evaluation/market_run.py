"""A synthetic market made, landed and resolved for an evaluation.

Belongs here: running the stages up to touchpoints through the functions the assets run. Does not belong
here: judging the answers (``market_identity``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from pyarrow import parquet

from mqa_platform.assets import sessions, signals, sources
from mqa_platform.assets.platform import Step
from mqa_platform.core.window import Window
from mqa_platform.evaluation.market_identity import market_figures
from mqa_platform.evaluation.measures import Facts
from mqa_platform.evaluation.scratch import scratch_home, session_of
from mqa_platform.market import MarketConfig, generate
from mqa_platform.policy.loader import load_policy, policy_version

HARD_CASES = 0.1
DAYS = 60
STARTS_ON = date(2025, 7, 1)
_TRUTH = ("signal_account", "accounts", "people")
Tell = Callable[[str], None]


def evaluate_market(accounts: int, seed: int, tell: Tell = lambda _: None) -> Facts:
    """The figures of a market of that size, with the packaged policy; nothing of it is kept."""
    config = MarketConfig(accounts, DAYS, seed, STARTS_ON, HARD_CASES)
    window = Window(STARTS_ON, STARTS_ON + timedelta(days=DAYS))
    policy = load_policy(None)
    with scratch_home() as home:
        tell("making the market")
        summary = generate(config, home.root)
        truth = {n: parquet.read_table(home.truth / f"{n}.parquet") for n in _TRUTH}
        with session_of(home) as session:
            step = Step(session, home, policy, policy_version(policy), "evaluation")
            for name, work in (
                ("landing", sources.land),
                ("CRM history", sources.crm),
                ("signals", signals.signals),
                ("identity", sessions.sessions),
            ):
                tell(name)
                work(step, window)
            tell("comparing")
            found = market_figures(session, truth, window)
    stated = {"accounts": accounts, "days": DAYS, "seed": seed, "hard_cases": HARD_CASES}
    return {**stated, "rows": summary.signal_rows, **found}
