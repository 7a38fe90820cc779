"""What writes records to a CRM: a batch in, an answer for each record out.

Belongs here: the shape of a record, of an answer, and of whoever writes. Does not belong here: which records
(``core.crm_changes``), how often one is tried (``crm_sending``), or any one CRM.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Result = Literal["sent", "again", "refused"]


@dataclass(frozen=True)
class Record:
    """The fields of one account.

    Attributes:
        account_id: ours.
        key: the value of the CRM's key field that finds it.
        fields: their field → its value; None empties it.
    """

    account_id: str
    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What became of one record: ``sent``; ``again``: not now, such as a locked row; ``refused``."""

    account_id: str
    result: Result
    error: str | None = None


class CrmWriter(ABC):
    """One CRM. Writing the same values twice leaves what writing them once does."""

    name: str

    @abstractmethod
    def batch_size(self, records: int) -> int:
        """How many records one call takes, when so many are to be written."""

    @abstractmethod
    def write(self, records: Sequence[Record], *, by_record_id: bool = False) -> list[Written]:
        """Write one batch; a record without an answer counts as ``again``.

        Args:
            records: at most ``batch_size``.
            by_record_id: ``key`` is the CRM's own id of the record, whatever the key field is.

        Raises:
            BatchRefusedError: nothing was done because of one of the records.
            DestinationError: the CRM cannot be used: its secret, its address, a right, a field.
            OSError: no usable answer; the CRM may have done it or not.
        """

    @abstractmethod
    def read(self, keys: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What stands in these fields, by key; a record that is not there is left out.

        Raises:
            DestinationError, OSError: it could not be read.
        """

    def known(self, records: Sequence[Record]) -> tuple[list[Record], list[Written]]:
        """Those that the CRM finds by our key, and an answer for the others: to upsert them would make records.

        Raises:
            DestinationError, OSError, BatchRefusedError: it could not be read.
        """
        there = self.read([r.key for r in records], [])
        said = "NOT_LINKED: no record of the CRM carries this key; run: mqa crm link"
        lost = [Written(r.account_id, "refused", said) for r in records if r.key not in there]
        return [r for r in records if r.key in there], lost

    @abstractmethod
    def close(self) -> None:
        """Give the connections back."""
