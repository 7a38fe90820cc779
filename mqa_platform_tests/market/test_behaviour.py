"""Intent is the cause: buyers behave differently in kind, and the noise does not look like them."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import mean, median

from mqa_platform.market.vocabulary import HIGH_INTENT_PREFIXES
from mqa_platform_tests.market.conftest import World


def _high_intent(world: World) -> dict[int, list[tuple[int | None, int | None, str | None]]]:
    """By account: (person, episode, noise kind) of each view of a buying page."""
    truth, seen = world.true_events("segment"), defaultdict(list)
    for message in world.messages:
        path = message["context"]["page"]["path"]
        if message["type"] == "page" and path.startswith(HIGH_INTENT_PREFIXES):
            row = truth[message["messageId"]]
            if row["account_index"] is not None:
                seen[row["account_index"]].append(
                    (row["person_index"], row["episode_index"], row["noise_kind"])
                )
    return seen


def test_accounts_in_the_market_view_buying_pages_many_times_more_often(world: World) -> None:
    seen = _high_intent(world)
    buying = {e["account_index"] for e in world.truth("intent_episodes").to_pylist()}
    calm = [a for a in range(world.config.accounts) if a not in buying]
    in_market = mean(len(seen[a]) for a in buying)
    others = mean(sum(noise is None for _, _, noise in seen[a]) for a in calm)
    assert in_market > 8 * others


def test_buying_is_done_by_several_people(world: World) -> None:
    seen = _high_intent(world)
    people: dict[int, set[int | None]] = defaultdict(set)
    for rows in seen.values():
        for person, episode, _ in rows:
            if episode is not None:
                people[episode].add(person)
    assert median(len(p) for p in people.values()) >= 3


def test_the_curious_individual_is_very_active_and_alone(world: World) -> None:
    views: Counter[int] = Counter()
    for row in world.true_events("segment").values():
        if row["noise_kind"] == "curious":
            views[row["person_index"]] += 1
    assert len(views) == 1
    assert sum(views.values()) > 300
    people = world.truth("people").to_pylist()
    account = people[next(iter(views))]["account_index"]
    buying = {e["account_index"] for e in world.truth("intent_episodes").to_pylist()}
    assert account not in buying
    deals = {o["account_index"] for o in world.truth("opportunities").to_pylist()}
    assert account not in deals


def test_about_one_fit_account_in_nine_is_in_the_market_per_half_year(world: World) -> None:
    accounts = world.truth("accounts").to_pylist()
    fit = sum(a["is_fit"] for a in accounts)
    assert 0.45 < fit / len(accounts) < 0.65
    episodes = world.truth("intent_episodes").to_pylist()
    rate = sum(accounts[e["account_index"]]["is_fit"] for e in episodes) / fit
    assert 0.05 < rate * 180 / world.config.days < 0.18
    assert all(3 <= e["active_people"] <= 9 for e in episodes)


def test_most_surges_of_the_intent_vendor_are_at_buyers_but_not_all(world: World) -> None:
    high: Counter[bool] = Counter()
    domains = {
        a["registered_domain"]: a["account_index"] for a in world.truth("accounts").to_pylist()
    }
    buying = {
        e["account_index"] for e in world.truth("intent_episodes").to_pylist() if e["has_surge"]
    }
    for path in (world.home / "inbox" / "bombora").glob("*.csv"):
        for line in path.read_text().splitlines():
            fields = line.split(",")
            if len(fields) == 9 and int(fields[6]) >= 70 and fields[1] in domains:
                high[domains[fields[1]] in buying] += 1
    assert high[True] > high[False] > 0
