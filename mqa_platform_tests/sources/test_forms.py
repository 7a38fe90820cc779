from __future__ import annotations

import pytest

from mqa_platform.sources.forms import form_event


@pytest.mark.parametrize(
    "name", ["Request a Demo", "request-a-demo", "Form: Demo Request", "CONTACT SALES form"]
)
def test_a_form_that_asks_for_us_is_a_hand_raise_however_it_is_written(name: str) -> None:
    assert form_event(name) == "demo_request"


@pytest.mark.parametrize("name", ["Demo day recap", "Contact us", "Guide to pricing", ""])
def test_a_form_that_only_contains_such_a_word_is_none(name: str) -> None:
    assert form_event(name) == "content_download"


@pytest.mark.parametrize("name", ["Newsletter Signup", "Unsubscribe", "Job application"])
def test_a_form_about_something_else_says_nothing(name: str) -> None:
    assert form_event(name) is None


def test_signing_up_for_an_event_is_not_coming_to_it() -> None:
    assert form_event("Webinar Registration") == "event_registration"
