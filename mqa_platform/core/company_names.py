"""Company names reduced to what identifies the company.

Belongs here: the one cleaning rule that landing and matching share. Does not belong here: deciding
which account a name is (``identity``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Legal forms, and words that a firm adds or drops at will. Words that tell two companies apart, such
# as "international", stay: a wrong company costs more than a missed one.
_FORMS = """
    inc incorporated corp corporation co company companies llc llp lllp lp ltd limited plc
    gmbh mbh ag kg kgaa ohg ug eg ev sa sas sarl sasu srl sro spa sapa snc bv nv cv vof ab as asa aps
    oy oyj kft zrt nyrt doo dd ad jsc ojsc pjsc ooo oao zao pty pte pvt private bhd sdn tbk kk gk
    ltda eireli sl slu sab
    holding holdings group
"""
_LEGAL = frozenset(_FORMS.split())
# "S.A.", "G.m.b.H." and "U.S." are one word; the dot of "Amazon.com" divides two.
_INITIALS = re.compile(r"\b(?:\w{1,3}\.){2,}(?:\w{1,3}\b)?")
_SILENT = re.compile(r"['’`´]")
_NOT_NAME = re.compile(r"[\W_]+")


@lru_cache(maxsize=200_000)
def clean_company_name(name: str) -> str:
    """The name to compare companies by: ``The Coca-Cola Co., Inc.`` → ``coca cola``.

    NFKC, case folded, ``&`` as ``and``, no punctuation, no article, no legal form at the end: only
    trailing words go, so that "Group M" keeps its first word. A name of nothing else ("The Group")
    keeps its words; empty when no letter or digit is left.
    """
    text = unicodedata.normalize("NFKC", name).casefold().replace("&", " and ")
    text = _INITIALS.sub(lambda found: found.group().replace(".", ""), _SILENT.sub("", text))
    words = _NOT_NAME.sub(" ", text).split()
    kept = [word for word in words if word != "the"]
    while kept and (kept[-1] in _LEGAL or kept[-1] == "and"):
        kept.pop()
    return " ".join(kept or words)
