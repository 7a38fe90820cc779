"""The pure heart of the platform: ibis tables in, ibis tables out.

Belongs here: what the numbers and the words mean. Does not belong here: dagster, files, sockets, SQL
text, the clock or the environment; the day is always an argument.
"""
