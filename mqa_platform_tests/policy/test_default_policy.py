"""The packaged policy: complete, small, explained, right about the pages and titles it names."""

from __future__ import annotations

import re

import pytest

from mqa_platform.policy.folder import DEFAULT_FOLDER, SECTIONS
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(None)


def test_every_section_has_its_file_and_explains_itself() -> None:
    assert sorted(f.stem for f in DEFAULT_FOLDER.glob("*.yaml")) == sorted(SECTIONS)
    for file in DEFAULT_FOLDER.rglob("*.yaml"):
        assert file.read_text(encoding="utf-8").startswith("# ")


def test_a_dozen_signals_are_enough(policy: Policy) -> None:
    assert len(policy.signals.signals) <= 12


def test_no_event_and_page_is_claimed_by_two_signals(policy: Policy) -> None:
    claims = [
        (event, page)
        for signal in policy.signals.signals.values()
        for event in signal.events
        for page in signal.page_types or [""]
    ]
    assert len(claims) == len(set(claims))


def test_one_busy_reader_never_reaches_engaged_with_reading_alone(policy: Policy) -> None:
    reading = policy.signals.signals["product_or_blog_view"]
    lowest = min(tier.threshold for _, tier in policy.stages.tiers)
    assert reading.ceiling is not None
    assert reading.ceiling < float(lowest) * policy.stages.engaged_ratio


def test_only_a_demo_request_raises_the_hand(policy: Policy) -> None:
    raised = [name for name, signal in policy.signals.signals.items() if signal.hand_raise]
    assert raised == ["demo_request"]


def test_bad_news_costs_points(policy: Policy) -> None:
    negative = [s for s in policy.signals.signals.values() if s.weight < 0]
    assert [s.events for s in negative] == [["layoffs", "lawsuit"]]


@pytest.mark.parametrize(
    ("path", "page_type"),
    [
        ("/", "home"),
        ("/?utm_source=x", "home"),
        ("/index.html", "home"),
        ("/pricing", "pricing"),
        ("/pricing/enterprise", "pricing"),
        ("/Pricing?plan=team", "pricing"),
        ("/demo", "demo"),
        ("/compare/rivalstack", "comparison"),
        ("/case-studies/bank", "case_study"),
        ("/integrations/salesforce", "integration"),
        ("/rfq", "rfq"),
        ("/product/analytics", "product"),
        ("/blog/ten-things", "blog"),
        ("/docs/api/errors", "docs"),
        ("/careers", "careers"),
        ("/careers/engineer", "careers"),
        ("/login", "login"),
        ("/pricing-of-tea", None),
        ("/about", None),
        ("/blog-archive", None),
    ],
)
def test_a_page_has_exactly_the_type_its_path_says(
    policy: Policy, path: str, page_type: str | None
) -> None:
    found = [
        name
        for name, patterns in policy.signals.page_types.items()
        if any(re.search(pattern, path) for pattern in patterns)
    ]
    assert found == ([page_type] if page_type else [])


@pytest.mark.parametrize(
    ("title", "band", "factor"),
    [
        ("Chief Technology Officer", "c_level", 2.0),
        ("CTO", "c_level", 2.0),
        ("Co-Founder & CEO", "c_level", 2.0),
        ("President", "c_level", 2.0),
        ("Vice President, Sales", "vp", 1.5),
        ("SVP Engineering", "vp", 1.5),
        ("Head of Data", "director", 1.25),
        ("Director of IT", "director", 1.25),
        ("Product Manager", "manager", 1.0),
        ("Senior Software Engineer", "individual", 0.75),
        ("Executive Assistant to the CEO", "support", 0.5),
        ("Intern", "support", 0.5),
        ("Internal Auditor", None, None),
        ("Wizard", None, None),
    ],
)
def test_a_title_falls_into_its_band(
    policy: Policy, title: str, band: str | None, factor: float | None
) -> None:
    bands = policy.signals.seniority
    first = next((b for b in bands if re.search(b.title_pattern, title)), None)
    assert (first.name, first.factor) == (band, factor) if first else band is None


def test_own_staff_and_rivals_never_become_accounts(policy: Policy) -> None:
    assert policy.identity.own_domains == ["northwind-cloud.com"]
    assert policy.identity.exclude_domains.competitor == ["rivalstack.com", "othervendor.io"]


def test_every_feed_lies_in_the_inbox(policy: Policy) -> None:
    for source in policy.sources.sources.values():
        assert source.path.startswith("${MQA_HOME}/inbox/")


def test_an_empty_crm_field_never_turns_an_account_away(policy: Policy) -> None:
    assert {c.on_missing for c in policy.icp.criteria.values()} == {"unknown"}


@pytest.mark.parametrize(
    "host",
    [
        "dsl-1.prov.net", "adsl-64-12.prov.net", "host86-1-2-3.range86-1.prov.net",
        "ec2-54-1-2-3.compute-1.amazonaws.com", "static.1.2.3.4.clients.your-server.de",
        "crawl-66-249-66-1.googlebot.com", "p4fca1b2c.dip0.prov.net", "pool-00-000-00-0.prov.net",
    ],
)  # fmt: skip
def test_a_host_that_spells_its_address_is_a_providers(policy: Policy, host: str) -> None:
    assert re.search(policy.identity.isp_host_pattern, host)


@pytest.mark.parametrize(
    "host",
    ["gw.acme.com", "www2.acme.com", "proxy-01.fra-2.acme.com", "mail.3m.com", "vpn-10-2.acme.com",
     "edge.facade.com", "firewall.a1b2c3.com"],
)  # fmt: skip
def test_a_companys_host_is_not_taken_for_a_providers(policy: Policy, host: str) -> None:
    assert not re.search(policy.identity.isp_host_pattern, host)


def test_rented_servers_and_crawlers_are_known_from_the_start(policy: Policy) -> None:
    listed = policy.identity.exclude_domains
    assert {"amazonaws.com", "googleusercontent.com", "your-server.de"} <= set(listed.hosting)
    assert "googlebot.com" in listed.bot


def test_the_patterns_of_a_policy_that_says_nothing_are_those_of_the_packaged_one(
    policy: Policy,
) -> None:
    silent = type(policy.identity)()
    assert silent.isp_host_pattern == policy.identity.isp_host_pattern
