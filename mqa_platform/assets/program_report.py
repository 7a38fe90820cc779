"""The programme report as an asset: one HTML file, and the same pictures and tables in the Dagster UI.

Belongs here: writing the file after the snapshot, and telling Dagster what stands in it. Does not belong here: what
the report says (``reports.program_report``), or gathering it (``program_reports``). It publishes no table.
"""

from typing import Any

import dagster as dg

from mqa_platform.account_pages import write_page
from mqa_platform.assets.platform import Platform
from mqa_platform.assets.registry import spec
from mqa_platform.assets.reporting import PROGRAM_REPORT
from mqa_platform.marts import MartError
from mqa_platform.program_reports import gathered, report_path
from mqa_platform.warehouse.errors import SnapshotMissingError


@dg.multi_asset(specs=[spec(PROGRAM_REPORT)], name=PROGRAM_REPORT)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    """Writes the report of what is published."""
    from mqa_platform.reports.program_report import program_page, section_markdown, sections
    from mqa_platform.reports.program_watch import stale

    home = platform.at()
    try:
        facts = gathered(home)
    except (MartError, SnapshotMissingError) as nothing:
        return dg.MaterializeResult(asset_key=PROGRAM_REPORT, metadata={"says": str(nothing)})
    made = sections(facts)
    page = program_page(facts, made)
    write_page(report_path(home), page)
    told: dict[str, Any] = {
        "as_of": facts.as_of.isoformat(),
        "report": dg.MetadataValue.path(str(report_path(home))),
        "bytes": len(page.encode()),
        "review_due": stale(facts) or "no",
        **{s.id: dg.MetadataValue.md(section_markdown(s)) for s in made},
    }
    return dg.MaterializeResult(asset_key=PROGRAM_REPORT, metadata=told)
