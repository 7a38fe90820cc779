"""Who employed the author of a commit: the platform against the dated employers of OpenStack.

Belongs here: reading the truth as a CRM that is a year old, the baselines, the comparison. Does not belong
here: weighing evidence (``core.employment``) or the form of the files (``affiliations``).

At a commit the CRM knows the person's addresses, the companies' domains, and the employers as they stood
``STALE_DAYS`` before. It never learns anything of the year in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.employment_facts import Question, employment
from mqa_platform.evaluation.affiliations import Affiliations, read_affiliations, read_commits
from mqa_platform.evaluation.halves import halves
from mqa_platform.evaluation.measures import (
    EvaluationError,
    Facts,
    confidence_bands,
    high_confidence,
    share,
)  # fmt: skip
from mqa_platform.evaluation.scratch import scratch_session
from mqa_platform.policy.identity import Employment
from mqa_platform.sources.names import registrable_domain
from mqa_platform.warehouse import Session

STALE_DAYS = 365
_DAY = 86_400
_MOMENT = pa.timestamp("us", tz="UTC")


def evaluate_openstack(affiliations: Path, commits: Path, policy: Employment) -> Facts:
    """The figures of the two files.

    Raises:
        EvaluationError: a file is missing or of another form, or no commit is by a person of known
            employers.
    """
    known, stream = read_affiliations(affiliations), read_commits(commits)
    cases = known_cases(known, stream)
    if not len(cases):
        raise EvaluationError(
            f"{commits} has no commit, merges aside, of an author_id with employers in {affiliations}"
        )
    with scratch_session() as session:
        answers = session.arrow(answered(session, known, stream, cases, policy))
    return {**figures(cases, answers), "random_halves": halves(cases, answers, figures)}


def known_cases(known: Affiliations, stream: pa.Table) -> pa.Table:
    """(ref, person, at, domain, truth, crm, spoken, owner): the commits of known authors.

    ``crm`` is the employer a year before; ``spoken`` whether the domain is a company's, ``owner`` whose,
    null where it is several companies'.
    """
    rows = stream.filter(pc.is_in(stream["author"], pa.array(list(known.people), pa.string())))
    people = [known.people[a] for a in rows["author"].to_pylist()]
    at = rows["at"].to_numpy()
    truth = np.empty(len(people), dtype=object)
    crm = np.empty(len(people), dtype=object)
    order: dict[str, list[int]] = {}
    for i, person in enumerate(people):
        order.setdefault(person.key, []).append(i)
    for indexes in order.values():
        person, mine = people[indexes[0]], np.array(indexes)
        names = np.array(person.companies, dtype=object)
        truth[mine] = names[person.employers_at(at[mine])]
        crm[mine] = names[person.employers_at(at[mine] - STALE_DAYS * _DAY)]
    owners = {d: known.owners(d or "") for d in rows["domain"].unique().to_pylist()}
    found = [owners[d] for d in rows["domain"].to_pylist()]
    return pa.table(
        {
            "ref": pa.array(range(len(people))).cast(pa.string()),
            "person": [p.key for p in people],
            "at": at,
            "domain": rows["domain"],
            "truth": pa.array(truth, pa.string()),
            "crm": pa.array(crm, pa.string()),
            "spoken": [bool(companies) for companies in found],
            "owner": [next(iter(c)) if len(c) == 1 else None for c in found],
        }
    )


def answered(
    session: Session, known: Affiliations, stream: pa.Table, cases: pa.Table, policy: Employment
) -> ir.Table:
    """``core.employment.ANSWERS`` for the cases, through the production functions."""
    keys = {author: person.key for author, person in known.people.items()}
    people = {person.key: person for person in known.people.values()}
    spells = [
        (p.key, 0 if n == 0 else p.ends[n - 1], name)
        for p in people.values()
        for n, name in enumerate(p.companies)
    ]
    addresses = [(p.key, d.lower()) for p in people.values() for d in p.domains if d]
    domains = sorted({*stream["domain"].drop_null().to_pylist(), *(d for _, d in addresses)})
    owned = [(d, company) for d in domains for company in sorted(known.owners(d))]
    # A company that is not listed, such as one that was bought, is known once the CRM names it.
    names = [(name, 0) for name in known.names] + [
        (name, since + STALE_DAYS * _DAY if since else 0) for _, since, name in spells
    ]
    labels = {d: (registrable_domain(d or "") or "").partition(".")[0] for d in domains}

    def table(name: str, columns: dict[str, pa.Array]) -> ir.Table:
        return session.constant(name, pa.table(columns))

    def texts(rows: Sequence[tuple[str, ...]], *columns: str) -> dict[str, pa.Array]:
        return {c: pa.array([r[i] for r in rows], pa.string()) for i, c in enumerate(columns)}

    authors = stream["author"].to_pylist()
    asked = {
        "ref": cases["ref"],
        "person": cases["person"],
        "at": _moments(cases["at"]),
        "confirmed_at": _moments(pc.subtract(cases["at"], STALE_DAYS * _DAY)),
        "domain": cases["domain"],
        "label": pa.array([labels.get(d) for d in cases["domain"].to_pylist()], pa.string()),
    }
    uses = {
        "person": pa.array([keys.get(a, f"author:{a}") for a in authors], pa.string()),
        "at": _moments(stream["at"]),
        "domain": stream["domain"],
    }
    employers = {
        "person": pa.array([s[0] for s in spells], pa.string()),
        "at": _moments(pa.array([s[1] for s in spells], pa.int64())),
        "company": pa.array([s[2] for s in spells], pa.string()),
    }
    called = {
        "label": pa.array([clean_company_name(n).replace(" ", "") for n, _ in names], pa.string()),
        "company": pa.array([n for n, _ in names], pa.string()),
        "at": _moments(pa.array([at for _, at in names], pa.int64())),
    }
    question = Question(
        asked=table("asked", asked),
        uses=table("uses", uses),
        users=table("users", uses),
        employers=table("employers", employers),
        addresses=table(
            "addresses",
            {
                **texts(addresses, "person", "domain"),
                "at": pa.nulls(len(addresses), _MOMENT),
            },
        ),
        owners=table("owners", {**texts(owned, "domain", "company"), **_always(known, owned)}),
        named=table("names", called),
    )
    return employment(question, policy, session.keep, session.apply)


def _always(known: Affiliations, owned: Sequence[tuple[str, str]]) -> dict[str, pa.Array]:
    """Owners of all times; a domain of several companies has no sole one."""
    return {
        "is_sole": pa.array([len(known.owners(d)) == 1 for d, _ in owned], pa.bool_()),
        "owned_from": _moments(pa.array([0] * len(owned), pa.int64())),
        "owned_to": pa.nulls(len(owned), _MOMENT),
    }


def _moments(seconds: pa.Array) -> pa.Array:
    return pc.cast(pc.multiply(pc.cast(seconds, pa.int64()), 1_000_000), _MOMENT)


def figures(cases: pa.Table, answers: pa.Table) -> Facts:
    """Coverage, wrong shares, baselines and bands of the answers to the cases."""
    rows = pc.fill_null(pc.index_in(cases["ref"], answers["ref"]), -1).to_numpy()
    found = rows >= 0
    at = pa.array(rows, mask=~found)
    said = answers["company"].combine_chunks().take(at).to_numpy(zero_copy_only=False)
    stated = answers["confidence"].combine_chunks().take(at).fill_null(0.0).to_numpy()
    evidence = answers["evidence"].combine_chunks().take(at).fill_null("none").to_numpy(False)
    truth, crm, owner = (cases[c].to_numpy(zero_copy_only=False) for c in ("truth", "crm", "owner"))
    spoken = cases["spoken"].to_numpy(zero_copy_only=False)
    right = said == truth
    one = owner != None  # noqa: E711 (element by element)
    baselines = {
        "domain": (spoken, owner == truth),
        "crm": (np.ones(len(crm), dtype=bool), crm == truth),
        "domain_then_crm": (np.ones(len(crm), dtype=bool), np.where(one, owner, crm) == truth),
    }
    return {
        "signals": len(truth),
        "people": len(pc.unique(cases["person"])),
        "coverage": share(found.sum(), len(truth)),
        "wrong_share": share((found & ~right).sum(), found.sum()),
        "baselines": {
            name: {
                "coverage": share(speaks.sum(), len(truth)),
                "wrong_share": share((speaks & ~hit).sum(), speaks.sum()),
            }
            for name, (speaks, hit) in baselines.items()
        },
        "where_the_domain_speaks": {
            "wrong_share": share((spoken & ~right).sum(), spoken.sum()),
            "domain_wrong_share": share((spoken & (owner != truth)).sum(), spoken.sum()),
        },
        "high_confidence": high_confidence(stated, right, len(truth)),
        "bands": confidence_bands(stated[found], right[found]),
        "below_the_bands": share((found & (stated < 0.5)).sum(), len(truth)),
        "evidence": _by_evidence(evidence, stated, right, cases["person"].to_numpy(False)),
    }


def _by_evidence(
    evidence: np.ndarray, stated: np.ndarray, right: np.ndarray, person: np.ndarray
) -> list[Facts]:
    """A row a kind of evidence: how often, of how many people, what it states and how it did."""
    rows = []
    for name in np.unique(evidence):
        mine = evidence == name
        rows.append(
            {
                "evidence": str(name),
                "answers": int(mine.sum()),
                "people": len(np.unique(person[mine])),
                "stated": round(float(stated[mine].mean()), 4),
                "observed": share(right[mine].sum(), int(mine.sum())),
            }
        )
    return sorted(rows, key=lambda row: -row["answers"])
