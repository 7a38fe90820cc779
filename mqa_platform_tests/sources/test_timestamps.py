from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from mqa_platform.sources.timestamps import parse_timestamps

AT = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2015-05-17T10:05:03Z",
        "2015-05-17T10:05:03.000Z",
        "2015-05-17T12:05:03+02:00",
        "2015-05-17T12:05:03.000+0200",
        "2015-05-17 10:05:03",
        "2015-05-17 10:05:03.000",
        "2015-05-17 10:05:03.000000 UTC",
        "17/May/2015:10:05:03 +0000",
        "17/May/2015:03:05:03 -0700",
        "1431857103",
        "1431857103000",
    ],
)
def test_every_form_of_real_exports_is_the_same_moment(text: str) -> None:
    parsed, wrong = parse_timestamps(pa.array([text]))
    assert parsed.to_pylist() == [AT]
    assert not wrong.any()


def test_forms_may_be_mixed_in_one_column() -> None:
    column = ["1431857103", None, "2015-05-17 10:05:03", "", "17/May/2015:10:05:03 +0000"]
    parsed, wrong = parse_timestamps(pa.array(column))
    assert parsed.to_pylist() == [AT, None, AT, None, AT]
    assert wrong.tolist() == [False] * 5


def test_hours_of_one_digit_and_bare_dates_are_read() -> None:
    parsed, _ = parse_timestamps(pa.array(["2020-12-30 3:15:52", "2020-12-30"]))
    assert parsed.to_pylist() == [
        datetime(2020, 12, 30, 3, 15, 52, tzinfo=UTC),
        datetime(2020, 12, 30, tzinfo=UTC),
    ]


def test_microseconds_are_kept_and_finer_digits_dropped() -> None:
    parsed, _ = parse_timestamps(pa.array(["2015-05-17T10:05:03.123456789Z"]))
    assert parsed.to_pylist()[0].microsecond == 123456


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-30T00:00:00Z",
        "yesterday",
        "0",
        "1970-01-01T10:00:00Z",
        "1899-12-31",
        "2100-01-01T00:00:00Z",
        "9999-12-31 23:59:59",
        "20250701",
        "17/May/2015:25:05:03 +0000",
    ],
)
def test_what_is_no_believable_time_is_said_to_be_wrong(text: str) -> None:
    parsed, wrong = parse_timestamps(pa.array([text, "2015-05-17T10:05:03Z"]))
    assert parsed.to_pylist() == [None, AT]
    assert wrong.tolist() == [True, False]


def test_epochs_are_told_apart_by_their_digits() -> None:
    texts = ["1751450407", "1751450407000", "1751450407000000", "1751450407000000000"]
    parsed, wrong = parse_timestamps(pa.array(texts))
    assert not wrong.any()
    assert set(parsed.to_pylist()) == {datetime(2025, 7, 2, 10, 0, 7, tzinfo=UTC)}


def test_moments_that_cannot_be_are_wrong_and_not_moved_to_one_that_can() -> None:
    texts = ["2025-02-30", "2025-13-01T00:00:00Z", "0000-00-00 00:00:00", "9999-12-31",
             "2025-07-02T25:61:00Z", "9999999999999999999", "17514504070", "0", "-1"]  # fmt: skip
    parsed, wrong = parse_timestamps(pa.array(texts))
    assert wrong.all()
    assert parsed.null_count == len(texts)
