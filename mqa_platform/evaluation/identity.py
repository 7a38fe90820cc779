"""All measures of identity: the market, company names, the OpenStack truth, the intent sample.

Belongs here: which parts there are and where their files are looked for. Does not belong here: a part's own
figures (its module) or how they look on a terminal (``cli_evaluate``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqa_platform.evaluation.intent_sample import evaluate_intent
from mqa_platform.evaluation.market_run import evaluate_market
from mqa_platform.evaluation.measures import EvaluationError, Facts
from mqa_platform.evaluation.names import evaluate_names
from mqa_platform.evaluation.openstack import evaluate_openstack
from mqa_platform.policy.loader import load_policy

PARTS = ("openstack", "names", "bombora", "market")
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
    names: Path | None = None,
) -> Facts:
    """Every part's figures by its name; a part without its files is null, and ``missing`` says why.

    Files that are not given are looked for below ``data``, by default ``shared/data`` beside the project.
    The names need none: what can be made without files is measured, and the missing ones are named.

    Raises:
        EvaluationError: a file that was given is not there or is of another form, or only one of
            affiliations and commits was given.
    """
    if (affiliations is None) != (commits is None):
        raise EvaluationError("--affiliations and --commits go together: give both or neither")
    for given in (affiliations, commits, names):
        if given is not None and not given.is_file():
            raise EvaluationError(f"there is no file {given}")
    root = data or _DATA
    asked = {
        "openstack": (affiliations or root / _AFFILIATIONS, commits or root / _COMMITS),
        "bombora": (root / _INTENT,),
    }
    found: Facts = {**dict.fromkeys(reversed(PARTS)), "missing": {}}
    for part in parts:
        absent = [path for path in asked.get(part, ()) if not path.is_file()]
        if absent:
            found["missing"][part] = f"there is no file {absent[0]}; MQA_DATA names the data folder"
            continue
        tell(part)
        if part == "names":
            found[part] = evaluate_names(root, load_policy(None).identity.names, seed, names)
        else:
            found[part] = _part(part, asked.get(part, ()), accounts, seed, tell)
    return found


def _part(name: str, files: tuple[Path, ...], accounts: int, seed: int, tell: Tell) -> Facts:
    if name == "openstack":
        return evaluate_openstack(files[0], files[1], load_policy(None).identity.employment)
    if name == "bombora":
        return evaluate_intent(files[0])
    return evaluate_market(accounts, seed, tell)
