"""The command line: answers that parse, exit codes that mean something, messages that help."""

from __future__ import annotations

import csv
import io
import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.cli import main
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.exports import harmless, plain, to_csv
from mqa_platform.home import Home
from mqa_platform.marts import open_marts
from mqa_platform_tests.system.pipeline import fingerprint, rows


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Mqa = Callable[..., Answer]


@pytest.fixture
def mqa(
    built: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Mqa]:
    """``mqa`` in this process, on the built home unless another is named."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.delenv("MQA_WAREHOUSE_URL", raising=False)

    def call(*arguments: str, home: Home = built) -> Answer:
        monkeypatch.setenv("MQA_HOME", str(home.root))
        monkeypatch.setattr(sys, "argv", ["mqa", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Answer(int(ended.value.code or 0), told.out, told.err)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def account(built: Home) -> str:
    return rows(built, "SELECT account_id FROM handoffs ORDER BY 1")[0][0]


def test_every_reading_verb_prints_json_alone(mqa: Mqa, account: str) -> None:
    explained = json.loads(mqa("explain", account, "--json").out)
    assert explained["sums_exactly"] is True
    assert explained["engagement_score"] == explained["sum_of_components"]
    assert json.loads(mqa("why-not", account, "--json").out)["account_id"] == account
    exported = json.loads(mqa("export", "handoffs", "--json").out)
    assert account in {row["account_id"] for row in exported}
    findings = mqa("doctor", "--json")
    assert {f["check"] for f in json.loads(findings.out)} >= {"policy", "warehouse", "snapshot"}
    assert findings.code in (0, 1)


def test_reading_verbs_print_tables_for_people(mqa: Mqa, account: str) -> None:
    explained = mqa("explain", account)
    assert explained.code == 0
    assert "Receipt" in explained.out
    assert "sum" in explained.out
    assert "fit gate is pass" in mqa("why-not", account).out
    assert mqa("doctor").out.startswith("mqa doctor")


# What only the jobs that deliver or review publish; nothing was delivered or reviewed here.
SENT = sorted(name for name, c in load_contracts().items() if c.group == "delivery")
REVIEWED = sorted(name for name, c in load_contracts().items() if c.group == "calibration")


@pytest.mark.parametrize("table", ["crm_sync_changelog", "crm_sync_runs", "delivery_attempts"])
def test_where_nothing_was_delivered_an_export_says_how_to_deliver(mqa: Mqa, table: str) -> None:
    assert table in SENT
    answer = mqa("export", table, "--json")
    assert answer.code == 2
    assert f"nothing has been published to {table} yet: mqa deliver" in answer.err


@pytest.mark.parametrize("table", ["threshold_proposals", "weight_proposals", "drift_checks"])
def test_where_nothing_was_reviewed_an_export_says_how_to_review(mqa: Mqa, table: str) -> None:
    assert table in REVIEWED
    answer = mqa("export", table, "--json")
    assert answer.code == 2
    assert f"nothing has been published to {table} yet: mqa review" in answer.err


@pytest.mark.parametrize("table", sorted(set(load_contracts()) - {*SENT, *REVIEWED}))
def test_every_published_table_survives_an_export(
    built: Home, mqa: Mqa, tmp_path: Path, table: str
) -> None:
    contract = load_contracts()[table]
    with open_marts(built) as marts:
        expr = marts.table(table)
        published = marts.arrow(expr.order_by([expr[c] for c in contract.key]))
    for form in ("parquet", "json", "csv"):
        assert mqa("export", table, "-o", str(tmp_path / f"t.{form}")).code == 0
    again = pq.read_table(tmp_path / "t.parquet")
    assert again.schema.names == list(contract.names)
    assert fingerprint(again) == fingerprint(published)
    listed = json.loads((tmp_path / "t.json").read_text())
    assert listed == [plain(r) for r in published.to_pylist()]
    with (tmp_path / "t.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == published.num_rows
    for line, row in zip(lines, published.to_pylist(), strict=True):
        for name, value in row.items():
            assert same(line[name], value), (name, line[name], value)


def same(text: str, value: object) -> bool:
    """Whether a CSV field says the value."""
    if value is None:
        return text == ""
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, str):
        return text == harmless(value)
    if isinstance(value, float):
        return math.isclose(float(text), value, rel_tol=0, abs_tol=0)
    return text in (str(value), str(plain(value)))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1+cmd",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\u200b=1",
        "fine\n=1",
        "fine\r=1",
        "\n=1",
        "＝1",
        "＠SUM(A1)",
        '=HYPERLINK("http://x","y")',
    ],
)
def test_no_exported_text_is_a_formula(text: str) -> None:
    exported = to_csv(pa.table({"name": [text]})).decode()
    (_, (cell,)) = list(csv.reader(io.StringIO(exported, newline="")))
    assert cell.count("'") >= 1
    for line in cell.replace("\r", "\n").split("\n"):
        assert not line.lstrip(" \t\u200b").startswith(("=", "+", "-", "@", "＝", "＠")), cell


@pytest.mark.parametrize("text", ["Acme", "a=b", "1-2", "O'Neill", "", "née = ok"])
def test_harmless_text_is_exported_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("export", "score"), "did you mean scores"),
        (("export", "scores", "--format", "xls"), "csv, parquet, json"),
        (("explain", "nobody of that name"), "no account with the id, domain or name"),
        (("why-not", "nobody of that name"), "no account with the id, domain or name"),
        (("explain", "x", "--as-of", "yesterday"), "not a day such as"),
        (("run", "--from", "2025-07-05", "--to", "2025-07-01"), "is before"),
        (("run", "--from", "July"), "not a day such as"),
        (("run",), "--from"),
        (("nonsense",), "nonsense"),
    ],
)
def test_a_wrong_request_ends_with_2_and_says_what_was_meant(
    mqa: Mqa, arguments: tuple[str, ...], told: str
) -> None:
    answer = mqa(*arguments)
    assert answer.code == 2, answer
    assert told in " ".join(answer.err.replace("│", " ").split())
    assert answer.out == ""


def test_a_mistyped_account_is_answered_with_the_nearest_name(built: Home, mqa: Mqa) -> None:
    (name,) = rows(built, "SELECT name FROM accounts ORDER BY length(name) DESC LIMIT 1")[0]
    answer = mqa("explain", name[:-1] + "z")
    assert answer.code == 2
    assert name in answer.err.replace("\n", " ")


def test_a_home_that_never_ran_is_told_to_run(mqa: Mqa, tmp_path: Path) -> None:
    answer = mqa("export", "scores", home=Home(tmp_path))
    assert answer.code == 2
    assert "no snapshot" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_no_file(mqa: Mqa, tmp_path: Path) -> None:
    assert mqa("export", "nothing", "-o", str(tmp_path / "x.csv")).code == 2
    assert list(tmp_path.iterdir()) == []
