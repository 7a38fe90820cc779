"""Reading YAML from anywhere: nothing runs, nothing explodes, every problem has its line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mqa_platform.policy.documents import Document, read_document
from mqa_platform.policy.problems import PolicyError


def _read(tmp_path: Path, content: str | bytes) -> Document:
    path = tmp_path / "stages.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path, path.name)


def _refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(PolicyError) as refused:
        _read(tmp_path, content)
    return str(refused.value)


def test_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = "a: 010\nb: 0x10\nc: 1e3\nd: no\ne: True\nf: ~\ng: 2025-07-01\nh: '1'\ni: 1_000\n"
    assert _read(tmp_path, text).data == {
        "a": 10,
        "b": 16,
        "c": 1000.0,
        "d": "no",
        "e": True,
        "f": None,
        "g": "2025-07-01",
        "h": "1",
        "i": 1000,
    }


def test_every_key_and_item_knows_its_line(tmp_path: Path) -> None:
    document = _read(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert document.line_of(("a", "b")) == 2
    assert document.line_of(("a", "c", 1)) == 5
    assert document.line_of(("a", "missing", "deeper")) == 1


def test_anchors_may_be_used_to_say_a_thing_once(tmp_path: Path) -> None:
    assert _read(tmp_path, "a: &x {n: 1}\nb: *x\n").data == {"a": {"n": 1}, "b": {"n": 1}}


def test_an_empty_file_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    assert _read(tmp_path, "").data == {}
    assert _read(tmp_path, b"\xef\xbb\xbfa: 1\r\n").data == {"a": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "a: 1\nb:\n  c: 1\n  c: 2\n",
            "stages.yaml:4: b.c: duplicate key; it is on line 3 already",
        ),
        ("- a\n", "stages.yaml:1: expected keys and values at the top"),
        ("a: 1\nb: [\n", "stages.yaml:3: not YAML"),
        ("a: *nobody\n", "stages.yaml:1: not YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "stages.yaml:2: more than one document"),
        ("a: 1\n? [x]\n: 2\n", "stages.yaml:2: a key must be a plain word"),
        ("a: " + "[" * 51 + "]" * 51, "stages.yaml:1: nested deeper than 50"),
        ("a: " + "[" * 20000, "stages.yaml:1: nested deeper than 50"),
        (b"a: \xff\n", "stages.yaml: not UTF-8 text"),
        (b"a: \x00\n", "stages.yaml: not YAML"),
        (b"#" * 1_048_577, "stages.yaml: larger than 1,048,576 bytes"),
        ("a: " + "9" * 5000, "stages.yaml:1: a: not a number that can be used"),
    ],
)
def test_what_a_policy_has_no_need_for_is_refused(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    assert _refusal(tmp_path, content).startswith(reason)


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system", "!!python/name:os.system", "!custom", "!!binary", "!!set"],
)
def test_a_tag_cannot_name_a_type(tmp_path: Path, tag: str) -> None:
    for value in ("['echo']", "{a: b}", "echo"):
        assert "is not allowed" in _refusal(tmp_path, f"x: 1\na: {tag} {value}\n")


def test_a_small_file_cannot_unfold_into_a_large_one(tmp_path: Path) -> None:
    laughs = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 12):
        row = ", ".join([f"*a{level - 1}"] * 9)
        laughs.append(f"a{level}: &a{level} [{row}]")
    started = time.monotonic()
    assert "unfolds into too many values" in _refusal(tmp_path, "\n".join(laughs))
    assert time.monotonic() - started < 5


def test_a_file_that_contains_itself_is_refused(tmp_path: Path) -> None:
    assert "unfolds into too many values" in _refusal(tmp_path, "a: &a [*a]\n")


def test_many_aliases_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    text = "a: &a 1\nb: [" + ", ".join(["*a"] * 129) + "]\n"
    assert _refusal(tmp_path, text) == "stages.yaml:2: more than 128 aliases"
