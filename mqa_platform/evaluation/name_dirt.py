"""Company names as others write them, and names of other companies that look like them.

Belongs here: what people and vendors do to a name, chosen without a look at how names are matched. Does not
belong here: whose names they are (``name_lists``) or whether they are matched (``names``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from random import Random

Change = Callable[[str, Random], str]

_FORMS = (
    "Inc", "Inc.", "Incorporated", "Corp.", "Corporation", "Co.", "Company", "LLC", "L.L.C.", "Ltd",
    "Ltd.", "Limited", "PLC", "GmbH", "AG", "S.A.", "SA", "B.V.", "AB", "Oy", "S.p.A.", "Pty Ltd",
    "Pvt. Ltd.", "K.K.", "Group", "Holdings", "S.r.l.", "Sp. z o.o.", "SAS", "A/S", "N.V.", "Ltda",
)  # fmt: skip
_SHORT = {
    "international": "Intl", "technologies": "Tech", "technology": "Tech", "systems": "Sys",
    "services": "Svcs", "manufacturing": "Mfg", "management": "Mgmt", "national": "Natl",
    "university": "Univ", "laboratories": "Labs", "communications": "Comm", "pharmaceuticals": "Pharma",
    "insurance": "Ins", "financial": "Fin", "association": "Assn", "brothers": "Bros",
    "solutions": "Soln", "associates": "Assoc", "development": "Dev", "engineering": "Eng",
    "telecommunications": "Telecom", "industries": "Ind", "center": "Ctr", "american": "Amer",
}  # fmt: skip
_MORE = (
    "Works", "Solutions", "Capital", "Ventures", "Foundation", "Energy", "Health", "Media", "Labs", "Bank",
    "Insurance", "Logistics", "Consulting", "Partners", "Software", "Networks", "Foods", "Steel",
    "Properties", "Mobility", "Financial", "Technologies", "Studios", "Pharma", "Systems", "2", "One",
)  # fmt: skip
_PLACES = (
    "Germany", "France", "India", "China", "Japan", "Brazil", "Canada", "Europe", "Asia", "America",
    "Texas", "California", "Ohio", "Scotland", "North", "South", "East", "West", "UK", "USA",
)  # fmt: skip
_FIRST = (
    "New",
    "First",
    "United",
    "American",
    "National",
    "Royal",
    "Blue",
    "Digital",
    "Great",
    "Open",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _form(name: str, rng: Random) -> str:
    return f"{name}{rng.choice((' ', ', '))}{rng.choice(_FORMS)}"


def _case(name: str, rng: Random) -> str:
    return rng.choice((name.upper(), name.lower(), name.title()))


def _marks(name: str, rng: Random) -> str:
    joined = name.replace(" & ", " and ") if "&" in name else name.replace(" and ", " & ")
    return rng.choice((joined, re.sub(r"[.,'’]", "", joined), joined.replace("-", " ")))


def _accents(name: str, rng: Random) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


def _spaces(name: str, rng: Random) -> str:
    if " " in name:
        at = rng.choice([i for i, c in enumerate(name) if c == " "])
        return name[:at] + rng.choice(("", "-", "  ")) + name[at + 1 :]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _short(name: str, rng: Random) -> str:
    return " ".join(_SHORT.get(word.lower(), word) for word in name.split())


def _typing(name: str, rng: Random) -> str:
    places = [i for i in range(1, len(name)) if name[i].isalpha() and name[i - 1].isalpha()]
    if not places:
        return name
    i = rng.choice(places)
    return rng.choice(
        (
            name[:i] + name[i + 1 :],
            name[:i] + name[i] + name[i:],
            name[: i - 1] + name[i] + name[i - 1] + name[i + 1 :],
            name[:i] + rng.choice(_LETTERS) + name[i + 1 :],
            name[:i] + rng.choice(_LETTERS) + name[i:],
        )
    )


def _cut(name: str, rng: Random) -> str:
    return name[: rng.randint(12, 24)].rstrip()


def _less(name: str, rng: Random) -> str:
    words = name.split()
    return " ".join(words[:-1]) if len(words) > 2 else name


def _article(name: str, rng: Random) -> str:
    return f"The {name}"


SAME: dict[str, Change] = {
    "legal form": _form, "case": _case, "marks": _marks, "accents": _accents, "spaces": _spaces,
    "short words": _short, "typing": _typing, "cut off": _cut, "last word gone": _less,
    "article": _article, "form and case": lambda n, r: _case(_form(n, r), r),
    "typing and form": lambda n, r: _form(_typing(n, r), r),
}  # fmt: skip
"""What still means the company."""


def _word_more(name: str, rng: Random) -> str:
    return f"{name} {rng.choice(_MORE)}"


def _place_more(name: str, rng: Random) -> str:
    return f"{name} {rng.choice(_PLACES)}"


def _word_before(name: str, rng: Random) -> str:
    return f"{rng.choice(_FIRST)} {name}"


def _other_last(name: str, rng: Random) -> str:
    *words, last = name.split()
    # "Pharma" for "Pharmaceuticals" would still be the company.
    other = rng.choice([word for word in _MORE if word[:3].lower() != last[:3].lower()])
    return " ".join([*words, other]) if words else f"{name} of Utah"


def _other_place(name: str, rng: Random) -> str:
    found = [w for w in name.split() if w in _PLACES]
    place = rng.choice(_PLACES)
    return name.replace(found[0], place) if found else f"Bank of {name}"


def _other_number(name: str, rng: Random) -> str:
    found = re.search(r"\d+", name)
    number = str(rng.randint(2, 99))
    return name[: found.start()] + number + name[found.end() :] if found else f"{name} {number}"


OTHER: dict[str, Change] = {
    "a word more": _word_more, "a place more": _place_more, "a word before": _word_before,
    "another last word": _other_last, "another place": _other_place, "another number": _other_number,
}  # fmt: skip
"""What makes it the name of another company."""
