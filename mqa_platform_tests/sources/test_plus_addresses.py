"""Every spelling of an address with a plus is found again, though only keys have landed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mqa_platform import erasure
from mqa_platform.home import Home
from mqa_platform.sources.erased_person import Person, refs_of
from mqa_platform.sources.personal_key import address_digest, email_key, forgetting
from mqa_platform.sources.plus_addresses import PlusAddresses

AT = datetime(2025, 7, 1, tzinfo=UTC)


def noted(home: Home, *addresses: str) -> None:
    with PlusAddresses.of(home).noting(home, AT):
        for address in addresses:
            email_key(address)


def test_the_keys_of_all_spellings_are_found_from_the_address_without_a_plus(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    noted(home, "Jane+News@acme.com", "bob@acme.com", "bob+x@acme.com")
    noted(home, "jane+again@acme.com")
    plus = PlusAddresses.of(home)
    spelled = refs_of(["jane@acme.com", "jane+news@acme.com", "jane+again@acme.com"])
    assert plus.alike([], {address_digest("jane@acme.com")}) == spelled
    # From another spelling as well, as a lead may have it.
    assert plus.alike(refs_of(["jane+again@acme.com"]), ()) == spelled
    assert plus.alike(refs_of(["eve@acme.com"]), ()) == set()
    assert "jane" not in (home.landing / "_plus_addresses.jsonl").read_text()


def test_a_note_that_a_kill_has_cut_is_no_harm_to_the_next(tmp_path: Path) -> None:
    home = Home(tmp_path)
    noted(home, "jane+a@acme.com")
    path = home.landing / "_plus_addresses.jsonl"
    path.write_text(path.read_text() + '{"key": "12')
    noted(home, "jane+b@acme.com")
    plus = PlusAddresses.of(home)
    assert refs_of(["jane+a@acme.com", "jane+b@acme.com"]) <= plus.alike(
        [], {address_digest("jane@acme.com")}
    )
    assert plus.since == AT
    assert PlusAddresses.of(Home(tmp_path / "other")).since is None


def test_an_erased_address_is_not_noted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with forgetting(frozenset({address_digest("jane@acme.com")})):
        noted(home, "jane+new@acme.com")
    assert PlusAddresses.of(home).bases == {}


def test_an_erasure_that_was_killed_goes_on_whichever_of_the_addresses_is_named(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    (home.root / "erasing").mkdir()
    jane, bob = ["jane@acme.com", "jane@home.example"], ["bob@acme.com"]
    for name, addresses in (("1", jane), ("2", bob)):
        person = Person(
            set(addresses), refs_of(addresses), cookies={f"fox-{name}"}, days={AT.date()}
        )
        (home.root / "erasing" / f"{name}.json").write_text(person.to_json())
    begun, journals = erasure._begun(home, [jane[1]])
    assert (begun.addresses, begun.cookies) == (set(jane), {"fox-1"})
    assert [path.name for path in journals] == ["1.json"]
    assert erasure._begun(home, ["eve@acme.com"])[1] == []
    assert begun.days == {AT.date()}
