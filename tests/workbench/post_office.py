"""A real, if small, SMTP server on 127.0.0.1."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest


class Talk(socketserver.StreamRequestHandler):
    """One caller's talk with a `PostOffice`."""

    server: "PostOffice"

    def handle(self) -> None:
        with suppress(OSError):  # the other side has gone, or does not trust the certificate
            if self.server.at_once:
                self.encrypt()
            self.answer(self.server.refuses.get("", "220 ready"))
            while line := self.rfile.readline().decode().strip():
                verb = line.partition(" ")[0].upper()
                self.obey(verb, line if verb == "AUTH" else line.upper())

    def obey(self, verb: str, line: str) -> None:
        self.server.lines.append(line)
        refusals = [text for start, text in self.server.refuses.items() if start and line.startswith(start)]
        if refusals:
            self.answer(refusals[0])
        elif verb == "EHLO":
            self.answer(
                "\r\n".join(["250-post", *(f"250-{offer}" for offer in self.server.offers), "250 HELP"])
            )
        elif verb == "STARTTLS":
            self.answer("220 go on")
            self.encrypt()
        elif verb == "DATA":
            self.answer("354 go on")
            mail = b"".join(iter(self.rfile.readline, b".\r\n"))
            self.server.mails.append(mail.replace(b"\r\n..", b"\r\n."))
            self.answer(self.server.refuses.get("end", "250 taken"))
        else:
            self.answer({"AUTH": "235 welcome", "QUIT": "221 bye"}.get(verb, "250 ok"))

    def encrypt(self) -> None:
        assert self.server.tls
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def answer(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def finish(self) -> None:
        for end in (self.rfile, self.wfile, self.connection):
            end.close()


class PostOffice(socketserver.ThreadingTCPServer):
    """A real SMTP server on 127.0.0.1; `lines` and `mails` are what it was told."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        refuses: Mapping[str, str] | None = None,
        offers: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
        at_once: bool = False,
        port: int = 0,
    ) -> None:
        """`refuses`: the start of a line → what is answered instead of obeying it."""
        super().__init__(("127.0.0.1", port), Talk)
        self.refuses, self.offers, self.tls, self.at_once = refuses or {}, offers, tls, at_once
        self.lines: list[str] = []
        self.mails: list[bytes] = []
        self.place = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"smtp{'s' if at_once else ''}://{self.place}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


type Open = Callable[..., PostOffice]


@pytest.fixture
def office() -> Iterator[Open]:
    """Opens post offices, and closes them with the test."""
    opened: list[PostOffice] = []

    def opens(*how: Any, **more: Any) -> PostOffice:
        opened.append(PostOffice(*how, **more))
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message
