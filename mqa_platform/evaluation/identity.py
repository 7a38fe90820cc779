"""All measures of identity: the market, the OpenStack truth, the intent sample.

Belongs here: which parts there are and where their files are looked for. Does not belong here: a part's own
figures (its module) or how they look on a terminal (``cli_evaluate``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqa_platform.evaluation.intent_sample import evaluate_intent
from mqa_platform.evaluation.market_run import evaluate_market
from mqa_platform.evaluation.measures import EvaluationError, Facts
from mqa_platform.evaluation.openstack import evaluate_openstack
from mqa_platform.policy.loader import load_policy

PARTS = ("openstack", "bombora", "market")
_DATA = Path(__file__).parents[3] / "shared" / "data"
_AFFILIATIONS = "identity/openstack_affiliations.json"
_COMMITS = "identity/openstack_commits.csv.gz"
_INTENT = "intent/bombora_master_surge.csv"
Tell = Callable[[str], None]


def evaluate_identity(
    data: Path | None = None,
    affiliations: Path | None = None,
    commits: Path | None = None,
    accounts: int = 20_000,
    seed: int = 11,
    parts: tuple[str, ...] = PARTS,
    tell: Tell = lambda _: None,
) -> Facts:
    """Every part's figures by its name; a part without its files is null, and ``missing`` says why.

    Files that are not given are looked for below ``data``, by default ``shared/data`` beside the project.

    Raises:
        EvaluationError: a file that was given is not there or is of another form, or only one of
            affiliations and commits was given.
    """
    if (affiliations is None) != (commits is None):
        raise EvaluationError("--affiliations and --commits go together: give both or neither")
    for given in (affiliations, commits):
        if given is not None and not given.is_file():
            raise EvaluationError(f"there is no file {given}")
    root = data or _DATA
    asked = {
        "openstack": (affiliations or root / _AFFILIATIONS, commits or root / _COMMITS),
        "bombora": (root / _INTENT,),
    }
    found: Facts = {"market": None, "openstack": None, "bombora": None, "missing": {}}
    for part in parts:
        absent = [path for path in asked.get(part, ()) if not path.is_file()]
        if absent:
            found["missing"][part] = f"there is no file {absent[0]}; MQA_DATA names the data folder"
            continue
        tell(part)
        found[part] = _part(part, asked.get(part, ()), accounts, seed, tell)
    return found


def _part(name: str, files: tuple[Path, ...], accounts: int, seed: int, tell: Tell) -> Facts:
    if name == "openstack":
        return evaluate_openstack(files[0], files[1], load_policy(None).identity.employment)
    if name == "bombora":
        return evaluate_intent(files[0])
    return evaluate_market(accounts, seed, tell)
