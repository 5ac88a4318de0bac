"""Delivers what lies in the outbox, until it has arrived or is given up.

What has to be told was written down with the end of the job, so nothing is forgotten by a crash; what was
on its way then is sent again under the same id.
"""

import random
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipeline.model import Seconds
from workbench import mail, webhook
from workbench.database import Database
from workbench.errors import LibraryBroken, NotFound
from workbench.jobs import Delivery, Job, now
from workbench.settings import Settings
from workbench.webhook import Answer

_AT_ONCE = 16
_AT_ONCE_PER_HOST = 2
_LOOK_EVERY: Seconds = 5.0
_PAUSE: Seconds = 30.0


class Outbox:
    """The messages of a library, and the threads that deliver them once it is started."""

    def __init__(
        self, database: Database, settings: Settings, secret: str, look: Callable[[str], Job]
    ) -> None:
        """`secret` signs webhooks; `look` gives the job that a mail is about."""
        self._database = database
        self._settings = settings
        self._secret = secret
        self._look = look
        self._wake = threading.Event()
        self._closing = False
        self._end = threading.Event()
        self._sending: dict[str, str] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Deliver from now on."""
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="delivery")
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not acknowledged is sent again by the next process."""
        self._closing = True
        self._end.set()
        self._wake.set()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
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
        to = tuple(address.strip() for address in delivery.target.split(","))
        try:
            letter = mail.mail_of(self._look(delivery.job_id or ""), to, None)
        except (NotFound, ValueError) as error:
            return Answer(str(error), gone=True)
        return mail.send(letter, smtp_url=settings.smtp_url, sender=settings.mail_from)

    def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                with self._lock:
                    busy = set(self._sending)  # before the look: what ends meanwhile is not sent twice
                for delivery in self._due():
                    if delivery.delivery_id not in busy:
                        self._take(delivery)
                self._wake.wait(self._until_next())
            except LibraryBroken:
                pass  # it is being closed
            except Exception:  # noqa: BLE001 - what is in the outbox is delivered as long as the server runs
                traceback.print_exc()
                self._end.wait(_LOOK_EVERY)

    def _due(self) -> Sequence[Delivery]:
        rows = self._database.read("due_deliveries", {"now": now(), "limit": 200})
        return [Delivery.model_validate(row) for row in rows]

    def _until_next(self) -> Seconds:
        (row,) = self._database.read("next_delivery")
        left = (row["next_at"] - now()).total_seconds() if row["next_at"] else _LOOK_EVERY
        return min(_LOOK_EVERY, max(0.5, left))

    def _take(self, delivery: Delivery) -> None:
        """Send a message, unless it is under way or its receiver is busy with others."""
        host = urlsplit(delivery.target).netloc if delivery.kind == "webhook" else "mail"
        with self._lock:
            full = Counter(self._sending.values())[host] >= _AT_ONCE_PER_HOST
            if delivery.delivery_id in self._sending or full or len(self._sending) >= _AT_ONCE:
                return
            self._sending[delivery.delivery_id] = host
        with suppress(RuntimeError):  # the pool is closed
            assert self._pool
            self._pool.submit(self._send, delivery)

    def _send(self, delivery: Delivery) -> None:
        try:
            self._tried(delivery, self._answer(delivery))
        except LibraryBroken:
            pass  # it was closed meanwhile: the next process sends it again
        except Exception:  # noqa: BLE001 - it could not be written down: not again at once
            traceback.print_exc()
            self._end.wait(_PAUSE)
        finally:
            with self._lock:
                self._sending.pop(delivery.delivery_id, None)
            self._wake.set()

    def _answer(self, delivery: Delivery) -> Answer:
        try:
            return self.attempt(delivery)
        except LibraryBroken:
            raise
        except Exception as error:  # noqa: BLE001 - one message cannot stop the others
            traceback.print_exc()
            return Answer(f"an error that should not happen: {type(error).__name__}")

    def _tried(self, delivery: Delivery, answer: Answer) -> None:
        at = now()
        wait = None if answer.gone else webhook.retry_in(delivery.tries + 1, chance=random.random())
        state = "delivered" if answer.delivered else "dead" if wait is None else "pending"
        values = {
            "delivery_id": delivery.delivery_id,
            "state": state,
            "next_at": _later(at, max(wait or 0.0, answer.retry_after or 0.0)),
            "status": answer.status,
            "reason": answer.reason,
            "at": at,
        }
        self._database.write(lambda query: query("tried_delivery", values))


def _later(moment: datetime, seconds: Seconds) -> datetime:
    return moment + timedelta(seconds=seconds)
