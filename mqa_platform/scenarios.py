"""The examples on real data: a policy folder each, run over its days, and what they show.

Belongs here: finding an example, giving it a home of its own, running its days, asking its tables. Does
not belong here: what its policy says (``examples/<name>/policy``) or how rows look on a terminal
(``cli``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mqa_platform import runs
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.home import Home
from mqa_platform.instance import running_instance
from mqa_platform.policy.diagnostics import nearest
from mqa_platform.policy.documents import read_document
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform.runs import Progress, RunResult
from mqa_platform.scenario_reports import REPORTS, ScenarioTable, days_of_events
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError

PROJECT = Path(__file__).parent.parent
DEFINITION = "example.yaml"
DATA_VARIABLE = "MQA_DATA"


class ScenarioError(Exception):
    """The example cannot run; the message says what is missing and what to do."""


class Days(BaseModel):
    """One run: its first and its last day, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.first > self.last:
            raise ValueError(f"from {self.first} is after to {self.last}")
        return self

    def window(self) -> Window:
        """The same days as the pipeline takes them."""
        return Window.of(self.first, self.last)


class Scenario(BaseModel):
    """``example.yaml``: what an example is about, which days it runs and what it shows.

    Without days its sources are landed and counted, and no stage is run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, Field(min_length=10)]
    runs: list[Days]
    follow_data: bool = False
    needs_one_of: list[str] = []
    report: str


@dataclass
class ScenarioResult:
    """What an example did: where its tables are, its runs in order and the tables to show."""

    name: str
    description: str
    home: Home
    runs: list[RunResult] = field(default_factory=list)
    tables: list[ScenarioTable] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether any run published rows that differ from those before."""
        return any(run.changed for run in self.runs)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for machines."""
        return {
            "name": self.name,
            "description": self.description,
            "home": str(self.home.root),
            "changed": self.changed,
            "runs": [
                {"run_id": r.run_id, "changed": r.changed, "warnings": r.warnings}
                for r in self.runs
            ],
            "tables": [{"title": t.title, "rows": t.rows} for t in self.tables],
        }


def scenario_names() -> list[str]:
    """The examples of the checkout, sorted; none in an installed package."""
    return sorted(path.parent.name for path in (PROJECT / "examples").glob(f"*/{DEFINITION}"))


def run_scenario(name: str, home: Home, progress: Progress | None = None) -> ScenarioResult:
    """Runs an example in ``home.examples/<name>`` and asks its tables; again, it changes nothing.

    Its data are ``home.data``, else ``shared/data`` beside the project.

    Raises:
        ScenarioError: no such example, a definition that cannot be read, or data that are not there.
        RunFailedError: a run failed; see ``runs``.
    """
    folder = _folder(name)
    scenario = read_scenario(folder / DEFINITION)
    target = Home(home.examples / name, home.data or PROJECT.parent / "shared" / "data")
    policy = load_policy(folder / "policy")
    _check_data(name, scenario, policy, target)
    _install_policy(folder / "policy", target.policy)
    result = ScenarioResult(name, " ".join(scenario.description.split()), target)
    with running_instance(target) as instance:
        if not scenario.runs:
            result.runs.append(runs.land_on(instance, target, progress))
        for window in _windows(target, scenario, policy):
            result.runs.append(runs.run_on(instance, target, window, progress))
    result.tables = REPORTS[scenario.report](target)
    return result


def _folder(name: str) -> Path:
    known = scenario_names()
    if name in known:
        return PROJECT / "examples" / name
    if not known:
        raise ScenarioError(f"there are no examples below {PROJECT}: they come with the checkout")
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    raise ScenarioError(f"no example is called {name!r}; {hint}")


def read_scenario(path: Path) -> Scenario:
    """Read an ``example.yaml``.

    Raises:
        ScenarioError: with every problem of the file.
    """
    try:
        scenario = Scenario.model_validate(read_document(path, path.name).data)
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)
        ]
        raise ScenarioError(f"{path}: {'; '.join(found)}") from error
    if scenario.report not in REPORTS:
        raise ScenarioError(f"{path}: report: there are {', '.join(sorted(REPORTS))}")
    return scenario


def _check_data(name: str, scenario: Scenario, policy: Policy, home: Home) -> None:
    """Every required source has a file, and one of those that the example is about."""
    remedy = (
        f"set {DATA_VARIABLE} to a folder that is laid out like it, see examples/{name}/README.md"
    )
    if home.data is None or not home.data.is_dir():
        raise ScenarioError(f"the data of {name} are not at {home.data}: {remedy}")
    found: dict[str, list[Path]] = {}
    for source, declared in policy.sources.sources.items():
        try:
            found[source] = expand(declared, home.root, home.data)
        except SourceError as error:
            raise ScenarioError(f"{source}: {error}; {remedy}") from error
    if scenario.needs_one_of and not any(found.get(source) for source in scenario.needs_one_of):
        paths = [policy.sources.sources[s].path or "" for s in scenario.needs_one_of]
        wanted = " or ".join(p.replace("${MQA_DATA}", str(home.data)) for p in paths)
        raise ScenarioError(f"{name} found no file {wanted}: {remedy}")


def _install_policy(source: Path, target: Path) -> None:
    """Puts the example's policy into its home in one step, so that every command there uses it."""
    wanted = _contents(source)
    if target.is_dir() and _contents(target) == wanted:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, former = (target.with_name(f".policy.{what}.{os.getpid()}") for what in ("new", "old"))
    for left in target.parent.glob(".policy.*"):
        shutil.rmtree(left)
    fresh.mkdir()
    for name, content in wanted.items():
        (fresh / name).write_bytes(content)
    if target.exists():
        target.rename(former)
    fresh.rename(target)
    shutil.rmtree(former, ignore_errors=True)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}


def _windows(home: Home, scenario: Scenario, policy: Policy) -> Iterator[Window]:
    """The ranges to run, one after the other: what has landed is known after the first."""
    declared = [days.window() for days in scenario.runs]
    yield from declared[:1]
    if not scenario.follow_data:
        yield from declared[1:]
        return
    days = days_of_events(home, scenario.needs_one_of)
    yield from (window for window in declared[1:] if any(window.contains(day) for day in days))
    begins = policy.program.history_starts_on
    yield from _ranges(
        day for day in days if day >= begins and not any(w.contains(day) for w in declared)
    )


def _ranges(days: Iterable[date]) -> list[Window]:
    """Days in order as ranges without gaps."""
    found: list[Window] = []
    for day in days:
        if found and found[-1].hi == day:
            found[-1] = Window(found[-1].lo, day + ONE_DAY)
        else:
            found.append(Window.of(day, day))
    return found
