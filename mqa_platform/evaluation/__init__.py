"""How good the platform's answers are, measured against known truth.

Belongs here: the figures that ``mqa evaluate`` prints, computed through the production functions. Does not
belong here: the functions that are measured (``core``), or making a market (``market``).
"""
