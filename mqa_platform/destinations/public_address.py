"""Where a webhook may be sent: a public address, looked up once and connected to as it was checked.

Belongs here: which addresses are public, and a connection to exactly the one that was checked. Does not
belong here: what is sent there (``webhook_channel``).

A target is written in the policy, but what its name resolves to is decided outside. A name that leads into our
own network, to this machine or to the cloud's metadata service would let somebody else use us as his hands.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.sources.http_limits import is_loopback, shown

Ip = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
# Addresses of the other family inside of an IPv6 address: behind a translator they lead there.
_NAT64: Final = ip_network("64:ff9b::/96")
_USUAL: Final = {"https": 443, "http": 80}


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, as the machine's resolver gives them; OSError when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the internet and of nobody's own network."""
    try:
        address: Ip = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(
        a.is_global and not (a.is_multicast or a.is_reserved or a.is_unspecified)
        for a in _led_to(address)
    )


def _led_to(address: Ip) -> list[Ip]:
    """Where packets to an address go: to itself, or through a translator to the one inside of it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    inside: list[Ip | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    return [address, *(a for a in inside if a is not None)]


def connected(
    place: str, url: str, allow_private: bool, seconds: float, resolve: Resolve = resolved
) -> HTTPConnection:
    """A connection to the address that a URL's name has now; nothing is sent yet.

    Args:
        place: the setting, for messages.
        url: of the target.
        allow_private: whether it may be inside our own network, or this machine.
        seconds: for connecting, and for every wait after that.
        resolve: the addresses of a name.

    Raises:
        DestinationError: it is no address that may be sent to.
        OSError: the name has no address, or nobody answers there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in _USUAL or not host or "@" in parts.netloc:
        raise DestinationError(
            place, f"{shown(url)} is no web address", "Write https:// and the host."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise DestinationError(
            place, f"{shown(url)} would be sent in clear text", "Write https:// in url."
        )
    port = parts.port or _USUAL[parts.scheme]
    found = resolve(host, port)
    private = [a for a in found if not is_public(a)]
    # One private address among public ones is a trap as well: the next look-up may give that one.
    if private and not allow_private:
        raise DestinationError(
            place,
            f"{shown(url)} leads into a private network",
            "Set allow_private: true if the target is meant to be inside your own network.",
        )
    if not found:
        raise ConnectionError(f"{place}: {host} has no address")
    if parts.scheme == "http":
        return _Plain(host, port, found[0], seconds)
    return _Encrypted(host, port, found[0], seconds)


class _Plain(HTTPConnection):
    """HTTP to one address; for this machine alone."""

    def __init__(self, host: str, port: int, address: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address = address

    def connect(self) -> None:
        """Connect to the address that was checked, whatever the name leads to by now."""
        self.sock: Any = socket.create_connection((self._address, self.port), self.timeout)


class _Encrypted(HTTPSConnection):
    """HTTPS to one address, with the certificate of the name."""

    def __init__(self, host: str, port: int, address: str, seconds: float) -> None:
        self._trust = ssl.create_default_context()
        super().__init__(host, port, timeout=seconds, context=self._trust)
        self._address = address

    def connect(self) -> None:
        """See ``_Plain.connect``."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock: Any = self._trust.wrap_socket(plain, server_hostname=self.host)
