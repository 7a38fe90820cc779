"""Which addresses a webhook may be sent to, however they are written and whatever a name leads to."""

from __future__ import annotations

import pytest

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.destinations.public_address import connected, is_public, resolved

PLACE = "channels.webhooks.x"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", "no address", "",
    ],
)  # fmt: skip
def test_nobodys_own_network_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:84e5", "64:ff9b::808:808"]
)
def test_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data", "https://10.1.2.3/", "https://172.31.0.1/",
        "https://192.168.0.1/", "https://100.64.0.1/", "https://2130706433/", "https://0177.0.0.1/",
        "https://0x7f.1/", "https://127.1/", "https://localhost/", "https://[fe80::1]/",
        "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "http://127.0.0.1/",
    ],
)  # fmt: skip
def test_a_literal_into_our_own_network_is_refused_as_written(url):
    """Numbers in decimal, octal and short forms are what the resolver makes of them."""
    with pytest.raises(DestinationError, match="private network"):
        connected(PLACE, url, False, 1.0, resolved)


@pytest.mark.parametrize(
    "url",
    ["http://tool.example/", "file:///etc/passwd", "gopher://tool.example/", "https://a@tool.example/",
     "ftp://tool.example/", "//tool.example/", "https:///x"],
)  # fmt: skip
def test_what_is_no_encrypted_web_address_is_not_even_looked_up(url):
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.215.14"]

    with pytest.raises(DestinationError):
        connected(PLACE, url, True, 1.0, resolve)
    assert asked == []


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["2606:4700::1", "::1"]]
)
def test_a_name_with_one_private_address_is_refused_whole(answers):
    with pytest.raises(DestinationError, match="private network"):
        connected(PLACE, "https://tool.example/", False, 1.0, lambda *_: answers)


def test_a_name_is_looked_up_once_and_the_checked_address_is_the_one_that_is_used():
    """A name that leads elsewhere the second time finds nobody who asks it again."""
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    connection = connected(PLACE, "https://tool.example/", False, 1.0, lambda *_: answers.pop(0))
    assert connection._address == "93.184.215.14"
    assert connection.host == "tool.example"
    assert len(answers) == 1


def test_a_private_target_may_be_meant():
    connection = connected(PLACE, "https://crm.intern/", True, 1.0, lambda *_: ["10.0.0.1"])
    assert connection._address == "10.0.0.1"


def test_a_name_without_an_address_is_a_failed_connection():
    with pytest.raises(OSError, match="has no address"):
        connected(PLACE, "https://tool.example/", False, 1.0, lambda *_: [])
