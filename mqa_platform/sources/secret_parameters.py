"""Secrets that stand in the query of an address, where no file, cursor or message may keep them.

Belongs here: which parameters hold a secret by their name, and an address that may be shown. Does not
belong here: what follows from finding one (``json_feed``).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

_HIDDEN: Final = "[secret]"
_NAMES: Final = """
    sig signature token access_token key api_key apikey secret client_secret password
    x-amz-signature x-amz-credential x-amz-security-token x-goog-signature x-goog-credential
"""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_SECRET: Final = frozenset(_plain(name) for name in _NAMES.split())


def secret_names(address: str) -> list[str]:
    """Which parameters of an address hold a secret by their name; an empty one holds none."""
    try:
        pairs = parse_qsl(urlsplit(address).query)
    except ValueError:
        return []
    return list(dict.fromkeys(name for name, _ in pairs if _plain(name) in _SECRET))


def redacted(address: str) -> str:
    """An address as it may be shown: without user, password, fragment and the value of a secret."""
    try:
        parts = urlsplit(address)
        pairs = parse_qsl(parts.query, True)
    except ValueError:
        return "an address that is none"
    told = [f"{quote(n)}={_HIDDEN if _plain(n) in _SECRET else quote(v)}" for n, v in pairs]
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(told))
    return bare._replace(fragment="").geturl()
