"""What every source must do, whatever it is: files of any connector, and the clients of services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.sources.connection import BadCursorError
from mqa_platform.sources.registry import mapped_object
from mqa_platform_tests.sources.contract.driving import (
    NAME,
    altered,
    ask,
    connection,
    contents,
    fresh,
    killed_at,
    land,
    records,
)
from mqa_platform_tests.sources.contract.file_harness import HARNESSES as FILES
from mqa_platform_tests.sources.contract.file_harness import USUAL
from mqa_platform_tests.sources.contract.harness import SourceHarness, harnesses

# What one undisturbed run leaves: rows with the ledger, and the cursors in their order.
Undisturbed = tuple[dict[str, list[str]], list[tuple[str, str]]]

KINDS = harnesses()
# A source that gives more pages than this for each page there is, is in a loop.
TOO_MANY = 20
EACH = [
    pytest.param(kind, marks=pytest.mark.slow) if kind in FILES and kind not in USUAL else kind
    for kind in KINDS
]
# Files are known by their content and have no cursors.
WITH_CURSORS = [kind for kind in KINDS if kind not in FILES]

every_source = pytest.mark.parametrize("kind", EACH, scope="module")
every_service = pytest.mark.parametrize("kind", WITH_CURSORS, scope="module")


@pytest.fixture
def harness(kind: str, tmp_path: Path) -> Iterator[SourceHarness]:
    folder = tmp_path / "harness"
    folder.mkdir()
    made = KINDS[kind](folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One run of each source that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    home = fresh(folder, "home")
    made = KINDS[kind](folder)
    try:
        report = land(made, home)
    finally:
        made.close()
    assert (report.problems, report.held) == ([], [])
    return contents(home), cursors(home)


def cursors(home: Home) -> list[tuple[str, str]]:
    return ask(
        home,
        "SELECT stream, cursor FROM landed_batches WHERE cursor IS NOT NULL ORDER BY pulled_at",
    )


@every_source
def test_the_spec_names_settings_and_secrets_and_holds_no_secret(
    harness: SourceHarness, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    source = harness.source(home)
    spec = connection(harness, home, source).spec()
    assert spec.connector == source.connector
    assert spec.summary
    assert all(name == name.upper() for name in spec.secrets)
    secret = {n for n, v in harness.environment.items() if v in harness.secret_values}
    assert secret <= set(spec.secrets)
    assert not [v for v in harness.secret_values if v in repr(spec)]


@every_source
def test_a_check_finds_a_good_source_ready(harness: SourceHarness, tmp_path: Path) -> None:
    reach = connection(harness, fresh(tmp_path, "home")).check()
    assert reach.status == "ok", reach
    assert reach.detail


@every_source
def test_a_check_names_what_is_broken_and_the_remedy(kind: str, tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    listed = KINDS[kind](tmp_path / "names")
    listed.close()
    for number, (fault, status) in enumerate(listed.faults().items()):
        folder = tmp_path / f"broken{number}"
        folder.mkdir()
        harness = KINDS[kind](folder)
        try:
            home = fresh(tmp_path, f"home{number}")
            source = harness.break_down(home, fault)
            environment = harness.broken_environment(fault)
            reach = connection(harness, home, source, environment=environment).check()
        finally:
            harness.close()
        assert reach.status == status, (fault, reach)
        assert reach.detail, fault
        assert reach.remedy, fault
        assert not [v for v in harness.secret_values if v in repr(reach)]


@every_source
def test_two_full_reads_land_equal_tables_and_a_second_run_adds_nothing(
    harness: SourceHarness, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    land(harness, home)
    assert contents(home) == undisturbed[0]
    before = records(home)
    report = land(harness, home)
    assert (report.problems, report.held) == ([], [])
    assert records(home) == before
    if not harness.has_cursors:
        assert contents(home) == undisturbed[0]


@every_source
def test_killed_after_any_page_and_run_again_is_as_if_nothing_happened(
    harness: SourceHarness, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for page in range(1, harness.pages):
        home = fresh(tmp_path, f"killed{page}")
        killed_at(harness, home, page, after=True)
        land(harness, home)
        assert contents(home) == undisturbed[0], f"killed after page {page}"


@every_source
def test_what_is_remembered_is_never_ahead_of_what_is_committed(
    harness: SourceHarness, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for page in range(1, harness.pages + 1):
        home = fresh(tmp_path, f"failed{page}")
        killed_at(harness, home, page, after=False)
        assert ask(home, "SELECT count(*) FROM landed_batches") == [(page - 1,)]
        assert cursors(home) == undisturbed[1][: page - 1]
        land(harness, home)
        assert contents(home) == undisturbed[0], f"page {page} was not committed"


@every_source
def test_a_lost_warehouse_is_filled_again_from_landing(
    harness: SourceHarness, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    land(harness, home)
    home.warehouse.unlink()
    land(harness, home)
    assert contents(home) == undisturbed[0]


@every_service
def test_an_abnormal_cursor_is_refused_or_the_source_read_again_and_nothing_is_lost(
    harness: SourceHarness, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    land(harness, home)
    rows = records(home)
    stream, good = cursors(home)[-1]
    for bad in harness.bad_cursors(good):
        given = 0
        with suppress(BadCursorError):
            for _ in connection(harness, home).pages({stream: bad}):
                given += 1
                assert given < TOO_MANY * harness.pages, f"{bad!r} leads into a loop"
        literal = bad.replace("'", "''")
        ask(home, f"UPDATE landed_batches SET cursor = '{literal}' WHERE stream = '{stream}'")
        land(harness, home)
        assert records(home) == rows, f"after the cursor {bad!r}"


@every_service
def test_a_cursor_that_comes_again_for_ever_ends_and_what_came_before_stays(
    harness: SourceHarness, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    harness.repeat_for_ever()
    report = land(harness, home)
    assert report.degraded
    (problem,) = report.problems
    assert (problem.source, problem.status) == (NAME, "unreachable")
    landed = ask(home, "SELECT count(*) FROM landed_batches WHERE status = 'landed'")
    assert 1 <= landed[0][0] < TOO_MANY * harness.pages
    assert ask(home, "SELECT count(*) FROM landed_batches WHERE status = 'unreachable'") == [(1,)]


@every_service
def test_a_changed_mapping_reads_the_raw_pages_again_without_the_service(
    harness: SourceHarness, tmp_path: Path
) -> None:
    home = fresh(tmp_path, "home")
    land(harness, home)
    if mapped_object(harness.source(home)) is None:
        pytest.skip("its records are read by a connector and not by mapping.yaml")
    before, state = records(home), cursors(home)
    harness.mappings = altered(harness.mappings)
    source = harness.source(home)
    harness.close()
    report = land(harness, home, source=source)
    assert [p.status for p in report.problems] == ["unreachable"]
    assert report.files == len(state)
    assert records(home) == before
    told = "SELECT status, count(*) FROM landed_batches GROUP BY 1 ORDER BY 1"
    assert ask(home, told) == [
        ("landed", len(state)), ("superseded", len(state)), ("unreachable", 1)
    ]  # fmt: skip
    # Reading again moves no stream: the newest cursor of each is what it was.
    assert dict(cursors(home)) == dict(state)
