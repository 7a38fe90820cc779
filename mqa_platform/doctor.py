"""What stands between this installation and a run, and what to do about it.

Belongs here: looking, one finding a check. Does not belong here: repairing anything.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import requests

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.instance import URL_VARIABLE
from mqa_platform.marts import MartError, open_marts
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.promotions import in_force, policy_now
from mqa_platform.storage import WAREHOUSE_VARIABLE
from mqa_platform.warehouse import SnapshotMissingError

_LITTLE_DISK = 2 * 1024**3
_UI = "http://127.0.0.1:3000/server_info"


@dataclass(frozen=True)
class Finding:
    """One check: ``ok`` is None where it is only worth knowing."""

    check: str
    ok: bool | None
    detail: str
    remedy: str = ""


def examine(home: Home) -> list[Finding]:
    """Every check, in the order in which problems should be solved; a check that fails stops none."""
    # Loaded here, because its findings are of the class above.
    from mqa_platform.source_checks import mapping, reach

    checks: list[Callable[[Home], Finding | list[Finding]]] = [
        _python, _home, _disk, _policy, _contracts, _sources, mapping, reach, _warehouse, _snapshot,
        _instance, _key, _erasures, _ui,
    ]  # fmt: skip
    found: list[Finding] = []
    for check in checks:
        try:
            answer = check(home)
            found += answer if isinstance(answer, list) else [answer]
        except Exception as problem:
            name = check.__name__.removeprefix("_")
            found.append(Finding(name, False, str(problem), "see the message"))
    return found


def _python(_: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "use Python 3.11 or newer")


def _home(home: Home) -> Finding:
    place = home.root if home.root.exists() else home.root.parent
    return Finding(
        "home", os.access(place, os.W_OK), str(home.root), "set MQA_HOME to a folder you may write"
    )


def _disk(home: Home) -> Finding:
    place = next(p for p in (home.root, *home.root.parents) if p.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        "disk", free > _LITTLE_DISK, f"{free / 1024**3:.1f} GiB free", "free some disk space"
    )


def _policy(home: Home) -> Finding:
    folder = home.policy_folder()
    policy, now = load_policy(folder), policy_now(home)
    where = folder or "the packaged default"
    version = policy_version(policy)
    told = f"{now.policy.program.name}, version {now.version}"
    if in_force(home) and version != now.version:
        return Finding(
            "policy", None, f"{told} is in force; {version} of {where} is not",
            "mqa policy promote FOLDER puts a policy in force; only its sources and mapping count without",
        )  # fmt: skip
    signals = len(now.policy.signals.signals)
    return Finding("policy", True, f"{told} from {where}, {signals} signals")


def _contracts(_: Home) -> Finding:
    contracts = load_contracts()
    rules = sum(len(c.rules) for c in contracts.values())
    return Finding("contracts", True, f"{len(contracts)} tables, {rules} rules")


def _sources(home: Home) -> Finding:
    from mqa_platform.sources.globs import expand

    policy = load_policy(home.policy_folder())
    declared = policy.sources.sources
    services = [name for name, source in declared.items() if source.is_http]
    files = {name: source for name, source in declared.items() if not source.is_http}
    counts = {n: len(expand(s, home.root, home.data)) for n, s in files.items()}
    empty = [n for n, c in counts.items() if not c]
    detail = f"{sum(counts.values())} files of {len(counts) - len(empty)} sources"
    detail += f" and {len(services)} services" if services else ""
    detail += f"; none of {', '.join(empty)}" if empty else ""
    return Finding("sources", bool(services or sum(counts.values())), detail,
                   "mqa demo makes a market to look at; sources.yaml says where files are expected")  # fmt: skip


def _warehouse(home: Home) -> Finding:
    engine = "PostgreSQL" if os.environ.get(WAREHOUSE_VARIABLE) else "DuckDB"
    # Through the readers' door: opening the live file would keep a run from it.
    try:
        with open_marts(home) as marts:
            stages = marts.table("stages")
            day = stages["stage_date"]
            span = marts.rows(
                stages.aggregate(first=day.min(), last=day.max(), days=day.nunique())
            )[0]
    except (SnapshotMissingError, MartError):
        return Finding("warehouse", None, f"{engine}, no day published", "mqa run, or mqa demo")
    told = (
        f"{span['first']} to {span['last']}, {span['days']} days"
        if span["days"]
        else "no day published"
    )
    return Finding("warehouse", True, f"{engine}: {told}")


def _snapshot(home: Home) -> Finding:
    if os.environ.get(WAREHOUSE_VARIABLE):
        return Finding("snapshot", None, "readers use PostgreSQL itself")
    if not home.snapshot.exists():
        return Finding("snapshot", None, "not made yet", "every run makes it")
    return Finding("snapshot", True, f"{home.snapshot.stat().st_size / 1024**2:.1f} MiB")


def _instance(home: Home) -> Finding:
    if os.environ.get(URL_VARIABLE):
        return Finding("dagster storage", True, f"the server that {URL_VARIABLE} names")
    made = "made" if home.postgres.exists() else "made at the first run"
    return Finding("dagster storage", True, f"embedded PostgreSQL in {home.postgres} ({made})")


def _key(home: Home) -> Finding:
    from mqa_platform.sources.personal_key import REMEDY, VARIABLE, key_problem

    problem = key_problem(home)
    if problem:
        return Finding("personal data key", False, problem, REMEDY)
    if os.environ.get(VARIABLE):
        return Finding("personal data key", True, f"{VARIABLE} is set")
    return Finding(
        "personal data key",
        None,
        "the public development key",
        f"set {VARIABLE} before real people's data lands",
    )


def _erasures(home: Home) -> list[Finding]:
    from mqa_platform.erasure import unfinished

    begun = unfinished(home)
    remedy = "run mqa erase with the same address again; it says what remains"
    return [Finding("erasures", False, f"{begun} begun and not proved", remedy)] if begun else []


def _ui(_: Home) -> Finding:
    try:
        answer = requests.get(_UI, timeout=1)
        return Finding(
            "dagster UI", True, f"running, Dagster {answer.json().get('dagster_version', '?')}"
        )
    except (requests.RequestException, ValueError):
        return Finding("dagster UI", None, "not running on 127.0.0.1:3000", "mqa dev starts it")
