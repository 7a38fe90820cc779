"""A small sound file for every file connector: what the connector accepts, and little more.

Belongs here: contents. Does not belong here: dirt (each connector's own test) or facts.
"""

from __future__ import annotations

import json
from typing import Any, Final

from mqa_platform_tests.sources.mmdb_writing import mmdb_file

_PAGE: Final = {
    "type": "page", "messageId": "m1", "anonymousId": "cookie1",
    "timestamp": "2025-07-02T10:00:07.25Z", "sentAt": "2025-07-02T10:00:07.25Z",
    "receivedAt": "2025-07-02T10:00:08Z", "properties": {"path": "/pricing"},
    "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "consent": "granted"},
}  # fmt: skip


def _lines(*records: dict[str, Any]) -> str:
    return "\n".join(json.dumps(record) for record in records) + "\n"


def _snowplow() -> str:
    fields = [""] * 131
    known = {
        0: "site", 1: "web", 2: "2025-07-02 10:00:00.000", 3: "2025-07-02 10:00:01.000",
        4: "2025-07-02 10:00:00.500", 5: "page_view", 6: "6f1b0ec6-0000-4000-8000-000000000001",
        12: "u1", 13: "192.0.2.7", 15: "cookie1", 16: "1", 31: "/pricing",
    }  # fmt: skip
    for at, value in known.items():
        fields[at] = value
    return "\t".join(fields) + "\n"


