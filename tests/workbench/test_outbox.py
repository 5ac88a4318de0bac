"""The outbox with a real database and real receivers: what arrives, when, how often, and after what."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.receivers import Receiver, Script, Start, new_secret, says
from tests.workbench.receivers import receiver as receiver
from workbench.errors import BadSetting, NotFound
from workbench.jobs import Delivery, now
from workbench.notices import test_notice as notice
from workbench.outbox import Outbox
from workbench.settings import Settings
from workbench.store import Store, add_delivery
from workbench.webhook import WAITS, Answer


class Post:
    """An outbox over a database of its own, which may send to every receiver of the test."""

    def __init__(self, library: Path, receivers: list[Receiver]) -> None:
        self.store = Store(library / "workbench.duckdb")
        allow = tuple(each.place for each in receivers)
        settings = Settings(library=library, webhook_allow=allow)
        self.outbox = Outbox(self.store.database, settings, new_secret())
        self.cursor = self.store.database._connection.cursor()

    def put(self, receiver: Receiver, count: int = 1) -> list[Delivery]:
        made = [notice(f"http://{receiver.place}/{number}") for number in range(count)]
        self.store.database.write(lambda query: [add_delivery(query, each) for each in made])
        self.outbox.look_now()
        return made

    def now(self, delivery: Delivery) -> Delivery:
        (found,) = [
            each for each in self.outbox.deliveries(limit=1000) if each.delivery_id == delivery.delivery_id
        ]
        return found

    def until(self, delivery: Delivery, state: str, within: float = 10.0) -> Delivery:
        wait_for(lambda: self.now(delivery).state == state, within)
        return self.now(delivery)

    def close(self) -> None:
        self.outbox.close()
        self.store.close()


type Opens = Callable[..., Post]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Opens]:
    """Opens the outbox for some receivers, started; what was opened before is closed first."""
    opened: list[Post] = []

    def opens(*receivers: Receiver) -> Post:
        for one in opened:
            one.close()
        opened.append(Post(tmp_path, list(receivers)))
        opened[-1].outbox.start()
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def wait_for(true: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ids(receiver: Receiver) -> list[str]:
    return [seen.headers["webhook-id"] for seen in receiver.seen]


class Gate:
    """A script that answers when it is opened, and knows how many waited before it at once."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting: list[str] = []
        self.most = 0

    def __call__(self, http: BaseHTTPRequestHandler) -> None:
        self.waiting.append(str(http.headers["webhook-id"]))
        self.most = max(self.most, len(self.waiting))
        self.opened.wait(15)
        self.waiting.remove(str(http.headers["webhook-id"]))
        says(200)(http)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def first(status: int) -> Script:
    """Answers with `status` once, and then with 200."""
    left = [status]
    return lambda http: says(left.pop() if left else 200)(http)


def test_a_receiver_with_hundreds_of_messages_that_does_not_answer_delays_no_other(
    receiver: Start, post: Opens, gate: Gate
):
    dead, alive = receiver(gate), receiver(says(200))
    open_post = post(dead, alive)
    open_post.put(dead, 300)
    wait_for(lambda: len(gate.waiting) == 2)
    (last,) = open_post.put(alive)
    open_post.until(last, "delivered", within=3)
    assert gate.most == 2


def test_a_receiver_gets_two_messages_at_once_and_in_the_end_each_of_them_once(
    receiver: Start, post: Opens, gate: Gate
):
    there = receiver(gate)
    open_post = post(there)
    made = open_post.put(there, 9)
    wait_for(lambda: len(gate.waiting) == 2)
    time.sleep(0.7)  # the outbox looks again meanwhile
    assert gate.most == 2
    gate.opened.set()
    for each in made:
        open_post.until(each, "delivered")
    assert sorted(ids(there)) == sorted(each.delivery_id for each in made)
    assert gate.most == 2


def test_one_message_is_never_under_way_twice_however_often_it_is_asked_for(
    receiver: Start, post: Opens, gate: Gate
):
    there = receiver(gate)
    open_post = post(there)
    (made,) = open_post.put(there)
    wait_for(lambda: len(gate.waiting) == 1)
    for _ in range(5):
        open_post.outbox.replay(made.delivery_id)
        time.sleep(0.1)
    assert gate.most == 1


