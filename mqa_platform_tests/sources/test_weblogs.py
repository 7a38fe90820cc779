from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0"
HEADER = "host\tlogname\ttime\tmethod\turl\tresponse\tbytes\n"


def _line(
    client: str = "192.0.2.7", request: str = "GET /pricing?x=1 HTTP/1.1", agent: str = BROWSER
) -> str:
    return f'{client} - - [17/May/2015:10:05:03 +0200] "{request}" 200 512 "-" "{agent}"\n'


def test_an_access_log_line_is_a_page_view(write: Write, read: Read) -> None:
    landed = read("apache_combined", write("a.log", _line()))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert signal["occurred_at"] == datetime(2015, 5, 17, 8, 5, 3, tzinfo=UTC)
    assert signal["received_at"] == signal["occurred_at"]
    assert (signal["page_path"], signal["status"], signal["ip"]) == ("/pricing", 200, "192.0.2.7")
    assert signal["anonymous_id"].startswith("visitor:")
    assert "192.0.2.7" not in signal["anonymous_id"]
    assert signal["host"] is None


def test_two_browsers_at_one_address_are_two_visitors(write: Write, read: Read) -> None:
    content = _line() + _line(agent="Other/1.0") + _line()
    signals = read("apache_combined", write("a.log", content)).tables["landed_signals"]
    first, other, again = signals["anonymous_id"].to_pylist()
    assert first == again != other


def test_a_repeated_line_is_a_view_of_its_own_and_a_redelivery_is_not(
    write: Write, read: Read
) -> None:
    ids = [
        read("apache_combined", write(name, _line() * 3)).tables["landed_signals"]["event_id"]
        for name in ("a.log", "b.log.gz")
    ]
    assert len(set(ids[0].to_pylist())) == 3
    assert ids[0].to_pylist() == ids[1].to_pylist()


def test_crawlers_and_agents_left_empty_are_bots(write: Write, read: Read) -> None:
    content = "".join(_line(agent=agent) for agent in (BROWSER, "Googlebot/2.1", "-", ""))
    common = '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 -\n'
    signals = read("apache_combined", write("a.log", content + common)).tables["landed_signals"]
    assert signals["is_bot_agent"].to_pylist() == [False, True, True, True, False]


def test_bad_log_lines_say_why(write: Write, read: Read) -> None:
    late = _line().replace("17/May/2015", "31/Feb/2015")
    content = _line() + "half a li\n" + late + _line()[:-20] + "\n"
    landed = read("apache_combined", write("a.log", content))
    assert landed.accepted == 1
    assert landed.reasons() == {"bad_line": 2, "bad_timestamp": 1}


def test_a_connection_without_a_request_says_nothing(write: Write, read: Read) -> None:
    odd = [_line(request=request) for request in ("-", "", r"\x16\x03\x01")]
    landed = read("apache_combined", write("a.log", _line() + "".join(odd)))
    assert (landed.accepted, landed.filtered) == (1, {"no_request": 3})


@pytest.mark.parametrize(
    "front",
    ["", "www.example.com:443 ", "example.com:80 ", "www.example.com ", "shop-1.example.com "],
)
def test_the_virtual_host_in_front_is_not_the_visitor(write: Write, read: Read, front: str) -> None:
    landed = read("apache_combined", write("a.log", front + _line()))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["ip"], signal["host"], signal["page_path"]) == ("192.0.2.7", None, "/pricing")


def test_a_client_known_by_name_keeps_it_with_and_without_a_virtual_host(
    write: Write, read: Read
) -> None:
    content = _line("gw.acme.com") + "www.example.com:443 " + _line("gw.acme.com")
    signals = read("apache_combined", write("a.log", content)).tables["landed_signals"]
    assert signals["host_domain"].to_pylist() == ["acme.com", "acme.com"]
    assert signals["ip"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("www.example.com:443 2001:db8::1", "2001:db8::1"),
        ("www.example.com 2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_address_of_the_newer_kind_is_an_address(
    write: Write, read: Read, client: str, address: str
) -> None:
    landed = read("apache_combined", write("a.log", _line(client)))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["ip"], signal["host"]) == (address, None)


