"""The reasons and the rules are the same in the policy, in core and in the contracts."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.exclusions import EXCLUDED, REASONS, STOPPING
from mqa_platform.core.link_scanners import SCANNED
from mqa_platform.policy.identity import Confidence, Exclusions, Identity, RuleName
from mqa_platform_tests.core.engine import default_policy


def valid(table: str, column: str) -> set[str]:
    """The values that a contract allows in a column."""
    rules = load_contracts()[table].rules
    (found,) = [r for r in rules if r.kind == "in_set" and r.columns == (column,)]
    return {str(value) for value in found.values}


def test_the_contract_knows_every_reason_and_no_other():
    assert valid("unresolved_signals", "reason") == REASONS


def test_the_contract_the_confidences_and_the_policy_know_every_rule():
    rules = set(get_args(RuleName))
    assert valid("touchpoints", "resolution_rule") == rules
    assert set(Confidence.model_fields) == rules
    assert set(default_policy().identity.rules) == rules


def test_every_list_of_domains_has_its_reason():
    assert set(Exclusions.model_fields) <= REASONS
    assert set(STOPPING) <= EXCLUDED <= REASONS
    assert SCANNED.names == ["signal_id"]


@pytest.mark.parametrize("rules", [[], ["crm_contact", "crm_contact"], ["crm_contact", "guess"]])
def test_a_chain_of_no_rules_or_of_unknown_ones_is_refused(rules):
    with pytest.raises(ValidationError):
        Identity(rules=rules)
