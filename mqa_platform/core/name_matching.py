"""Company names that are nearly an account's name: the same by spelling, or for a person to decide.

Belongs here: which differences never tell two companies apart, and which pairs are worth a look. Does
not belong here: cleaning one name (``company_names``), or what a name is worth as evidence (``identity``).

Precision comes first. Only four differences match by themselves: accents; spaces; a usual abbreviation
or plural; one typing error in a word that no other name has. The less a name tells beside the difference,
the longer it must be: Bluebox and Blue Box are two companies. A word more or less ("Juniper", "Juniper
Networks") is a question for a person: the same words tell Motorola Solutions from Motorola.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import Names

SAME, REVIEW = "same", "review"
NAME_MATCH = pa.schema(
    [
        ("name_key", pa.string()),
        ("matched_key", pa.string()),
        ("verdict", pa.string()),
        ("score", pa.float64()),
        ("difference", pa.string()),
    ]
)
# Abbreviation → the word as it is compared. Plurals of these words are no difference either.
_WORDS: Final = {
    "intl": "international", "natl": "national", "amer": "american", "tech": "technology",
    "technologies": "technology", "sys": "system", "systems": "system", "svc": "service",
    "svcs": "service", "services": "service", "mfg": "manufacturing", "mgmt": "management",
    "assn": "association", "assoc": "association", "bros": "brothers", "univ": "university",
    "lab": "laboratory", "labs": "laboratory", "laboratories": "laboratory", "ins": "insurance",
    "fin": "financial", "solution": "solutions", "network": "networks", "inst": "institute",
    "pharma": "pharmaceuticals", "comm": "communications", "communication": "communications",
    "telecom": "telecommunications", "telecommunication": "telecommunications",
}  # fmt: skip
# Words that say what a company does or is; sharing only these says nothing.
_USUAL = """
    technology system service software solutions networks communications group international global
    worldwide digital media laboratory bank financial capital energy health healthcare university
    institute research consulting partners industries enterprises stores com cloud data security
    pharmaceuticals therapeutics biosciences medical telecommunications internet management holdings
    company insurance net online web and of the for
"""
_GENERIC: Final = frozenset(_USUAL.split())
# A pair of these is two companies, however alike the spelling.
_LANDS = """
    america american africa asia australia austria belgium brazil britain california canada china
    colombia denmark eastern england europe european france germany india indiana indonesia ireland
    israel italy japan korea malaysia mexico northern norway pacific poland portugal russia scotland
    singapore southern spain sweden switzerland taiwan texas thailand turkey ukraine vietnam virginia
    western
"""
_PLACES: Final = frozenset(_LANDS.split())
# Words that more accounts have than this are no way to find one.
_COMMON: Final = 100
# A word that at most this many accounts have tells one from the others.
_RARE: Final = 3
# Letters that make a word, or the rest of a name, telling.
_REST: Final = 5
# Letters of an invented name of one word that nobody else invents with other spaces or one letter less.
_ALONE: Final = 12
# Letters of a name that is another one's but for its accents.
_ACCENTED: Final = 4


@dataclass(frozen=True)
class _Name:
    """A cleaned name as it is compared; ``spelling`` is its words without spaces.

    ``plain`` are the words without accents, ``words`` those with abbreviations written out;
    ``telling`` is the length of the words that are not said of many companies.
    """

    key: str
    plain: tuple[str, ...]
    words: tuple[str, ...]
    spelling: str
    telling: int


def name_matches(names: Names) -> Kernel:
    """Kernel: every distinct (name_key, is_account) → ``NAME_MATCH``; all rows in one call.

    Keys are cleaned names. Only keys that no account carries are asked about. At most one row of the
    verdict ``same`` a key; where two accounts are equally near, and where a person should look, the rows
    are ``review``. ``score`` is 0 to 1; ``difference`` says in words what differs.
    """

    def run(table: pa.Table) -> pa.Table:
        flags = table["is_account"].to_pylist()
        keys = table["name_key"].to_pylist()
        known = {k for k, flag in zip(keys, flags, strict=True) if k and flag}
        asked = {k for k in keys if k} - known
        rows = list(matches(sorted(asked), sorted(known), names))
        return pa.Table.from_pylist(rows, schema=NAME_MATCH)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(
        NAME_MATCH.names, ("name_key", "is_account")
    )
    return Kernel("name_matches", run, NAME_MATCH, lineage)


def with_near_keys(name_keys: ir.Table, matches: ir.Table) -> ir.Table:
    """(name, name_key) with the account's key for every name that is the same but for its spelling."""
    same = matches.filter(matches["verdict"] == SAME).select(
        asked_key="name_key", near="matched_key"
    )
    t = name_keys.left_join(same, [("name_key", "asked_key")])
    return t.select("name", name_key=ibis.coalesce(t["near"], t["name_key"]))


