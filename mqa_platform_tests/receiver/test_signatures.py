from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.receiver.signatures import (
    Request,
    Scheme,
    SignatureError,
    hubspot_address,
    problem_of,
    verify,
)
from mqa_platform_tests.receiver import signing

# The library of Standard Webhooks has a clock of its own, so all three are tried at the real time.
Sign = Callable[[bytes, float], signing.Headers]
URL = f"{signing.PUBLIC}/webhooks/hubspot_webhooks"
BODY = b'[{"eventId":1,"subscriptionType":"contact.propertyChange","text":"\xc3\xa9"}]'
SCHEMES: dict[Scheme, tuple[str, Sign]] = {
    "slack_v0": (signing.SLACK_KEY, signing.slack),
    "standard_webhooks": (signing.STANDARD_KEY, signing.standard),
    "hubspot_v3": (signing.HUBSPOT_KEY, lambda body, at: signing.hubspot(body, at, URL)),
}
each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def _now() -> float:
    return float(math.ceil(time.time()))


def _checked(
    scheme: Scheme,
    headers: signing.Headers,
    now: float,
    body: bytes = BODY,
    url: str = URL,
    method: str = "POST",
) -> str:
    return verify(scheme, [SCHEMES[scheme][0]], Request(method, url, headers, body), now)


@each_scheme
def test_what_a_known_sender_signed_now_is_taken(scheme: Scheme) -> None:
    now = _now()
    assert _checked(scheme, SCHEMES[scheme][1](BODY, now), now) in ("", "msg_1")


@each_scheme
def test_one_more_byte_in_the_body_is_refused(scheme: Scheme) -> None:
    now = _now()
    with pytest.raises(SignatureError, match="does not match"):
        _checked(scheme, SCHEMES[scheme][1](BODY, now), now, body=BODY + b" ")


@each_scheme
@pytest.mark.parametrize("age", [299, -299])
def test_what_was_signed_within_five_minutes_is_taken(scheme: Scheme, age: int) -> None:
    # Rounded towards now, so that the library's own clock agrees.
    now = float(math.ceil(time.time())) if age > 0 else float(math.floor(time.time()))
    _checked(scheme, SCHEMES[scheme][1](BODY, now - age), now)


@each_scheme
@pytest.mark.parametrize("age", [301, -301])
def test_what_was_signed_longer_ago_or_later_than_five_minutes_is_refused(
    scheme: Scheme, age: int
) -> None:
    now = _now()
    with pytest.raises(SignatureError, match="five minutes"):
        _checked(scheme, SCHEMES[scheme][1](BODY, now - age), now)


@each_scheme
def test_each_header_must_be_there_once(scheme: Scheme) -> None:
    now = _now()
    headers = SCHEMES[scheme][1](BODY, now)
    for at, (name, value) in enumerate(headers):
        without = headers[:at] + headers[at + 1 :]
        for wrong in (without, [*without, (name, " ")]):
            with pytest.raises(SignatureError, match=f"{name.lower()} is missing"):
                _checked(scheme, wrong, now)
        with pytest.raises(SignatureError, match="there twice"):
            _checked(scheme, [*headers, (name.upper(), value)], now)


@each_scheme
def test_the_signature_of_another_secret_is_refused_and_of_either_of_two_is_taken(
    scheme: Scheme,
) -> None:
    now = _now()
    secret, sign = SCHEMES[scheme]
    other = "whsec_b3RoZXIgb3RoZXIgb3RoZXI=" if scheme == "standard_webhooks" else "other"
    request = Request("POST", URL, sign(BODY, now), BODY)
    with pytest.raises(SignatureError, match="does not match"):
        verify(scheme, [other], request, now)
    verify(scheme, [other, secret], request, now)


