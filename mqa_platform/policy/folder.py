"""Which file of a policy folder is which section, of which motion.

Belongs here: names of files, and what a missing file means. Does not belong here: what stands in a
file (``models``), or reading it (``loader``, ``documents``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mqa_platform.policy.diagnostics import nearest
from mqa_platform.policy.models import MotionOverride, Policy
from mqa_platform.policy.problems import PolicyError, Problem

MOTIONS = "motions"
GOLDEN = "golden"
PROPOSED = ".proposed.yaml"
DEFAULT_FOLDER = Path(__file__).parent / "default"
SECTIONS = tuple(name for name in Policy.model_fields if name != "other_motions")
MOTION_SECTIONS = tuple(MotionOverride.model_fields)
# Who has one of these of his own has another definition of a qualified account than the packaged one.
_DEFINING = ("icp", "signals", "stages", "routing")
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class SectionFile:
    """One file: its section, its motion (``''`` is the leading one) and where it lies.

    ``name`` is the path inside the folder, with forward slashes.
    """

    section: str
    motion: str
    path: Path
    packaged: bool

    @property
    def key(self) -> str:
        """The name of the section in messages that span sections: ``stages``, ``expansion/stages``."""
        return f"{self.motion}/{self.section}" if self.motion else self.section

    @property
    def name(self) -> str:
        """Where the file lies inside its folder."""
        file = f"{self.section}.yaml"
        return f"{MOTIONS}/{self.motion}/{file}" if self.motion else file

    @property
    def label(self) -> str:
        """The name in messages."""
        return f"{self.name} (default)" if self.packaged else self.name


def effective_files(folder: Path | None) -> list[SectionFile]:
    """The file of every section: the folder's own, else the packaged default's; then the motions'.

    The packaged motions go with the packaged definition of a qualified account: a folder that has a
    ``motions`` folder, or any of its own icp, signals, stages or routing, has its own motions only.

    Raises:
        PolicyError: no such folder, or files in it that no section reads.
    """
    if folder is None:
        return [*_sections(None), *_motions(DEFAULT_FOLDER, packaged=False)]
    if not folder.is_dir():
        raise PolicyError([Problem(str(folder), 0, "", "no such policy folder")])
    problems = list(_unknown_files(folder))
    if problems:
        raise PolicyError(problems)
    files = _sections(folder)
    own = any(f.section in _DEFINING and not f.packaged for f in files)
    if own or (folder / MOTIONS).is_dir():
        return [*files, *_motions(folder, packaged=False)]
    return [*files, *_motions(DEFAULT_FOLDER, packaged=True)]


def golden_files(folder: Path | None) -> list[Path]:
    """The golden accounts of a folder, in the order of their names; packaged ones if it has none.

    An empty ``golden`` folder is none: no policy is held against nothing.
    """
    mine = sorted(((folder or DEFAULT_FOLDER) / GOLDEN).glob("*.yaml"))
    return mine or sorted((DEFAULT_FOLDER / GOLDEN).glob("*.yaml"))


def _sections(folder: Path | None) -> list[SectionFile]:
    files = []
    for section in SECTIONS:
        own = folder / f"{section}.yaml" if folder else None
        if own is not None and own.is_file():
            files.append(SectionFile(section, "", own, packaged=False))
        else:
            path = DEFAULT_FOLDER / f"{section}.yaml"
            files.append(SectionFile(section, "", path, packaged=folder is not None))
    return files


def _motions(folder: Path, *, packaged: bool) -> list[SectionFile]:
    found = []
    for motion in _folders(folder / MOTIONS):
        for section in MOTION_SECTIONS:
            path = motion / f"{section}.yaml"
            if path.is_file():
                found.append(SectionFile(section, motion.name, path, packaged))
    return found


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(p for p in place.iterdir() if p.is_dir() and not p.name.startswith("."))


def _unknown_files(folder: Path) -> Iterator[Problem]:
    yield from _strangers(folder, "", SECTIONS)
    for motion in _folders(folder / MOTIONS):
        yield from _strangers(motion, f"{MOTIONS}/{motion.name}/", MOTION_SECTIONS)


def _strangers(folder: Path, prefix: str, sections: tuple[str, ...]) -> Iterator[Problem]:
    known = [f"{section}.yaml" for section in sections]
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in _YAML:
            continue
        # What "mqa init" lays beside a file that somebody has edited, for him to compare.
        if path.name.endswith(PROPOSED):
            continue
        if path.name not in known:
            guess = nearest(path.name, known)
            hint = f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"
            yield Problem(f"{prefix}{path.name}", 0, "", f"not a policy file; {hint}")
