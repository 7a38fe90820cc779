"""docs/scoring.md is true: its figures are what its command prints, its arithmetic is right."""

from __future__ import annotations

import math
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "scoring.md").read_text(encoding="utf-8")
_EQUATION = re.compile(r"`([−\d(min][^`\n]*?) = (−?\d+(?:\.\d+)?)`")
_ALLOWED = re.compile(r"[\d.+\-*/(), min]+")


def equations() -> list[tuple[str, str]]:
    return _EQUATION.findall(PAGE)


def test_the_page_works_an_account_by_hand():
    assert len(equations()) >= 15


@pytest.mark.parametrize(("left", "right"), equations(), ids=lambda text: text.replace(" ", ""))
def test_every_line_of_arithmetic_is_right(left, right):
    plain = left
    for mark, operator in (("×", "*"), ("−", "-"), ("÷", "/"), ("^", "**")):
        plain = plain.replace(mark, operator)
    assert _ALLOWED.fullmatch(plain), plain
    found = eval(plain, {"__builtins__": {}}, {"min": min})
    assert math.isclose(found, float(right.replace("−", "-")), abs_tol=0.00005000001)


def test_the_page_shows_what_its_command_prints(capsys):
    runpy.run_path(str(DOCS / "scoring_example.py"), run_name="__main__")
    printed = [block.strip("\n") for block in capsys.readouterr().out.split("\n\n")]
    shown = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    assert [b for b in printed if b] == shown