@pytest.mark.parametrize("status", [404, 409, 500])
def test_a_receiver_that_does_not_wait_yet_is_asked_again_within_two_seconds(
    receiver: Start, post: Opens, status: int
):
    there = receiver(first(status))
    open_post = post(there)
    (made,) = open_post.put(there)
    done = open_post.until(made, "delivered", within=3)
    assert (done.tries, done.last_status) == (2, 200)
    assert ids(there) == [made.delivery_id] * 2


def test_a_clock_that_is_set_back_holds_no_message_up(receiver: Start, post: Opens):
    there = receiver(says(200))
    open_post = post(there)
    ahead = notice(f"http://{there.place}/later").model_copy(update={"next_at": now() + timedelta(hours=5)})
    open_post.store.database.write(lambda query: add_delivery(query, ahead))
    open_post.outbox.look_now()
    open_post.until(ahead, "delivered")


def test_410_ends_a_message_at_once(receiver: Start, post: Opens):
    there = receiver(says(410))
    open_post = post(there)
    (made,) = open_post.put(there)
    dead = open_post.until(made, "dead")
    assert (dead.tries, dead.last_status) == (1, 410)
    assert dead.ended_at


def test_after_the_last_try_a_message_is_dead_and_can_be_replayed_under_its_id(receiver: Start, post: Opens):
    there = receiver(first(503))
    open_post = post()
    made = notice(f"http://{there.place}/")
    open_post.store.database.write(lambda query: add_delivery(query, made))
    open_post.cursor.execute(
        "UPDATE deliveries SET tries = ?, next_at = TIMESTAMP '2999-01-01'", [len(WAITS)]
    )
    open_post = post(there)
    open_post.cursor.execute("UPDATE deliveries SET next_at = TIMESTAMP '2000-01-01'")
    open_post.outbox.look_now()
    assert open_post.until(made, "dead").tries == len(WAITS) + 1
    open_post.outbox.replay(made.delivery_id)
    assert open_post.until(made, "delivered").tries == 1
    assert ids(there) == [made.delivery_id] * 2


def test_a_replay_is_not_undone_by_a_try_that_was_under_way(receiver: Start, post: Opens):
    open_post = post(receiver(says(200)))
    open_post.outbox.close()
    made = notice("http://127.0.0.1:9/1")
    open_post.store.database.write(lambda query: add_delivery(query, made))
    last_try = made.model_copy(update={"tries": len(WAITS)})
    open_post.outbox.replay(made.delivery_id)
    open_post.outbox._note(last_try, Answer("answered 500", status=500))
    assert open_post.now(made).state == "pending"


def test_a_replay_of_what_is_not_there_says_so(post: Opens):
    with pytest.raises(NotFound, match="no delivery msg_0"):
        post().outbox.replay("msg_0")


def test_what_was_under_way_when_the_process_ended_is_sent_again_under_its_id(
    receiver: Start, post: Opens, gate: Gate
):
    there = receiver(gate)
    (made,) = post(there).put(there)
    wait_for(lambda: len(gate.waiting) == 1)
    started = time.monotonic()
    again = post(there)  # the first one is closed while it sends
    assert time.monotonic() - started < 3
    wait_for(lambda: ids(there) == [made.delivery_id] * 2)
    gate.opened.set()
    assert again.until(made, "delivered").tries == 1


def test_a_fault_of_the_database_when_a_result_is_noted_stops_nothing(
    receiver: Start, post: Opens, gate: Gate, caplog: pytest.LogCaptureFixture
):
    there = receiver(gate)
    open_post = post(there)
    (made,) = open_post.put(there)
    wait_for(lambda: len(gate.waiting) == 1)
    open_post.cursor.execute("ALTER TABLE deliveries RENAME TO elsewhere")
    gate.opened.set()
    time.sleep(1)
    open_post.cursor.execute("ALTER TABLE elsewhere RENAME TO deliveries")
    assert "deliveries does not exist" in caplog.text
    assert open_post.until(made, "delivered", within=20).tries == 1
    assert ids(there) == [made.delivery_id] * 2


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("webhook_allow", "n8n"),
        ("webhook_header", "Host: n8n"),
        ("smtp_url", "mail.example.com"),
        ("mail_to", "ann@example.com"),
        ("mail_from", "nobody"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_before_there_is_a_message(
    tmp_path: Path, setting: str, value: Any
):
    store = Store(tmp_path / "workbench.duckdb")
    settings = Settings.model_validate({"library": tmp_path, setting: value})
    with pytest.raises(BadSetting, match=f"`{setting}`"):
        Outbox(store.database, settings, new_secret())
    store.close()
