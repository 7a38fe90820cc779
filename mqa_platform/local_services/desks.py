"""The two local CRMs with their page: what a row of it shows, and where an answer is written.

Belongs here: the servers that ``mqa local-crm`` starts. Does not belong here: the page (``pages``), or the APIs
(``salesforce``, ``hubspot``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from mqa_platform.local_services import crm_files, pages
from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.local_services.server import Answer, Asked

REASONS: Final = ("no_response", "timing", "price", "no_decision", "bad_fit", "competitor")
_STATUSES: Final = {"accepted": "Accepted", "rejected": "Rejected"}
# What our own fields and keys are called, in both CRMs.
_OURS: Final = ("mqa_",)
_TASK: Final = ("Subject", "Status", "ActivityDate", "OwnerId", "WhatId", "Description")
_HUBSPOT_TASK: Final = ("hs_task_subject", "hs_task_status", "hs_timestamp", "hubspot_owner_id")


class SalesforceDesk(LocalSalesforce):
    """The local Salesforce with a page of its accounts and tasks.

    Args:
        status: the account's field that sales answers in.
        reason: the field of the reason.
    """

    def __init__(
        self, status: str = "Sales_Status__c", reason: str = "Sales_Status_Reason__c"
    ) -> None:
        super().__init__()
        self.status, self.reason = status, reason
        self.desk = pages.Desk("Local Salesforce", REASONS, _STATUSES)

    def fill(self, folder: Path, fields: Iterable[str] = ()) -> dict[str, int]:
        """Take the records of an export and make the fields that are written; how many by object."""
        found = crm_files.fill_salesforce(self, folder)
        for name in (self.status, self.reason, *fields):
            if name not in self.types.get("Account", {}):
                self.field("Account", name)
        for name in ("WhatId", "WhoId", "AccountId", "OwnerId", "Subject", "Status", "Priority"):
            if name not in self.types.get("Task", {}):
                self.field("Task", name)
        for name, kind in (("ActivityDate", "date"), ("Description", "textarea")):
            if name not in self.types.get("Task", {}):
                self.field("Task", name, kind)
        return found

    def answer(self, asked: Asked) -> Answer:
        """See ``Service.answer``."""
        if not pages.is_of_browser(asked):
            return super().answer(asked)
        if asked.path == "/":
            return pages.page(self.desk, self._accounts(), self._tasks())
        given = pages.answered(self.desk, asked) if asked.method == "POST" else None
        if given is None:
            return pages.not_ours()
        account, status, reason = given
        values = {self.status: status, self.reason: reason or None}
        written = self.update("Account", account, values, self.now())
        return pages.not_ours() if written.problem else pages.seen()

    def _accounts(self) -> list[pages.Line]:
        live = [r for r in self.rows.get("Account", []) if r.get("IsDeleted") is not True]
        live.sort(key=lambda r: str(r.get("SystemModstamp")), reverse=True)
        shown = [c for c in self.types.get("Account", {}) if c.lower().startswith(_OURS)]
        return [_line(r, "Id", ("Name", *shown, self.status, self.reason)) for r in live]

    def _tasks(self) -> list[pages.Line]:
        open_ = [r for r in self.rows.get("Task", []) if r.get("Status") != "Completed"]
        return [_line(r, "Id", _TASK) for r in reversed(open_)]


class HubSpotDesk(LocalHubSpot):
    """The local HubSpot with the same page.

    Args:
        status: the company's property that sales answers in.
        reason: the property of the reason.
    """

    def __init__(self, status: str = "sales_status", reason: str = "sales_status_reason") -> None:
        super().__init__()
        self.status, self.reason = status, reason
        self.desk = pages.Desk("Local HubSpot", REASONS, _STATUSES)

    def fill(self, folder: Path, fields: Iterable[str] = ()) -> dict[str, int]:
        """Take the records of an export and make the properties that are written; how many of each."""
        found = crm_files.fill_hubspot(self, folder)
        for name in (self.status, self.reason, *fields):
            self.fields.setdefault("companies", {}).setdefault(name, False)
        for name in (*_HUBSPOT_TASK, "hs_task_body", "hs_task_type", "hs_task_priority"):
            self.fields.setdefault("tasks", {}).setdefault(name, False)
        return found

    def answer(self, asked: Asked) -> Answer:
        """See ``Service.answer``."""
        if not pages.is_of_browser(asked):
            return super().answer(asked)
        if asked.path == "/":
            return pages.page(self.desk, self._companies(), self._tasks())
        given = pages.answered(self.desk, asked) if asked.method == "POST" else None
        ids = self.found("companies", "", given[0]) if given else []
        if given is None or not ids:
            return pages.not_ours()
        values = {self.status: given[1], self.reason: given[2]}
        self.put("companies", ids[0], int(self.now() * 1000), **values)
        return pages.seen()

    def _companies(self) -> list[pages.Line]:
        known = self.objects.get("companies", {})
        live = [(i, r) for i, r in known.items() if "archived_at" not in r]
        live.sort(key=lambda pair: -int(pair[1]["at"]))
        shown = [n for n in self.names("companies") if n.lower().startswith(_OURS)]
        names = ("name", *shown, self.status, self.reason)
        return [_line({"id": i, **r["properties"]}, "id", names) for i, r in live]

    def _tasks(self) -> list[pages.Line]:
        known = self.objects.get("tasks", {})
        shown = [{"id": i, **r["properties"]} for i, r in known.items() if "archived_at" not in r]
        return [_line(r, "id", _HUBSPOT_TASK) for r in reversed(shown)]


def _line(row: Mapping[str, Any], key: str, names: Iterable[str]) -> pages.Line:
    return pages.Line(str(row[key]), {name: row.get(name) for name in names})
