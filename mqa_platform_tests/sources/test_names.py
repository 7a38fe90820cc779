from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.names import (
    clean_company_name,
    domain_lists,
    email_key,
    person_refs,
    registrable_domain,
    registrable_domains,
    snake_case,
)


def test_one_address_has_one_key_however_it_is_typed() -> None:
    assert email_key("  Ana.Li@Acme.COM ") == email_key("ana.li@acme.com")
    assert email_key("bücher@acme.com") == email_key("bu\u0308cher@acme.com")
    assert len(email_key("a@b.com")) == 32


def test_another_secret_gives_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MQA_PII_KEY", raising=False)
    development = email_key("a@b.com")
    monkeypatch.setenv("MQA_PII_KEY", "mqa-development-key")
    assert email_key("a@b.com") == development
    monkeypatch.setenv("MQA_PII_KEY", "production")
    assert email_key("a@b.com") != development


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("lmsc.lockheed.com", "lockheed.com"),
        ("LFWC.Lockheed.com.", "lockheed.com"),
        ("gw_inet.pepboys.com", "pepboys.com"),
        ("http://www.walmart.com/store?x=1", "walmart.com"),
        ("http://www.huntingtoningalls.com%20", "huntingtoningalls.com"),
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("foo.github.io", "foo.github.io"),
        ("github.io", "github.io"),
        ("mail.northwind.example", "northwind.example"),
        ("https://Bücher.de", "xn--bcher-kva.de"),
        ("triton", None),
        ("10.1.2.3", None),
        ("[2001:db8::1]", None),
        ("2001:db8::1", None),
        ("co.uk", None),
        ("79.242.202.in-addr.arpa", None),
        ("two words.com", None),
        ("", None),
    ],
)
def test_the_registrable_domain_is_what_a_company_bought(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain


@given(st.text(max_size=60))
def test_any_text_gives_a_domain_or_none_and_never_an_error(text: str) -> None:
    domain = registrable_domain(text)
    assert domain is None or registrable_domain(domain) == domain


def test_a_column_of_hosts_keeps_its_order_and_its_gaps() -> None:
    hosts = pa.array(["a.acme.com", None, "b.acme.com", "triton"])
    assert registrable_domains(hosts).to_pylist() == ["acme.com", None, "acme.com", None]


def test_an_opaque_user_id_is_no_person() -> None:
    refs, domains = person_refs(pa.array(["u-1234", "a@mail.acme.com", None, "a@b", "x y@z.com"]))
    assert refs.to_pylist() == [None, f"email:{email_key('a@mail.acme.com')}", None, None, None]
    assert domains.to_pylist() == [None, "acme.com", None, None, None]


def test_aliases_are_listed_once_and_without_the_accounts_own_domain() -> None:
    aliases = pa.array(["acme.de; www.acme.com;acme.de", None, "beta.io"])
    own = pa.array(["acme.com", "x.com", None])
    assert domain_lists(aliases, own).to_pylist() == ["acme.de", None, "beta.io"]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("The Coca-Cola Co., Inc.", "coca cola"),
        ("AT&T Inc.", "at and t"),
        ("Deere & Company", "deere"),
        ("Enecom,Inc.", "enecom"),
        ("Société Générale S.A.", "société générale"),
        ("ＡＣＭＥ GmbH", "acme"),
        ("The Group", "the group"),
        ("***", None),
    ],
)
def test_company_names_compare_without_their_legal_form(name: str, clean: str | None) -> None:
    assert clean_company_name(name) == clean


def test_picklist_values_become_policy_names() -> None:
    assert snake_case("Bad Fit") == "bad_fit"
    assert snake_case("--") is None
