"""write_back.yaml: an allow-list that protects what is the CRM's own, and no part of what an account is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.problems import PolicyError

GOOD = """crm: salesforce
url: https://acme.my.salesforce.com
fields:
  new_business: {stage: MQA_Stage__c, score: MQA_Score__c}
"""


def folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "write_back.yaml").write_text(text)
    return tmp_path


def test_the_packaged_policy_writes_to_no_crm() -> None:
    assert load_policy().write_back.crm == "none"


def test_where_values_are_written_is_no_part_of_what_they_mean(tmp_path: Path) -> None:
    policy = load_policy(folder(tmp_path, GOOD))
    assert policy.write_back.fields["new_business"]["stage"] == "MQA_Stage__c"
    assert policy_version(policy) == policy_version(load_policy())


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        (GOOD.replace("MQA_Score__c", "OwnerId"), 4, "never written from here"),
        (GOOD.replace("MQA_Score__c", "lifecyclestage"), 4, "never written from here"),
        (GOOD.replace("MQA_Score__c", "MQA_Stage__c"), 0, "named for two things"),
        (GOOD + "key_field: Name\n", 0, "linking would overwrite"),
        (GOOD.replace("salesforce\n", "hubspot\n", 1) + "key_field: domain\n", 0, "overwrite"),
        (GOOD.replace("score:", "mood:"), 4, "mood"),
        (GOOD.replace("stage: MQA_Stage__c, ", ""), 0, "without stage"),
        (GOOD.replace("https:", "http:"), 2, "clear text"),
        ("crm: salesforce\n", 0, "url is missing"),
        (GOOD + "most_flips_share: 20\n", 5, "most_flips_share"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, wrong: str, line: int, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load_policy(folder(tmp_path, wrong))
    told = "\n".join(str(p) for p in refused.value.problems)
    assert said in told
    assert not line or any(p.line == line for p in refused.value.problems)
