"""Connectors: vendor files in, Arrow tables of the landed schemas and a list of defects out.

Belongs here: reading what vendors write, and saying what could not be read. Does not belong here:
writing Parquet or the warehouse (``landing``), or deciding what a row is worth (``core``).
``registry.CONNECTORS`` is the front door.
"""