def matches(
    asked: Iterable[str], known: Iterable[str], names: Names
) -> Iterator[dict[str, str | float]]:
    """Rows of ``NAME_MATCH`` for cleaned names that are not among the known ones."""
    book = _Book(known)
    for key in asked:
        name = _read(key)
        found = _same(name, book, names)
        if len(found) == 1:
            near, difference = found[0]
            yield _row(key, near, SAME, 1.0, difference)
            continue
        for near, difference in found:
            yield _row(key, near, REVIEW, 1.0, f"{difference}, of several accounts")
        if not found and names.review_at < 1:
            yield from _worth_a_look(name, book, names)


class _Book:
    """The accounts' names, by what they can be looked up with."""

    def __init__(self, known: Iterable[str]) -> None:
        self.names = [_read(key) for key in known]
        self.by_spelling: defaultdict[str, list[int]] = defaultdict(list)
        self.by_word: defaultdict[str, list[int]] = defaultdict(list)
        self.by_gap: defaultdict[str, list[int]] = defaultdict(list)
        for i, name in enumerate(self.names):
            self.by_spelling[name.spelling].append(i)
            for word in set(name.words):
                self.by_word[word].append(i)
            for short in _gaps(name.spelling):
                self.by_gap[short].append(i)
        self.used = Counter({word: len(found) for word, found in self.by_word.items()})

    def weight(self, word: str) -> float:
        """How much a word tells: the fewer accounts have it, the more."""
        return math.log((1 + len(self.names)) / (1 + self.used[word])) + 0.1


def _read(key: str) -> _Name:
    letters = unicodedata.normalize("NFKD", key.replace("ø", "o").replace("ł", "l"))
    plain = tuple("".join(c for c in letters if not unicodedata.combining(c)).split())
    words = tuple(_WORDS.get(word, word) for word in plain)
    telling = sum(len(word) for word in words if word not in _GENERIC)
    return _Name(key, plain, words, "".join(words), telling)


def _gaps(spelling: str) -> set[str]:
    """The spelling and all that is left of it without one letter: near names share one of these."""
    return {spelling, *(spelling[:i] + spelling[i + 1 :] for i in range(len(spelling)))}


def _same(name: _Name, book: _Book, names: Names) -> list[tuple[str, str]]:
    """The accounts that the name is, with the difference that does not matter."""
    equal = [book.names[i] for i in book.by_spelling.get(name.spelling, ())]
    if equal:
        # Near to several and sure of one: still a question, for the other may be meant.
        sure = [n.key for n in equal if _is_spelling(name, n, names)]
        return [(key, "spelling") for key in sure] if len(sure) == len(equal) else []
    if name.telling < names.typing_errors_from:
        return []
    near = {i for short in _gaps(name.spelling) for i in book.by_gap.get(short, ())}
    return [
        (book.names[i].key, "one typing error")
        for i in sorted(near)
        if _is_typing_error(name, book.names[i], book, names)
    ]


def _is_spelling(name: _Name, other: _Name, names: Names) -> bool:
    """Whether two names of one spelling are long enough, for what differs, to be one company's."""
    telling = min(name.telling, other.telling)
    if name.plain == other.plain:
        return telling >= _ACCENTED
    if len(name.words) != len(other.words):
        # Two usual words written as one are another name: Sky Logic, Skylogic.
        alone = 1 in (len(name.words), len(other.words))
        return telling >= (_ALONE if alone else names.spelling_from)
    differing = [(a, b) for a, b in zip(name.plain, other.plain, strict=True) if a != b]
    plural = any(a.rstrip("s") == b.rstrip("s") for a, b in differing)
    return telling >= (names.typing_errors_from if plural else names.spelling_from)


