"""Portability: no stage asks an engine for what the three engines answer differently."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core import accounts as accounts_stage
from mqa_platform.core import answers as answers_stage
from mqa_platform.core import bots, horizon, known_entries, link_scanners, source_report
from mqa_platform.core import briefs as briefs_stage
from mqa_platform.core import capacity as capacity_stage
from mqa_platform.core import conversions as conversions_stage
from mqa_platform.core import decisions as decisions_stage
from mqa_platform.core import handoffs as handoffs_stage
from mqa_platform.core import health as source_health
from mqa_platform.core import overrides as overrides_stage
from mqa_platform.core import people as people_stage
from mqa_platform.core import plays as plays_stage
from mqa_platform.core import qualification as qualification_stage
from mqa_platform.core import routing as routing_stage
from mqa_platform.core import scores as scores_stage
from mqa_platform.core import sessions as sessions_stage
from mqa_platform.core import signals as signals_stage
from mqa_platform.core import stages as stages_stage
from mqa_platform.core import subtrees as subtrees_stage
from mqa_platform.core.activation import activation_lists
from mqa_platform.core.calendars import CALENDAR
from mqa_platform.core.committees import committees
from mqa_platform.core.contact_reviews import contact_reviews
from mqa_platform.core.crm import history, latest
from mqa_platform.core.desk import DeskTables
from mqa_platform.core.domains import CONTACT
from mqa_platform.core.drift import arrivals, decision_drift
from mqa_platform.core.duplicates import crm_duplicates
from mqa_platform.core.evidence import Behaviour, Evidence
from mqa_platform.core.firmographics import unknown_words
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.history import Span
from mqa_platform.core.identity import resolve
from mqa_platform.core.ip_answers import addresses, with_stored
from mqa_platform.core.ip_owners import ip_lookup
from mqa_platform.core.known import account_merges, known, rival_contacts
from mqa_platform.core.look_alikes import LIKENESSES, look_alike_reviews, seen_domains
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.metrics.facts import Ground
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.tables import metric_tables
from mqa_platform.core.missed_deals import Seen
from mqa_platform.core.opportunity_teams import opportunity_team
from mqa_platform.core.participation import customers, ever_customers
from mqa_platform.core.precedence import mql_decisions
from mqa_platform.core.reachable import refusals
from mqa_platform.core.releases import with_release
from mqa_platform.core.reviews import identity_reviews
from mqa_platform.core.routing_facts import Sources, asks
from mqa_platform.core.routing_facts import facts as routing_facts
from mqa_platform.core.shared_ips import shared_ips
from mqa_platform.core.signal_weeks import weekly_points
from mqa_platform.core.spans import within
from mqa_platform.core.tie_reviews import office_domains, tie_reviews
from mqa_platform.core.ties import carriers
from mqa_platform.core.unmatched_people import unmatched_acts, unmatched_people
from mqa_platform.core.visits import disturbed, extents, visits
from mqa_platform.core.what_if import first_qualifying, would_enter
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import at, day, default_policy, landed_schema, policy_with
from mqa_platform_tests.core.portability import Cuts, problems


def stages_of(policy) -> dict[str, ir.Table]:
    """Every expression of every stage, under its stage's name."""
    cut = Cuts()

    def landed(name: str) -> ir.Table:
        return ibis.table(ibis.Schema.from_pyarrow(landed_schema(name)), name=name)

    crm = {
        name: cut(history(landed(f"landed_{name}"), key), f"crm_{name}")
        for name, key in (
            ("accounts", "account_id"), ("contacts", "contact_id"), ("users", "user_id"),
            ("opportunities", "opportunity_id"), ("activities", "activity_id"),
        )
    }  # fmt: skip
    cut(latest(crm["contacts"]), "latest")
    window = Window.of(day(0), day(3))
    signals = cut(signals_stage.signals(landed("landed_signals"), policy, window), "signals")
    cut(signals_stage.dropped_signals(landed("landed_signals"), window), "dropped_signals")
    ranges = landed_schema("landed_ip_ranges").empty_table()
    ips = cut(addresses(signals), "addresses").mutate(shard=ibis.literal(0))
    live = cut.apply(ip_lookup(ranges), ips, "shard")
    names = crm["accounts"].select("name").mutate(shard=ibis.literal(0))
    answers = with_stored(live, landed("landed_ip_answers"), signals)
    mails = link_scanners.mail_events(landed("landed_signals"), window)
    behaviour = Behaviour(
        bot_days=cut.apply(bots.bot_days(policy), bots.requests(signals, policy), "shard"),
        scanned=cut.apply(link_scanners.scanned_clicks(policy), mails, "shard"),
        shared_ips=cut(shared_ips(signals, answers, policy.identity), "shared_ips"),
    )
    registered = known(
        crm["accounts"], landed("landed_identities"), MERGE.empty_table(), CONTACT.empty_table(),
        policy.identity, cut.apply,
    )  # fmt: skip
    evidence = Evidence(
        identities=landed("landed_identities"),
        contacts=crm["contacts"],
        accounts=crm["accounts"],
        listed_domains=ibis.table({"domain": "string", "kind": "string"}, name="listed"),
        ip_answers=answers,
        name_keys=cut.apply(NAME_KEYS, names, "shard"),
        consents=landed("landed_consents"),
        known=registered,
        behaviour=behaviour,
        uses=landed("landed_signals"),
    )
    cut(account_merges(landed("landed_associations")), "account_merges")
    cut(rival_contacts(crm["contacts"], crm["accounts"], policy.identity), "rival_contacts")
    resolved = cut(resolve(signals, evidence, policy, cut, cut.apply), "resolved")
    seen = visits(signals, policy.identity, cut.apply)
    visited = cut(sessions_stage.sessions(signals, seen, resolved, policy), "sessions")
    touched = cut(sessions_stage.touchpoints(signals, seen, resolved, policy), "touchpoints")
    lost = cut(sessions_stage.unresolved_signals(signals, resolved), "unresolved_signals")
    cut(disturbed(extents(signals, seen), visited, [day(0)]), "disturbed")
    cut(sessions_stage.match_counts(touched, lost), "match_counts")
    accounts = cut(accounts_stage.accounts(crm["accounts"], touched, policy), "accounts")
    judged = cut(
        accounts_stage.judged_versions(crm["accounts"], touched, policy), "judged_versions"
    )
    fit = cut(accounts_stage.account_fit(judged, policy), "account_fit")
    cut(accounts_stage.in_motion(accounts, fit, "expansion"), "in_motion")
    cut(unknown_words(accounts, policy.icp), "unknown_words")
    cut(accounts_stage.excluded_accounts(accounts, touched), "excluded_accounts")
    cut(accounts_stage.discovered_accounts(accounts, touched, policy), "discovered_accounts")
    carried = cut(carriers(crm["accounts"], evidence.name_keys, registered.nodes), "carriers")
    offices = cut(office_domains(signals, answers), "office_domains")
    doubts = identity_reviews(registered, landed("landed_identities"), signals, lost, offices)
    cut(doubts, "reviews")
    tied = tie_reviews(signals, evidence.name_keys, answers, registered.owners, carried)
    cut(tied, "tie_reviews")
    seen_companies = cut(seen_domains(touched), "seen_domains")
    told = cut.apply(LIKENESSES, seen_companies, "domain")
    cut(look_alike_reviews(registered.owners, seen_companies, told), "look_alikes")
    cut(
        contact_reviews(signals, crm["contacts"], registered, evidence.listed_domains),
        "contact_reviews",
    )
    merged = account_merges(landed("landed_associations"))
    duplicates = crm_duplicates(
        merged, crm["accounts"], registered.nodes, crm["opportunities"], crm["activities"],
        crm["users"],
    )  # fmt: skip
    cut(duplicates, "crm_duplicates")
    lines = scores_stage.score_lines(touched, policy, [day(0)], cut.apply)
    report = {name: landed(name) for name in source_report.TABLES}
    ledger = ibis.table(load_contracts()["landed_batches"].schema, name="landed_batches")
    cut(source_report.source_report(ledger, report), "source_report")
    arrived = cut(source_health.arrivals(report, ledger, ["segment"]), "arrivals")
    rhythm = ibis.table({"source": "string", "expect_every_days": "int64"}, name="rhythm")
    days = ibis.table({"day": "date"}, name="days")
    health = cut(source_health.source_health(ledger, arrived, rhythm, days), "source_health")
    scores = cut(scores_stage.scores(lines, accounts, policy, "v", health), "scores")
    cut(activation_lists(touched, accounts, scores, policy, day(0), cut.apply), "activation_lists")
    cut(signals_stage.page_views(signals), "page_views")
    cut(signals_stage.unclassified_pages(signals), "unclassified_pages")
    cut(scores_stage.score_receipts(lines, accounts, policy), "score_receipts")
    cut(people_stage.people(touched, crm["contacts"], policy, day(0), cut.apply), "people")
    records = stages_stage.Crm(crm["accounts"], crm["opportunities"], crm["activities"])
    calendar = ibis.table({"day": "date"}, name="calendar")
    told = cut(overrides_stage.overrides(landed("landed_overrides")), "overrides")
    effective = cut(overrides_stage.in_effect(told), "in_effect")
    held = cut(overrides_stage.suppressions(accounts, effective), "suppressions")
    beside = overrides_stage.Beside(held, effective)
    spans = [Span(Window(day(0), day(2)), policy, "v"), Span(Window(day(2), day(9)), policy, "w")]
    tree = ibis.table(load_contracts()["account_hierarchy"].schema, name="account_hierarchy")
    above = cut(subtrees_stage.relations(tree, cut.apply), "relations")
    below = cut(subtrees_stage.subtree_touchpoints(touched, above), "subtree_touchpoints")
    trees = subtrees_stage.Subtrees(above, below)
    cut(trees.judged_by(touched), "judged_by")
    span_days = [day(0), day(2)]
    judged = subtrees_stage.subtree_scores(scores, trees, accounts, spans, span_days, cut.apply)
    cut(judged, "subtree_scores")
    asked = ["demo_request"]
    told = answers_stage.answers(crm["activities"], crm["users"], accounts, touched, asked)
    answered = cut(told, "answers")
    cut(answers_stage.owners(crm["users"], crm["accounts"]), "owners")
    for motion in ("expansion", "new_business"):
        given = (accounts, scores, records, calendar, motion, beside, above, answered)
        told = stages_stage.facts(*given)
        facts = cut(told, f"facts_{motion}")
    walked = stages_stage.stage_lines(facts, None, spans, {day(0)}, cut.apply, above)
    stages = cut(stages_stage.stages(walked, held, "new_business", spans), "stages")
    start = cut(stages_stage.before(stages, day(0), "new_business"), "before")
    stages_stage.stage_lines(facts, start, spans, {day(0)}, cut.apply)
    moments = qualification_stage.moments(walked, scores, touched, policy, cut.apply)
    moved = stages_stage.stage_transitions(walked, moments, "new_business", spans)
    moved = cut(moved, "stage_transitions")
    entered = cut(handoffs_stage.entries(moved, accounts), "entries")
    desk = cut(
        capacity_stage.capacity(landed("landed_rep_capacity"), ledger, crm["users"]), "capacity"
    )
    cut(capacity_stage.absences(landed("landed_absences"), ledger), "absences")
    cut(capacity_stage.reassignments(landed("landed_reassignments")), "reassignments")
    team = cut(opportunity_team(landed("landed_associations")), "opportunity_team")
    asked = cut(asks(touched, policy), "asks")
    read = Sources(moved, accounts, crm["accounts"], crm["opportunities"], team, asked)
    cut(routing_facts([(entered, "r")], read), "routing_facts")
    kernel = routing_stage.routing_kernel({"r": policy.routing}, DeskTables([]), day(0))
    routing = routing_stage.route([(entered, "r")], read, kernel, cut.apply)
    routes = cut(routing.routes(), "routes")
    cut(routing.steps(), "route_steps")
    cut(routing.owners(), "handoff_owners")
    cut(routing.arms(), "experiment_arms")
    problems = ibis.table(ibis.Schema.from_pyarrow(routing_stage.PROBLEMS), name="problems")
    cut(routing.exceptions(problems), "routing_exceptions")
    made = cut(handoffs_stage.handoffs(entered, routes, moved, scores, policy), "handoffs")
    waiting = cut(with_release(made, desk, policy, moved, cut.apply), "with_release")
    cut(handoffs_stage.rerouted(waiting, routes), "rerouted")
    mine = cut(customers(stages.select("account_id", day="stage_date"), accounts,
                         crm["opportunities"]), "customers")  # fmt: skip
    cut(mine.semi_join(ever_customers(accounts, crm["opportunities"]), "account_id"), "ever")
    cut(within(accounts, day(0), day(9)), "within")
    cut(weekly_points(touched, policy), "weekly_points")
    bars = {name: tier.threshold for name, tier in policy.stages.tiers}
    cut(would_enter(scores, accounts, policy, bars, Window(day(0), day(9))), "would_enter")
    first = first_qualifying(scores, accounts, policy, bars, Window(day(0), day(9)))
    cut(first, "first_qualifying")
    known_people = ibis.table(load_contracts()["people"].schema, name="people")
    told = mql_decisions(known_people, touched, accounts, stages, made, policy, day(0))
    cut(told, "mql_decisions")
    unresolved = ibis.table(
        load_contracts()["unresolved_signals"].schema, name="unresolved_signals"
    )
    acts = cut(unmatched_acts(signals, unresolved, touched), "unmatched_acts")
    cut(unmatched_people(acts, policy, day(0), cut.apply), "unmatched_people")
    _briefs(cut, made, crm, policy)
    _decisions(cut, made, signals, ledger, landed("landed_signals"), policy)
    outcomes = cut(
        conversions_stage.conversions(entered, routes, scores, records, policy), "conversions"
    )
    _metrics(cut, entered, moved, scores, crm["opportunities"], policy, outcomes)
    return cut.seen


