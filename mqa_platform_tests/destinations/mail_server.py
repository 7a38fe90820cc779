"""A mail server on 127.0.0.1 that speaks SMTP with STARTTLS and a login, and keeps what it took.

Belongs here: the protocol and what it refuses on demand. Does not belong here: tests.
"""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

USER, PASSWORD = "robot", "pass-word do-not-show"


@cache
def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for 127.0.0.1, and a client's that believes it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    alternative = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(secret + pem)
        server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


class _Talk(socketserver.StreamRequestHandler):
    """One connection: a method for each command."""

    server_of: MailServer

    def handle(self) -> None:
        self.is_encrypted, self.sender, self.readers, self.taken = False, "", [], 0
        self.server_of.connections += 1
        try:
            self.say("220 local")
            while line := self.rfile.readline():
                if not self.answered(line.decode().strip()):
                    return
        finally:
            for each in (self.rfile, self.wfile, self.connection):
                each.close()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def answered(self, text: str) -> bool:
        """Answers one command; False ends the talk."""
        refusals = self.server_of.refusals
        refusal = next((answer for part, answer in refusals.items() if part in text), None)
        word = text.split(" ")[0].upper()
        if refusal and word != "QUIT":
            self.say(refusal)
            return True
        command = getattr(self, f"on_{word.lower()}", None)
        if command is None:
            self.say("502 what")
            return True
        return command(text) is not False

    def on_ehlo(self, text: str) -> None:
        offers = ["250-local"]
        if self.server_of.encrypts:
            offers.append("250-AUTH PLAIN" if self.is_encrypted else "250-STARTTLS")
        self.say("\r\n".join([*offers, "250 SIZE 1000000"]))

    def on_starttls(self, text: str) -> None:
        self.say("220 go")
        self.rfile.close()
        self.connection = certificate()[0].wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.is_encrypted = True
        self.server_of.encrypted += 1

    def on_auth(self, text: str) -> None:
        told = base64.b64decode(text.split(" ")[2]).decode()
        self.say("235 ok" if told == f"\0{USER}\0{PASSWORD}" else "535 no such user")

    def on_mail(self, text: str) -> None:
        self.sender, self.readers = text, []
        self.say("250 ok")

    def on_rcpt(self, text: str) -> None:
        self.readers.append(text)
        self.say("250 ok")

    def on_data(self, text: str) -> bool:
        self.say("354 go")
        body = b""
        while (line := self.rfile.readline()) != b".\r\n":
            body += line
        outer = self.server_of
        outer.mails.append(message_from_bytes(body, policy=policy.default))
        outer.envelopes.append((self.sender, self.readers))
        self.taken += 1
        if self.taken == outer.cut_after:
            return False
        self.say("250 queued")
        return True

    def on_rset(self, text: str) -> None:
        self.say("250 ok")

    def on_quit(self, text: str) -> bool:
        self.say("221 bye")
        return False


class MailServer:
    """One server; ``refusals`` maps a command or an address to the answer that it gets instead.

    Args:
        encrypts: whether it offers STARTTLS; without it a login is taken in clear text.
    """

    def __init__(self, *, encrypts: bool = True) -> None:
        self.encrypts = encrypts
        self.refusals: dict[str, str] = {}
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.connections = 0
        self.encrypted = 0
        # After so many mails of a connection it is cut, before the last of them is answered.
        self.cut_after: int | None = None
        outer = self

        class Talk(_Talk):
            server_of = outer

        class Server(socketserver.ThreadingTCPServer):
            # Closing the server waits for its threads, so that no connection outlives a test.
            daemon_threads = False
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is no error here."""

        self._server = Server(("127.0.0.1", 0), Talk)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
