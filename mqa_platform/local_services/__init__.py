"""Services on this machine that speak the documented APIs of a CRM and of a chat.

Belongs here: servers for the demo and the tests, their records, and faults on demand. Does not belong here:
anything that the pipeline uses; nothing of it is imported by a run.
"""
