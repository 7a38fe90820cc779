"""The stages as Dagster assets: read, call core, publish, say what happened.

Belongs here: one module a stage, thin. Does not belong here: what a number means (``core``), how rows
are kept (``warehouse``).
"""
