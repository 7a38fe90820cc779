"""Conversion metrics: what each is, what it counts, and how its figure is computed.

Belongs here: the register of metrics, the facts they are read from, and the tables of what was counted and of
the figures. Does not belong here: finding the outcomes of an episode (``conversions``) or intervals (``rates``).
"""
