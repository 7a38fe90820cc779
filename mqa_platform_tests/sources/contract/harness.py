"""What the source contract suite needs to know of a kind of source; one subclass a kind.

Belongs here: the interface that a kind of source fills to be tested, and finding the kinds. Does not
belong here: the facts (``test_contract``), or one kind's server and files.

A module ``<kind>_harness.py`` beside this one takes part in the suite when it has
``HARNESSES: dict[str, Callable[[Path], SourceHarness]]``: the name in test ids → something that
makes the harness, given an empty folder of its own. Nothing else needs to be edited.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import Status

Make = Callable[[Path], "SourceHarness"]


class SourceHarness(ABC):
    """One fresh source whose full read gives ``pages`` pages, always the same ones.

    The suite makes one for each test, reads it into one or more homes, and closes it. Every read
    of the whole source starts from an empty home. A harness of a service starts its server (on
    127.0.0.1) when it is made and stops it in ``close``.
    """

    # How many pages a full read gives: 3 have a first, a middle and a last, 2 do where files are
    # of the same make as others.
    pages: int = 3
    # Whether pages carry cursors; files do not.
    has_cursors: bool = False
    # What ``connect`` is given; secrets are among it, under the names that ``spec`` tells.
    environment: Mapping[str, str] = {}
    # Values that must never show up in a spec, a reach, a message or the ledger.
    secret_values: Sequence[str] = ()
    # mapping.yaml; None is the packaged one.
    mappings: Mappings | None = None

    @abstractmethod
    def source(self, home: Home) -> Source:
        """The declaration; a file source puts its files into ``home`` here, each time the same."""

    @abstractmethod
    def faults(self) -> Mapping[str, Status]:
        """Ways to break the source that ``check`` must tell → the status it must answer."""

    @abstractmethod
    def break_down(self, home: Home, fault: str) -> Source:
        """Break the source in one of these ways; the declaration to check then."""

    def broken_environment(self, fault: str) -> Mapping[str, str]:
        """The environment in which the broken source is checked."""
        return self.environment

    def bad_cursors(self, good: str) -> Sequence[str]:
        """Cursors that are none, given one that is: garbage, another stream's, cut short …"""
        return ()

    def repeat_for_ever(self) -> None:
        """From now on the server answers every page with the same cursor to go on from."""
        raise AssertionError("a source without cursors repeats none")

    def close(self) -> None:  # noqa: B027 - files have nothing to stop
        """Stop the server, if there is one."""


def harnesses() -> dict[str, Make]:
    """Every kind of source that takes part, by its name in test ids."""
    folder = Path(__file__).parent
    found: dict[str, Make] = {}
    for module in pkgutil.iter_modules([str(folder)]):
        if module.name.endswith("_harness"):
            loaded = import_module(f"mqa_platform_tests.sources.contract.{module.name}")
            found |= loaded.HARNESSES
    return dict(sorted(found.items()))
