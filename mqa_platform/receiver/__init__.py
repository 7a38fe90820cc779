"""The receiver of signed webhooks: a small server that writes to disk before it answers.

Belongs here: checking signatures, keeping what was received, and serving. Does not belong here: what a
webhook means (``sources.received``, ``destinations.answers``). It reads no table and holds no state.
"""
