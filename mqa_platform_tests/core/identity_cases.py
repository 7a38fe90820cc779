"""The world of the identity tests: accounts, contacts, networks, and a case for every rule.

Belongs here: what is known, what a signal carries, and the answer it should get. Does not belong here:
tests.
"""

from __future__ import annotations

import pyarrow as pa

from mqa_platform_tests.core.engine import TIMESTAMP, at, day

SIGNALS = pa.schema(
    [
        ("signal_id", pa.string()),
        ("signal_date", pa.date32()),
        *[
            (name, pa.string())
            for name in (
                "person_key", "email_domain", "anonymous_id", "ip", "host", "host_domain",
                "company_name", "company_domain", "consent",
            )
        ],
        ("is_bot_agent", pa.bool_()),
        ("occurred_at", TIMESTAMP),
        ("event", pa.string()),
        ("direction", pa.string()),
        ("page_type", pa.string()),
        ("status", pa.int64()),
    ]
)  # fmt: skip
ACCOUNTS = [
    {"account_id": "acme", "name": "Acme Inc", "domain": "acme.com", "aliases": "acme.de;acme.fr"},
    {"account_id": "one", "name": "Twin One", "domain": "twin.com"},
    {"account_id": "two", "name": "Twin Two", "domain": "twin.com"},
    {"account_id": "same1", "name": "Same Name Ltd", "domain": "same1.com"},
    {"account_id": "same2", "name": "Same Name GmbH", "domain": "same2.com"},
    {"account_id": "uni", "name": "State University", "domain": "state.edu"},
    {"account_id": "telco", "name": "Big Telco", "domain": "bigtelco.com",
     "industry": "Telecommunications"},
    {"account_id": "old", "name": "Moved", "domain": "moved.com", "valid_to": day(5)},
    {"account_id": "old", "name": "Moved", "domain": "elsewhere.com", "valid_from": day(5)},
    {"account_id": "dupe", "name": "Acme Twice", "domain": "acme.biz", "valid_to": day(-9)},
    {"account_id": "gone", "name": "Gone", "domain": "gone.com", "is_deleted": True},
    {"account_id": "lone", "name": "Lone Star", "domain": "lone.com"},
    {"account_id": "lost", "name": "Lone Star", "domain": "lost.com", "valid_to": day(-20)},
    {"account_id": "lost", "name": "Lone Star", "valid_from": day(-20), "is_deleted": True},
    {"account_id": "double0", "name": "Double SA", "domain": "double0.com", "valid_to": day(-20)},
    {"account_id": "double1", "name": "Double", "domain": "double1.com"},
    {"account_id": "left", "name": "Left Behind Foods", "domain": "left.com", "valid_to": day(-50)},
    {"account_id": "left", "name": "Left Behind Foods", "domain": "left.com",
     "valid_from": day(-50), "is_deleted": True},
    {"account_id": "young", "name": "Young", "domain": "young.com", "valid_from": day(3)},
]  # fmt: skip
CONTACTS = [
    {"contact_id": "k1", "account_id": "acme", "person_ref": "email:ann", "title": "CFO"},
    {"contact_id": "k2", "account_id": "one", "person_ref": "email:bob", "valid_to": day(5)},
    {"contact_id": "k2", "account_id": "two", "person_ref": "email:bob", "valid_from": day(5)},
    {"contact_id": "k3", "account_id": "acme", "person_ref": "email:del", "is_deleted": True},
    {"contact_id": "k4", "account_id": "acme", "person_ref": "email:gmail"},
    {"contact_id": "k5", "account_id": "acme", "person_ref": "email:no", "valid_to": day(-9)},
    {"contact_id": "k5", "account_id": "acme", "person_ref": "email:new5", "valid_from": day(-9)},
]
MERGES = [
    {"account_id": "dupe", "survivor_id": "acme", "merged_on": day(-9)},
    {"account_id": "double0", "survivor_id": "double1", "merged_on": day(-20)},
]
IDENTITIES = [
    {"kind": "cookie", "ref": "c-ann", "person_ref": "email:ann", "email_domain": "acme.com"},
    {"kind": "cookie", "ref": "c-new", "person_ref": "email:new", "email_domain": "acme.de"},
    {"kind": "cookie", "ref": "c-free", "person_ref": "email:free", "email_domain": "gmail.com"},
    {"kind": "lead", "ref": "7", "person_ref": "email:ann", "email_domain": "acme.com"},
    {"kind": "lead", "ref": "6", "person_ref": "lead:7"},
    {"kind": "lead", "ref": "5", "person_ref": "lead:6"},
    {"kind": "cookie", "ref": "c-of-no", "person_ref": "email:no", "email_domain": "acme.com"},
    {"kind": "lead", "ref": "9", "person_ref": "email:no", "email_domain": "acme.com"},
]
# Who said what, in no order: "no" is refused, "yes" has come back, "tie" said both at once.
CONSENTS = [
    {"kind": kind, "ref": ref, "status": status, "changed_at": at(when)}
    for kind, ref, status, when in (
        ("person", "email:no", "denied", 3),
        ("person", "email:no", "granted", 1),
        ("person", "email:yes", "granted", 9),
        ("person", "email:yes", "denied", 3),
        ("person", "email:tie", "granted", 4),
        ("person", "email:tie", "denied", 4),
        ("person", "c-same", "denied", 4),
        ("cookie", "c-no", "denied", 4),
        ("cookie", "c-yes", "denied", 4),
        ("cookie", "c-yes", "granted", 5),
    )
]
RANGES = [
    ("office", 10, 0, 20, "acme", "acme.com", None),
    ("office", 10, 30, 40, "acme", None, None),
    ("office", 10, 50, 90, "acme", "acme.com", None),
    ("hosting", 10, 60, 70, "cloud", None, None),
    ("asn", 20, 0, 255, "acme", None, 64500),
    ("asn", 21, 0, 255, "big telco", None, 64501),
    ("asn", 22, 0, 255, "acme", None, 64502),
    ("vpn", 23, 0, 255, "hidden", None, None),
    ("asn", 24, 0, 255, "some telecom network", None, 64503),
    ("asn", 46, 0, 255, "same name", None, 64504),
]
# Networks that need more than the columns above: version 6, host names, offices that hold for a time.
WIDE_RANGES = [
    {"kind": "office", "org_key": "acme", "domain": "acme.com", "ipv6_start": f"20010db8{0:024x}",
     "ipv6_end": f"20010db8{2**96 - 1:024x}"},
    {"kind": "vpn", "ipv6_start": f"20010db9{0:024x}", "ipv6_end": f"20010db9{2**96 - 1:024x}"},
    *(
        {"kind": kind, "range_start": net * 2**24, "range_end": net * 2**24 + 255, "org": org,
         "org_key": org, "domain": domain, "valid_from": first, "valid_to": after}
        for kind, net, org, domain, first, after in (
            ("mobile", 30, "carrier", None, None, None),
            ("office", 31, "acme", "acme.com", day(-5), day(5)),
            ("office", 32, "acme", "acme.com", None, None),
            ("office", 32, "other", "same1.com", None, None),
            ("office", 33, "us", "us.com", None, None),
            ("office", 39, "acme", "acme.com", None, None),
            ("office", 39, "stranger", "stranger.com", None, None),
            ("office", 40, "stranger", "stranger.com", None, None),
            ("office", 40, "unheard", "unheard.com", None, None),
            ("office", 41, "acme", "acme.com", None, None),
            ("office", 41, "other", "same1.com", None, day(5)),
            ("office", 42, "acme", "acme.com", None, None),
            ("office", 42, "other", "same1.com", None, None),
            ("hosting", 42, "cloud", None, None, None),
            ("office", 43, "somebody", "twin.com", None, None),
            ("office", 44, "twin one", "twin.com", None, None),
            ("office", 45, "same name", None, None, None),
            ("office", 47, "acme", "acme.com", None, None),
            ("office", 47, "acme", "acme.de", None, None),
            ("office", 48, "acme", "acme.io", None, None),
            ("reverse_dns", 49, "bigtelco.com", "bigtelco.com", None, None),
            ("office", 51, "acme", "acme.com", None, None),
            ("office", 51, "same name", None, None, None),
            ("reverse_dns", 34, "gw.acme.com", "acme.com", None, None),
            ("reverse_dns", 35, "cust-7.prov.net", "prov.net", None, None),
            ("reverse_dns", 36, "mail.fresh.io", "fresh.io", None, None),
            ("reverse_dns", 37, "gw.acme.com", "acme.com", None, None),
            ("hosting", 37, "cloud", None, None, None),
            ("bot", 38, "crawler", None, None, None),
        )
    ),
]  # fmt: skip
LISTED = [("gmail.com", "free"), ("mailinator.com", "disposable")]
POLICY = {
    "domain_aliases": {"acme.co": "acme.com"},
    "exclude_domains": {
        "internal": ["us.com"], "isp": ["cablenet.com"], "hosting": ["cloudy.com"],
        "bot": ["crawler.com"], "competitor": ["rival.com"], "partner": ["friend.com"],
    },
    "own_domains": ["us.com"],
}  # fmt: skip

