"""A few records of every object that the packaged mapping reads, for the Salesforce server.

Belongs here: records as the API gives them. Does not belong here: the server (``salesforce``).
"""

from __future__ import annotations

from typing import Any

from mqa_platform_tests.sources.fakes.salesforce import FakeSalesforce

Row = dict[str, Any]
ROWS = 5


def fill(org: FakeSalesforce) -> None:
    """Give the org five records of each object; some share a second, one account is deleted."""
    org.add("Account", [_account(n) for n in range(ROWS)], BillingAddress="address")
    org.add("Contact", [_contact(n) for n in range(ROWS)])
    org.add("Lead", [_lead(n) for n in range(ROWS)])
    org.add("Opportunity", [_opportunity(n) for n in range(ROWS)])
    org.add("OpportunityFieldHistory", [_change(n) for n in range(ROWS)], NewValue="anyType")
    org.add("OpportunityContactRole", [_role(n) for n in range(ROWS)])
    org.add("CampaignMember", [_member(n) for n in range(ROWS)])
    org.add("Task", [_task(n) for n in range(ROWS)])
    org.add("Event", [_event(n) for n in range(ROWS)])
    org.add("User", [_user(n) for n in range(ROWS)])


def identifier(prefix: str, n: int) -> str:
    return f"{prefix}{n:012d}AAA"


def _base(prefix: str, n: int) -> Row:
    return {
        "Id": identifier(prefix, n),
        "IsDeleted": False,
        "CreatedDate": f"2026-01-{n + 1:02d}T08:00:00.000+0000",
        "SystemModstamp": f"2026-03-01T00:00:{n // 3:02d}.000+0000",
    }


def _account(n: int) -> Row:
    return _base("001", n) | {
        "IsDeleted": n == 2,
        "MasterRecordId": None,
        "Name": f'Firm {n}, "Ltd"',
        "Website": f"https://www.firm{n}.example.com/",
        "Industry": "Technology",
        "NumberOfEmployees": 100 * n,
        "AnnualRevenue": 1250000.5,
        "BillingCountry": "US",
        "Type": "Prospect",
        "OwnerId": identifier("005", 1),
    }


def _contact(n: int) -> Row:
    return _base("003", n) | {
        "AccountId": identifier("001", n),
        "Email": f"person{n}@firm{n}.example.com",
        "Name": f"Person {n}",
        "Title": "VP, Engineering",
        "HasOptedOutOfEmail": n == 1,
    }


def _lead(n: int) -> Row:
    return _base("00Q", n) | {
        "Email": f"lead{n}@firm{n}.example.com",
        "Name": f"Lead {n}",
        "Company": f"Firm {n}",
        "Status": "Open - Not Contacted",
        "ConvertedAccountId": None,
        "ConvertedContactId": None,
        "ConvertedDate": None,
        "OwnerId": identifier("005", 1),
    }


def _opportunity(n: int) -> Row:
    return _base("006", n) | {
        "AccountId": identifier("001", n),
        "Name": f"Deal {n}",
        "StageName": "Closed Won" if n == 0 else "Prospecting",
        "IsClosed": n == 0,
        "IsWon": n == 0,
        "CloseDate": "2026-02-15",
        "Amount": 12345.67,
    }


def _change(n: int) -> Row:
    found = _base("017", n)
    del found["SystemModstamp"]
    return found | {
        "OpportunityId": identifier("006", n),
        "Field": "StageName",
        "OldValue": "Qualification",
        "NewValue": "Prospecting",
    }


def _role(n: int) -> Row:
    return _base("00K", n) | {
        "OpportunityId": identifier("006", n),
        "ContactId": identifier("003", n),
        "Role": "Decision Maker",
        "IsPrimary": n == 0,
    }


def _member(n: int) -> Row:
    return _base("00v", n) | {
        "CampaignId": identifier("701", 1),
        "Campaign.Name": "Spring webinar",
        "Status": "Responded" if n else "Sent",
        "FirstRespondedDate": "2026-02-10" if n else None,
        "ContactId": identifier("003", n),
        "LeadId": None,
        "Email": f"person{n}@firm{n}.example.com",
    }


def _task(n: int) -> Row:
    return _base("00T", n) | {
        "AccountId": identifier("001", n),
        "WhoId": identifier("003", n),
        "OwnerId": identifier("005", 1),
        "Type": "Call",
        "TaskSubtype": "Call",
        "Status": "Completed",
        "ActivityDate": "2026-02-01",
    }


def _event(n: int) -> Row:
    return _base("00U", n) | {
        "AccountId": identifier("001", n),
        "WhoId": identifier("003", n),
        "OwnerId": identifier("005", 1),
        "Type": "Meeting",
        "StartDateTime": "2026-02-02T15:00:00.000+0000",
    }


def _user(n: int) -> Row:
    found = _base("005", n)
    del found["IsDeleted"]
    return found | {
        "Name": f"Rep {n}",
        "Email": f"rep{n}@ours.example",
        "IsActive": n != 4,
        "TimeZoneSidKey": "America/New_York",
    }
