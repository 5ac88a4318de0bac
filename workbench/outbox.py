"""Delivers what lies in the outbox, until it has arrived or is given up.

What has to be told was written down with the end of the job, so nothing is forgotten by a crash; what was
on its way then is sent again under the same id.
"""

import json
import logging
import random
import threading
from collections import Counter
from datetime import timedelta

from pipeline.model import Seconds
from workbench import mail, webhook
from workbench.addresses import allow_list
from workbench.database import Database, Row
from workbench.errors import BadSetting, LibraryBroken, NotFound
from workbench.jobs import Delivery, now
from workbench.settings import Settings
from workbench.webhook import Answer

_LOG = logging.getLogger(__name__)
_AT_ONCE = 16
_AT_ONCE_PER_HOST = 2
_LOOK_EVERY: Seconds = 5.0


class Outbox:
    """The messages of a library, and the threads that deliver them once it is started."""

    def __init__(self, database: Database, settings: Settings, secret: str) -> None:
        """`secret` signs webhooks. Raises BadSetting when a setting of webhooks or mails cannot be used."""
        _check(settings)
        self._database = database
        self._settings = settings
        self._secret = secret
        self._wake = threading.Event()
        self._end = threading.Event()
        self._sending: dict[str, str] = {}
        """Which messages are under way, each to which host."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Deliver from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not acknowledged is sent again by the next process."""
        self._end.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look_now(self) -> None:
        """There may be something new to deliver."""
        self._wake.set()

    def deliveries(
        self,
        job_id: str | None = None,
        *,
        state: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Delivery]:
        """The newest first, those older than the delivery `before`."""
        values = {"job_id": job_id, "state": state, "limit": limit, "before": before}
        return [Delivery.model_validate(row) for row in self._database.read("deliveries", values)]

    def replay(self, delivery_id: str) -> Delivery:
        """Deliver once more, under the same id. Raises NotFound."""
        values = {"delivery_id": delivery_id, "at": now()}
        rows = self._database.write(lambda query: query("replay_delivery", values))
        if not rows:
            raise NotFound(f"there is no delivery {delivery_id}: GET /async/deliveries lists them")
        self.look_now()
        return Delivery.model_validate(rows[0])

    def attempt(self, delivery: Delivery) -> Answer:
        """Try once, now."""
        if delivery.kind == "mail":
            return self._mail(delivery)
        request = webhook.Request(
            delivery.target,
            delivery.delivery_id,
            delivery.body.encode(),
            self._secret,
            self._settings.webhook_header,
        )
        return webhook.deliver(request, self._settings.webhook_allow, now=now())

    def _mail(self, delivery: Delivery) -> Answer:
        settings = self._settings
        if not settings.smtp_url or not settings.mail_from:
            return Answer("mails need the settings `smtp_url` and `mail_from`")
        letter = mail.Mail(tuple(delivery.target.split(", ")), **json.loads(delivery.body))
        return mail.send(letter, smtp_url=settings.smtp_url, sender=settings.mail_from)

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.clear()
            try:
                self._look()
                self._wake.wait(self._until_next())
            except LibraryBroken:
                pass  # it is being closed
            except Exception:  # noqa: BLE001 - what is in the outbox is delivered as long as the server runs
                _LOG.exception("the outbox could not be read")
                self._end.wait(_LOOK_EVERY)

    def _look(self) -> None:
        """Send what is due, unless it is under way or its receiver is busy with others."""
        with self._lock:
            busy = set(self._sending)  # before the look: what ends meanwhile is not sent twice
        # Twice as many as a host gets at once: half of them may be under way.
        values = {"now": now(), "each": 2 * _AT_ONCE_PER_HOST, "limit": 100}
        for row in self._database.read("due_deliveries", values):
            if row["delivery_id"] not in busy:
                self._take(row)

    def _until_next(self) -> Seconds:
        (row,) = self._database.read("next_delivery")
        left = (row["next_at"] - now()).total_seconds() if row["next_at"] else _LOOK_EVERY
        return min(_LOOK_EVERY, max(0.5, left))

    def _take(self, row: Row) -> None:
        host = row.pop("host")
        delivery = Delivery.model_validate(row)
        with self._lock:
            full = Counter(self._sending.values())[host] >= _AT_ONCE_PER_HOST
            if full or len(self._sending) >= _AT_ONCE:
                return
            self._sending[delivery.delivery_id] = host
        # No pool: the end of the process would wait for its threads, and a receiver may take its time.
        threading.Thread(target=self._send, args=(delivery,), name="delivery", daemon=True).start()

    def _send(self, delivery: Delivery) -> None:
        try:
            self._note(delivery, self._answer(delivery))
        except LibraryBroken:
            pass  # it was closed meanwhile: the next process sends it again
        except Exception:  # noqa: BLE001 - it could not be written down: not again at once
            _LOG.exception("a delivery could not be written down")
            self._end.wait(_LOOK_EVERY)
        finally:
            with self._lock:
                self._sending.pop(delivery.delivery_id, None)
            self._wake.set()

    def _answer(self, delivery: Delivery) -> Answer:
        try:
            return self.attempt(delivery)
        except Exception as error:  # noqa: BLE001 - one message cannot stop the others
            _LOG.exception("a delivery could not be tried")
            return Answer(f"an error that should not happen: {type(error).__name__}")

    def _note(self, delivery: Delivery, answer: Answer) -> None:
        at = now()
        wait = None if answer.gone else webhook.retry_in(delivery.tries + 1, chance=random.random())
        values = {
            "delivery_id": delivery.delivery_id,
            "tries": delivery.tries,
            "state": "delivered" if answer.delivered else "dead" if wait is None else "pending",
            "next_at": at + timedelta(seconds=max(wait or 0.0, answer.retry_after or 0.0)),
            "status": answer.status,
            "reason": answer.reason,
            "at": at,
        }
        self._database.write(lambda query: query("tried_delivery", values))


def _check(settings: Settings) -> None:
    """What would otherwise be noticed when the first message has to go out."""
    allow_list(settings.webhook_allow)
    if settings.webhook_header:
        webhook.check_header(settings.webhook_header)
    if settings.smtp_url:
        mail.mail_server(settings.smtp_url)
    if settings.mail_to and not (settings.smtp_url and settings.mail_from):
        raise BadSetting("setting `mail_to` needs `smtp_url` and `mail_from` too")
    for name, people in (("mail_to", settings.mail_to), ("mail_from", (settings.mail_from or "a@b",))):
        try:
            mail.check_people(people)
        except ValueError as error:
            raise BadSetting(f"setting `{name}`: {error}") from error
