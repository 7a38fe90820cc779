"""How far the figures of the OpenStack truth hang on a few busy people: random halves of them.

Belongs here: drawing halves, and how often each claim holds in them. Does not belong here: the claims' own
figures (``openstack``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.evaluation.measures import Facts, share

HALVES = 200
_NEAR = 0.05
_SURE = 0.95


def halves(
    cases: pa.Table, answers: pa.Table, figures: Callable[[pa.Table, pa.Table], Facts]
) -> Facts | None:
    """Share of the halves in which each claim holds; None with fewer than four people.

    Args:
        cases: ``openstack.known_cases``.
        answers: the answers to all of them.
        figures: ``openstack.figures``.
    """
    people = pc.unique(cases["person"])
    if len(people) < 4:
        return None
    rng = np.random.default_rng(4)
    held: Counter[str] = Counter()
    for _ in range(HALVES):
        chosen = people.take(pa.array(rng.permutation(len(people))[: len(people) // 2]))
        found = figures(cases.filter(pc.is_in(cases["person"], chosen)), answers)
        held.update({name: int(holds) for name, holds in _claims(found).items()})
    return {"halves": HALVES, **{name: share(held[name], HALVES) for name in sorted(held)}}


def _claims(found: Facts) -> dict[str, bool]:
    """What is claimed of the whole, of one half. Where nothing is answered nothing is wrong."""
    base = {name: b["wrong_share"] for name, b in found["baselines"].items()}
    speaks, wrong = found["where_the_domain_speaks"], found["wrong_share"]
    sure = found["high_confidence"]["precision"]
    bands = [b for b in found["bands"] if b["answers"]]
    return {
        "beats_crm": wrong < base["crm"],
        "beats_domain_then_crm": wrong < base["domain_then_crm"],
        "no_worse_than_domain": (speaks["wrong_share"] or 0) <= (speaks["domain_wrong_share"] or 0),
        "high_confidence_is_right": sure is None or sure >= _SURE,
        "bands_within_five_points": all(abs(b["stated"] - b["observed"]) <= _NEAR for b in bands),
    }
