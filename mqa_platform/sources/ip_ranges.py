"""Address ranges: offices, networks by AS number, hosting, crawlers and VPNs.

Belongs here: the four file formats. Does not belong here: which range wins for an address, or what
a network's name says about it (``core``, ``policy``). Rows: every line is a range or a defect.
Addresses are IPv4 or IPv6, also mixed in one file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.addresses import UNKNOWN, ipv4_ranges, ipv6_ranges
from mqa_platform.sources.columns import each_unique, integers, mask, present, tidy
from mqa_platform.sources.delimited import Records, read_with_header, read_without_header
from mqa_platform.sources.files import text_lines
from mqa_platform.sources.landed import Landed, Mask, first_reason, refuse_foreign
from mqa_platform.sources.names import clean_company_name, clean_company_names, registrable_domains
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.timestamps import parse_timestamps

BAD_RANGE: Final = "bad_ip_range"
_REMEDY: Final = "It must have the columns start,end,asn,org and no header."
_OFFICE: Final = ("org", "range_start_or_cidr", "range_end")
_ASN_LINE: Final = r'^\s*"?(?:AS)?(?P<asn>\d{1,10})"?\s*,\s*"?(?P<org>.*?)"?\s*$'


def office_ip_ranges(path: Path, source: Source) -> Landed:
    """Read office networks: a CIDR block, one address, ``first-last`` or two columns.

    ``valid_from`` and ``valid_to``, where given, are the first day that the range is the company's and the
    first day that it no longer is.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_with_header(path, _OFFICE)
    org = records.text("org")
    first, last = records.text("rangestartorcidr"), records.text("rangeend")
    begins, ends = (records.text(name) for name in ("validfrom", "validto"))
    days = [parse_timestamps(text)[0].cast(pa.date32()) for text in (begins, ends)]
    unread = [present(t) & ~present(d) for t, d in zip((begins, ends), days, strict=True)]
    never = mask(pc.greater_equal(days[0], days[1]))
    columns = _ranges(first, last) | {
        "valid_from": days[0],
        "valid_to": days[1],
        "kind": source.kind or "office",
        "org": org,
        "org_key": clean_company_names(org),
        "domain": registrable_domains(records.text("domain")),
    }
    checks = [("missing_org", ~present(org)), *_range_checks(columns)]
    checks += [("bad_validity", unread[0] | unread[1] | never)]
    return _landed(source, records, columns, checks)


def asn_ranges(path: Path, source: Source) -> Landed:
    """Read ``start,end,asn,org`` without header: which network announces which addresses.

    Raises:
        SourceError: the file cannot be read, or no record of it has the form.
    """
    records = read_without_header(path, ("start", "end", "asn", "org"), _REMEDY)
    first, last, org = records.text("start"), records.text("end"), records.text("org")
    number, wrong = integers(records.text("asn"))
    columns = _ranges(first, last) | {
        "kind": source.kind or "asn",
        "org": org,
        "org_key": clean_company_names(org),
        "asn": number,
    }
    checks = [*_range_checks(columns), ("bad_asn", wrong | ~present(number))]
    reasons = first_reason(len(records), checks)
    refuse_foreign(path, reasons, BAD_RANGE, "start,end,asn,org")
    return _landed(source, records, columns, checks)


def cidr_list(path: Path, source: Source) -> Landed:
    """Read one range a line; ``#`` begins a comment. The file's name is the organisation.

    Raises:
        SourceError: the file cannot be read, or no line of it is a range.
    """
    lines = tidy(pc.replace_substring_regex(text_lines(path), r"#.*$", ""))
    lines = lines.filter(lines.is_valid())
    records = Records(pa.table({"line": lines}), [])
    org = path.name.partition(".")[0]
    columns = _ranges(lines, None) | {
        "kind": source.kind or "hosting",
        "org": org,
        "org_key": clean_company_name(org),
    }
    checks = _range_checks(columns)
    refuse_foreign(path, first_reason(len(records), checks), BAD_RANGE, "an address range")
    return _landed(source, records, columns, checks)


def asn_list(path: Path, source: Source) -> Landed:
    """Read ``ASN,Entity`` lines, whatever their quotes; ranges are -1 because AS numbers have none.

    Raises:
        SourceError: the file cannot be read, or no line of it names an AS number.
    """
    lines = text_lines(path)
    if len(lines) and lines[0].as_py().strip().casefold().startswith("asn"):
        lines = lines.slice(1)
    parts = pc.extract_regex(lines, _ASN_LINE)
    number, _ = integers(pc.struct_field(parts, "asn"))
    org = tidy(pc.struct_field(parts, "org"))
    columns: dict[str, Any] = {
        "source": source.connector,
        "kind": source.kind or "hosting",
        "range_start": UNKNOWN,
        "range_end": UNKNOWN,
        "org": org,
        "org_key": each_unique(org, clean_company_name),
        "asn": number,
    }
    records = Records(pa.table({"line": lines}), [])
    checks = [("bad_asn", ~present(number))]
    refuse_foreign(path, first_reason(len(records), checks), "bad_asn", "an AS number and a name")
    return _landed(source, records, columns, checks)


def _ranges(first: pa.Array, last: pa.Array | None) -> dict[str, Any]:
    start, end = ipv4_ranges(first, last)
    start6, end6 = ipv6_ranges(first, last)
    return {
        "range_start": pa.array(start),
        "range_end": pa.array(end),
        "ipv6_start": start6,
        "ipv6_end": end6,
    }


def _range_checks(columns: dict[str, Any]) -> list[tuple[str, Mask]]:
    wrong: Mask = (columns["range_start"].to_numpy() == UNKNOWN) & ~present(columns["ipv6_start"])
    return [(BAD_RANGE, wrong)]


def _landed(
    source: Source, records: Records, columns: dict[str, Any], checks: list[tuple[str, Mask]]
) -> Landed:
    reasons = first_reason(len(records), checks)
    complete = {"source": source.connector, **columns}
    return landed_records(source, records, "landed_ip_ranges", complete, reasons)
