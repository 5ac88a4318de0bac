"""The only module that sends mail: one attempt by SMTP, and what a mail about a job says."""

import hashlib
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, parseaddr
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from pipeline.model import Seconds
from workbench.errors import BadSetting
from workbench.jobs import Job, JobType, Status
from workbench.webhook import Answer

TIMEOUT: Seconds = 20.0
DEFAULT_PORT = {"smtp": 587, "smtps": 465, "smtp-plain": 25}


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain text for one or more people."""

    to: tuple[str, ...]
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """What `smtp_url` says."""

    host: str
    port: int
    encrypted: bool
    """Whether TLS comes before the first word (smtps); otherwise as soon as the server offers it."""
    plain: bool = False
    """Whether mails may go there without encryption, but never a password (smtp-plain)."""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, where nobody listens in between."""
        if self.host == "localhost":
            return True
        with suppress(ValueError):
            return ip_address(self.host).is_loopback
        return False


def send(
    mail: Mail,
    *,
    smtp_url: str,
    sender: str,
    timeout: Seconds = TIMEOUT,
    ssl_context: ssl.SSLContext | None = None,
) -> Answer:
    """What the mail server said: `gone` when it will never take this mail. Nothing is raised.

    The same mail has the same Message-ID at every attempt. `timeout` is for each step of the talk.
    """
    try:
        letter = _letter(mail, sender)
    except ValueError as error:
        return Answer(f"the mail cannot be written: {error}", gone=True)
    try:
        server = mail_server(smtp_url)
        return _hand_over(letter, server, timeout, ssl_context)
    except BadSetting as error:
        return Answer(str(error))
    except OSError as error:  # smtplib's errors are OSErrors
        return _refusal(error, f"the mail server {server.host}:{server.port}")


def mail_server(smtp_url: str) -> MailServer:
    """What an address such as smtp://user:password@host:587 means; the user and the password percent-encoded.

    Raises BadSetting, without the password.
    """
    try:
        parts = urlsplit(smtp_url)
        host, port = parts.hostname, parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        host = None
    if not host or parts.scheme not in DEFAULT_PORT or port == 0 or parts.path.strip("/") or parts.query:
        raise BadSetting(
            "setting `smtp_url` must be smtp://user:password@host:587, smtps:// for TLS at once, or "
            "smtp-plain://host:25 for a server of your own network that cannot encrypt"
        )
    if not (user + password).isascii():
        raise BadSetting("setting `smtp_url` has a user or a password beyond ASCII, which SMTP cannot carry")
    kind = parts.scheme
    return MailServer(host, port or DEFAULT_PORT[kind], kind == "smtps", kind == "smtp-plain", user, password)


def check_people(addresses: tuple[str, ...]) -> None:
    """Raises ValueError, naming the one that is no mail address."""
    for address in addresses:
        if not re.fullmatch(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\]+", parseaddr(address)[1]):
            raise ValueError(f"{address!r} is no mail address")


def mail_of(job: Job, to: tuple[str, ...], public_url: str | None) -> Mail:
    """What people are told when a job has ended. Raises ValueError when it has not."""
    if not job.ended:
        raise ValueError(f"job {job.job_id} is {job.status}: it has not ended")
    what = job.episode_id or _WORK[job.job_type]
    story = (_opening(job, what), *_why(job), "", *_facts(job, public_url))
    return Mail(to, f"{job.status.capitalize()}: {what}", "\n".join(story) + "\n")


_WORK = {
    JobType.DISCOVER: "looking for recordings",
    JobType.PROCESS: "processing",
    JobType.RENDER_CLIPS: "rendering clips",
}
_ENDS = {
    Status.COMPLETED: "is done",
    Status.FAILED: "has failed",
    Status.CANCELLED: "was cancelled",
}


def _opening(job: Job, what: str) -> str:
    work = _WORK[job.job_type]
    of = "" if what == work else f" “{what}”"
    return f"{work.capitalize()}{of} {_ENDS[job.status]}."


