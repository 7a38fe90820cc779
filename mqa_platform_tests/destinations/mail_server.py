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

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    outer.talk(self)
                finally:
                    for each in (self.rfile, self.wfile, self.connection):
                        each.close()

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

    def talk(self, talk: socketserver.StreamRequestHandler) -> None:
        self.connections += 1
        is_encrypted, known, sender, readers, taken = False, False, "", [], 0
        say = _say(talk)
        say("220 local")
        while line := talk.rfile.readline():
            text = line.decode().strip()
            word = text.split(" ")[0].upper()
            refusal = next((r for k, r in self.refusals.items() if k in text), None)
            if word == "QUIT":
                say("221 bye")
                return
            if refusal:
                say(refusal)
            elif word == "EHLO":
                offers = ["250-local"]
                if self.encrypts and not is_encrypted:
                    offers.append("250-STARTTLS")
                elif self.encrypts:
                    offers.append("250-AUTH PLAIN")
                say("\r\n".join([*offers, "250 SIZE 1000000"]))
            elif word == "STARTTLS":
                say("220 go")
                talk.rfile.close()
                talk.connection = certificate()[0].wrap_socket(talk.connection, server_side=True)
                talk.rfile = talk.connection.makefile("rb")
                talk.wfile = talk.connection.makefile("wb", buffering=0)
                is_encrypted = True
                self.encrypted += 1
            elif word == "AUTH":
                told = base64.b64decode(text.split(" ")[2]).decode()
                known = told == f"\0{USER}\0{PASSWORD}"
                say("235 ok" if known else "535 no such user")
            elif word == "MAIL":
                sender, readers = text, []
                say("250 ok")
            elif word == "RCPT":
                readers.append(text)
                say("250 ok")
            elif word == "DATA":
                say("354 go")
                body = b""
                while (line := talk.rfile.readline()) != b".\r\n":
                    body += line
                self.mails.append(message_from_bytes(body, policy=policy.default))
                self.envelopes.append((sender, readers))
                taken += 1
                if taken == self.cut_after:
                    return
                say("250 queued")
            else:
                say("250 ok" if word in ("RSET", "NOOP") else "502 what")


def _say(talk: socketserver.StreamRequestHandler):
    def say(text: str) -> None:
        talk.wfile.write(text.encode() + b"\r\n")

    return say
