"""Target lists and exclusion lists: companies that somebody wants, or wants left alone.

Belongs here: the names that such lists give our columns, and which entry is which. Does not belong
here: what being on a list does to an account (``core.account_lists``).

An entry stays until its end date: delivering the list again without it does not remove it, because a
list is often delivered in parts. Rows: every record is an entry, an exact repeat, or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.columns import coalesce, each_unique, mask, present
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import clean_company_names, registrable_domains, snake_case
from mqa_platform.sources.schemas import LIST_KINDS, TIMESTAMP
from mqa_platform.sources.timestamps import EARLIEST

NAMES: Final = {
    "entry_id": ("entryid", "id", "rowid", "recordid"),
    "account_id": ("accountid", "crmid", "crmaccountid", "salesforceid", "salesforceaccountid",
                   "hubspotid", "hubspotcompanyid"),
    "domain": ("domain", "companydomain", "website", "companywebsite", "url", "homepage",
               "emaildomain"),
    "company": ("companyname", "company", "name", "account", "accountname", "organization",
                "organisation"),
    "reason": ("reason", "why", "exclusionreason", "suppressionreason", "category"),
    "owner": ("owner", "addedby", "requestedby", "createdby", "listname", "list"),
    "from": ("from", "validfrom", "startdate", "startson", "since", "effectivefrom", "addedon",
             "dateadded"),
    "until": ("until", "validto", "enddate", "endson", "expires", "expireson", "expirydate",
              "effectiveto", "removedon"),
    "modified": ("modifiedat", "modifiedon", "updatedat", "lastmodified", "lastupdated"),
}  # fmt: skip
# The reasons of the published table, and the words that mean them.
REASONS: Final = {
    "competition": "competitor", "competitors": "competitor", "rival": "competitor",
    "partners": "partner", "reseller": "partner", "alliance": "partner",
    "dnc": "do_not_contact", "do_not_call": "do_not_contact", "do_not_email": "do_not_contact",
    "opt_out": "do_not_contact", "opted_out": "do_not_contact", "unsubscribed": "do_not_contact",
    "lawsuit": "legal", "litigation": "legal", "legal_hold": "legal", "sanctions": "legal",
    "own": "own_company", "internal": "own_company", "us": "own_company",
}  # fmt: skip


def account_list(path: Path, source: Source) -> Landed:
    """Read one list, one company a row, by CRM id, domain or name.

    ``kind`` of the source says which list it is. The end date is the first day on which the entry no
    longer holds. An entry without a start holds since the row was changed, or since the day in the
    file's name; a list without any date has always held, like any list that does not say. The reason
    stays as written, in the policy's spelling; an exclusion is never lost over an unknown reason.

    Raises:
        SourceError: the file cannot be read, names no company, or the source has no kind.
    """
    t = Alternatives(source, path, NAMES)
    if len(t) and source.kind not in LIST_KINDS:
        raise SourceError(
            path,
            "the source does not say which kind of list this is",
            "Set kind: target or kind: exclusion beside its path in sources.yaml.",
        )
    t.require("domain", "company", "account_id")
    account, company, given = t.text("account_id"), t.text("company"), t.text("domain")
    domain, cleaned = registrable_domains(_hosts(given)), clean_company_names(company)
    t.check("bad_domain", present(given) & ~present(domain))
    t.check("missing_company", ~present(account) & ~present(domain) & ~present(cleaned))
    named = day_in_name(path)
    since, until = t.time("from").cast(pa.date32()), t.time("until").cast(pa.date32())
    known = midnight(named) if named else pa.scalar(EARLIEST, TIMESTAMP)
    modified = coalesce(t.time("modified"), pa.repeat(known, len(t)))
    starts = coalesce(since, modified.cast(pa.date32()))
    t.check("ends_before_it_starts", mask(pc.less_equal(until, starts)))
    # A company may be listed twice, for two stretches of time.
    company_key = coalesce(account, domain, cleaned)
    dated = pc.binary_join_element_wise(company_key, since.cast(pa.string()), " ")
    columns = {
        "list": source.kind or "target",
        "entry_id": coalesce(t.text("entry_id"), dated, company_key),
        "modified_at": modified,
        "account_id": account,
        "domain": domain,
        "company_name": company,
        "reason": each_unique(t.text("reason"), _reason),
        "owner": t.text("owner"),
        "valid_from": starts,
        "valid_to": until,
    }
    return t.landed_once("landed_lists", columns)


def _hosts(values: pa.Array) -> pa.Array:
    """Domains out of what people put into such a column: hosts, addresses of pages and of people."""
    return pc.replace_substring_regex(values, r"^[^@/]*@", "")


def _reason(text: str) -> str | None:
    word = snake_case(text)
    return REASONS.get(word, word) if word else None
