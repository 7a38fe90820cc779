"""Names of people, hosts and companies in the one form that everything is joined on.

Belongs here: e-mail addresses, the registrable domain of a host, the cleaned company name, each also
over whole columns (computed once per distinct value). Does not belong here: the key of addresses
(``personal_key``), which names count for what (``policy``), or how a signal finds its account
(``core``).
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from urllib.parse import unquote

import idna
import pyarrow as pa
import pyarrow.compute as pc
import tldextract

from mqa_platform.core.company_names import clean_company_name as comparable
from mqa_platform.sources.columns import each_unique
from mqa_platform.sources.personal_key import email_key

_EMAIL = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;.]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://|^//")


def is_email(text: str) -> bool:
    """Whether the text is one e-mail address (an opaque user id is not)."""
    return _EMAIL.fullmatch(text.strip()) is not None


def person_refs(addresses: pa.Array) -> tuple[pa.Array, pa.Array]:
    """``email:<key>`` and registrable domain of each address; both null where it is none."""
    refs = each_unique(addresses, lambda a: f"email:{email_key(a)}" if is_email(a) else None)
    domains = each_unique(
        addresses, lambda a: registrable_domain(a.rpartition("@")[2]) if is_email(a) else None
    )
    return refs, domains


@cache
def _suffixes() -> tldextract.TLDExtract:
    # No suffix_list_urls and no cache: the bundled snapshot, the same on every machine, no socket.
    return tldextract.TLDExtract(
        cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True
    )


@lru_cache(maxsize=200_000)
def registrable_domain(host: str) -> str | None:
    """The domain somebody registered, lower case: ``lmsc.lockheed.com`` → ``lockheed.com``.

    Takes a host name or a web address. None for IP addresses, names without a dot, reverse-lookup
    names and public suffixes. Underscores are allowed: real host names have them.
    """
    name = _host_of(host)
    labels = name.split(".")
    if len(labels) < 2 or labels[-1] == "arpa" or labels[-1].isdigit():
        return None
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    found = _suffixes().extract_str(name)
    if found.is_private and not found.domain:
        # The owner of a private suffix (github.io) is a company too.
        found = _suffixes().extract_str(name, include_psl_private_domains=False)
    if not found.suffix:
        # The list's default rule: an unlisted top level is a public suffix.
        return ".".join(labels[-2:])
    return f"{found.domain}.{found.suffix}" if found.domain else None


def _host_of(text: str) -> str:
    """The bare host of a host name or web address, ASCII and lower case; empty if it is an IP."""
    rest = _SCHEME.sub("", text.strip().casefold())
    authority = unquote(re.split(r"[/?#\\]", rest, maxsplit=1)[0]).rpartition("@")[2]
    host = authority.strip("[]") if authority.count(":") > 1 else authority.partition(":")[0]
    host = host.strip(". \t")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return ""


def registrable_domains(hosts: pa.Array) -> pa.Array:
    """``registrable_domain`` of a column."""
    return each_unique(hosts, registrable_domain)


def domain_lists(values: pa.Array, own: pa.Array) -> pa.Array:
    """``;``-joined registrable domains of ``;``-joined hosts, each once, without the row's own."""

    def convert(pair: str) -> str | None:
        mine, _, text = pair.partition(" ")
        found = (registrable_domain(part) for part in re.split(r"[;,\s]+", text) if part)
        return ";".join(dict.fromkeys(d for d in found if d and d != mine)) or None

    pairs = pc.binary_join_element_wise(pc.fill_null(own, ""), pc.fill_null(values, ""), " ")
    return each_unique(pairs, convert)


def clean_company_name(name: str) -> str | None:
    """``core.company_names.clean_company_name``, None when nothing is left of the name."""
    return comparable(name) or None


def clean_company_names(names: pa.Array) -> pa.Array:
    """``clean_company_name`` of a column."""
    return each_unique(names, clean_company_name)


def snake_case(text: str) -> str | None:
    """A picklist value as a policy name: ``Bad Fit`` → ``bad_fit``."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_") or None
