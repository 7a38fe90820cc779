"""Commit exports of public repositories: who of which company works on what.

Belongs here: the export's seven columns. Does not belong here: which hosts are review bots
(``policy``). Rows: every record is a signal or a defect; repeated commits stay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import booleans, present
from mqa_platform.sources.delimited import read_with_header
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.timestamps import parse_timestamps

COLUMNS: Final = ("repo", "commit", "author_ts", "author_id", "email_domain", "is_merge")


def git_commits(path: Path, source: Source) -> Landed:
    """Read one export of commits; ``author_ts`` is an epoch, so the author's zone is not needed.

    ``host`` keeps the whole e-mail domain, so that policy can tell review.openstack.org (a bot)
    from openstack.org.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_with_header(path, COLUMNS)
    repo, commit, author = records.text("repo"), records.text("commit"), records.text("authorid")
    moment, host = records.text("authorts"), pc.utf8_lower(records.text("emaildomain"))
    occurred, wrong_time = parse_timestamps(moment)
    merge, wrong_flag = booleans(records.text("ismerge"))

    columns = {
        "source": source.connector,
        "event_id": pc.binary_join_element_wise(repo, commit, "@"),
        "occurred_at": occurred,
        "event": "commit",
        "channel": "code",
        "topic": repo,
        "page_path": pc.if_else(pc.fill_null(merge, False), "/merge", "/commit"),
        "person_ref": pc.binary_join_element_wise("author:", author, ""),
        "email_domain": registrable_domains(host),
        "host": host,
    }
    reasons = first_reason(
        len(records),
        [
            ("missing_id", ~present(repo) | ~present(commit)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
            ("bad_boolean", wrong_flag),
        ],
    )
    return landed_records(source, records, "landed_signals", columns, reasons)
