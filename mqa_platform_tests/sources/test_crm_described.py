"""``mqa init --api``: the real clients against servers that speak the documented APIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.initialise import Initialised, initialise
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.hubspot import TOKEN
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.problems import PolicyError
from mqa_platform.sources.connection import UnreachableError
from mqa_platform.sources.landed import SourceError
from mqa_platform_tests.sources.fakes.hubspot import FakeHubSpot
from mqa_platform_tests.sources.fakes.salesforce import FakeSalesforce, serving

QUICK = {
    "MQA_HTTP_ATTEMPTS": "2",
    "MQA_HTTP_TOTAL_SECONDS": "3",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.01",
    "MQA_HTTP_MOST_WAIT_SECONDS": "0.1",
    "MQA_HTTP_REQUESTS_PER_SECOND": "1000",
}
BY_TOKEN = {**QUICK, "MQA_SALESFORCE_ACCESS_TOKEN": "session-0-secret"}
STAMP = "2025-07-01T10:00:00.000+0000"


@pytest.fixture
def org() -> Iterator[FakeSalesforce]:
    org = FakeSalesforce()
    common = {"Id": "001000000000001AAA", "SystemModstamp": STAMP}
    org.add("Account", [{**common, "Name": "Acme", "Type": "x", "ABM_Tier__c": "y"}])
    org.picklists["Account", "Type"] = ["Prospect", "Ally"]
    opportunity = {"AccountId": "1", "StageName": "s", "IsClosed": False, "IsWon": False}
    org.add("Opportunity", [{**common, **opportunity, "CreatedDate": STAMP}])
    org.picklists["Opportunity", "StageName"] = ["Talking", "Signed", "Gone"]
    stages = [("Talking", False, False), ("Signed", True, True), ("Gone", True, False)]
    org.add(
        "OpportunityStage",
        [
            {
                "Id": f"01J{n}",
                "ApiName": name,
                "MasterLabel": name,
                "IsClosed": closed,
                "IsWon": won,
            }
            for n, (name, closed, won) in enumerate(stages)
        ],
    )
    with serving(org):
        yield org


@pytest.fixture
def hubspot() -> Iterator[FakeHubSpot]:
    with FakeHubSpot(page_size=3) as account:
        account.put("companies", 1, 1_714_521_600_000, name="Acme", type="PROSPECT")
        account.options["companies", "type"] = ["PROSPECT", "FRIEND"]
        account.put("deals", 1, 1_714_521_600_000, dealstage="11", createdate="2025-07-01")
        account.pipelines = [
            {
                "id": "default",
                "stages": [
                    {"id": "11", "label": "Talk", "metadata": {"isClosed": "false", "probability": "0.2"}},
                    {"id": "12", "label": "Yes", "metadata": {"isClosed": "true", "probability": "1.0"}},
                    {"id": "13", "label": "No", "metadata": {"isClosed": "true", "probability": "0.0"}},
                ],
            }
        ]  # fmt: skip
        yield account


def init(home: Path, crm: str, url: str, environment: Mapping[str, str]) -> Initialised:
    return initialise(Home(home), crm, url=url, environment=environment)


def test_a_salesforce_org_describes_itself(org: FakeSalesforce, tmp_path: Path) -> None:
    told = init(tmp_path, "salesforce", org.url, BY_TOKEN)
    policy = load_policy(tmp_path / "policy")
    objects = policy.mapping.crms["salesforce"].objects
    assert set(objects) == {"Account", "Opportunity"}
    assert objects["Opportunity"].values["state"] == {
        "Talking": "open", "Signed": "won", "Gone": "lost",
    }  # fmt: skip
    assert objects["Account"].values["account_type"]["Prospect"] == "prospect"
    # A describe counts no rows, so nobody can say how many wait.
    assert [(d["value"], d["rows"]) for d in told.decisions] == [("Ally", None)]
    source = policy.sources.sources["salesforce_api"]
    assert (source.connector, source.url) == ("salesforce_api", org.url)


def test_a_hubspot_account_describes_itself(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    told = init(tmp_path, "hubspot", hubspot.url, {**QUICK, "MQA_HUBSPOT_TOKEN": TOKEN})
    policy = load_policy(tmp_path / "policy")
    objects = policy.mapping.crms["hubspot"].objects
    assert {"companies", "deals", "owners", "engagements"} <= set(objects)
    states = objects["deals"].values["state"]
    assert (states["11"], states["12"], states["13"]) == ("open", "won", "lost")
    assert [d["value"] for d in told.decisions if d["object"] == "companies"] == ["FRIEND"]
    assert "website" not in objects["companies"].fields


def test_an_object_that_may_not_be_read_is_left_out_and_the_others_are_not(
    org: FakeSalesforce, hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    org.denied.add("Opportunity")
    told = init(tmp_path / "s", "salesforce", org.url, BY_TOKEN)
    assert [o["object"] for o in told.objects] == ["Account"]
    assert "right to read Opportunity" in told.left_out["Opportunity"]
    hubspot.denied["properties/deals"] = "crm.schemas.deals.read"
    told = init(tmp_path / "h", "hubspot", hubspot.url, {**QUICK, "MQA_HUBSPOT_TOKEN": TOKEN})
    assert "crm.schemas.deals.read" in told.left_out["deals"]
    assert "companies" in {o["object"] for o in told.objects}


def test_a_missing_secret_is_named_by_its_variable(
    org: FakeSalesforce, hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="MQA_HUBSPOT_TOKEN"):
        init(tmp_path, "hubspot", hubspot.url, QUICK)
    with pytest.raises(SourceError, match="MQA_SALESFORCE_CLIENT_ID"):
        init(tmp_path, "salesforce", org.url, QUICK)
    with pytest.raises(SourceError, match="MQA_SALESFORCE_INSTANCE_URL"):
        initialise(Home(tmp_path), "salesforce", environment=BY_TOKEN)
    assert not (tmp_path / "policy").exists()


def test_lost_credentials_and_a_silent_service_write_nothing(
    org: FakeSalesforce, tmp_path: Path
) -> None:
    org.tokens.clear()
    with pytest.raises(SourceError, match="no object may be read"):
        init(tmp_path, "salesforce", org.url, BY_TOKEN)
    org.tokens.add("session-0-secret")
    org.faults.append(Fault("describe", times=100))
    with pytest.raises(UnreachableError):
        init(tmp_path, "salesforce", org.url, BY_TOKEN)
    assert not (tmp_path / "policy").exists()


def test_a_crm_without_a_client_or_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--api asks hubspot, salesforce"):
        initialise(Home(tmp_path), "maven", environment={})
    with pytest.raises(PolicyError, match="known: hubspot, maven, salesforce"):
        initialise(Home(tmp_path), "pipedrive", environment={})


def test_a_secret_is_in_no_written_file(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    init(tmp_path, "hubspot", hubspot.url, {**QUICK, "MQA_HUBSPOT_TOKEN": TOKEN})
    written = [path.read_text() for path in (tmp_path / "policy").iterdir()]
    assert len(written) == 2
    assert not any(TOKEN in text for text in written)
