"""What the CRM itself says of its stages: a pipeline's stages in an export, or in a service's answer.

Belongs here: which tables list stages, and what their flags mean. Does not belong here: what opportunities
say by their own flags (``crm_folder``), or which of the two is believed (``crm_proposal``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mqa_platform.sources.columns import booleans, numbers
from mqa_platform.sources.crm_recognition import words_of
from mqa_platform.sources.crm_schema import Schema, Stage, told_state
from mqa_platform.sources.crm_values import folded
from mqa_platform.sources.record_table import Records

_IDS: Final = ("stageid", "apiname", "id")
_LABELS: Final = ("label", "masterlabel")
_CLOSED: Final = ("isclosed", "metadataisclosed")
_WON: Final = ("closedwon", "iswon")
# HubSpot: 0.0 is lost and 1.0 is won, by its documentation. Salesforce's probability means less.
_PROBABILITY: Final = ("probability", "metadataprobability")
_OTHER_PIPELINES: Final = frozenset({"ticket", "lead", "service"})


def is_stage_list(name: str, columns: Iterable[str]) -> bool:
    """Whether a table lists the stages of opportunities.

    Args:
        name: of the file, without its ending.
        columns: canonical names.
    """
    said, has = set(words_of(name)), set(columns)
    flags = has & {*_WON, *_PROBABILITY}
    named = "stage" in said and not said & _OTHER_PIPELINES
    return named and bool(flags) and bool(has & {*_IDS, *_LABELS}) and "dealid" not in has


def read_stages(records: Records, file: str, schema: Schema) -> int:
    """Add the stages of a table to the schema; returns how many it lists."""
    ids, labels = records.text(*_IDS[:2]).to_pylist(), records.text(*_LABELS).to_pylist()
    closed, won = (booleans(records.text(*names))[0].to_pylist() for names in (_CLOSED, _WON))
    chances = numbers(records.text(*_PROBABILITY))[0].to_pylist()
    for at in range(len(records)):
        add_stage(schema, ids[at], labels[at], judged(closed[at], won[at], chances[at]))
    schema.stage_lists.append(file)
    return len(records)


def add_stage(schema: Schema, id: str | None, label: str | None, stage: Stage) -> None:
    """Note what is said of a stage, under its id and its label; two that disagree say nothing."""
    if id:
        schema.ids.append(id)
    elif label:
        schema.ids.append(label)
    for name in {each for each in (id, label) if each}:
        known = schema.stages.get(folded(name))
        if known is not None and known.state != stage.state:
            stage = Stage(None, f"two stages have this name: {known.why}; {stage.why}")
        schema.stages[folded(name)] = stage


def judged(closed: bool | None, won: bool | None, chance: float | None) -> Stage:
    """What flags say together; a contradiction says nothing.

    Args:
        closed: whether the stage ends the deal.
        won: whether it is the stage of won deals.
        chance: HubSpot's probability, 0 to 1.
    """
    parts = {"is_closed": closed, "is_won": won, "probability": chance}
    said = ", ".join(f"{k} {str(v).lower()}" for k, v in parts.items() if v is not None)
    by_chance = None if chance is None else _STATES.get(chance, "open")
    if closed is None and won is not True:
        return Stage(by_chance, said or "the list of stages does not say")
    state = told_state(closed is not False, won if won is not None else by_chance == "won")
    if state is None or by_chance not in (None, state):
        return Stage(None, f"disagree: {said}")
    return Stage(state, said)


_STATES: Final = {0.0: "lost", 1.0: "won"}


def hubspot_stages(answer: Any, where: str, schema: Schema) -> None:
    """Add the stages of an answer of ``/crm/v3/pipelines/deals``."""
    for pipeline in _listed(answer, "results"):
        for stage in _listed(pipeline, "stages"):
            told: Mapping[str, Any] = stage.get("metadata") or {}
            closed = _flag(told.get("isClosed"))
            found = judged(closed, None, _number(told.get("probability")))
            add_stage(schema, str(stage.get("id") or ""), str(stage.get("label") or ""), found)
    schema.stage_lists.append(where)


def _listed(value: Any, key: str) -> list[Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []


def _flag(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
