"""Files in an object store land like local ones, and its refusals say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connections import connect
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.object_stores import ObjectStore
from mqa_platform_tests.sources.contract.driving import ask, land_under, policy_with
from mqa_platform_tests.sources.fakes.object_store import FakeStore, serving

NETWORKS = b"192.0.2.0/24\n198.51.100.0/24\n"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with serving(FakeStore()) as served:
        served.objects = {
            "in/x1.csv": NETWORKS,
            "in/x2.csv": b"203.0.113.0/24\n",
            "in/y.csv": b"no\n",
            "in/deep/x3.csv": b"192.0.2.0/25\n",
            "x0.csv": b"192.0.2.128/25\n",
        }
        yield served


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    return home


def networks(store: FakeStore, glob: str, **options: object) -> Source:
    declared = {"connector": "cidr_list", "kind": "bot", "path": store.address(glob), **options}
    return Source.model_validate(declared)


def policy(store: FakeStore, glob: str = "in/x*.csv", **options: object) -> Policy:
    return policy_with(networks=networks(store, glob, **options))


@pytest.mark.parametrize(
    ("glob", "keys"),
    [
        ("in/x*.csv", ["in/x1.csv", "in/x2.csv"]),
        ("in/x[1].csv", ["in/x1.csv"]),
        ("in/x?.csv", ["in/x1.csv", "in/x2.csv"]),
        ("x*.csv", ["x0.csv"]),
        ("**/x*.csv", ["in/deep/x3.csv", "in/x1.csv", "in/x2.csv", "x0.csv"]),
        ("in/*/x*.csv", ["in/deep/x3.csv"]),
        ("in/x1.csv", ["in/x1.csv"]),
        ("none/x*.csv", []),
    ],
)
def test_a_glob_lists_the_objects_that_it_matches_sorted(
    store: FakeStore, glob: str, keys: list[str]
) -> None:
    found, refused = ObjectStore(store.address(glob)).objects()
    assert refused == []
    assert [o.address for o in found] == [f"s3://bucket/{key}" for key in keys]


def test_objects_land_once_and_are_not_fetched_again(store: FakeStore, home: Home) -> None:
    report = land_under(policy(store), home)
    assert (report.files, report.rows["networks"], report.degraded) == (2, 3, False)
    assert ask(home, "SELECT count(*) FROM landed_ip_ranges") == [(3,)]
    assert ask(home, "SELECT file_name FROM landed_batches ORDER BY 1") == [
        ("x1.csv",),
        ("x2.csv",),
    ]
    assert list((home.root / "spool").iterdir()) == []
    store.log.clear()
    assert land_under(policy(store), home).known == 2
    assert store.gets() == []
    store.objects["in/x2.csv"] += b"192.0.2.7/32\n"
    assert land_under(policy(store), home).files == 1
    assert set(store.gets()) == {"/bucket/in/x2.csv"}


def test_a_store_that_refuses_is_noted_and_the_other_sources_land(
    store: FakeStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another-key")
    local = home.inbox / "nets" / "a.txt"
    local.parent.mkdir(parents=True)
    local.write_bytes(NETWORKS)
    near = Source(connector="cidr_list", kind="bot", path="${MQA_HOME}/inbox/nets/*.txt")
    both = policy_with(far=networks(store, "in/x*.csv"), near=near)
    report = land_under(both, home)
    (problem,) = report.problems
    assert (problem.source, problem.status) == ("far", "lost_permission")
    assert "AWS_ACCESS_KEY_ID" in problem.message
    assert "test-secret" not in problem.message
    assert report.rows["near"] == 2
    failed = "SELECT status, landed_rows FROM landed_batches WHERE source = 'far'"
    assert ask(home, failed) == [("lost_permission", 0)]
    # The same day again is the same row; once the store answers, that is noted as well.
    land_under(both, home)
    assert ask(home, failed) == [("lost_permission", 0)]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    assert not land_under(both, home).degraded
    newest = (
        "SELECT status FROM landed_batches WHERE source = 'far' ORDER BY landed_at DESC LIMIT 1"
    )
    assert ask(home, newest) == [("landed",)]


def test_a_store_that_answers_again_with_nothing_new_is_no_longer_failing(
    store: FakeStore, home: Home
) -> None:
    land_under(policy(store), home)
    store.refused = {"/bucket": 403}
    assert land_under(policy(store), home).degraded
    store.refused = {}
    report = land_under(policy(store), home)
    assert (report.degraded, report.files) == (False, 0)
    newest = "SELECT status, file_name FROM landed_batches ORDER BY landed_at DESC LIMIT 1"
    assert ask(home, newest) == [("landed", "answers again")]


@pytest.mark.parametrize(("status", "told"), [(403, "lost_permission"), (404, "unreadable")])
def test_an_object_that_cannot_be_fetched_does_not_keep_the_others_from_landing(
    store: FakeStore, home: Home, status: int, told: str
) -> None:
    store.refused = {"x1.csv": status}
    report = land_under(policy(store), home)
    assert (report.files, [p.status for p in report.problems]) == (1, [told])
    assert list((home.root / "spool").iterdir()) == []
    store.refused = {}
    report = land_under(policy(store), home)
    assert (report.files, report.degraded) == (1, False)


def test_the_day_in_the_name_of_an_object_is_the_day_of_its_rows(
    store: FakeStore, home: Home
) -> None:
    surge = b"Acme Inc,acme.com,L,Software,crm,lead scoring,75,boston[75],United States\n"
    for day in ("2025-07-07", "2025-07-14"):
        store.objects[f"in/surge-{day}.csv"] = surge
    declared = {"connector": "bombora_surge", "path": store.address("in/surge-*.csv")}
    report = land_under(policy_with(surge=Source.model_validate(declared)), home)
    assert (report.files, report.degraded) == (2, False)
    found = ask(home, "SELECT event_date FROM landed_signals ORDER BY 1")
    assert [str(day) for (day,) in found] == ["2025-07-07", "2025-07-14"]


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ("key", "lost_permission", "AWS_ACCESS_KEY_ID"),
        ("none", "lost_permission", "AWS_ACCESS_KEY_ID"),
        ("bucket", "misconfigured", "no such bucket"),
        ("gone", "unreachable", "no answer"),
        ("empty", "empty", "no file matches"),
        ("ok", "ok", "2 files"),
    ],
)
def test_a_check_says_what_is_wrong(
    store: FakeStore,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    status: str,
    told: str,
) -> None:
    source = networks(store, "in/x*.csv")
    if change == "key":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another-key")
    if change == "none":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    if change == "bucket":
        store.bucket, path = "other", source.path
        source = source.model_copy(update={"path": path})
    if change == "gone":
        path = str(source.path).replace(f":{store.port}", ":1")
        source = source.model_copy(update={"path": path})
    if change == "empty":
        store.objects = {}
    connection = connect("networks", source, home, {})
    reach = connection.check()
    assert reach.status == status, reach
    assert told in f"{reach.detail} {reach.remedy}"
    assert "AWS_SECRET_ACCESS_KEY" in connection.spec().secrets
    assert "test-secret" not in repr((reach, connection.spec()))


@pytest.mark.parametrize(
    "path",
    [
        "s3://bucket/x*.csv?access_key=abc",
        "s3://bucket/../other/x.csv",
        "s3://bucket",
        "s3:///x.csv",
    ],
)
def test_an_address_with_secrets_or_a_way_upwards_is_refused(path: str) -> None:
    with pytest.raises(SourceError) as refused:
        ObjectStore(path)
    assert "abc" not in str(refused.value)


def test_a_glob_that_is_none_is_told(store: FakeStore, home: Home) -> None:
    assert land_under(policy(store, "in/[z-a].csv"), home).problems[0].source == "networks"
    with pytest.raises(SourceError, match="no glob"):
        ObjectStore("s3://bucket/[z-a].csv")


def test_a_choice_of_letters_stands_for_those_letters_alone(store: FakeStore) -> None:
    store.objects = dict.fromkeys(["a^.csv", "ab.csv", "a&.csv", "a[.csv"], NETWORKS)
    found, _ = ObjectStore(store.address("a[^&&[].csv")).objects()
    assert [o.name for o in found] == ["a&.csv", "a[.csv", "a^.csv"]


def test_names_of_objects_never_become_local_paths(store: FakeStore, home: Home) -> None:
    evil = {"in/../../x.csv", f"in/x{'y' * 300}.csv", "in/x\n1.csv", "in//x.csv", "/etc/x.csv"}
    store.objects = dict.fromkeys(evil, NETWORKS) | {"in/x9.csv": b"203.0.113.9/32\n"}
    report = land_under(policy(store, "**x*.csv"), home)
    assert {p.status for p in report.problems} <= {"refused"}
    assert report.files >= 2
    outside = [p for p in home.root.parent.rglob("*") if not p.is_relative_to(home.root)]
    assert outside == []
    names = [name for (name,) in ask(home, "SELECT file_name FROM landed_batches")]
    assert all(name.isprintable() for name in names)


def test_a_required_object_that_is_not_there_is_told(store: FakeStore, home: Home) -> None:
    report = land_under(policy(store, "none*.csv", required=True), home)
    assert "no object matches" in report.problems[0].message