@each_scheme
@pytest.mark.parametrize("moment", ["", "soon", "1e9", "-5", "9" * 40, "١٢٣", "1763800000.5"])
def test_a_moment_that_is_no_number_is_refused(scheme: Scheme, moment: str) -> None:
    now = _now()
    headers = [
        (name, moment if "timestamp" in name.lower() else value)
        for name, value in SCHEMES[scheme][1](BODY, now)
    ]
    with pytest.raises(SignatureError):
        _checked(scheme, headers, now)


@each_scheme
@given(text=st.text(max_size=60).filter(str.strip))
def test_no_text_in_place_of_a_signature_is_taken_or_breaks_anything(
    scheme: Scheme, text: str
) -> None:
    now = _now()
    headers = [
        (name, text if "signature" in name.lower() else value)
        for name, value in SCHEMES[scheme][1](BODY, now)
    ]
    with pytest.raises(SignatureError, match="does not match"):
        _checked(scheme, headers, now)


@each_scheme
def test_a_body_that_is_no_text_is_refused_before_anything_is_computed(scheme: Scheme) -> None:
    with pytest.raises(SignatureError, match="UTF-8"):
        _checked(scheme, [], _now(), body=b"\xff\xfe")


def test_hubspots_older_signatures_sign_no_moment_and_are_refused() -> None:
    now = _now()
    for version in ("v1", "v2"):
        headers = [("X-HubSpot-Signature", "a" * 64), ("X-HubSpot-Signature-Version", version)]
        with pytest.raises(SignatureError, match="missing"):
            _checked("hubspot_v3", headers, now)


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", URL), ("POST", URL.replace("https", "http")), ("POST", URL + "/")],
)
def test_hubspot_signs_the_method_and_the_whole_public_address(method: str, url: str) -> None:
    now = _now()
    headers = signing.hubspot(BODY, now, url, method)
    with pytest.raises(SignatureError, match="does not match"):
        _checked("hubspot_v3", headers, now)


def test_hubspot_decodes_a_dozen_signs_of_the_address_before_it_signs() -> None:
    now = _now()
    sent = (
        f"{URL}?to=a%40b.com%2Fc&at=10%3a30&%24=%28x%29%2A%27%21%2C%3B%3F&left=%20%26%25%E2%82%AC"
    )
    signed = f"{URL}?to=a@b.com/c&at=10:30&$=(x)*'!,;?&left=%20%26%25%E2%82%AC"
    assert hubspot_address(sent) == signed
    _checked("hubspot_v3", signing.hubspot(BODY, now, signed), now, url=sent)


def test_the_words_of_the_senders_themselves_check_out() -> None:
    """The examples that Slack and Standard Webhooks publish, at the moments they were made."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    told = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = [("X-Slack-Request-Timestamp", "1531420618"), ("X-Slack-Signature", told)]
    request = Request("POST", URL, headers, body)
    verify("slack_v0", [signing.SLACK_KEY], request, 1531420618)
    with pytest.raises(SignatureError):
        verify("slack_v0", [signing.SLACK_KEY], request, 1531420618 + 301)


@pytest.mark.parametrize("octets", [24, 25, 32, 64])
@pytest.mark.parametrize("padding", ["", "="])
def test_a_secret_of_any_length_serves_with_its_padding_and_without(
    octets: int, padding: str
) -> None:
    whole = "whsec_" + base64.b64encode(bytes(range(octets))).decode()
    secret = whole if padding else whole.rstrip("=")
    assert problem_of("standard_webhooks", secret) is None
    request = Request("POST", URL, signing.standard(b"{}", time.time(), key=whole), b"{}")
    assert verify("standard_webhooks", [secret], request, time.time()) == "msg_1"


@pytest.mark.parametrize("secret", ["", "  ", "whsec_", "whsec_not base64!"])
def test_a_text_that_can_be_no_secret_is_told_before_anything_is_served(secret: str) -> None:
    assert problem_of("standard_webhooks", secret)
    assert problem_of("slack_v0", secret.removeprefix("whsec_").replace("not base64!", ""))
