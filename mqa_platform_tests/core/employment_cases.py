"""The world of the employment tests: what the CRM said when, what people used, and who they work for.

Belongs here: facts by person and the answer each question should get. Does not belong here: tests.
"""

from __future__ import annotations

from collections import Counter

from mqa_platform_tests.core.engine import at

# Domains with their companies; two companies use both.com, bought.com is listed under its buyer.
OWNERS = [
    ("one.com", "one"), ("two.com", "two"), ("three.com", "three"), ("tiny.com", "tiny"),
    ("both.com", "one"), ("both.com", "three"), ("bought.com", "two"),
]  # fmt: skip
# A domain that changes hands: whose until which day, and from which day on.
SOLD = [("sold.com", "one", -999, 50), ("sold.com", "two", 50, None)]
SOLD += [("got.com", "two", -999, -50), ("got.com", "one", -50, None)]
# The CRM got the parent's account after it had the address of somebody at its daughter.
SOLD += [("parent.com", "two", -100, None)]
NAMED = [("bought", "bought", -999), ("late", "late", 500)]
# Three people make a domain a company's.
CROWD = [
    (f"{company}{n}", -400, f"{company}.com")
    for company in ("one", "two", "three")
    for n in range(3)
] + [("solo", -400, "tiny.com")]

# name → employers (company, since) as the CRM has them, uses (domain, day), addresses on file (domain
# or (domain, day)), the domain of the question, and (company, evidence). All are asked on day 0; the CRM
# last confirmed its record on day −200.
CASES = {
    "nothing but the crm": ([("one", -900)], [], [], None, ("one", "no_address")),
    "the same domain": ([("one", -900)], [], ["one.com"], "one.com", ("one", "domain_agrees")),
    "a new corporate domain": ([("one", -900)], [], [], "two.com", ("two", "new_domain")),
    "a domain nobody else uses": ([("one", -900)], [], [], "tiny.com", ("one", "personal_domain")),
    "a domain used beside the employer": (
        [("one", -900)], [("two.com", -300)], [], "two.com", ("one", "personal_domain")),
    "a domain used only since": (
        [("one", -900)], [("two.com", -100)], [], "two.com", ("two", "new_domain")),
    "a domain on record": (
        [("one", -900)], [], [("two.com", -300)], "two.com", ("one", "domain_on_record")),
    "a domain on record before it was an account's": (
        [("one", -900)], [], [("parent.com", -300)], "parent.com", ("one", "domain_on_record")),
    "a domain put on record later": (
        [("one", -900)], [], [("two.com", -100)], "two.com", ("two", "new_domain")),
    "the former employer's domain": (
        [("two", -900), ("one", -500)], [], [], "two.com", ("one", "domain_of_former_employer")),
    "an employer the crm learns of later": (
        [("one", -900), ("two", -100)], [], [], "two.com", ("two", "new_domain")),
    "a shared domain of the employer": (
        [("three", -900)], [], [], "both.com", ("three", "domain_agrees")),
    "a shared domain of others": ([("two", -900)], [], [], "both.com", ("two", "no_address")),
    "the bought company's domain": (
        [("one", -900)], [], [], "bought.com", ("bought", "domain_named_after_another")),
    "the bought company's domain, and the crm says so": (
        [("bought", -900)], [], [], "bought.com", ("bought", "domain_named_after_employer")),
    "private mail, the employer's a month ago": (
        [("one", -900)], [("one.com", -30)], ["one.com"], None, ("one", "address_in_use")),
    "private mail, the employer's long ago": (
        [("one", -900)], [("one.com", -200)], ["one.com"], None, ("one", "own_address")),
    "the employer's address fell silent": (
        [("one", -900)], [("one.com", -60), *[(None, -d) for d in range(1, 7)]], ["one.com"], None,
        ("one", "address_stopped")),
    "silent, and another company's address is on file": (
        [("one", -900)], [("one.com", -60), *[(None, -d) for d in range(1, 7)]],
        ["one.com", "two.com"], None, ("two", "address_stopped_for_another")),
    "silent, and two other companies' are on file": (
        [("one", -900)], [("one.com", -60), *[(None, -d) for d in range(1, 7)]],
        ["two.com", "three.com"], None, ("one", "address_stopped")),
    "silent for a holiday": (
        [("one", -900)], [("one.com", -20), *[(None, -d) for d in range(1, 7)]],
        ["one.com", "two.com"], None, ("one", "address_in_use")),
    "another company's address on file": (
        [("one", -900)], [], ["two.com"], None, ("one", "other_address")),
    "a former employer's address on file": (
        [("two", -900), ("one", -500)], [], ["two.com"], None, ("one", "no_address")),
    "private mail, a new employer's before": (
        [("one", -900)], [("two.com", -50)], [], None, ("two", "recent_new_domain")),
    "another company's address on file tomorrow": (
        [("one", -900)], [], [("two.com", 1)], None, ("one", "no_address")),
    "the employer's address on file tomorrow": (
        [("one", -900)], [], [("one.com", 1)], None, ("one", "no_address")),
    "silent, and another company's address is on file tomorrow": (
        [("one", -900)], [("one.com", -60), *[(None, -d) for d in range(1, 7)]],
        ["one.com", ("two.com", 1)], None, ("one", "address_stopped")),
    "a domain that is sold later": ([("one", -900)], [], [], "sold.com", ("one", "domain_agrees")),
    "a domain that was bought before": (
        [("one", -900)], [], [], "got.com", ("one", "domain_agrees")),
    "the employer's domain, which another had before": (
        [("one", -900)], [("got.com", -20)], [], None, ("one", "address_in_use")),
    "an address on file at a domain that is sold later": (
        [("one", -900)], [], [("sold.com", -300)], None, ("one", "own_address")),
    "a use of tomorrow": ([("one", -900)], [("two.com", 1)], [], None, ("one", "no_address")),
    "nobody the crm employs": ([], [], [], "two.com", None),
    "employed only later": ([("one", -100)], [], [], "two.com", None),
}  # fmt: skip

CONFIRMED_ON = -200


def question_rows(cases):
    """The rows of ``employment_facts.Question`` for some cases, by table."""
    rows = {"asked": [], "uses": [], "employers": [], "addresses": []}
    for name, (employers, uses, addresses, domain, _) in cases.items():
        label = domain.split(".")[0] if domain else None
        rows["asked"].append(
            {"ref": f"q:{name}", "person": name, "at": at(0), "confirmed_at": at(CONFIRMED_ON),
             "domain": domain, "label": label}
        )  # fmt: skip
        rows["employers"] += [{"person": name, "at": at(d), "company": c} for c, d in employers]
        rows["uses"] += [{"person": name, "at": at(d), "domain": u} for u, d in uses]
        for given in addresses:
            known, since = given if isinstance(given, tuple) else (given, None)
            when = None if since is None else at(since)
            rows["addresses"].append({"person": name, "at": when, "domain": known})
    rows["users"] = [{"person": p, "at": at(d), "domain": u} for p, d, u in CROWD]
    of = Counter(d for d, _ in OWNERS)
    rows["owners"] = [
        {"domain": d, "company": c, "is_sole": of[d] == 1, "owned_from": at(-9999)}
        for d, c in OWNERS
    ] + [
        {"domain": d, "company": c, "is_sole": True, "owned_from": at(first, 0),
         "owned_to": None if end is None else at(end, 0)}
        for d, c, first, end in SOLD
    ]  # fmt: skip
    rows["named"] = [{"label": n, "company": c, "at": at(d)} for n, c, d in NAMED]
    return rows