def _metrics(cut: Cuts, entered, moved, scores, opportunities, policy, outcomes) -> None:
    """Every table that is read off outcomes."""
    names = (
        "handoffs",
        "score_receipts",
        "stages",
        "account_fit",
        "accounts",
        "capacity",
        "touchpoints",
    )
    h, r, s, f, a, c, p = (ibis.table(load_contracts()[n].schema, name=n) for n in names)
    calendars = ibis.table(ibis.Schema.from_pyarrow(CALENDAR), name="calendars")
    ground = Ground(outcomes, h, r, moved, s, f, a, c, calendars)
    seen = Seen(entered, scores, r, s, f, p)
    beside = Beside(day(0), day(9))
    made = metric_tables(ground, seen, opportunities, policy, beside, cut, cut.apply)
    for name, expr in made.items():
        cut(expr, name)


def _briefs(cut: Cuts, made: ir.Table, crm: dict[str, ir.Table], policy) -> None:
    def published(name: str) -> ir.Table:
        return ibis.table(load_contracts()[name].schema, name=name)

    contacts, roles, touched = (
        crm["contacts"],
        published("crm_contact_roles"),
        published("touchpoints"),
    )
    consents = ibis.table(
        ibis.Schema.from_pyarrow(landed_schema("landed_consents")), name="landed_consents"
    )
    no = cut(refusals(contacts, consents, touched), "refusals")
    fit, scores, stages = published("account_fit"), published("scores"), published("stages")
    known = briefs_stage.Known(
        published("accounts"), fit, scores, published("score_receipts"), touched,
        published("touchpoints").view(), published("signals"), contacts, roles, crm["opportunities"], no,
    )  # fmt: skip
    cut(briefs_stage.briefs(made, made, known, policy, cut.apply), "briefs")
    cut(committees(contacts, roles, no, policy, day(0)), "committees")
    under = cut(plays_stage.placed(stages, scores, fit, made, policy), "placed")
    enrolled = cut(plays_stage.in_plays(under, policy), "in_plays")
    days = stages.select("motion", day="stage_date")
    cut(plays_stage.play_enrollments(enrolled, days), "play_enrollments")


