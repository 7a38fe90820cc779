"""identity.yaml: how a signal finds its account, and what never becomes one.

Belongs here: the shape of the section. Does not belong here: the rules themselves
(``core.identity``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from mqa_platform.policy.fields import Domain, Model, Ratio
from mqa_platform.policy.patterns import Pattern

SharedDomain = Literal["refuse", "split", "pick"]
RollUp = Literal["own", "parent", "ultimate_parent"]


RuleName = Literal[
    "crm_contact",
    "email_domain",
    "stitched_cookie",
    "company_domain",
    "company_name",
    "host_domain",
    "office_ip",
    "asn_org",
]


class Confidence(Model):
    """P(the match is right) by rule; it multiplies points, so a weak match cannot qualify alone."""

    crm_contact: Ratio = 1.0
    email_domain: Ratio = 0.9
    stitched_cookie: Ratio = 0.85
    company_domain: Ratio = 0.9
    host_domain: Ratio = 0.8
    office_ip: Ratio = 0.75
    asn_org: Ratio = 0.5
    company_name: Ratio = 0.6


class Exclusions(Model):
    """Domains whose traffic never becomes an account's, each under its reason."""

    internal: list[Domain] = []
    isp: list[Domain] = []
    hosting: list[Domain] = []
    bot: list[Domain] = []
    education: list[Domain] = []
    competitor: list[Domain] = []
    partner: list[Domain] = []
    free_mail: list[Domain] = []
    disposable_mail: list[Domain] = []
    vpn: list[Domain] = []
    mobile_carrier: list[Domain] = []


class Bots(Model):
    """What no person does on a day; see identity.yaml for the reasons."""

    errors: Annotated[int, Field(ge=2)] = 20
    error_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    regular_requests: Annotated[int, Field(ge=5)] = 20
    regular_variation: Annotated[float, Field(ge=0, le=1)] = 0.1
    views_in_ten_minutes: Annotated[int, Field(ge=10)] = 600


class LinkScanners(Model):
    """Clicks that come too soon after the mail, or too many at once, to be a reader's."""

    seconds_after_sending: Annotated[int, Field(ge=0, le=3600)] = 10
    links_at_once: Annotated[int, Field(ge=2)] = 3
    at_once_seconds: Annotated[int, Field(ge=0, le=60)] = 2


class NatIps(Model):
    """When an address has too much of a day's traffic to be one company's."""

    visitors: Annotated[int, Field(ge=1)] = 50
    signals: Annotated[int, Field(ge=1)] = 500
    companies: Annotated[int, Field(ge=2)] = 3
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    office_share: Annotated[float, Field(gt=0, le=1)] = 0.9


class EmploymentConfidence(Model):
    """P(the employer is right) by the evidence that chose it; see identity.yaml for the reasons."""

    domain_agrees: Ratio = 0.97
    domain_named_after_employer: Ratio = 0.95
    domain_named_after_another: Ratio = 0.8
    domain_of_former_employer: Ratio = 0.7
    domain_on_record: Ratio = 0.9
    personal_domain: Ratio = 0.72
    new_domain: Ratio = 0.75
    recent_new_domain: Ratio = 0.7
    address_in_use: Ratio = 0.88
    address_stopped_for_another: Ratio = 0.8
    address_stopped: Ratio = 0.45
    other_address: Ratio = 0.45
    own_address: Ratio = 0.84
    no_address: Ratio = 0.86


class Employment(Model):
    """Who employs a contact that the CRM has not confirmed for long."""

    fresh_days: Annotated[int, Field(ge=0, le=3650)] = 180
    in_use_days: Annotated[int, Field(ge=1, le=3650)] = 90
    recent_days: Annotated[int, Field(ge=1, le=3650)] = 365
    silence_days: Annotated[int, Field(ge=1, le=3650)] = 21
    silence_signals: Annotated[int, Field(ge=1, le=1000)] = 5
    company_people: Annotated[int, Field(ge=1, le=1000)] = 3
    confidence: EmploymentConfidence = EmploymentConfidence()


class Acquisition(Model):
    """A company that bought another one: by CRM id or by domain, and from which day on."""

    domain: Domain | None = None
    account: str | None = None
    by: str
    on: date

    @model_validator(mode="after")
    def _names_one_company(self) -> Acquisition:
        """Refuse an acquisition of nobody, or of two at once."""
        if (self.domain is None) == (self.account is None):
            raise ValueError("name the company that was bought by its domain or by its account")
        return self


class Names(Model):
    """How near a company name must be to an account's; lengths are of letters without spaces."""

    spelling_from: Annotated[int, Field(ge=2, le=50)] = 7
    typing_errors_from: Annotated[int, Field(ge=5, le=50)] = 8
    review_at: Annotated[float, Field(gt=0, le=1)] = 0.6
    candidates: Annotated[int, Field(ge=1, le=20)] = 3


class People(Model):
    """When the cookies and addresses of one person may count as one person."""

    max_people_per_cookie: Annotated[int, Field(ge=1, le=20)] = 2
    max_addresses_per_person: Annotated[int, Field(ge=1, le=100)] = 6


class Identity(Model):
    """identity.yaml: how a signal finds its account, and what never becomes one."""

    rules: Annotated[list[RuleName], Field(min_length=1)] = list(get_args(RuleName))
    confidence: Confidence = Confidence()
    domain_aliases: dict[Domain, Domain] = {}
    exclude_domains: Exclusions = Exclusions()
    education_pattern: Pattern = r"(^|\.)(edu|ac)(\.[a-z]{2})?$"
    exclude_education: bool = True
    isp_host_pattern: Pattern = (
        r"(^|[.-])(ppp|slip|dial|dialup|dialin|dyn|modem|pool|[a-z]?dsl|cable|dhcp|cust)[0-9-]*[.-]"
        r"|[0-9]{1,3}([.-][0-9]{1,3}){2}|(^|[.-])[a-z]?[0-9a-f]{8}[.-]"
    )
    isp_org_pattern: Pattern = (
        r"(?i)(telecom|telekom|communications|broadband|cable|internet|wireless|mobile"
        r"|network services)"
    )
    isp_industries: list[str] = ["Telecommunications"]
    shared_domains: SharedDomain = "refuse"
    shared_domain_exceptions: dict[Domain, SharedDomain] = {}
    acquisitions: list[Acquisition] = []
    roll_up: RollUp = "own"
    people: People = People()
    names: Names = Names()
    discovery: bool = True
    session_gap_minutes: Annotated[int, Field(ge=1, le=720)] = 30
    max_session_hours: Annotated[int, Field(ge=1, le=24)] = 24
    own_domains: list[Domain] = []
    bots: Bots = Bots()
    link_scanners: LinkScanners = LinkScanners()
    nat_ips: NatIps = NatIps()
    employment: Employment = Employment()

    @field_validator("rules")
    @classmethod
    def _each_once(cls, rules: list[RuleName]) -> list[RuleName]:
        """Refuse a rule that is listed twice: its second place would mean nothing."""
        if len(set(rules)) < len(rules):
            raise ValueError("each rule may be listed once")
        return rules