def test_a_user_with_blanks_and_the_common_format_are_read(write: Write, read: Read) -> None:
    named = _line().replace("- - [", "- Ana Lee [")
    common = '192.0.2.7 - ana [17/May/2015:10:05:03 +0000] "GET /docs HTTP/1.0" 200 1\r\n'
    landed = read("apache_combined", write("a.log", named + common))
    signals = landed.tables["landed_signals"]
    assert signals["page_path"].to_pylist() == ["/pricing", "/docs"]
    assert signals["user_agent"].to_pylist() == [BROWSER, None]


def test_a_host_name_stands_for_a_company_and_an_address_does_not(write: Write, read: Read) -> None:
    hosts = ["LMSC.Lockheed.com", "192.0.2.7", "triton", "gw_inet.pepboys.com"]
    rows = "".join(f"{host}\t-\t807249601\tGET\t/ksc.html\t200\t1839\t\t\n" for host in hosts)
    signals = read("nasa_tsv", write("a.tsv", HEADER + rows)).tables["landed_signals"].to_pylist()
    assert [s["host"] for s in signals] == [
        "lmsc.lockheed.com",
        None,
        "triton",
        "gw_inet.pepboys.com",
    ]
    assert [s["host_domain"] for s in signals] == ["lockheed.com", None, None, "pepboys.com"]
    assert [s["ip"] for s in signals] == [None, "192.0.2.7", None, None]
    visitors = [s["anonymous_id"] for s in signals]
    assert visitors[0] == "lmsc.lockheed.com"
    assert visitors[1].startswith("visitor:")
    assert not any(s["is_bot_agent"] for s in signals)


def test_bad_rows_of_the_archive_say_why(write: Write, read: Read) -> None:
    content = (
        HEADER
        + "a.com\t-\t807249601\tGET\t/\t200\t1\t\t\n"
        + "a.com\t-\t807249601\tGET\t/caf\xe9\t200\t1\n"
        + "a.com\t-\tnoon\tGET\t/\t200\t1\t\t\n"
        + "a.com\t-\t\tGET\t/\t200\t1\t\t\n"
        + "a.com\t-\t807249601\n"
    )
    landed = read("nasa_tsv", write("a.tsv", content.encode("latin-1")))
    assert landed.accepted == 2
    assert landed.reasons() == {"bad_line": 1, "bad_timestamp": 1, "missing_timestamp": 1}
    assert landed.tables["landed_signals"]["page_path"].to_pylist()[1] == "/café"


@pytest.mark.parametrize("connector", ["apache_combined", "nasa_tsv"])
def test_empty_logs_have_no_rows_and_other_files_are_refused(
    write: Write, read: Read, connector: str
) -> None:
    assert read(connector, write("a.log", "")).rows == 0
    with pytest.raises(SourceError, match="not one of its 2 rows"):
        read(connector, write("b.log", '{"a": 1}\n{"a": 2}\n'))


def test_the_archives_header_alone_has_no_rows(write: Write, read: Read) -> None:
    assert read("nasa_tsv", write("a.tsv", HEADER)).rows == 0


def test_the_real_access_log_is_read_but_for_its_torn_line(shared_data: Path, read: Read) -> None:
    landed = read("apache_combined", shared_data / "web" / "elastic_apache_logs.log.gz")
    signals = landed.tables["landed_signals"]
    assert (landed.rows, landed.reasons()) == (10_000, {"bad_line": 1})
    assert len(set(signals["ip"].to_pylist())) == 1_753
    assert len(set(signals["event_id"].to_pylist())) == 9_999
    assert 0 < sum(signals["is_bot_agent"].to_pylist()) < 9_999


def test_every_request_of_the_real_archive_day_is_one_row(shared_data: Path, read: Read) -> None:
    landed = read("nasa_tsv", shared_data / "web" / "nasa_19950801.tsv.gz")
    signals = landed.tables["landed_signals"]
    hosts = set(signals["anonymous_id"].to_pylist())
    assert (landed.rows, landed.accepted) == (33_996, 33_996)
    assert len(set(signals["event_id"].to_pylist())) == 33_996
    assert len(hosts) == 2_582
    assert len(set(signals["ip"].to_pylist()) - {None}) == 736
    paths = signals["page_path"].to_pylist()
    assert sum("procurement" in path.lower() for path in paths) == 88
    att = [host for host in signals["host"].to_pylist() if host == "gw1.att.com"]
    assert len(att) == 137