def _is_typing_error(name: _Name, other: _Name, book: _Book, names: Names) -> bool:
    """Whether one letter of one long word, and nothing else, is different.

    A short word will do where the rest of the name is telling too; else only letters that are swapped or
    doubled in a long one.
    """
    if len(name.words) != len(other.words):
        return False
    differing = [(a, b) for a, b in zip(name.words, other.words, strict=True) if a != b]
    if len(differing) != 1:
        return False
    ((wrong, right),) = differing
    others = [a for a, b in zip(name.words, other.words, strict=True) if a == b]
    rest = sum(len(w) for w in others if w not in _GENERIC and book.used[w] <= _RARE)
    long = min(len(wrong), len(right))
    return (
        OSA.distance(wrong, right) == 1
        and min(name.telling, other.telling) >= names.typing_errors_from
        # Invented names of one word differ by a letter; swapping and doubling letters is a slip.
        and (
            long >= _REST
            if rest >= _REST
            else long >= max(names.typing_errors_from, _ALONE) and _is_slip(wrong, right)
        )
        # A slip of the finger is rarely in the first letter or in a number, and never another word.
        and wrong[0] == right[0]
        and wrong.isalpha()
        and right.isalpha()
        and not book.used[wrong]
        and not {wrong, right} & _PLACES
        # A plural is another word more often than a slip.
        and wrong not in (f"{right}s", right.removesuffix("s"))
    )


def _is_slip(wrong: str, right: str) -> bool:
    once = [re.sub(r"(.)\1+", r"\1", word) for word in (wrong, right)]
    return sorted(wrong) == sorted(right) or once[0] == once[1]


def _worth_a_look(name: _Name, book: _Book, names: Names) -> Iterator[dict[str, str | float]]:
    told = [w for w in name.words if w not in _GENERIC and len(w) > 1]
    rare = sorted((w for w in set(told) if book.used[w]), key=lambda w: (book.used[w], w))[:3]
    near = {i for w in rare if book.used[w] <= _COMMON for i in book.by_word[w]}
    near |= {i for short in _gaps(name.spelling) for i in book.by_gap.get(short, ())}
    scored = [
        (score, i) for i in near if (score := _score(name, book.names[i], book)) >= names.review_at
    ]
    for score, i in sorted(scored, key=lambda s: (-s[0], s[1]))[: names.candidates]:
        yield _row(
            name.key, book.names[i].key, REVIEW, round(score, 4), _words(name, book.names[i])
        )


def _score(name: _Name, other: _Name, book: _Book) -> float:
    """Shared words by how much they tell, and the likeness of the spelling: the mean of both.

    Of names that differ in spaces or one letter the spelling alone: they share no word.
    """
    numbers = [{w for w in n.words if not w.isalpha()} for n in (name, other)]
    if numbers[0] != numbers[1]:
        return 0.0
    mine, theirs = set(name.words), set(other.words)
    shared = math.fsum(book.weight(w) for w in sorted(mine & theirs))
    most = math.fsum(book.weight(w) for w in sorted(mine | theirs))
    likeness = fuzz.token_sort_ratio(" ".join(name.words), " ".join(other.words)) / 100
    slips = OSA.distance(name.spelling, other.spelling, score_cutoff=1)
    if slips <= 1 and min(name.telling, other.telling) > _REST:
        return 1 - slips / len(name.spelling)
    return (shared / most + likeness) / 2


def _words(name: _Name, other: _Name) -> str:
    more = [w for w in name.words if w not in other.words]
    less = [w for w in other.words if w not in name.words]
    return "; ".join(
        f"{side} {' '.join(words)}" for side, words in (("has", more), ("lacks", less)) if words
    )


def _row(
    key: str, near: str, verdict: str, score: float, difference: str
) -> dict[str, str | float]:
    told = (key, near, verdict, score, difference)
    return dict(zip(NAME_MATCH.names, told, strict=True))
