"""Data contracts: what a published table promises, read from ``data_contracts/*.yaml`` (ODCS v3.1).

Belongs here: reading contracts, and the rules they imply. Does not belong here: writing tables or
running the rules (``warehouse``). Importing this package loads neither ibis backends nor Great
Expectations.
"""

from mqa_platform.contracts.errors import ContractError
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Column, Contract, Rule

__all__ = ["Column", "Contract", "ContractError", "Rule", "load_contracts"]
