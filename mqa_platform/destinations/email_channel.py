"""E-mail over SMTP: encrypted, one mail a message, and no header that somebody else could write.

Belongs here: the connection, the headers, and what the server's answers mean. Does not belong here: subject,
text and HTML (``reports.email_messages``), or who is told what (``payloads``).

A mail server cannot be asked what it has. The Message-ID is made of the message's key, so a mail that is sent
twice because a process died in between is the same mail to every mailbox that looks.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from mqa_platform.core.brief_words import shown
from mqa_platform.destinations.channel import Channel, DestinationError, Message, Sent
from mqa_platform.policy.delivery_channels import EMAIL, Email
from mqa_platform.reports.email_messages import mail

USER, PASSWORD = "MQA_SMTP_USER", "MQA_SMTP_PASSWORD"
_SECONDS: Final = 30
# Mails of one connection; servers close one that asks for more.
_A_CONNECTION: Final = 20
_NAME: Final = 80
# A login is needed, or was not taken; a mail that is too large for the server.
_LOGIN: Final = frozenset({530, 534, 535, 538})
_TOO_LARGE: Final = 552
_REMEDY: Final = f"Set {USER} and {PASSWORD}, or correct channels.email.sender."
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")


class EmailChannel(Channel):
    """Messages as mails of one sender through one server."""

    name = EMAIL
    batch_size = _A_CONNECTION

    def __init__(
        self,
        settings: Email,
        environment: Mapping[str, str],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """User and password come from the environment: both, or neither where the server asks for none.

        Args:
            settings: of the policy.
            environment: where the secrets are.
            trust: whose certificates are believed; None: those that this machine believes.

        Raises:
            DestinationError: one of the two is missing.
        """
        self.settings = settings
        self._user = environment.get(USER, "").strip()
        self._password = environment.get(PASSWORD, "")
        self._trust = trust
        if bool(self._user) != bool(self._password):
            missing = PASSWORD if self._user else USER
            raise DestinationError(self._place, f"{missing} is not set", "Set both or neither.")

    @property
    def _place(self) -> str:
        return f"e-mail ({self.settings.host}:{self.settings.port})"

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """See ``Channel.send``: all of them over one connection."""
        made: list[tuple[Message, EmailMessage]] = []
        answers: list[Sent] = []
        for message in messages:
            try:
                made.append((message, self.mail_of(message)))
            except ValueError as refusal:
                answers.append(Sent(message.key, "refused", error=f"e-mail: {refusal}"))
        if made:
            with self._connected() as server:
                answers += self._sent(server, made)
        return answers

    def _sent(
        self, server: smtplib.SMTP, made: Sequence[tuple[Message, EmailMessage]]
    ) -> list[Sent]:
        answers: list[Sent] = []
        for message, whole in made:
            try:
                server.send_message(whole)
            except smtplib.SMTPRecipientsRefused as refusal:
                answers.append(_refused(message.key, next(iter(refusal.recipients.values()))))
            except smtplib.SMTPSenderRefused as refusal:
                answers.append(_refused(message.key, (refusal.smtp_code, refusal.smtp_error), True))
            except smtplib.SMTPDataError as refusal:
                answers.append(_refused(message.key, (refusal.smtp_code, refusal.smtp_error)))
            except (smtplib.SMTPException, OSError):
                if not answers:
                    raise ConnectionError(f"{self._place}: the connection broke off") from None
                # What has no answer is not known to have been sent; the outbox asks for it again.
                return answers
            else:
                answers.append(Sent(message.key, "sent", str(whole["Message-ID"])))
        return answers

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        settings = self.settings
        context = self._trust or ssl.create_default_context()
        try:
            if settings.tls == "implicit":
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    settings.host, settings.port, timeout=_SECONDS, context=context
                )
            else:
                server = smtplib.SMTP(settings.host, settings.port, timeout=_SECONDS)
        except ssl.SSLError:
            raise self._untrusted() from None
        except smtplib.SMTPException as error:
            raise ConnectionError(f"{self._place}: {type(error).__name__}") from None
        try:
            self._introduced(server, context)
            yield server
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _introduced(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        try:
            if self.settings.tls == "start":
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except ssl.SSLError:
            raise self._untrusted() from None
        except smtplib.SMTPNotSupportedError:
            raise DestinationError(
                self._place,
                "offers no encryption, or no login",
                "Set tls: implicit with its port (465), or ask whoever runs the server.",
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise DestinationError(
                self._place,
                f"refuses the login ({error.smtp_code})",
                f"Set {USER} and {PASSWORD} anew.",
            ) from None
        except smtplib.SMTPException as error:
            raise ConnectionError(f"{self._place}: {type(error).__name__}") from None

    def _untrusted(self) -> DestinationError:
        return DestinationError(
            self._place,
            "its certificate is not to be trusted, or it speaks no TLS on this port",
            "Check host, port and tls.",
        )

    def mail_of(self, message: Message) -> EmailMessage:
        """The mail of a message.

        Raises:
            ValueError: there is nobody to send it to.
        """
        content = mail(message.payload)
        made = EmailMessage(policy=SMTP)
        made["From"] = _address(self.settings.sender_name, self.settings.sender)
        made["To"] = self._reader(message)
        made["Subject"] = content.subject
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = self._id(message.key)
        # Nobody's holiday answer is wanted.
        made["Auto-Submitted"] = "auto-generated"
        if message.handoff_id and message.kind != "handoff":
            first = self._id(f"{message.handoff_id}:{self.name}")
            made["In-Reply-To"] = first
            made["References"] = first
        made.set_content(content.text)
        made.add_alternative(content.html, subtype="html")
        return made

    def _reader(self, message: Message) -> Address:
        to = message.payload.get("to") or {}
        user = str(to.get("user_id") or "")
        text = self.settings.reps.get(user) or to.get("email") or self.settings.otherwise
        if not text:
            raise ValueError(
                f"no address for {user or 'a message to nobody'}. Name one in channels.email.reps, "
                "or set otherwise."
            )
        return _address(shown(to.get("name"), "", _NAME), str(text))

    def _id(self, key: str) -> str:
        digest = sha256(key.encode()).hexdigest()[:40]
        return f"<{digest}@{self.settings.sender.rpartition('@')[2]}>"


def _address(name: str, text: str) -> Address:
    """An address as a header holds it; the server could not be told a list or a route by it."""
    clean = text.strip()
    if not _ADDRESS.fullmatch(clean):
        raise ValueError(
            "the reader's address is none. Correct it in the CRM or in channels.email.reps"
        )
    try:
        return Address(name, addr_spec=clean)
    except (HeaderParseError, ValueError, IndexError):
        raise ValueError(
            "the reader's address is none. Correct it in the CRM or in channels.email.reps"
        ) from None


def _refused(key: str, answer: tuple[int, bytes | str], of_sender: bool = False) -> Sent:
    """4xx may be taken later, 5xx never, unless it is us who are refused; the server's words are outside text."""
    code, words = answer
    said = shown(words.decode("ascii", "replace") if isinstance(words, bytes) else str(words), "")
    error = f"e-mail: the server refuses it ({code} {said})"
    # Not logged in, or not as this sender: every mail would be refused, and none is given up for it.
    if code in _LOGIN or (of_sender and code >= 500 and code != _TOO_LARGE):
        return Sent(key, "again", error=f"{error}. {_REMEDY}", whole_service=True)
    return Sent(key, "again" if 400 <= code < 500 else "refused", error=error)