# Connector → content; every row is sound.
EXAMPLES: Final[dict[str, str | bytes]] = {
    "segment_jsonl": _lines(_PAGE, {**_PAGE, "messageId": "m2"}),
    "snowplow_enriched": _snowplow(),
    "marketo_activities": "id,activity_date,activity_type_id,lead_id\n"
    "1,2025-07-02 10:00:00 UTC,11,7\n2,2025-07-02 11:00:00 UTC,11,8\n",
    "marketo_leads": "id,email,created_at\n7,a@x-corp.com,2025-07-01 09:00:00 UTC\n",
    "pardot_activities": "id,prospect_id,type,created_at\n1,7,4,2025-07-02 10:00:00\n",
    "pardot_prospects": "id,email,created_at\n7,a@x-corp.com,2025-07-01 09:00:00\n",
    "hubspot_email_events": "id,type,recipient,created,email_campaign_id\n"
    "e1,CLICK,a@x-corp.com,2025-07-02 10:00:00,5\n",
    "hubspot_form_submissions": "contact_id,form_id,timestamp,page_url,title\n"
    "7,f1,2025-07-02 10:00:00,https://site.example/demo,Demo\n",
    "bombora_surge": "Acme,acme.com,1-10,Software,B2B,Analytics,71,\"NY[70],LA[60]\",US\n"
    "Beta,beta.com,1-10,Software,B2B,Analytics,64,,US\n",
    "bombora_adat": "Acme,acme.com,1-10,Software,B2B,Analytics,71,H,NY,70,H,US\n"
    "Acme,acme.com,1-10,Software,B2B,Analytics,71,H,LA,60,M,US\n",
    "sixsense_companies": "domain,employee_range,revenue_range,naics,confidence,is_blacklisted,updated_at\n"
    "acme.com,201-500,$10M-$50M,5112,High,false,2025-07-02\n",
    "sixsense_scores": "domain,product,buying_stage,intent_score,profile_fit,is_6_qa,updated_at\n"
    "acme.com,Suite,Decision,80,Strong,true,2025-07-02\n",
    "demandbase_intent": _lines(
        {
            "companyId": 1, "domain": "acme.com", "keyword": "analytics",
            "numPeopleResearching": 3, "intentStrength": "HIGH", "isTrending": True,
            "trendingScore": 2, "numTrendingDays": 4, "startDate": "2025-07-01",
            "endDate": "2025-07-07",
        }
    ),
    "zoominfo_intent": _lines(
        {
            "companyId": 1, "companyName": "Acme", "companyWebsite": "acme.com",
            "topic": "analytics", "signalScore": 80, "audienceStrength": "B",
            "signalDate": "2025-07-02", "category": "Data",
        }
    ),
    "intent_feed": "domain,topic,week_ending,z_score\nacme.com,analytics,2025-07-02,1.5\n",
    "trigger_feed": _lines(
        {
            "id": "t1", "type": "funding_round", "announced_at": "2025-07-02T00:00:00Z",
            "company": "Acme", "domain": "acme.com",
        }
    ),
    "crunchbase_rounds": "company_permalink,company_name,funding_round_type,funded_at,raised_amount_usd\r"
    "/company/acme,Acme,series-a,2012-07-02,1000000\r",
    "crunchbase_companies": "permalink,name,category_list,funding_total_usd,status,country_code,founded_at,"
    "first_funding_at,last_funding_at\r"
    "/company/acme,Acme,Software,1000,operating,USA,2001-01-01,2005-01-01,2010-01-01\r",
    "crm_export": "Id,Name,Website,CreatedDate,SystemModstamp,IsDeleted\n"
    "001A,Acme,acme.com,2025-01-01T00:00:00.000Z,2025-07-01T00:00:00.000Z,false\n",
    "enrichment": "domain,company_name,employees,industry,as_of\nacme.com,Acme,201-500,Software,2025-07-02\n",
    "ad_clicks": "click_id,click_time,channel,campaign,company_name,domain\n"
    "c1,2025-07-02T10:00:00Z,linkedin,Spring,Acme,acme.com\n",
    "ad_spend": "date,channel,campaign,impressions,clicks,cost,currency\n"
    "2025-07-02,linkedin,Spring,1000,10,55.50,USD\n",
    "event_attendees": "event,email,company,registered_at,attended,attended_at\n"
    "Webinar,a@acme.com,Acme,2025-07-01T10:00:00Z,yes,2025-07-02T10:00:00Z\n",
    "sales_engagement": "id,email,type,status,direction,occurred_at\n"
    "s1,a@acme.com,email,replied,inbound,2025-07-02T10:00:00Z\n",
    "account_list": "domain,company_name,reason,owner,valid_from\nacme.com,Acme,target,Ann,2025-07-01\n",
    "corrections": _lines({"kind": "cookie", "ref": "c1", "action": "split", "at": "2025-07-02T10:00:00Z"}),
    "rep_capacity": "rep_id,valid_from,capacity_per_week,regions\n005A,2025-07-02,8,Germany\n",
    "absences": "rep_id,starts_on,ends_on,kind,cover_id\n005A,2025-07-02,2025-07-09,holiday,005B\n",
    "reassignments": _lines({
        "reassignment_id": "r1", "from_rep": "005A", "to_rep": "005B", "starts_on": "2025-07-02",
        "reason": "left", "by": "ann", "at": "2025-07-02T10:00:00Z",
    }),
    "overrides": _lines(
        {
            "override_id": "o1", "account_id": "a1", "action": "exclude", "starts_on": "2025-07-02",
            "ends_on": "2025-08-02", "reason": "partner", "by": "ann", "at": "2025-07-02T10:00:00Z",
        }
    ),
    "consent_changes": "email,status,changed_at\na@acme.com,granted,2025-07-02T10:00:00Z\n",
    "apache_combined": '192.0.2.7 - - [02/Jul/2025:10:00:00 +0000] "GET /pricing HTTP/1.1" 200 5 '
    '"-" "Mozilla/5.0"\n',
    "nasa_tsv": "host\tlogname\ttime\tmethod\turl\tresponse\tbytes\n"
    "a.acme.com\t-\t807256800\tGET\t/pricing\t200\t5\n",
    "git_commits": "repo,commit,author_ts,author_id,email_domain,is_merge\n"
    "r,c1,1310000000,a1,acme.com,0\n",
    "fortune_accounts": "year,name,sector,website,employees,revenues_musd\n"
    "2018,Acme,Technology,https://www.acme.com,1000,500\n",
    "affiliation_accounts": json.dumps(
        {
            "companies": [{"company_name": "Acme", "domains": ["acme.com"], "aliases": []}],
            "users": [],
        }
    ),
    "cncf_companies": "crunchbase,name,homepage,city,region,country,num_employees_min,num_employees_max,"
    "kind,funding,ticker,stockExchange,parents,linkedin,acquisitions\n"
    "https://crunchbase.example/acme,Acme,https://acme.com,Austin,Texas,US,11,50,,,,,[],,[]\n",
    "office_ip_ranges": "org,range_start_or_cidr,range_end\nAcme,192.0.2.0/24,\n",
    "asn_ranges": "192.0.2.0,192.0.2.255,64500,ACME-AS\n",
    "cidr_list": "192.0.2.0/24\n",
    "asn_list": "ASN,Entity\n64500,Acme Hosting\n",
    "received": _lines({
        "version": 1, "source": "webhooks", "scheme": "standard_webhooks", "id": "msg_1",
        "received_at": "2025-07-02T10:00:01.000000+00:00",
        "body": {"events": [
            {
                "id": f"w{n}", "type": "demo_request", "timestamp": "2025-07-02T10:00:00Z",
                "data": {"email": "a@acme.com", "anonymous_id": "cookie1"},
            }
            for n in (1, 2)
        ]},
    }),
    "reference_records": "id,name\n1,Admin\n2,Rep\n",
    "mmdb": mmdb_file({"192.0.2.0/24": {"autonomous_system_number": 64500}}),
    "reverse_dns": "ip,host\n192.0.2.7,gw.acme.com\n",
}  # fmt: skip
# What a connector needs besides its files.
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "bombora_surge": {"week": "2025-07-07"},
    "bombora_adat": {"week": "2025-07-07"},
    "crm_export": {"crm": "salesforce", "object": "Account"},
    "cidr_list": {"kind": "hosting"},
    "asn_list": {"kind": "hosting"},
    "account_list": {"kind": "target"},
}
