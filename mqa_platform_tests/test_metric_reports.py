"""The questions that are asked of the metrics, and the page that lists them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from mqa_platform import metric_reports as reports
from mqa_platform.cli import app
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.metrics.methods import METHOD_WORDS
from mqa_platform.core.metrics.register import METRICS, definitions
from mqa_platform.core.missed_deals import MISSING_RULES
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.policy.loader import load_policy

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"


def figure(metric, value, dimension="all", segment="all", cohort="all"):
    return {"metric": metric, "dimension": dimension, "segment": segment, "cohort": cohort, "value": value,
            "numerator": 1.0, "denominator": 2.0, "n_mature": 2, "censored": 1, "unit": "share",
            "method": "wilson_95"}  # fmt: skip


def counted(account, role, tier, cohort="2026-01"):
    return {"metric": "mqa_to_meeting_rate", "subject_id": f"h{account}", "cohort": cohort,
            "account_id": account, "counted_as": role, "tier": tier}  # fmt: skip


def credited(deal, channel, credit, pipeline):
    return {"opportunity_id": deal, "model": "linear", "channel": channel, "campaign": "none",
            "content": "none", "touches": 1, "credit": credit, "pipeline": pipeline, "revenue": Decimal(0)}  # fmt: skip


TABLES = {
    "conversion_metrics": [
        figure("win_rate", 0.5),
        figure("mqa_to_meeting_rate", 0.25),
        figure("mqa_to_meeting_rate", None, cohort="2026-02"),
        figure("mqa_to_meeting_rate", 1.0, "tier", "unknown"),
        figure("mqa_per_rep", 3.0, cohort="2026-Q1"),
    ],
    "metric_accounts": [
        counted("a3", "censored", None, "2026-02"),
        counted("a2", "denominator", "scaled"),
        counted("a1", "numerator", None),
    ],
    "accounts": [
        {"account_id": a, "valid_from": date(2026, 1, 1), "name": f"Account {a}"} for a in ("a1", "a2")
    ],
    "attribution": [
        credited("o1", "web", 0.25, Decimal(25)),
        credited("o1", "email", 0.75, Decimal(75)),
        credited("o2", "web", 1.0, None),
    ],
    "campaign_spend": [
        {"source": "ads", "spend_id": f"{n}", "spend_date": day, "channel": c, "amount": a, "currency": u}
        for n, (day, c, a, u) in enumerate([
            (date(2026, 1, 1), "web", Decimal(4), "USD"), (date(2026, 1, 2), "web", Decimal(6), "USD"),
            (date(2020, 1, 1), "web", Decimal(99), "USD"), (date(2026, 1, 1), "web", Decimal(99), "EUR"),
        ])
    ],
    "conversion_paths": [
        {"opportunity_id": f"o{n}", "path": p, "touches": n, "people": 1, "days": n, "is_won": w,
         "amount": Decimal(10), "origin": "none"}
        for n, p, w in ((1, "web", True), (2, "web > ads", None), (4, "web", False))
    ],
    "opportunity_origin": [
        {"opportunity_id": n, "created_on": day, "origin": o, "missing_rule": rule,
         "is_closed": False, "is_won": False}
        for n, day, o, rule in (
            ("o1", date(2026, 1, 1), "none", "below_threshold"),
            ("o2", date(2026, 1, 2), "mqa_sourced", None),
            ("o3", date(2026, 1, 3), "mqa_influenced", "no_match"),
            ("o4", date(2020, 1, 3), "none", "before_history"),
        )
    ],
    "pipeline_forecast": [],
    "rejection_reasons": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose snapshot has a handful of rows."""
    found = Home(tmp_path_factory.mktemp("home"))
    con = ibis.duckdb.connect(found.snapshot)
    for name, rows in TABLES.items():
        # Without the null rules: a test names only what it is about.
        fields = [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
        full = [{**{f.name: None for f in fields}, **row} for row in rows]
        con.create_table(name, pa.Table.from_pylist(full, schema=pa.schema(fields)))
    con.disconnect()
    return found


def test_without_a_metric_every_one_is_shown_over_all_time_and_per_rep_by_quarter(home):
    found = [(r["metric"], r["cohort"], r["value"]) for r in reports.figures(home)]
    assert found == [
        ("mqa_to_meeting_rate", "all", 0.25), ("mqa_per_rep", "2026-Q1", 3.0), ("win_rate", "all", 0.5),
    ]  # fmt: skip


def test_of_one_metric_every_cohort_is_shown(home):
    found = reports.figures(home, "mqa_to_meeting_rate")
    assert [(r["cohort"], r["value"]) for r in found] == [("2026-02", None), ("all", 0.25)]


def test_a_figure_is_drilled_down_to_the_accounts_it_counts(home):
    found = reports.drill(home, "mqa_to_meeting_rate")
    listed = [(r["counted_as"], r["account_id"], r["name"]) for r in found["counted"]]
    assert listed == [
        ("numerator", "a1", "Account a1"), ("denominator", "a2", "Account a2"), ("censored", "a3", None),
    ]  # fmt: skip
    unknown = reports.drill(home, "mqa_to_meeting_rate", "tier", "unknown")
    assert [r["account_id"] for r in unknown["counted"]] == ["a1", "a3"]


WRONG = [
    (("mqa_to_meting_rate",), "did you mean mqa_to_meeting_rate"),
    (("win_rate", "signal", "pricing_view"), "is not cut by 'signal'"),
    (("win_rate", "origin"), "needs the segment"),
    (("win_rate", "origin", "none"), "no figure of win_rate"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG)
def test_what_is_not_there_is_named(home, asked, told):
    with pytest.raises(MartError, match=told):
        reports.drill(home, *asked)


def test_attribution_is_summed_by_place_and_money_that_nobody_knows_is_none(home):
    web, email = sorted(reports.attribution(home, "linear", "channel"), key=lambda r: -r["credit"])
    assert (web["channel"], web["credit"], web["pipeline"], web["opportunities"]) == (
        "web",
        1.25,
        25,
        2,
    )
    assert (email["credit"], email["pipeline"]) == (0.75, 75)
    # 25 for 10 that were spent since the history starts; no spend is called email.
    assert (web["spend"], web["roi"], email["spend"], email["roi"]) == (10, 1.5, None, None)


def test_paths_are_counted_with_what_became_of_them(home):
    web, other = reports.paths(home)
    assert (web["path"], web["opportunities"], web["won"], web["open"]) == ("web", 2, 1, 0)
    assert (web["median_touches"], web["median_days"], web["amount"]) == (2.5, 2.5, 20)
    assert (other["open"], other["won"]) == (1, 0)


def test_missed_deals_are_those_of_the_programmes_time_that_no_mqa_led_to(home):
    found = [(r["opportunity_id"], r["why"]) for r in reports.missed(home)]
    assert found == [("o3", MISSING_RULES["no_match"]), ("o1", MISSING_RULES["below_threshold"])]
    assert [r["opportunity_id"] for r in reports.missed(home, "no_match")] == ["o3"]


VERBS = [
    ["--json"], ["mqa_to_meeting_rate", "--json"], ["drill", "mqa_to_meeting_rate", "--json"],
    ["definitions", "--json"], ["attribution", "--json"], ["paths", "--json"], ["missed", "--json"],
    ["forecast", "--json"], ["rejections", "--json"],
]  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_prints_json_and_nothing_else(home, words, monkeypatch):
    monkeypatch.setenv("MQA_HOME", str(home.root))
    found = CliRunner().invoke(app, ["metrics", *words])
    assert found.exit_code == 0, found.output
    json.loads(found.output)


def test_the_page_lists_every_metric_method_and_rule_as_the_code_has_it():
    lines = set(PAGE.read_text(encoding="utf-8").splitlines())
    for d in definitions(load_policy(None)):
        cells = (d["definition"], d["unit"], f"`{d['method']}`", d["cohort"], d["dimensions"])
        assert f"| `{d['metric']}` | {' | '.join(cells)} |" in lines
    for name, words in (*METHOD_WORDS.items(), *MISSING_RULES.items()):
        assert f"| `{name}` | {words} |" in lines
    listed = {line.split("`")[1] for line in lines if line.startswith("| `")}
    assert listed == {*METRICS, *METHOD_WORDS, *MISSING_RULES}


def test_the_contract_allows_the_metrics_that_there_are():
    text = (PAGE.parents[1] / "data_contracts" / "conversion_metrics.yaml").read_text("utf-8")
    allowed = text.split("validValues: [")[1].split("]")[0].replace(",", " ").split()
    assert sorted(allowed) == sorted(METRICS)
