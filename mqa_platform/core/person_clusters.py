"""Several cookies and addresses of one person, so that the person counts once.

Belongs here: which references are one person, the limits beyond which nobody is linked, and the one
id. Does not belong here: whose account a person belongs to (``identity``): that is asked of the
address and of the contact as of the day, whoever else the person is.

Links come from all identities that have landed: a browser that told two addresses, a lead that had
two, people who were merged by hand. What the CRM says of contacts counts from the day it was said.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.expressions import in_force
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import People

PERSON, SHARED = "person", "shared_browser"
CLUSTER = pa.schema(
    [
        ("kind", pa.string()),
        ("ref", pa.string()),
        ("root", pa.string()),
        ("is_refused", pa.bool_()),
    ]
)


def person_clusters(limits: People) -> Kernel:
    """Kernel: every (kind, ref, person_ref) of landed_identities → ``CLUSTER``.

    Rows of kind ``person``: a reference (``email:…``, ``lead:…``) that is one person with others, and
    the ``root`` that stands for all of them: the smallest address. A person of more addresses than
    the limit is refused: nobody is linked. Rows of kind ``shared_browser``: a cookie of more people
    than the limit, which links nobody. All identities must come in one call.
    """

    def run(table: pa.Table) -> pa.Table:
        # A lead's address, and two people whom somebody merged by hand, are links without a browser.
        is_told = pc.not_equal(table["kind"], "cookie")
        sure = table.filter(is_told)
        leads = pc.binary_join_element_wise("lead:", sure["ref"], "")
        own = pc.if_else(pc.equal(sure["kind"], PERSON), sure["ref"], leads)
        named = table["person_ref"].combine_chunks()
        people = pc.unique(pa.concat_arrays([named, own.combine_chunks()]))
        people = people.take(pc.array_sort_indices(people))
        size = len(people)
        told = _codes(named, people)
        joined = [(_codes(own, people), told[_mask(is_told)])]
        alone = _components(size, joined)
        cookies = table.filter(pc.invert(is_told))
        linked, shared = _by_cookie(cookies["ref"], alone[told[~_mask(is_told)]], limits)
        whole = _components(size, [*joined, linked])
        return _clusters(people, whole, shared, limits)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(
        CLUSTER.names, ("kind", "ref", "person_ref")
    )
    return Kernel("person_clusters", run, CLUSTER, lineage)


Edges = tuple[np.ndarray, np.ndarray]


def _mask(flags: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(flags.to_numpy(zero_copy_only=False), dtype=bool)


def _codes(values: pa.ChunkedArray | pa.Array, among: pa.Array) -> np.ndarray:
    found = pc.index_in(values, among).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.int64)


def _components(size: int, edges: list[Edges]) -> np.ndarray:
    """The smallest node that each node is connected with, by label propagation with short cuts."""
    label = np.arange(size)
    one = np.concatenate([a for a, _ in edges])
    other = np.concatenate([b for _, b in edges])
    while True:
        low = np.minimum(label[one], label[other])
        after = label.copy()
        # The label's own node is lowered too, so that long chains close in few rounds.
        for side in (one, other):
            np.minimum.at(after, label[side], low)
            np.minimum.at(after, side, low)
        after = after[after]
        if np.array_equal(after, label):
            return label
        label = after


def _by_cookie(refs: pa.ChunkedArray, people: np.ndarray, limits: People) -> tuple[Edges, pa.Array]:
    """Links between the people of one cookie, and the cookies that too many people used."""
    encoded = pc.dictionary_encode(refs.combine_chunks())
    pairs = np.unique(
        np.stack([encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), people], axis=1),
        axis=0,
    ).reshape(-1, 2)
    counts = np.bincount(pairs[:, 0], minlength=len(encoded.dictionary))
    shared = np.flatnonzero(counts > limits.max_people_per_cookie)
    pairs = pairs[counts[pairs[:, 0]] <= limits.max_people_per_cookie]
    same = pairs[1:, 0] == pairs[:-1, 0]
    return (pairs[:-1, 1][same], pairs[1:, 1][same]), encoded.dictionary.take(pa.array(shared))


def _clusters(people: pa.Array, whole: np.ndarray, shared: pa.Array, limits: People) -> pa.Table:
    """Rows for everybody who is more than one reference. ``people`` is sorted."""
    size = len(people)
    is_mail = _mask(pc.starts_with(people, "email:"))
    members = np.bincount(whole, minlength=size)
    mails = np.bincount(whole[is_mail], minlength=size)
    root = np.full(size, size)
    np.minimum.at(root, whole[is_mail], np.flatnonzero(is_mail))
    root = np.where(root == size, np.arange(size), root)
    several = np.flatnonzero(members[whole] > 1)
    refused = mails[whole[several]] > limits.max_addresses_per_person
    rows = pa.table(
        {
            "kind": pa.repeat(PERSON, len(several)),
            "ref": people.take(pa.array(several)),
            "root": people.take(pa.array(root[whole[several]])),
            "is_refused": pa.array(refused),
        },
        schema=CLUSTER,
    )
    more = pa.table(
        {
            "kind": pa.repeat(SHARED, len(shared)),
            "ref": shared,
            "root": pa.nulls(len(shared), pa.string()),
            "is_refused": pa.repeat(True, len(shared)),
        },
        schema=CLUSTER,
    )
    return pa.concat_tables([rows, more])


def links(identities: ir.Table) -> ir.Table:
    """What ``person_clusters`` reads of landed_identities, each link once."""
    told = ("kind", "ref", "person_ref")
    return identities.select(*told).distinct().mutate(all=ibis.literal(0))


def roots(clusters: ir.Table) -> ir.Table:
    """(linked_ref, root): references that are one person with others."""
    t = clusters.filter((clusters["kind"] == PERSON) & ~clusters["is_refused"])
    return t.select("root", linked_ref=t["ref"])


def contact_days(contacts: ir.Table, clusters: ir.Table) -> ir.Table:
    """(root, root_contact, valid_from, valid_to): the contacts that a person is, and when.

    A contact keeps an address it once had: from the first day that the CRM knew it, while the
    contact lives.
    """
    live = contacts.filter(~contacts["is_deleted"])
    had = live.filter(live["person_ref"].notnull())
    had = had.group_by("contact_id", "person_ref").aggregate(since=had["valid_from"].min())
    had = had.left_join(roots(clusters), [("person_ref", "linked_ref")])
    had = had.select(
        "contact_id", "since", person_root=ibis.coalesce(had["root"], had["person_ref"])
    )
    had = had.group_by("contact_id", "person_root").aggregate(since=had["since"].min())
    days = live.select("valid_from", "valid_to", root_contact="contact_id")
    t = had.join(days, [("contact_id", "root_contact")])
    t = t.filter(t["valid_to"].isnull() | (t["since"] < t["valid_to"]))
    return t.select(
        "person_root",
        "root_contact",
        "valid_to",
        valid_from=ibis.greatest(t["since"], t["valid_from"]),
    )


def with_one_person(t: ir.Table, contacts: ir.Table, clusters: ir.Table) -> ir.Table:
    """Signals with ``one_person``: the same id for all that a person is known by on the day.

    A contact is itself. Else the one contact that the person is, else the person's first address. Two
    contacts are two people, as the CRM says, whatever browser they share.

    Args:
        t: signal_date, person, contact_id.
        contacts: crm_contacts with history.
        clusters: ``CLUSTER``.
    """
    known = roots(clusters)
    t = t.left_join(known, [("person", "linked_ref")])
    t = t.mutate(person_root=ibis.coalesce(t["root"], t["person"])).drop("root", "linked_ref")
    asked = t.filter(t["contact_id"].isnull() & t["person_root"].notnull())
    asked = asked.select("person_root", day=asked["signal_date"]).distinct()
    found = asked.join(contact_days(contacts, clusters), "person_root")
    found = found.filter(in_force(found, found["day"]))
    found = found.select("person_root", "day", "root_contact").distinct()
    found = found.group_by(root_of="person_root", root_day="day").aggregate(
        n_contacts=found.count(), root_contact=found["root_contact"].min()
    )
    t = t.left_join(
        found, [t["person_root"] == found["root_of"], t["signal_date"] == found["root_day"]]
    )
    several = (t["n_contacts"] > 1).fill_null(False)
    return t.mutate(
        one_person=ibis.coalesce(
            t["contact_id"],
            ibis.ifelse(several, t["person"], t["root_contact"]),
            t["person_root"],
        )
    ).drop("person_root", "root_of", "root_day", "n_contacts", "root_contact")
