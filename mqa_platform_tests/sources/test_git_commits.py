from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = "repo,commit,author_ts,tz,author_id,email_domain,is_merge\n"


def test_a_commit_is_an_act_of_its_author(write: Write, read: Read) -> None:
    content = HEADER + "o/k,abc,1302804640,-0700,p1,us.ibm.com,0\no/k,abd,1302804641,+0000,p1,,1\n"
    landed = read("git_commits", write("a.csv", content))
    commit, merge = landed.tables["landed_signals"].to_pylist()
    assert commit["event_id"] == "o/k@abc"
    assert (commit["event"], commit["page_path"], commit["topic"]) == ("commit", "/commit", "o/k")
    assert (commit["person_ref"], commit["email_domain"]) == ("author:p1", "ibm.com")
    assert commit["host"] == "us.ibm.com"
    assert commit["occurred_at"].timestamp() == 1302804640
    assert (merge["page_path"], merge["email_domain"]) == ("/merge", None)


def test_bad_commits_say_why(write: Write, read: Read) -> None:
    content = HEADER + "o/k,,1302804640,,p,a.com,0\no/k,a,,,p,a.com,0\no/k,b,x,,p,a.com,0\no/k\n"
    landed = read("git_commits", write("a.csv", content + "o/k,c,1302804640,,p,a.com,?\n"))
    assert landed.accepted == 0
    assert landed.reasons() == {
        "bad_boolean": 1,
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
        "wrong_column_count": 1,
    }


def test_an_empty_export_has_no_rows_and_another_file_is_refused(write: Write, read: Read) -> None:
    assert read("git_commits", write("a.csv", HEADER)).rows == 0
    with pytest.raises(SourceError, match="lacks the column repo"):
        read("git_commits", write("b.csv", "a\n1\n"))


def test_the_real_history_is_read_whole(shared_data: Path, read: Read) -> None:
    landed = read("git_commits", shared_data / "identity" / "openstack_commits.csv.gz")
    signals = landed.tables["landed_signals"]
    assert (landed.rows, landed.accepted) == (12_627, 12_627)
    assert len(set(signals["event_id"].to_pylist())) == 12_627
    assert signals["host"].to_pylist().count("review.openstack.org") == 5_737