def _why(job: Job) -> tuple[str, ...]:
    if job.failure is None:
        return ()
    again = ("The same request may well succeed later.",) if job.failure.transient else ()
    return ("", job.failure.reason, *again)


def _facts(job: Job, public_url: str | None) -> tuple[str, ...]:
    result = job.result or {}
    took = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    facts = {
        "Episode": job.episode_id,
        "Stage": (job.failure and job.failure.stage) or result.get("stage"),
        "Recording": _spelled(result.get("duration")),
        "Took": _spelled(took),
        "Job": f"{job.job_id} ({job.job_type})",
        "Link": public_url and f"{public_url.rstrip('/')}/async/jobs/{job.job_id}",
    }
    return tuple(f"{name + ':':<11}{value}" for name, value in facts.items() if value)


def _spelled(seconds: Seconds | None) -> str | None:
    """A time as people say it: 42 s, 12 min 30 s, 1 h 03 min."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _letter(mail: Mail, sender: str) -> EmailMessage:
    """Raises ValueError for what is no mail address: a line break in one would begin another header."""
    check_people((sender, *mail.to))
    if not mail.to:
        raise ValueError("it is for nobody")
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = ", ".join(mail.to)
    letter["Subject"] = " ".join(mail.subject.split())
    letter["Date"] = localtime()
    letter["Message-ID"] = _message_id(mail, sender)
    letter["Auto-Submitted"] = "auto-generated"  # no "I am on holiday" in return
    letter.set_content(mail.text)
    return letter


def _message_id(mail: Mail, sender: str) -> str:
    """The same for the same mail, so that a second copy can be told from a second mail."""
    whole = "\0".join((*mail.to, mail.subject, mail.text))
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return f"<{hashlib.sha256(whole.encode()).hexdigest()[:40]}@{domain}>"


def _hand_over(
    letter: EmailMessage, server: MailServer, timeout: Seconds, context: ssl.SSLContext | None
) -> Answer:
    context = context or _context(server)
    if server.encrypted:
        talk: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=context)
    else:
        talk = smtplib.SMTP(server.host, server.port, timeout=timeout)
    try:
        _introduce(talk, server, context)
        refused = talk.send_message(letter)
        with suppress(OSError):
            talk.quit()  # the mail is theirs by now, whatever becomes of the goodbye
    finally:
        talk.close()
    but = f", but not for {', '.join(refused)}" if refused else ""
    return Answer(
        f"the mail server {server.host}:{server.port} took the mail{but}", delivered=True, status=250
    )


def _context(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if server.is_here:  # a mail server that a system brings has a certificate that nobody signed
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _introduce(talk: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    """TLS if there is a way to it, then the login; in the clear only to this machine or smtp-plain."""
    talk.ehlo_or_helo_if_needed()
    safe = server.encrypted or server.is_here
    if not server.encrypted and talk.has_extn("starttls"):
        talk.starttls(context=context)
        safe = True
    if not safe and (server.user or not server.plain):
        raise BadSetting(
            f"setting `smtp_url`: {server.host} offers no encryption, so nothing was sent; use smtps://, "
            "another port, or smtp-plain:// without a password for a server of your own network"
        )
    if server.user:
        talk.login(server.user, server.password)


def _refusal(error: OSError, who: str) -> Answer:
    """4xx is worth another try, as is all trouble with the network; 5xx is final."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _said_no(who, *min(error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        return _said_no(who, error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Answer(f"{who} cannot do it: {error}", gone=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Answer(f"{who} has a certificate that cannot be trusted: {error.verify_message}")
    if isinstance(error, TimeoutError):
        return Answer(f"{who} did not answer in time")
    return Answer(f"{who} cannot be reached: {error.strerror or error}")


def _said_no(who: str, code: int, text: bytes | str) -> Answer:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    words = " ".join(said.split())[:200]
    return Answer(f"{who} refused the mail: {code} {words}", status=code, gone=500 <= code < 600)
