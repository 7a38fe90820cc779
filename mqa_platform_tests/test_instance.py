"""The Dagster instance: on PostgreSQL, shared by processes, and up again after any kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqa_platform.embedded_postgres import EmbeddedServerError, embedded_postgres
from mqa_platform.home import Home
from mqa_platform.instance import URL_VARIABLE, driver_url, instance_settings, running_instance

ROOT = Path(__file__).parent.parent

_PROCESS = """
    import os, sys
    from pathlib import Path
    from mqa_platform.embedded_postgres import embedded_postgres
    with embedded_postgres(Path(sys.argv[1]), "dagster") as url:
        print(url, flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    yield Home(tmp_path / "home")
    pid = _server_pid(Home(tmp_path / "home"))
    if pid is not None and _is_alive(pid):
        os.kill(pid, signal.SIGQUIT)


def _server_pid(home: Home) -> int | None:
    pid_file = home.postgres / "postmaster.pid"
    return int(pid_file.read_text().split()[0]) if pid_file.exists() else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text()


def _other_process(home: Home) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PROCESS), str(home.postgres)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def _leave(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


@pytest.mark.pg
def test_the_instance_keeps_its_history_from_one_start_to_the_next(home: Home) -> None:
    with running_instance(home) as instance:
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        assert os.environ["DAGSTER_HOME"] == str(home.dagster)
        assert os.environ[URL_VARIABLE].startswith("postgresql+psycopg2://")
        assert instance.run_retries_enabled
        assert not instance.run_retries_max_retries > 2
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        instance.run_storage.set_cursor_values({"asked": "yes"})
        with running_instance(home) as same:
            assert same.run_storage.get_cursor_values({"asked"}) == {"asked": "yes"}
    assert URL_VARIABLE not in os.environ
    assert "DAGSTER_HOME" not in os.environ
    assert _server_pid(home) is None
    with running_instance(home) as instance:
        assert instance.run_storage.get_cursor_values({"asked"}) == {"asked": "yes"}


@pytest.mark.pg
def test_processes_of_one_home_share_a_server_that_the_last_one_stops(home: Home) -> None:
    other = _other_process(home)
    pid = _server_pid(home)
    with embedded_postgres(home.postgres, "dagster"):
        assert _server_pid(home) == pid
        _leave(other)
        assert _server_pid(home) == pid
    assert _server_pid(home) is None


@pytest.mark.pg
def test_a_killed_process_leaves_a_server_that_the_next_one_uses_and_stops(home: Home) -> None:
    other = _other_process(home)
    pid = _server_pid(home)
    other.kill()
    other.communicate()
    with embedded_postgres(home.postgres, "dagster"):
        assert _server_pid(home) == pid
    assert _server_pid(home) is None


@pytest.mark.pg
def test_a_pid_file_left_by_a_power_cut_needs_no_hand(home: Home) -> None:
    with embedded_postgres(home.postgres, "dagster"):
        pid = _server_pid(home)
        left = (home.postgres / "postmaster.pid").read_text()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        _wait_until(lambda: not _is_alive(pid))
    # After a restart the number belongs to somebody else, here to this very process.
    (home.postgres / "postmaster.pid").write_text(left.replace(str(pid), str(os.getpid()), 1))
    with embedded_postgres(home.postgres, "dagster"):
        assert _server_pid(home) not in (pid, os.getpid(), None)
    # A cut while the server was starting leaves only part of the file.
    (home.postgres / "postmaster.pid").write_text(f"{pid}\n{home.postgres}\n")
    with embedded_postgres(home.postgres, "dagster") as url:
        assert url.startswith("postgresql://")


def _wait_until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.05)


@pytest.mark.pg
def test_a_creation_that_was_cut_off_starts_over(home: Home) -> None:
    half = home.root / "postgres.partial"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded_postgres(home.postgres, "dagster"):
        assert not half.exists()


def test_a_folder_with_other_things_in_it_is_left_alone(home: Home) -> None:
    home.postgres.mkdir(parents=True)
    (home.postgres / "letter.txt").write_text("dear reader")
    with (
        pytest.raises(EmbeddedServerError, match="not empty"),
        embedded_postgres(home.postgres, "dagster"),
    ):
        pass
    assert (home.postgres / "letter.txt").exists()


def test_a_path_that_the_server_cannot_take_is_refused_with_the_remedy(tmp_path: Path) -> None:
    place = tmp_path / "two words" / "postgres"
    with (
        pytest.raises(EmbeddedServerError, match="MQA_HOME"),
        embedded_postgres(place, "dagster"),
    ):
        pass


def test_a_server_of_ones_own_is_used_through_the_driver_that_ships() -> None:
    assert driver_url("postgresql://u@h/d") == "postgresql+psycopg2://u@h/d"
    assert driver_url("postgres://u@h/d?x=1") == "postgresql+psycopg2://u@h/d?x=1"
    assert driver_url("postgresql+psycopg2://u@h/d") == "postgresql+psycopg2://u@h/d"


def test_the_packaged_settings_are_those_of_the_checkout() -> None:
    packaged = ROOT / "mqa_platform" / "instance_default.yaml"
    assert instance_settings() == ROOT / "dagster.yaml"
    assert packaged.read_bytes() == (ROOT / "dagster.yaml").read_bytes()


def test_the_workspace_loads_the_definitions_of_the_package() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    assert location["python_module"]["module_name"] == "mqa_platform.definitions"
