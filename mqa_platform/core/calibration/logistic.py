"""The logistic model behind weights: additive as a receipt is, and it keeps every sign.

Belongs here: the fit, and coefficients as points. Does not belong here: intervals and what may be proposed
(``weights``), or the rows (``observed``).

The log-odds of a deal that is won are additive in how often each thing was seen, so a coefficient is a weight up to
one factor. That factor leaves the mean score of all rows as it is: a threshold means after as before. The penalty is
scikit-learn's (ridge on standardised columns, C = 1), but its ``LogisticRegression`` knows no bounds. That a signal of
interest must not count against an account is a bound on its coefficient, so ``scipy.optimize`` (L-BFGS-B, Byrd et
al. 1995) minimises the same loss within bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mqa_platform.core.calibration.observed import Floats, Observed

RIDGE = 1.0


@dataclass(frozen=True)
class Fit:
    """Coefficients a unit of each column, and what they gain over no column at all, in log-likelihood."""

    beta: Floats
    intercept: float
    gain: float


def fit(x: Floats, y: Floats, weight: Floats, signs: Floats, start: Floats | None = None) -> Fit:
    """The weighted, ridge-penalised logistic model with each coefficient at or on its side of zero.

    Args:
        x: rows × columns, in units.
        y: 0 or 1.
        weight: of each row.
        signs: +1 or −1 a column.
        start: coefficients to begin with.
    """
    from scipy.optimize import minimize

    total, won = float(weight.sum()), float(weight @ y)
    if not 0 < won < total:
        return Fit(np.zeros(x.shape[1]), 0.0, 0.0)
    middle = weight @ x / total
    spread = np.sqrt(weight @ (x - middle) ** 2 / total)
    safe = np.where(spread > 1e-9, spread, 1.0)
    z = (x - middle) / safe

    def loss(b: Floats) -> tuple[float, Floats]:
        eta = b[0] + z @ b[1:]
        p = 1 / (1 + np.exp(-np.clip(eta, -35, 35)))
        value = weight @ (np.logaddexp(0, eta) - y * eta) + RIDGE / 2 * float(b[1:] @ b[1:])
        off = weight * (p - y)
        return float(value), np.concatenate([[off.sum()], z.T @ off + RIDGE * b[1:]])

    first = np.zeros(x.shape[1] + 1)
    first[0] = math.log(won / (total - won))
    nothing = loss(first)[0]
    if start is not None:
        first[1:] = start * safe
    # A column without any spread says nothing, and its coefficient stays 0.
    bounds = [(None, None)] + [
        (0.0, 0.0) if s <= 1e-9 else ((0.0, None) if sign > 0 else (None, 0.0))
        for s, sign in zip(spread, signs, strict=True)
    ]
    found = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds)
    beta = found.x[1:] / safe
    return Fit(beta, float(found.x[0] - middle @ beta), nothing - float(found.fun))


def in_points(beta: Floats, o: Observed) -> Floats | None:
    """Coefficients as weights of the size that leaves the mean score as it is; None where nothing counts.

    Units of a column with a negative weight count down in the score, and so does its coefficient.
    """
    mean = o.weight @ o.x / o.weight.sum()
    asked, now = float(mean @ beta), float(mean @ o.now)
    return beta * (now / asked) if asked > 1e-12 and now > 0 else None
