"""The local CRM's page: what sales sees and presses, and what it does not let through."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mqa_platform.local_services.desks import HubSpotDesk, SalesforceDesk
from mqa_platform_tests.system.pipeline import ROOT

HEAD = "Id,Name,Website,OwnerId,Type,IsDeleted,CreatedDate,SystemModstamp\n"
DAY = "2026-01-01T00:00:00.000Z"
ODD = '<script>alert("x")</script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        f"0015f0000000001,Old name,a.example,0055f01,Prospect,FALSE,{DAY},{DAY}",
        f"0015f0000000001,Firm One,a.example,0055f01,Prospect,FALSE,{DAY},{DAY}",
        f'0015f0000000002,"{ODD.replace(chr(34), chr(34) * 2)}",b.example,,Prospect,FALSE,{DAY},{DAY}',
    ]
    (tmp_path / "Account.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    (tmp_path / "Task.csv").write_text("Id,AccountId,Status,SystemModstamp\n")
    (tmp_path / "User.csv").write_text(f"Id,Name,Email,SystemModstamp\n0055f01,Ann,a@x.de,{DAY}\n")
    return tmp_path


@pytest.fixture
def org(folder: Path) -> Iterator[SalesforceDesk]:
    desk = SalesforceDesk()
    desk.fill(folder, ["MQA_Stage__c"])
    with desk:
        yield desk


def token_of(page: str) -> str:
    found = re.search(r'name=token value="([^"]+)"', page)
    assert found is not None
    return found[1]


def pressed(url: str, **form: str) -> int:
    answer = requests.post(f"{url}/answer", data=form, timeout=5, allow_redirects=False)
    return answer.status_code


def test_an_answer_on_the_page_is_a_fact_of_the_crm(org: SalesforceDesk) -> None:
    page = requests.get(org.url, timeout=5).text
    ours = {"token": token_of(page), "account": "0015f0000000001"}
    assert pressed(org.url, answer="rejected", reason="timing", **ours) == 303
    row = org.rows["Account"][0]
    assert (row["Sales_Status__c"], row["Sales_Status_Reason__c"]) == ("Rejected", "timing")
    assert row["SystemModstamp"] > "2026-01-02"
    assert pressed(org.url, answer="accepted", reason="timing", **ours) == 303
    assert (row["Sales_Status__c"], row["Sales_Status_Reason__c"]) == ("Accepted", None)


def test_a_form_of_another_page_changes_nothing(org: SalesforceDesk) -> None:
    ours = {"token": token_of(requests.get(org.url, timeout=5).text)}
    assert pressed(org.url, account="0015f0000000001", answer="accepted") == 403
    assert pressed(org.url, account="0015f0000000001", answer="accepted", token="x") == 403
    assert pressed(org.url, account="0015f0000000009", answer="accepted", **ours) == 403
    assert pressed(org.url, account="0015f0000000001", answer="deleted", **ours) == 403
    other = {"Host": "evil.example"}
    assert requests.get(org.url, headers=other, timeout=5).status_code == 401
    assert all(row["Sales_Status__c"] is None for row in org.rows["Account"])


def test_outside_text_stays_text_on_the_page(org: SalesforceDesk) -> None:
    answer = requests.get(org.url, timeout=5)
    assert ODD not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_of_each_record_the_last_version_is_taken(org: SalesforceDesk) -> None:
    assert [row["Name"] for row in org.rows["Account"]] == ["Firm One", ODD]
    assert org.rows["Account"][0]["IsDeleted"] is False
    # An object without a record has its fields all the same, or nothing could be asked of it.
    assert {"Id", "AccountId", "SystemModstamp"} <= set(org.types["Task"])


def test_the_same_files_fill_a_hubspot(folder: Path) -> None:
    hub = HubSpotDesk()
    assert hub.fill(folder) == {"companies": 2, "contacts": 0, "owners": 1}
    with hub:
        page = requests.get(hub.url, timeout=5).text
        assert pressed(hub.url, token=token_of(page), account="1", answer="accepted") == 303
    company = hub.record("companies", 1) or {}
    assert (company["name"], company["sales_status"]) == ("Firm One", "Accepted")
    assert company["hubspot_owner_id"] == "1"


def test_the_command_serves_until_it_is_ended(folder: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MQA_")}
    kept |= {"MQA_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mqa_platform.cli", "local-crm", "--port", "0"]
    with subprocess.Popen(
        [*command, "--records", str(folder)], env=kept, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[0]
        assert "2 Account" in server.stdout.readline()
        assert requests.get(url, timeout=5).status_code == 200
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
