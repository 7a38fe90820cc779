"""Tables in which a loader keeps the CRM's own schema: its properties, and the options of each.

Belongs here: reading those two tables of an export of HubSpot. Does not belong here: asking the service
(``crm_described``), or deciding with them (``crm_proposal``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from mqa_platform.sources.columns import booleans
from mqa_platform.sources.crm_recognition import words_of
from mqa_platform.sources.record_table import Records, canonical

_OPTION: Final = frozenset({"propertyid", "label", "value"})
_PROPERTY: Final = frozenset({"name", "label", "hubspotobject", "fieldtype"})


class PropertyTables:
    """Collects both tables, in whatever order they come.

    Args:
        objects: the mapping's names of objects; ``contact`` in a table is ``contacts`` there.
    """

    def __init__(self, objects: Iterable[str]) -> None:
        self._objects = {tuple(words_of(name)): name for name in objects}
        self._properties: dict[str, tuple[str, str, str]] = {}
        self._options: list[tuple[str, str, str, str]] = []

    def take(self, file: str, records: Records) -> str:
        """Read a file if it is one of the two; returns what it was read as, else ""."""
        columns = set(records.table.column_names)
        if columns >= _OPTION:
            return self._take_options(records)
        return self._take_properties(file, records) if columns >= _PROPERTY else ""

    def labels(self) -> dict[str, dict[str, str]]:
        """Object → canonical name of a property → its label."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for object, name, label in self._properties.values():
            found[object][canonical(name)] = label
        return dict(found)

    def options(self) -> dict[str, dict[str, list[str]]]:
        """Object → canonical name of a property → the values that it offers."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for property, object, name, value in self._options:
            whose, called, _ = self._properties.get(property, (object, name, ""))
            if whose:
                found[whose][canonical(called)].append(value)
        return {object: dict(values) for object, values in found.items()}

    def _take_properties(self, file: str, records: Records) -> str:
        keys = records.text("fivetranid", "propertyid", "id").to_pylist()
        columns = [records.text(c).to_pylist() for c in ("hubspotobject", "name", "label")]
        for at, (object, name, label) in enumerate(zip(*columns, strict=True)):
            whose = self._object(object)
            if whose and name:
                self._properties[keys[at] or f"{file}:{at}"] = (whose, name, label or name)
        return f"lands nothing; read as the list of {len(records)} properties"

    def _take_options(self, records: Records) -> str:
        names = ("propertyid", "hubspotobject", "name", "value", "label")
        columns = [records.text(c).to_pylist() for c in names]
        hidden = booleans(records.text("hidden"))[0].to_pylist()
        for at, (property, object, name, value, label) in enumerate(zip(*columns, strict=True)):
            if value and not hidden[at]:
                self._options.append((property or "", self._object(object), name or "", value))
            # The export of the user interface writes the label.
            if label and label != value and not hidden[at]:
                self._options.append((property or "", self._object(object), name or "", label))
        return f"lands nothing; read as the list of {len(records)} options"

    def _object(self, name: str | None) -> str:
        return self._objects.get(tuple(words_of(name or "")), "")
