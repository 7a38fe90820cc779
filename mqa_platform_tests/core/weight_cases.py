"""Rows of accounts on days made by hand or by a known law, for the tests of lift and weights."""

from __future__ import annotations

import numpy as np

from mqa_platform.core.calibration.observed import Observed

DAY = 738_000


def rows(x, y, names=None, now=None, account=None, weight=None):
    """One look an account unless told otherwise; who won has his deal ten days after the last look."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    account = np.arange(len(y)) if account is None else np.asarray(account)
    won = np.full(int(account.max()) + 1 if len(y) else 0, np.inf)
    won[account[y > 0]] = DAY + 10
    return Observed(
        components=tuple(names or (f"s{i}" for i in range(x.shape[1]))),
        now=np.asarray(now if now is not None else np.full(x.shape[1], 10.0), dtype=float),
        account=account,
        on=np.full(len(y), DAY),
        x=x,
        y=y,
        weight=np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float),
        won_on=won,
        horizon=90,
    )


def planted(beta, accounts=4000, seed=5, base=-4.0, rate=0.5):
    """Accounts that show each thing a Poisson number of times, and win with log-odds ``base + x·beta``."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(rate, size=(accounts, len(beta))).astype(float)
    y = (rng.random(accounts) < 1 / (1 + np.exp(-(base + x @ np.asarray(beta))))).astype(float)
    return x, y
