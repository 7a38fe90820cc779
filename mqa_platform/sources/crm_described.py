"""A CRM's schema as its service describes it: objects, fields, picklists and stages.

Belongs here: the few questions of a describe, and one object's refusal beside the others' answers. Does
not belong here: reading records (``salesforce_api``, ``hubspot_api``) or files (``crm_folder``).

A describe counts no rows, so what it leaves open is counted when the rows land.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.policy.mapping import CrmObject
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import UnreachableError
from mqa_platform.sources.crm_recognition import lacks
from mqa_platform.sources.crm_schema import Schema, Seen, Stage, told_state
from mqa_platform.sources.crm_stages import add_stage, hubspot_stages
from mqa_platform.sources.http_client import Client
from mqa_platform.sources.hubspot_api import HubSpotConnection
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.salesforce_api import SalesforceConnection
from mqa_platform.sources.salesforce_org import Org
from mqa_platform.sources.salesforce_soql import shape

_STAGES: Final = "SELECT Id, ApiName, MasterLabel, IsClosed, IsWon FROM OpportunityStage"
# What every object of HubSpot's has beside its properties.
_ENVELOPE: Final = ("id", "createdAt", "updatedAt", "archived")
_LINKS: Final = ("companies", "contacts", "deals")
# Streams that have one form for everybody, without properties to ask for.
_FORMED: Final = frozenset({"owners", "engagements", "deal_property_history"})
Described = tuple[dict[str, str], dict[str, list[str]], str]


def describe(
    name: str,
    source: Source,
    home: Home,
    environment: Mapping[str, str],
    objects: Mapping[str, CrmObject],
) -> Schema:
    """Ask a service what it has; an object that may not be read is left out, with what to do.

    Args:
        name: of the source, for messages.
        source: its connector says which service it is.
        home: of the platform.
        environment: where the secrets are.
        objects: what the mapping knows of that CRM.

    Raises:
        SourceError: a secret is missing, or no object may be read.
        UnreachableError: no usable answer.
    """
    schema = Schema()
    if source.connector == "salesforce_api":
        _salesforce(SalesforceConnection(name, source, home, environment), schema, objects)
    else:
        _hubspot(HubSpotConnection(name, source, home, environment), schema, objects)
    if not schema.objects:
        told = "; ".join(f"{stream}: {why}" for stream, why in schema.left_out.items())
        raise SourceError(name, f"no object may be read ({told})", "Grant what is named.")
    return schema


def _salesforce(
    connection: SalesforceConnection, schema: Schema, objects: Mapping[str, CrmObject]
) -> None:
    url = connection.source.url or ""
    with closing(Org(connection.name, url, connection.environment, is_quick=True)) as org:
        for stream, mapped in _known(connection.streams, objects, schema):
            with _left_out_if_refused(schema, stream):
                _add(schema, stream, mapped, _described(org, stream))
        with _left_out_if_refused(schema, "OpportunityStage"):
            _salesforce_stages(org, schema)


@contextmanager
def _left_out_if_refused(schema: Schema, what: str) -> Iterator[None]:
    """One object's refusal is noted beside the others' answers; no answer at all ends the asking."""
    try:
        yield
    except UnreachableError:
        raise
    except SourceError as problem:
        schema.left_out[what] = f"{problem.reason}; {problem.remedy}"


def _add(schema: Schema, stream: str, mapped: CrmObject, found: Described) -> None:
    fields, options, where = found
    if missing := lacks(set(fields), mapped):
        schema.left_out[stream] = f"{where} has no {', '.join(missing)}"
        return
    schema.add(Seen(stream, mapped, {where: None}, fields))
    schema.options[stream] = options


def _described(org: Org, stream: str) -> Described:
    path = f"sobjects/{stream}/describe"
    found: Any = org.ask(stream, lambda client: client.restful(path))
    fields = {canonical(name): name for name in shape(stream, found).fields}
    options = {}
    for field in found["fields"]:
        listed = [v for v in field.get("picklistValues") or [] if v.get("active", True)]
        if values := [str(v["value"]) for v in listed if v.get("value")]:
            options[canonical(str(field["name"]))] = values
    return fields, options, f"the describe of {stream}"


def _salesforce_stages(org: Org, schema: Schema) -> None:
    found = org.ask("OpportunityStage", lambda client: client.query_all(_STAGES))
    for row in found.get("records") or []:
        closed, won = bool(row.get("IsClosed")), bool(row.get("IsWon"))
        why = f"IsClosed {str(closed).lower()}, IsWon {str(won).lower()}"
        stage = Stage(told_state(closed, won), why)
        label = row.get("MasterLabel")
        add_stage(schema, row.get("ApiName") or label, label, stage)
    schema.stage_lists.append("OpportunityStage")


def _hubspot(
    connection: HubSpotConnection, schema: Schema, objects: Mapping[str, CrmObject]
) -> None:
    limits = connection.limits.adjusted(connection.environment)
    with connection.client(limits) as client:
        for stream, mapped in _known(connection.streams(), objects, schema):
            with _left_out_if_refused(schema, stream):
                if stream in _FORMED:
                    connection.probe(client, stream)
                    found = _formed(mapped)
                else:
                    found = _properties(client, stream)
                _add(schema, stream, mapped, found)
        with _left_out_if_refused(schema, "pipelines of deals"):
            answer = client.ask(
                "GET", "/crm/v3/pipelines/deals", {}, grant="crm.schemas.deals.read"
            )
            hubspot_stages(answer, "the pipelines of deals", schema)


def _properties(client: Client, stream: str) -> Described:
    granted = stream if stream in _LINKS else "contacts"
    grant = f"crm.schemas.{granted}.read"
    answer = client.ask("GET", f"/crm/v3/properties/{stream}", {}, grant=grant)
    fields = {canonical(name): name for name in _ENVELOPE}
    fields |= {canonical(name): name for name in (f"associations.{to}.results.id" for to in _LINKS)}
    options = {}
    for each in answer.get("results") or []:
        name = str(each.get("name"))
        fields[canonical(f"properties.{name}")] = f"properties.{name}"
        listed = [str(o["value"]) for o in each.get("options") or [] if o.get("value")]
        if listed:
            options[canonical(name)] = listed
    return fields, options, f"the properties of {stream}"


def _formed(mapped: CrmObject) -> Described:
    names = {canonical(name): name for c in mapped.fields for name in mapped.fields_of(c)}
    return names, {}, "the documented answer"


def _known(
    streams: tuple[str, ...] | list[str], objects: Mapping[str, CrmObject], schema: Schema
) -> Iterator[tuple[str, Any]]:
    """The streams that the mapping knows, under its own names for them."""
    by_name = {canonical(name): name for name in objects}
    for stream in streams:
        name = by_name.get(canonical(stream))
        if name is None:
            schema.left_out[stream] = "the mapping knows no such object"
        else:
            yield name, objects[name]
