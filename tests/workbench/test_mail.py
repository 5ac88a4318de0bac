"""Mail handed to a real, if small, mail server: what it gets, and what becomes of its refusals."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.model import StageName
from tests.workbench.post_office import Open, PostOffice, read
from tests.workbench.post_office import office as office
from tests.workbench.test_webhook import certificate as certificate
from workbench.errors import BadSetting
from workbench.jobs import Failure, Job, JobType, Status
from workbench.mail import Mail, MailServer, mail_of, mail_server, send

SENDER = "Episode workbench <bench@example.com>"
MAIL = Mail(("ann@example.com", "Bob <bob@example.com>"), "Completed: Où", "Où — done.\n.\nThe end.\n")


@pytest.fixture(scope="module")
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_mail_arrives_with_its_letters_and_for_everyone(office: Open):
    there = office()
    answer = send(MAIL, smtp_url=there.url, sender=SENDER)
    (raw,) = there.mails
    mail = read(raw)
    assert answer.delivered
    assert "RCPT TO:<ANN@EXAMPLE.COM>" in there.lines
    assert "RCPT TO:<BOB@EXAMPLE.COM>" in there.lines
    assert (mail["Subject"], mail["From"], mail["To"]) == (MAIL.subject, SENDER, ", ".join(MAIL.to))
    assert mail.get_content().replace("\r\n", "\n") == MAIL.text
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_mail_that_is_sent_again_has_the_same_id_and_another_one_has_not(office: Open):
    there = office()
    for mail in (MAIL, MAIL, Mail(MAIL.to, MAIL.subject, "another")):
        send(mail, smtp_url=there.url, sender=SENDER)
    first, again, other = (read(raw)["Message-ID"] for raw in there.mails)
    assert first == again != other


def test_a_line_break_in_a_subject_makes_no_header(office: Open):
    there = office()
    mail = Mail(("ann@example.com",), "Done\r\nBcc: eve@example.com\n\nHello", "text")
    assert send(mail, smtp_url=there.url, sender=SENDER).delivered
    read_mail = read(there.mails[0])
    assert read_mail["Bcc"] is None
    assert read_mail["Subject"] == "Done Bcc: eve@example.com Hello"
    assert [line for line in there.lines if "EVE" in line] == []


@pytest.mark.parametrize(
    ("to", "sender"),
    [
        (("ann@example.com\r\nBcc: eve@example.com",), SENDER),
        (("ann@example.com>\r\nRCPT TO:<eve@example.com",), SENDER),
        (("ann",), SENDER),
        (("",), SENDER),
        ((), SENDER),
        (("ann@example.com",), "bench@example.com\r\nBcc: eve@example.com"),
        (("ann@example.com",), "nobody"),
    ],
)
def test_what_is_no_mail_address_is_never_sent_to(office: Open, to: tuple[str, ...], sender: str):
    there = office()
    answer = send(Mail(to, "s", "t"), smtp_url=there.url, sender=sender)
    assert (answer.delivered, answer.gone) == (False, True)
    assert answer.reason.startswith("the mail cannot be written: ")
    assert there.lines == []


@pytest.mark.parametrize(
    ("refuses", "status", "gone"),
    [
        ({"": "421 too busy"}, 421, False),
        ({"": "554 go away"}, 554, True),
        ({"MAIL": "452 full"}, 452, False),
        ({"MAIL": "550 not you"}, 550, True),
        ({"RCPT": "450 greylisted"}, 450, False),
        ({"RCPT": "550 nobody of that name"}, 550, True),
        ({"RCPT TO:<ANN": "550 no", "RCPT TO:<BOB": "450 later"}, 450, False),
        ({"DATA": "451 later"}, 451, False),
        ({"end": "451 later"}, 451, False),
        ({"end": "554 looks like spam"}, 554, True),
        ({"AUTH": "535 wrong password"}, 535, True),
        ({"AUTH": "454 later"}, 454, False),
    ],
)
def test_4xx_may_be_tried_again_and_5xx_is_final(
    office: Open, refuses: dict[str, str], status: int, gone: bool
):
    there = office(refuses, ("AUTH PLAIN",))
    answer = send(MAIL, smtp_url=there.url.replace("//", "//u:p@"), sender=SENDER)
    assert (answer.delivered, answer.status, answer.gone) == (False, status, gone)
    assert str(status) in answer.reason


def test_a_mail_that_some_may_not_get_is_delivered_and_says_so(office: Open):
    there = office({"RCPT TO:<BOB": "550 nobody of that name"})
    answer = send(MAIL, smtp_url=there.url, sender=SENDER)
    assert answer.delivered
    assert answer.reason.endswith("took the mail, but not for bob@example.com")


def test_a_bad_goodbye_does_not_undo_a_mail_that_was_taken(office: Open):
    assert send(MAIL, smtp_url=office({"QUIT": "500 what?"}).url, sender=SENDER).delivered


def test_a_server_that_is_not_there_or_says_nothing_may_be_tried_again(office: Open):
    gone = office()
    gone.close()
    answer = send(MAIL, smtp_url=gone.url, sender=SENDER)
    assert (answer.delivered, answer.gone) == (False, False)
    assert answer.reason.endswith("cannot be reached: Connection refused")


def test_user_and_password_of_the_address_log_in(office: Open):
    there = office(offers=("AUTH PLAIN",))
    url = there.url.replace("//", "//ann%40example.com:p%3A%2F%20s@")
    assert send(MAIL, smtp_url=url, sender=SENDER).delivered
    (login,) = [line for line in there.lines if line.startswith("AUTH PLAIN ")]
    assert base64.b64decode(login.split()[-1]) == b"\0ann@example.com\0p:/ s"


def test_a_server_without_a_login_never_takes_a_mail_with_one(office: Open):
    answer = send(MAIL, smtp_url=office().url.replace("//", "//u:p@"), sender=SENDER)
    assert (answer.delivered, answer.gone) == (False, True)


def test_tls_begins_when_the_server_offers_it_and_before_the_login(office: Open, tls: ssl.SSLContext):
    there = office(offers=("STARTTLS", "AUTH PLAIN"), tls=tls)
    assert send(MAIL, smtp_url=there.url.replace("//", "//u:p@"), sender=SENDER).delivered
    verbs = [line.split()[0].upper() for line in there.lines]
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_smtps_encrypts_from_the_first_word(office: Open, tls: ssl.SSLContext):
    there = office(tls=tls, at_once=True)
    assert send(MAIL, smtp_url=there.url, sender=SENDER).delivered
    assert "STARTTLS" not in there.lines


@pytest.mark.parametrize("at_once", [True, False])
def test_a_certificate_of_another_host_stops_the_mail(
    office: Open, tls: ssl.SSLContext, certificate: Path, at_once: bool
):
    there = office(offers=("STARTTLS",), tls=tls, at_once=at_once)
    trust = ssl.create_default_context(cafile=certificate)
    answer = send(MAIL, smtp_url=there.url, sender=SENDER, ssl_context=trust)
    assert (answer.delivered, answer.gone) == (False, False)
    assert "certificate that cannot be trusted" in answer.reason
    assert there.mails == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 587, False)),
        ("smtps://mail.example.com", MailServer("mail.example.com", 465, True)),
        (
            "smtp://a%40b:p%25:%40@mail.example.com:25/",
            MailServer("mail.example.com", 25, False, user="a@b", password="p%:@"),
        ),
        ("smtp://[::1]:2525", MailServer("::1", 2525, False)),
        ("smtp-plain://relay", MailServer("relay", 25, False, plain=True)),
    ],
)
def test_the_address_of_a_mail_server_is_understood(url: str, server: MailServer):
    assert mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "mail.example.com",
            "http://u:swordfish@mail.example.com",
            "smtp://u:swordfish@",
            "smtp://[::1",
        ),
        *("smtp://u:swordfish/@mail.example.com:25", "smtp://u:swordfish@mail.example.com:99999"),
        *(
            "smtp://u:swordfish@m:0",
            "smtp://u:swordfish@m/path",
            "smtp://u:swordfishé@m",
            "smtp://u:p@m?tls=no",
        ),
    ],
)
def test_what_is_no_mail_server_is_a_bad_setting_that_does_not_show_the_password(url: str):
    with pytest.raises(BadSetting, match="`smtp_url`") as refused:
        mail_server(url)
    assert "swordfish" not in str(refused.value)
    assert "`smtp_url`" in send(MAIL, smtp_url=url, sender=SENDER).reason


def test_only_a_server_on_this_machine_may_hear_a_password_in_the_clear():
    here = ("localhost", "127.0.0.1", "127.5.5.5", "[::1]")
    there = ("mail", "10.0.0.1", "localhost.example.com", "127.0.0.1.example.com")
    assert [host for host in (*here, *there) if mail_server(f"smtp://{host}").is_here] == list(here)


@pytest.mark.parametrize("start", ["smtp://", "smtp://u:p@", "smtp-plain://u:p@"])
def test_nothing_crosses_a_network_in_the_clear_unasked_and_no_password_ever(office: Open, start: str):
    there = office(offers=("AUTH PLAIN",))
    answer = send(MAIL, smtp_url=elsewhere(there, start), sender=SENDER)
    assert "offers no encryption, so nothing was sent" in answer.reason
    assert [line for line in there.lines if not line.startswith("EHLO")] == []


def test_a_server_that_cannot_encrypt_gets_mails_when_the_setting_says_so(office: Open):
    there = office()
    assert send(MAIL, smtp_url=elsewhere(there, "smtp-plain://"), sender=SENDER).delivered


def elsewhere(there: PostOffice, start: str) -> str:
    """Comes out at `there` too, but is no loopback address."""
    return f"{start}{there.place.replace('127.0.0.1', '0.0.0.0')}"


STARTED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DONE = Job(
    job_id="0193",
    job_type=JobType.PROCESS,
    episode_id="newsroom-2024-video",
    status=Status.COMPLETED,
    result={"episode_id": "newsroom-2024-video", "stage": "clipped", "duration": 3780.0},
    created_at=STARTED,
    started_at=STARTED,
    finished_at=STARTED + timedelta(minutes=12, seconds=30.2),
)
FAILURE = Failure(
    reason="talk.mp4 has no sound: add a sound track",
    kind="NoSpeech",
    stage=StageName.TRANSCRIBED,
    transient=True,
)


def test_the_mail_of_a_job_that_is_done_says_what_of_what_and_how_long():
    mail = mail_of(DONE, ("ann@example.com",), "https://bench.example.com/")
    assert mail.to == ("ann@example.com",)
    assert mail.subject == "Completed: newsroom-2024-video"
    assert mail.text == (
        "Processing “newsroom-2024-video” is done.\n\n"
        "Episode:   newsroom-2024-video\n"
        "Stage:     clipped\n"
        "Recording: 1 h 03 min\n"
        "Took:      12 min 30 s\n"
        "Job:       0193 (process_episode)\n"
        "Link:      https://bench.example.com/async/jobs/0193\n"
    )


def test_the_mail_of_a_job_that_has_failed_says_why():
    failed = {"status": Status.FAILED, "failure": FAILURE, "result": None, "finished_at": None}
    mail = mail_of(DONE.model_copy(update=failed), ("ann@example.com",), None)
    assert mail.subject == "Failed: newsroom-2024-video"
    assert mail.text == (
        "Processing “newsroom-2024-video” has failed.\n\n"
        "talk.mp4 has no sound: add a sound track\n"
        "The same request may well succeed later.\n\n"
        "Episode:   newsroom-2024-video\n"
        "Stage:     transcribed\n"
        "Job:       0193 (process_episode)\n"
    )


def test_the_mail_of_a_job_without_an_episode_says_what_was_done():
    changes = {"job_type": JobType.DISCOVER, "episode_id": None, "status": Status.CANCELLED, "result": None}
    mail = mail_of(DONE.model_copy(update=changes), ("ann@example.com",), None)
    assert mail.subject == "Cancelled: looking for recordings"
    assert mail.text.startswith("Looking for recordings was cancelled.\n")


def test_there_is_no_mail_about_a_job_that_has_not_ended():
    with pytest.raises(ValueError, match="has not ended"):
        mail_of(DONE.model_copy(update={"status": Status.RUNNING}), ("ann@example.com",), None)