def _decisions(cut: Cuts, made, signals, ledger, landed, policy) -> None:
    """What was known when a handoff was made, what differs today, and what came late."""
    names = ("account_fit", "scores", "score_receipts", "stages", "touchpoints")
    tables = [ibis.table(load_contracts()[n].schema, name=n) for n in names]
    known = decisions_stage.Tables(*tables)
    decided = ibis.table(load_contracts()["decisions"].schema, name="decisions")
    versions = decisions_stage.Versions("0.1.0", "d", at(0))
    others = [
        ibis.table(load_contracts()[n].schema, name=n) for n in ("overrides", "policy_promotions")
    ]
    cut(decisions_stage.of_overrides(others[0], "new_business"), "of_overrides")
    cut(decisions_stage.of_promotions(others[1]), "of_promotions")
    made = cut(decisions_stage.not_acted_on(made, decided), "not_acted_on")
    subjects = cut(decisions_stage.of_handoffs(made, versions), "of_handoffs")
    cut(decisions_stage.undecided(subjects, decided), "undecided")
    told = decisions_stage.decisions(subjects, known, policy, versions, cut.apply)
    cut(told, "decisions")
    arrived = cut(arrivals(tables[4], signals, ledger), "arrived")
    drift = decision_drift(decided, made, known, arrived, policy, "0.1.0", cut.apply)
    cut(drift, "decision_drift")
    entries_known = ibis.table(load_contracts()["known_entries"].schema, name="known_entries")
    moved = ibis.table(load_contracts()["stage_transitions"].schema, name="stage_transitions")
    cut(known_entries.last_look(entries_known), "last_look")
    new = cut(known_entries.unknown_entries(moved, entries_known), "unknown_entries")
    told = known_entries.known_entries(new, arrived, at(9), day(10), at(10), 365)
    cut(told, "known_entries")
    late = cut(horizon.late_signals(landed, ledger, 30), "late_signals")
    cut(horizon.within_horizon(landed, late), "within_horizon")
    cut(horizon.late_arrivals(late), "late_arrivals")


STAGES = stages_of(default_policy())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_asks_only_for_what_every_engine_answers_alike(name):
    assert problems(STAGES[name]) == set()


def test_no_setting_of_the_policy_brings_in_another_operation():
    policy = policy_with(
        icp={"criteria": {}, "tiers": []},
        identity={"shared_domains": "split", "discovery": False, "exclude_education": False,
                  "domain_aliases": {"a.com": "b.com"}, "isp_industries": []},
        signals={"seniority": [], "consent_default": {}},
    )  # fmt: skip
    assert {p for expr in stages_of(policy).values() for p in problems(expr)} == set()


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_compiles_for_postgresql(name):
    assert ibis.to_sql(STAGES[name], dialect="postgres")
