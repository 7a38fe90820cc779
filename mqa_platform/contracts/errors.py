"""The one error of the contracts package.

Belongs here: what is wrong with a contract, or with rows that do not have its columns. Does not
belong here: rows that break a rule (``warehouse.errors.AuditFailed``).
"""


class ContractError(Exception):
    """A contract cannot be used as written, or a table does not have the contract's columns."""
