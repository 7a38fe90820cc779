"""One stream of a service, read so that its trouble stays its own and is always told in our words.

Belongs here: what follows a cursor that is refused before the first page, and an answer in a form that
nobody expects. Does not belong here: how a service is asked, or the order of its streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mqa_platform.sources.connection import BadCursorError, Page
from mqa_platform.sources.landed import SourceError

# What going into an answer raises where it is not made as documented.
_UNKNOWN: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def stream_pages(
    place: str, read: Callable[[str | None], Iterator[Page]], cursor: str | None
) -> Iterator[Page]:
    """The pages of one stream; one whose cursor is refused is read once from its beginning.

    Args:
        place: the source and its stream, for messages.
        read: the pages after a cursor; None reads from the beginning.
        cursor: where the ledger says that the stream goes on.

    Raises:
        BadCursorError: after a page was given, or from the beginning as well.
        SourceError: and its kinds, see ``read`` and ``known_form``.
    """
    given = False
    with known_form(place):
        try:
            for page in read(cursor):
                given = True
                yield page
            return
        except BadCursorError:
            if given or cursor is None:
                raise
        # What has landed of the stream is known by its content, and its pages bring new cursors.
        yield from read(None)


@contextmanager
def known_form(place: str) -> Iterator[None]:
    """Turn what strange answers raise into one message; it shows nothing of the answer.

    Args:
        place: the source and its stream.

    Raises:
        SourceError: an answer has another form than the service's documentation says.
    """
    try:
        yield
    except _UNKNOWN as error:
        raise SourceError(
            place,
            f"answers in an unknown form ({type(error).__name__})",
            "Check that url is the service's own address; the next run tries again.",
        ) from None
