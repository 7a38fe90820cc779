"""What Slack refuses in the blocks of a message, and what a press on one of them sends.

Belongs here: the documented limits of blocks and elements. Does not belong here: methods (``slack``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_MOST_BLOCKS: Final = 50
_KINDS: Final = frozenset(
    ("section", "actions", "header", "divider", "context", "image", "rich_text", "input")
)
_LONGEST: Final = {"section": 3_000, "header": 150, "button": 75}


def problem_of_blocks(blocks: Any) -> str:
    """Slack's word for what is wrong with the blocks of a message; empty when nothing is."""
    if not isinstance(blocks, list):
        return "invalid_blocks_format"
    if len(blocks) > _MOST_BLOCKS:
        return "invalid_blocks"
    names = [e.get("action_id") for b in blocks if isinstance(b, dict) for e in _elements(b)]
    if len(set(names)) != len(names):
        return "invalid_blocks"
    return "" if all(_is_sound(block) for block in blocks) else "invalid_blocks"


def element(blocks: list[dict[str, Any]], action_id: str, value: str | None) -> dict[str, Any]:
    """An entry of ``actions`` for a press on one of the blocks' elements.

    Raises:
        KeyError: no such element, or a menu without that option.
    """
    for block in blocks:
        for one in _elements(block):
            if one.get("action_id") == action_id:
                found = {
                    "type": one["type"],
                    "action_id": action_id,
                    "block_id": block.get("block_id", "b1"),
                }
                return found | _chosen(one, value)
    raise KeyError(action_id)


def _chosen(one: dict[str, Any], value: str | None) -> dict[str, Any]:
    if one["type"] == "button":
        return {"text": one["text"], "value": one.get("value", "") if value is None else value}
    if one["type"] == "datepicker":
        return {"selected_date": value}
    options = {option["value"]: option for option in one.get("options", [])}
    return {"selected_option": options[str(value)]}


def _elements(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block.get("type") == "actions":
        yield from block.get("elements", [])
    if isinstance(block.get("accessory"), dict) and "action_id" in block["accessory"]:
        yield block["accessory"]


def _is_sound(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") not in _KINDS:
        return False
    texts = [block["text"]] if "text" in block else []
    most = _LONGEST.get(str(block["type"]), 3_000)
    if not all(_is_text(text, most) for text in [*texts, *block.get("fields", [])]):
        return False
    if block["type"] == "section" and not (texts or block.get("fields")):
        return False
    if block["type"] == "context":
        # At most ten, each a text or an image.
        inner = block.get("elements", [])
        return 0 < len(inner) <= 10
    if block["type"] == "actions" and not 0 < len(block.get("elements", [])) <= 25:
        return False
    return all(_is_pressable(one) for one in _elements(block))


def _is_text(text: Any, most: int) -> bool:
    return isinstance(text, dict) and 0 < len(str(text.get("text", ""))) <= most


def _is_pressable(one: dict[str, Any]) -> bool:
    if not 0 < len(str(one.get("action_id", "x"))) <= 255:
        return False
    if one["type"] == "button":
        return _is_text(one.get("text"), 75) and len(str(one.get("value", ""))) <= 2_000
    if one["type"] != "static_select":
        return True
    options = one.get("options", [])
    return 0 < len(options) <= 100 and all(
        _is_text(option.get("text"), 75) and 0 < len(str(option.get("value", ""))) <= 150
        for option in options
    )
