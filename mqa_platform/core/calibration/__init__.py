"""Calibration: what the numbers say about the policy itself, as proposals that somebody has to approve.

Belongs here: the threshold solver (``entries``, ``room``, ``curve``, ``solver``, ``proposals``), the weights, the
backtest and the watch over drift. Does not belong here: applying any of it (``promoting``).
"""
