"""identity.yaml: how a signal finds its account, and what never becomes one.

Belongs here: the shape of the section. Does not belong here: the rules themselves
(``core.identity``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mqa_platform.policy.fields import Domain, Model, Ratio
from mqa_platform.policy.patterns import Pattern


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


class Identity(Model):
    """identity.yaml: how a signal finds its account, and what never becomes one."""

    confidence: Confidence = Confidence()
    domain_aliases: dict[Domain, Domain] = {}
    exclude_domains: Exclusions = Exclusions()
    education_pattern: Pattern = r"(^|\.)(edu|ac)(\.[a-z]{2})?$"
    exclude_education: bool = True
    isp_host_pattern: Pattern = (
        r"(^|[.-])(ppp|slip|dial|dialup|dialin|dyn|modem|pool|dsl|cable|dhcp|cust)[0-9-]*[.-]"
    )
    isp_org_pattern: Pattern = (
        r"(?i)(telecom|telekom|communications|broadband|cable|internet|wireless|mobile"
        r"|network services)"
    )
    isp_industries: list[str] = ["Telecommunications"]
    shared_domains: Literal["refuse", "split"] = "refuse"
    discovery: bool = True
    session_gap_minutes: Annotated[int, Field(ge=1, le=720)] = 30
    own_domains: list[Domain] = []
    employment: Employment = Employment()
