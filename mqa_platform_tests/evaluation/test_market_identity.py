"""The market's figures: what is printed is measured, and nothing of the market is kept."""

from __future__ import annotations

import json
import tempfile

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_platform.cli import app
from mqa_platform.evaluation.identity import evaluate_identity
from mqa_platform.evaluation.market_run import evaluate_market
from mqa_platform.evaluation.measures import EvaluationError, confidence_bands, high_confidence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def figures(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        return evaluate_market(accounts=300, seed=3)


def test_every_signal_is_compared_with_its_truth(figures):
    # Repeats and broken lines are no signals; everything else is told.
    assert 0.97 * figures["rows"] < figures["signals"] <= figures["rows"]


def test_known_contacts_are_found(figures):
    known = figures["known"]
    assert known["precision"] >= 0.97
    assert known["recall"] >= 0.95
    assert known["asked"] > 1000
    assert known["recall_with_strangers"] <= known["recall"]


def test_anonymous_sessions_are_all_told_apart(figures):
    found = figures["anonymous"]
    parts = [found[k] for k in ("matched", "soft", "none", "excluded")]
    assert sum(parts) == found["sessions"]
    assert found["coverage"] == pytest.approx((parts[0] + parts[1]) / sum(parts), abs=1e-4)
    assert found["precision"] >= 0.85


def test_passers_by_and_our_own_staff_are_nobodys(figures):
    for kind in ("passer_by", "own_staff", "careers", "mail_scanner"):
        assert figures["hard_cases"][kind]["given"] == 0
    assert (
        figures["hard_cases"]["look_alike"]["given"] == figures["hard_cases"]["look_alike"]["right"]
    )


def test_nothing_of_the_market_is_left(figures, folder):
    assert figures["accounts"] == 300
    assert list(folder.iterdir()) == []


def test_bands_hold_their_lower_bound_and_say_what_was_stated():
    stated = np.array([0.45, 0.5, 0.7, 0.89, 0.9, 1.0])
    right = np.array([1, 0, 1, 0, 1, 1]) == 1
    bands = confidence_bands(stated, right)
    assert [b["answers"] for b in bands] == [1, 2, 2]
    assert [b["observed"] for b in bands] == [0.0, 0.5, 1.0]
    assert bands[2]["stated"] == 0.95
    assert high_confidence(stated, right, 8) == {"coverage": 0.25, "precision": 1.0}
    empty = confidence_bands(np.array([0.95]), np.array([True]))[0]
    assert (empty["share"], empty["stated"], empty["observed"]) == (0.0, None, None)


def test_a_part_without_its_files_says_so(tmp_path):
    found = evaluate_identity(tmp_path, parts=("openstack", "bombora"))
    assert (found["openstack"], found["bombora"], found["market"]) == (None, None, None)
    assert set(found["missing"]) == {"openstack", "bombora"}
    assert all("MQA_DATA" in why for why in found["missing"].values())


def test_one_file_of_two_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="go together"):
        evaluate_identity(affiliations=tmp_path / "a.json")
    with pytest.raises(EvaluationError, match="no file"):
        evaluate_identity(affiliations=tmp_path / "a.json", commits=tmp_path / "b.csv")


def test_the_intent_sample_is_accounted_for_and_no_provider_is_an_account(shared_data):
    found = evaluate_identity(shared_data, parts=("bombora",))["bombora"]
    assert found["rows"] == found["accounted"] == 10_000
    assert found["isp_accounts"] == 0


def test_the_command_prints_json_with_the_keys_of_the_docs(shared_data, monkeypatch):
    monkeypatch.setenv("MQA_DATA", str(shared_data))
    answer = CliRunner().invoke(app, ["evaluate", "identity", "--only", "openstack", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)["openstack"]
    assert set(found["high_confidence"]) == {"coverage", "precision"}
    assert set(found["baselines"]) == {"domain", "crm", "domain_then_crm"}
    assert [(b["low"], b["high"]) for b in found["bands"]] == [(0.5, 0.7), (0.7, 0.9), (0.9, 1.0)]


def test_the_command_shows_tables_and_refuses_an_unknown_part(shared_data, monkeypatch):
    monkeypatch.setenv("MQA_DATA", str(shared_data))
    shown = CliRunner().invoke(app, ["evaluate", "identity", "--only", "openstack"])
    assert "baseline: crm" in shown.stdout
    refused = CliRunner().invoke(app, ["evaluate", "identity", "--only", "nothing"])
    assert refused.exit_code == 2