MAIL = {"person_key": "email:x"}
# What the visitors did, as the kernels of behaviour tell it.
BOT_DAYS = [{"visitor": visitor, "day": day(0), "behaviour": "regular_intervals"}
            for visitor in ("c-machine", "10.0.0.17")]  # fmt: skip
SCANNED = [{"signal_id": "click of a mail filter"}]
SHARED_IPS = [
    {"shared_ip": ip, "shared_day": day(0)} for ip in ("20.0.0.9", "10.0.0.19", "32.0.0.9")
]
# name → what the signal carries, and (account, rule) or the reason why it has none.
CASES = {
    "contact": ({"person_key": "email:ann"}, ("acme", "crm_contact")),
    "contact before domain": (
        {"person_key": "email:ann", "email_domain": "twin.com"}, ("acme", "crm_contact")),
    "contact by crm id": ({"person_key": "contact:k1"}, ("acme", "crm_contact")),
    "lead": ({"person_key": "lead:7"}, ("acme", "crm_contact")),
    "lead nobody knows": ({"person_key": "lead:8"}, "no_match"),
    "lead merged twice": ({"person_key": "lead:5"}, ("acme", "crm_contact")),
    "deleted contact": ({"person_key": "email:del"}, "no_match"),
    "contact with free mail": (
        {"person_key": "email:gmail", "email_domain": "gmail.com"}, ("acme", "crm_contact")),
    "contact as of early": ({"person_key": "email:bob"}, ("one", "crm_contact")),
    "contact as of late": ({"person_key": "email:bob", "signal_date": day(5)},
                           ("two", "crm_contact")),
    "mail": ({**MAIL, "email_domain": "acme.com"}, ("acme", "email_domain")),
    "mail alias of the crm": ({**MAIL, "email_domain": "acme.fr"}, ("acme", "email_domain")),
    "mail alias of policy": ({**MAIL, "email_domain": "acme.co"}, ("acme", "email_domain")),
    "mail before cookie": (
        {**MAIL, "email_domain": "acme.com", "anonymous_id": "c-free"}, ("acme", "email_domain")),
    "domain as of early": ({**MAIL, "email_domain": "moved.com"}, ("old", "email_domain")),
    "domain as of late": ({**MAIL, "email_domain": "moved.com", "signal_date": day(5)},
                          ("domain:moved.com", "email_domain")),
    "domain of a deleted account": ({**MAIL, "email_domain": "gone.com"},
                                    ("domain:gone.com", "email_domain")),
    "domain of a merged account": ({**MAIL, "email_domain": "acme.biz"}, ("acme", "email_domain")),
    "domain before the merge": (
        {**MAIL, "email_domain": "acme.biz", "signal_date": day(-10)}, ("dupe", "email_domain")),
    "unknown domain": ({**MAIL, "email_domain": "fresh.io"}, ("domain:fresh.io", "email_domain")),
    "stitched contact": ({"anonymous_id": "c-ann"}, ("acme", "stitched_cookie")),
    "stitched person": ({"anonymous_id": "c-new"}, ("acme", "stitched_cookie")),
    "stitched before company": (
        {"anonymous_id": "c-ann", "company_domain": "same1.com"}, ("acme", "stitched_cookie")),
    "company domain": ({"company_domain": "acme.com"}, ("acme", "company_domain")),
    "unknown company domain": ({"company_domain": "fresh.io"}, "no_match"),
    "company domain before name": (
        {"company_domain": "acme.com", "company_name": "Twin One"}, ("acme", "company_domain")),
    "company name": ({"company_name": "ACME, Inc."}, ("acme", "company_name")),
    "company name before host": (
        {"company_name": "Acme", "host_domain": "same1.com", "host": "w.same1.com"},
        ("acme", "company_name")),
    "company name of two": ({"company_name": "same name"}, "tie_refused"),
    "company name of two, behind free mail": (
        {**MAIL, "email_domain": "gmail.com", "company_name": "Same Name AG"}, "tie_refused"),
    "company name of two, with an office": (
        {"company_name": "same name", "ip": "10.0.0.5"}, ("acme", "office_ip")),
    "company name of a merged account": ({"company_name": "Acme Twice"}, ("acme", "company_name")),
    "company name of a deleted account": ({"company_name": "Gone"}, "no_match"),
    "company name before the CRM had the account": ({"company_name": "Young"}, "no_match"),
    "company name since the CRM has the account": (
        {"company_name": "Young", "signal_date": day(3)}, ("young", "company_name")),
    "company name that a deleted account had too": (
        {"company_name": "Lone Star"}, ("lone", "company_name")),
    "company name of two that are one by now": (
        {"company_name": "Double"}, ("double1", "company_name")),
    "company name of an account deleted long ago": (
        {"company_name": "Left Behind Foods"}, "no_match"),
    "company name beside a look-alike domain": (
        {"company_domain": "acme.cm", "company_name": "Acme Inc"}, "no_match"),
    "company name beside an unknown domain": (
        {"company_domain": "acme.io", "company_name": "Acme"}, "no_match"),
    "company name of two beside an unknown domain": (
        {"company_domain": "acme.io", "company_name": "Same Name"}, "no_match"),
    "company name beside a provider's domain": (
        {"company_domain": "cablenet.com", "company_name": "Acme"}, "isp"),
    "company name beside free mail": (
        {"company_domain": "gmail.com", "company_name": "Acme"}, ("acme", "company_name")),
    "company name of one beside a tied domain": (
        {"company_domain": "twin.com", "company_name": "Twin One"}, ("one", "company_name")),
    "company name of a third beside a tied domain": (
        {"company_domain": "twin.com", "company_name": "Acme"}, "tie_refused"),
    "mail of a telco account": (
        {**MAIL, "email_domain": "bigtelco.com"}, ("telco", "email_domain")),
    "gateway of a telco account": (
        {"host": "gw1.bigtelco.com", "host_domain": "bigtelco.com"}, ("telco", "host_domain")),
    "customer of a telco account": (
        {"host": "dsl-7.bigtelco.com", "host_domain": "bigtelco.com"}, "isp"),
    "customer of a telco account, by reverse dns": ({"ip": "49.0.0.1"}, "isp"),
    "customer of a telco account, with an office": (
        {"host": "dsl-7.bigtelco.com", "host_domain": "bigtelco.com",
         "ip": "10.0.0.5"}, ("acme", "office_ip")),
    "rented server that spells its address": (
        {"host": "ec2-54-1-2-3.compute-1.amazonaws.com", "host_domain": "amazonaws.com"}, "isp"),
    "line that spells its address": (
        {"host": "host86-1-2-3.range86-1.btcentralplus.com", "host_domain": "btcentralplus.com"},
        "isp"),
    "line that spells its address in letters": (
        {"host": "p4fca1b2c.dip0.t-ipconnect.de", "host_domain": "t-ipconnect.de"}, "isp"),
    "dial-up of another kind": (
        {"host": "adsl-64-12.prov.net", "host_domain": "prov.net"}, "isp"),
    "an account's own host that spells its address": (
        {"host": "ip-10-1-2-3.acme.com", "host_domain": "acme.com"}, ("acme", "host_domain")),
    "host": ({"host": "gw.acme.com", "host_domain": "acme.com"}, ("acme", "host_domain")),
    "host before office": (
        {"host": "gw.same1.com", "host_domain": "same1.com", "ip": "10.0.0.5"},
        ("same1", "host_domain")),
    "dial-up of an account's own": ({"host": "dsl-1.acme.com", "host_domain": "acme.com"},
                                    ("acme", "host_domain")),
    "dial-up": ({"host": "dsl-1.prov.net", "host_domain": "prov.net"}, "isp"),
    "office": ({"ip": "10.0.0.5"}, ("acme", "office_ip")),
    "office by name": ({"ip": "10.0.0.35"}, ("acme", "office_ip")),
    "beside the office": ({"ip": "10.0.0.21"}, "no_match"),
    "hosting inside an office": ({"ip": "10.0.0.65"}, "hosting"),
    "office around hosting": ({"ip": "10.0.0.71"}, ("acme", "office_ip")),
    "free mail behind an office": (
        {"person_key": "email:free", "email_domain": "gmail.com", "ip": "10.0.0.5"},
        ("acme", "office_ip")),
    "network": ({"ip": "20.0.0.1"}, ("acme", "asn_org")),
    "network of a telco account": ({"ip": "21.0.0.1"}, "isp"),
    "network of a telco by name": ({"ip": "24.0.0.1"}, "isp"),
    "listed network": ({"ip": "22.0.0.1"}, "isp"),
    "vpn": ({"ip": "23.0.0.1"}, "vpn"),
    "office of version 6": ({"ip": "2001:db8::7"}, ("acme", "office_ip")),
    "vpn of version 6": ({"ip": "2001:DB9::7"}, "vpn"),
    "version 4 written as 6": ({"ip": "::ffff:10.0.0.5"}, ("acme", "office_ip")),
    "mobile": ({"ip": "30.0.0.1"}, "mobile_carrier"),
    "office while it is rented": ({"ip": "31.0.0.1"}, ("acme", "office_ip")),
    "office before it is rented": ({"ip": "31.0.0.1", "signal_date": day(-6)}, "no_match"),
    "office on the last day": (
        {"ip": "31.0.0.1", "signal_date": day(4)}, ("acme", "office_ip")),
    "office after it was left": ({"ip": "31.0.0.1", "signal_date": day(5)}, "no_match"),
    "office of two": ({"ip": "32.0.0.1"}, "tie_refused"),
    "office of two, with a host": (
        {"ip": "32.0.0.1", "host": "w.same1.com", "host_domain": "same1.com"},
        ("same1", "host_domain")),
    "office of two, one nobody knows": ({"ip": "39.0.0.1"}, "tie_refused"),
    "office of two that nobody knows": ({"ip": "40.0.0.1"}, "no_match"),
    "office of two, one of which has left": (
        {"ip": "41.0.0.1", "signal_date": day(5)}, ("acme", "office_ip")),
    "office of two, before one has left": (
        {"ip": "41.0.0.1", "signal_date": day(4)}, "tie_refused"),
    "rented office of two": ({"ip": "42.0.0.1"}, "hosting"),
    "office of a tied domain": ({"ip": "43.0.0.1"}, "tie_refused"),
    "office of a tied domain, with the name of one": ({"ip": "44.0.0.1"}, ("one", "office_ip")),
    "office of a tied name": ({"ip": "45.0.0.1"}, "tie_refused"),
    "network of a tied name": ({"ip": "46.0.0.1"}, "tie_refused"),
    "office under two domains of one account": ({"ip": "47.0.0.1"}, ("acme", "office_ip")),
    "office of two, one of whom only a name tells": ({"ip": "51.0.0.1"}, "tie_refused"),
    "office by name, with a domain of nobody's": ({"ip": "48.0.0.1"}, "no_match"),
    "our own office": ({"ip": "33.0.0.1"}, "internal"),
    "our own office, of a contact": ({"ip": "33.0.0.1", "person_key": "email:ann"}, "internal"),
    "host by reverse dns": ({"ip": "34.0.0.1"}, ("acme", "host_domain")),
    "host of the log before reverse dns": (
        {"ip": "34.0.0.1", "host": "a.same1.com", "host_domain": "same1.com"},
        ("same1", "host_domain")),
    "customer line by reverse dns": ({"ip": "35.0.0.1"}, "isp"),
    "unknown host by reverse dns": ({"ip": "36.0.0.1"}, "no_match"),
    "reverse dns of a rented server": ({"ip": "37.0.0.1"}, "hosting"),
    "crawler by address": ({"ip": "38.0.0.1", "person_key": "email:ann"}, "bot"),
    "crawler by behaviour": ({"anonymous_id": "c-machine", "person_key": "email:ann"}, "bot"),
    "the same cookie on another day": (
        {"anonymous_id": "c-machine", "person_key": "email:ann", "signal_date": day(1)},
        ("acme", "crm_contact")),
    "crawler by behaviour, without a cookie": ({"ip": "10.0.0.17"}, "bot"),
    "click of a mail filter": ({"person_key": "email:ann"}, "link_scanner"),
    "network that many share": ({"ip": "20.0.0.9"}, "shared_ip"),
    "network that many share, on another day": (
        {"ip": "20.0.0.9", "signal_date": day(1)}, ("acme", "asn_org")),
    "office that everybody seems to come from": ({"ip": "10.0.0.19"}, "shared_ip"),
    "office of two that everybody seems to come from": ({"ip": "32.0.0.9"}, "shared_ip"),
    "person behind an address that many share": (
        {"ip": "20.0.0.9", "person_key": "email:ann"}, ("acme", "crm_contact")),
    "look-alike domain": ({**MAIL, "email_domain": "acrne.com"},
                          ("domain:acrne.com", "email_domain")),
    "look-alike company domain": ({"company_domain": "acme.cm"}, "no_match"),
    "look-alike host": ({"host": "gw.acmee.com", "host_domain": "acmee.com"},
                        ("domain:acmee.com", "host_domain")),
    "not an address": ({"ip": "300.1.1.1"}, "no_match"),
    "free mail": ({**MAIL, "email_domain": "gmail.com"}, "free_mail"),
    "disposable mail": ({**MAIL, "email_domain": "mailinator.com"}, "disposable_mail"),
    "tie": ({**MAIL, "email_domain": "twin.com"}, "tie_refused"),
    "tie with an office": (
        {**MAIL, "email_domain": "twin.com", "ip": "10.0.0.5"}, ("acme", "office_ip")),
    "host of an isp": ({"host": "a.cablenet.com", "host_domain": "cablenet.com"}, "isp"),
    "host of hosting": ({"host": "a.cloudy.com", "host_domain": "cloudy.com"}, "hosting"),
    "mail of a person at home": (
        {**MAIL, "email_domain": "acme.com", "host": "cablenet.com", "host_domain": "cablenet.com"},
        ("acme", "email_domain")),
    "crawler host": ({"host": "a.crawler.com", "host_domain": "crawler.com"}, "bot"),
    "bot agent": ({"person_key": "email:ann", "is_bot_agent": True}, "bot"),
    "internal": ({**MAIL, "email_domain": "us.com"}, "internal"),
    "internal host": ({"host": "gw.us.com", "host_domain": "us.com", "ip": "10.0.0.5"}, "internal"),
    "competitor": ({**MAIL, "email_domain": "rival.com", "ip": "10.0.0.5"}, "competitor"),
    "partner": ({"company_domain": "friend.com", "ip": "10.0.0.5"}, "partner"),
    "student": ({**MAIL, "email_domain": "other.edu", "ip": "10.0.0.5"}, "education"),
    "british student": ({**MAIL, "email_domain": "uni.ac.uk"}, "education"),
    "university that is an account": ({**MAIL, "email_domain": "state.edu"},
                                      ("uni", "email_domain")),
    "denied": ({"person_key": "email:ann", "consent": "denied"}, "no_consent"),
    "unknown consent": ({"person_key": "email:ann", "email_domain": "acme.com",
                         "anonymous_id": "c-ann", "consent": "unknown"}, "no_match"),
    "unknown consent at the office": (
        {"person_key": "email:ann", "anonymous_id": "c-ann", "consent": "unknown",
         "ip": "10.0.0.5"}, ("acme", "office_ip")),
    "nothing": ({}, "no_match"),
    "refused by mail": ({"person_key": "email:no", "email_domain": "acme.com"}, "no_consent"),
    "refused, whatever the page said": (
        {"person_key": "email:no", "email_domain": "acme.com", "consent": "not_required"},
        "no_consent"),
    "refused before it was said": (
        {"person_key": "email:no", "email_domain": "acme.com", "signal_date": day(-30)},
        "no_consent"),
    "refused as a lead": ({"person_key": "lead:9"}, "no_consent"),
    "refused as a contact": ({"person_key": "contact:k5"}, "no_consent"),
    "refused in a browser": ({"anonymous_id": "c-of-no", "ip": "10.0.0.5"}, "no_consent"),
    "refused at one moment": ({"person_key": "email:tie", "email_domain": "acme.com"},
                              "no_consent"),
    "a browser that refused": ({"anonymous_id": "c-no", "ip": "10.0.0.5"}, "no_consent"),
    "a browser that refused, of a known person": (
        {"anonymous_id": "c-no", "person_key": "email:ann"}, "no_consent"),
    "a browser that came back": ({"anonymous_id": "c-yes", "ip": "10.0.0.5"},
                                 ("acme", "office_ip")),
    "a person who came back": ({"person_key": "email:yes", "email_domain": "acme.com"},
                               ("acme", "email_domain")),
    "a browser named like a person who refused": (
        {"anonymous_id": "c-same", "ip": "10.0.0.5"}, ("acme", "office_ip")),
}  # fmt: skip
