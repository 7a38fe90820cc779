"""What leaves the platform: messages and records to other systems, each at most once.

Belongs here: the outbox, its journal, and a channel for each system. Does not belong here: what is told to
whom and when (``core``), or reading other systems (``sources``).
"""
