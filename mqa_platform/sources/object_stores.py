"""Files in an object store: listed by prefix, matched by glob, read through a copy on the disk.

Belongs here: S3, Google Cloud Storage and Azure through Arrow's file systems. Does not belong here:
local files (``globs``), or what the files hold.

Credentials come from the standard variables of each cloud and from nowhere else. What a store cannot
be told by variables may stand behind a ``?``: its endpoint, scheme and region.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.landed import SourceError

_ADDRESS: Final = re.compile(
    r"^(?P<scheme>[a-z0-9]+)://(?P<bucket>[^/?*[]+)/(?P<key>.*?)(\?(?P<options>[a-z_]+=.*))?$", re.S
)
_OPTIONS: Final = frozenset({"endpoint_override", "scheme", "region"})
_CREDENTIALS: Final = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "gcs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "abfs": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    "abfss": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
}
_DENIED: Final = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN|EXPIRED_TOKEN"
    r"|UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION|HTTP status 40[13]|PERMISSION_DENIED"
    r"|UNAUTHENTICATED|AuthenticationFailed|AuthorizationFailure|AuthorizationPermissionMismatch"
)
_ABSENT: Final = re.compile(
    r"NO_SUCH_BUCKET|HTTP status 404|Path does not exist|NoSuchBucket|NOT_FOUND"
)
_MAGIC: Final = re.compile(r"[*?[]")
_SECONDS: Final = 20


@dataclass(frozen=True)
class StoredObject:
    """One object: its last name, its address, where it lies, and what changes with its content."""

    name: str
    address: str
    key: str
    stamp: str


def credentials(path: str) -> tuple[str, ...]:
    """The environment variables that a path needs; none for a local one."""
    return _CREDENTIALS.get(path.partition("://")[0], ()) if "://" in path else ()


class ObjectStore:
    """The objects that one address with a glob names."""

    def __init__(self, address: str) -> None:
        """Take the address apart; nothing is asked yet.

        Raises:
            SourceError: no bucket, an option that is not allowed, or a ``..``.
        """
        found = _ADDRESS.match(address)
        self.address = address.partition("?")[0] if found and found["options"] else address
        if found is None:
            raise SourceError(
                address, "is no address of objects", "Write s3://bucket/folder/*.csv."
            )
        self.scheme, self.bucket, self.pattern = found["scheme"], found["bucket"], found["key"]
        self.options = dict(parse_qsl(found["options"] or ""))
        foreign = sorted(set(self.options) - _OPTIONS)
        if foreign:
            raise SourceError(
                self.address,
                f"has the option {', '.join(foreign)}",
                f"Allowed are {', '.join(sorted(_OPTIONS))}; credentials belong in the environment.",
            )
        if ".." in PurePosixPath(self.pattern).parts:
            raise SourceError(self.address, "leads upwards with ..", "Write the key out.")
        try:
            self.wanted = _as_regex(self.pattern)
        except re.error as problem:
            raise SourceError(
                self.address,
                f"is no glob ({problem})",
                "Write a choice of letters in their order, like [a-z].",
            ) from problem

    def objects(self) -> tuple[list[StoredObject], list[SourceError]]:
        """Every object that the glob matches, sorted by key, and those that are refused.

        Raises:
            PermissionLostError, UnreachableError: the store refuses, or gives no answer.
            SourceError: there is no such bucket.
        """
        from pyarrow import fs

        folder = "/".join(_fixed_parts(self.pattern))
        rest = self.pattern[len(folder) :].strip("/")
        selector = fs.FileSelector(
            f"{self.bucket}/{folder}".rstrip("/"), recursive="/" in rest or "**" in rest
        )
        try:
            infos = self._listed(selector)
        except (OSError, ValueError) as problem:
            raise self._failure(problem) from problem
        found, refused = [], []
        for info in sorted(infos, key=lambda each: str(each.path)):
            key = info.path.removeprefix(f"{self.bucket}/")
            if info.type != fs.FileType.File or not self.wanted.fullmatch(key):
                continue
            address = f"{self.scheme}://{self.bucket}/{key}"
            if {"", ".", ".."} & set(key.split("/")):
                refused.append(SourceError(address, "has a part that is no name", "Rename it."))
                continue
            stamp = f"{info.size}|{info.mtime_ns}"
            found.append(StoredObject(key.rpartition("/")[2], address, info.path, stamp))
        return found, refused

    def _listed(self, selector: Any) -> list[Any]:
        from pyarrow import fs

        system = self._system()
        try:
            return list(system.get_file_info(selector))
        except FileNotFoundError:
            # A folder without objects is no folder; a bucket that is not there is a mistake.
            if system.get_file_info(self.bucket).type == fs.FileType.NotFound:
                raise
            return []

    @contextmanager
    def fetched(self, which: StoredObject, spool: Path) -> Iterator[Path]:
        """A copy of an object on the disk, for the length of the block; its name may say its day.

        Raises:
            PermissionLostError, UnreachableError, SourceError: as ``objects``.
        """
        # The key is never part of a local path; the number tells a sweep whose copy it is.
        digest = hashlib.sha256(which.address.encode(errors="replace")).hexdigest()[:16]
        folder = spool / f"{os.getpid()}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _plain_name(which.name)
        try:
            self._copy(which, path)
            yield path
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _copy(self, which: StoredObject, path: Path) -> None:
        with path.open("wb") as target:
            try:
                with self._system().open_input_stream(which.key) as stream:
                    shutil.copyfileobj(stream, target, 1 << 20)
            except (OSError, ValueError) as problem:
                raise self._failure(problem, which.address) from problem

    def _system(self) -> Any:
        from pyarrow import fs

        if self.scheme == "s3":
            options: dict[str, Any] = dict(self.options)
            options["allow_bucket_creation"] = False
            return fs.S3FileSystem(
                **options,
                connect_timeout=_SECONDS,
                request_timeout=_SECONDS,
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
            )
        query = f"?{urlencode(self.options)}" if self.options else ""
        try:
            return fs.FileSystem.from_uri(f"{self.scheme}://{self.bucket}/{query}")[0]
        except (OSError, ValueError) as problem:
            raise self._failure(problem) from problem

    def _failure(self, problem: Exception, address: str | None = None) -> SourceError:
        first = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
        where = address or self.address
        names = " and ".join(credentials(self.address)[:2])
        if _DENIED.search(first):
            return PermissionLostError(
                where,
                f"the store refuses access ({first})",
                f"Set {names}, and let them list the bucket and read its objects.",
            )
        if isinstance(problem, FileNotFoundError) or _ABSENT.search(first):
            return SourceError(
                where, f"there is no such bucket or object ({first})", "Check path in sources.yaml."
            )
        return UnreachableError(
            where, f"the store gives no answer ({first})", "Check the address and the network."
        )


def _plain_name(name: str) -> str:
    """A name that connectors may read a day or an owner from, and that any disk takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-120:].lstrip(".") or "object"


def _fixed_parts(pattern: str) -> list[str]:
    """The folders of a key before its first wildcard."""
    parts = pattern.split("/")[:-1]
    magic = [at for at, part in enumerate(parts) if _MAGIC.search(part)]
    return parts[: magic[0]] if magic else parts


def _as_regex(pattern: str) -> re.Pattern[str]:
    """A glob over keys: ``*`` and ``?`` stay within one folder, ``**/`` spans any number."""
    out, at = [], 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            out.append("(?:[^/]+/)*")
            at += 3
        elif rest.startswith("**"):
            out.append(".*")
            at += 2
        elif choice := re.match(r"\[(!?)([^]/]+)\]", rest):
            inner = "".join(c if c == "-" else re.escape(c) for c in choice[2])
            out.append(f"[{'^' if choice[1] else ''}{inner}]")
            at += choice.end()
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0], re.escape(rest[0])))
            at += 1
    return re.compile("".join(out), re.S)
