"""sla.yaml: what is refused, because a clock under it would be wrong or nobody would be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.problems import PolicyError
from mqa_platform.policy.sla import Clock, Sla, WorkingHours


def test_the_packaged_section_is_the_default_of_the_model() -> None:
    assert load_policy(None).sla == Sla()


@pytest.mark.parametrize(
    "hours",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "localtime"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": ""},
        {"starts": "17:00", "ends": "09:00"},
        {"starts": "09:00", "ends": "09:00"},
        {"starts": "9"},
        {"ends": "24:30"},
        {"workdays": []},
        {"workdays": ["mon", "mon"]},
        {"workdays": ["monday"]},
        {"holidays_of": "XX"},
        {"holidays_of": "Germany"},
    ],
)
def test_working_hours_that_nobody_could_keep_are_refused(hours: dict) -> None:
    with pytest.raises(ValidationError):
        WorkingHours.model_validate(hours)


def test_a_desk_may_never_close_and_have_any_weekend() -> None:
    hours = WorkingHours(
        time_zone="Asia/Dubai", starts="00:00", ends="24:00", workdays=["sun", "mon"], holidays_of="AE"
    )  # fmt: skip
    assert hours.holidays_of == "AE"


@pytest.mark.parametrize(
    "clock",
    [
        {"reminder_at": 0},
        {"reminder_at": 1.5},
        {"escalate_after": 0.5},
        {"reassign_after": 1},
        # Taken away before the manager hears of it.
        {"escalate_after": 3, "reassign_after": 2},
        {"accept_hours": 0},
    ],
)
def test_a_clock_that_tells_nobody_in_time_is_refused(clock: dict) -> None:
    with pytest.raises(ValidationError):
        Clock.model_validate(clock)


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sla.yaml").write_text(
        "# x\nworking_hours:\n  time_zone: Berlin\n", encoding="utf-8"
    )
    with pytest.raises(PolicyError, match=r"sla\.yaml:3: working_hours\.time_zone"):
        load_policy(tmp_path)


def test_clocks_of_ones_own_do_not_take_the_packaged_motions_away(tmp_path: Path) -> None:
    (tmp_path / "sla.yaml").write_text("# x\nescalate_to: bosses\n", encoding="utf-8")
    policy = load_policy(tmp_path)
    assert [p.program.motion for p in policy.motions()] == ["new_business", "expansion"]
    assert {p.sla.escalate_to for p in policy.motions()} == {"bosses"}


def test_a_motion_may_have_clocks_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "motions" / "expansion"
    own.mkdir(parents=True)
    for name in ("icp", "signals", "stages", "routing"):
        packaged = Path(load_policy.__code__.co_filename).parent / "default/motions/expansion"
        (own / f"{name}.yaml").write_text((packaged / f"{name}.yaml").read_text("utf-8"), "utf-8")
    (own / "sla.yaml").write_text("# x\nreassign_to: managers\n", encoding="utf-8")
    policy = load_policy(tmp_path)
    assert [p.sla.reassign_to for p in policy.motions()] == ["sla_queue", "managers"]
