"""Keys, sessions and limits, over rows in memory."""

import dataclasses
import string
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.access import (
    ANYONE,
    COMMAND_LINE,
    SESSION,
    Caller,
    Keys,
    Limits,
    Scope,
    is_loopback,
    network_of,
)
from workbench.errors import BadSetting, NotFound

SECRET = b"0123456789abcdef0123456789abcdef"
LETTERS = string.ascii_letters + string.digits + "-_"


class Rows:
    """What the store keeps, as it keeps it: text and moments; counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked = 0

    def add_key(self, row: Mapping[str, object]) -> None:
        self.rows[str(row["key_id"])] = {**row, "revoked_at": None}

    def revoke_key(self, key_id: str, at: datetime) -> None:
        self.rows[key_id]["revoked_at"] = at

    def keys(self) -> list[dict[str, Any]]:
        self.asked += 1
        return list(self.rows.values())


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(rows: Rows, clock: Clock) -> Keys:
    return Keys(rows, SECRET, clock=clock)


def test_each_scope_includes_those_before_it():
    assert sorted([Scope.ADMIN, Scope.SUBMIT, Scope.READ]) == [Scope.READ, Scope.SUBMIT, Scope.ADMIN]
    assert Scope.READ < Scope.SUBMIT < Scope.ADMIN
    assert Scope.ADMIN > Scope.SUBMIT > Scope.READ
    assert Scope.ADMIN >= Scope.ADMIN
    assert not Scope.ADMIN <= Scope.READ


def test_a_key_tells_who_it_is_and_what_it_may(keys: Keys):
    key, text = keys.make("n8n", Scope.SUBMIT)
    assert keys.who(text) == Caller(key.key_id, "n8n", Scope.SUBMIT)
    assert text.startswith(f"wb_{key.key_id}_")
    assert len(text.removeprefix(f"wb_{key.key_id}_")) == 43


def test_no_two_keys_are_alike_even_with_one_name(keys: Keys):
    made = [keys.make("n8n", Scope.READ) for _ in range(50)]
    assert len({key.key_id for key, _ in made}) == len({text for _, text in made}) == 50


def test_nothing_that_is_kept_or_shown_again_holds_the_secret(keys: Keys, rows: Rows):
    key, text = keys.make("n8n", Scope.ADMIN)
    secret = text.removeprefix(f"wb_{key.key_id}_")
    assert secret not in repr(rows.rows)
    assert secret not in keys.keys()[0].model_dump_json()
    assert secret not in repr(vars(keys))
    assert "hash" not in keys.keys()[0].model_dump()


def test_a_check_never_asks_the_store(keys: Keys, rows: Rows):
    _, text = keys.make("n8n", Scope.READ)
    cookie = keys.session(keys.who(text) or ANYONE)
    before = rows.asked
    assert keys.who(text) == keys.from_cookie(cookie)
    assert keys.needed
    assert rows.asked == before


def test_a_key_still_counts_after_a_restart_and_a_revoked_one_does_not(keys: Keys, rows: Rows):
    (kept, text), (gone, old) = keys.make("kept", Scope.READ), keys.make("gone", Scope.ADMIN)
    keys.revoke(gone.key_id)
    again = Keys(rows, SECRET)
    assert again.who(text) == Caller(kept.key_id, "kept", Scope.READ)
    assert again.who(old) is None


@given(place=st.integers(0, 58), letter=st.sampled_from(LETTERS))
def test_one_letter_changed_makes_it_no_key(place: int, letter: str):
    keys = Keys(Rows(), SECRET)
    _, text = keys.make("n8n", Scope.READ)
    changed = text[:place] + letter + text[place + 1 :]
    assert len(text) == 59
    assert (keys.who(changed) is not None) == (changed == text)


@given(st.text(max_size=80))
def test_whatever_is_sent_as_key_or_cookie_is_answered(text: str):
    keys = Keys(Rows(), SECRET)
    keys.make("n8n", Scope.READ)
    assert keys.who(text) is None
    assert keys.from_cookie(text) is None
    assert keys.renewed(text) is None


def test_the_secret_of_another_key_does_not_fit(keys: Keys):
    (one, first), (two, second) = keys.make("one", Scope.READ), keys.make("two", Scope.ADMIN)
    assert keys.who(first.replace(one.key_id, two.key_id)) is None
    assert keys.who(second + "\n") is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "bell\a"])
def test_a_key_needs_a_name_that_can_be_shown(keys: Keys, name: str):
    with pytest.raises(BadSetting, match="1 to 80 printable characters"):
        keys.make(name, Scope.READ)
    assert not keys.needed


def test_a_key_is_needed_from_the_first_to_the_last(keys: Keys):
    assert not keys.needed
    key, _ = keys.make("n8n", Scope.READ)
    assert keys.needed
    keys.revoke(key.key_id)
    assert not keys.needed


def test_revoking_a_key_twice_keeps_the_first_time(keys: Keys, rows: Rows):
    key, text = keys.make("n8n", Scope.READ)
    keys.revoke(key.key_id)
    first = keys.keys()[0].revoked_at
    keys.revoke(key.key_id)
    assert keys.who(text) is None
    assert first is not None
    assert first <= datetime.now(UTC)
    assert keys.keys()[0].revoked_at == first


def test_revoking_what_never_was_says_how_to_see_the_keys(keys: Keys):
    with pytest.raises(NotFound, match=r"'nothing'.*workbench keys`"):
        keys.revoke("nothing")


def test_keys_made_by_many_threads_all_count(keys: Keys):
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(keys.make("n8n", Scope.READ)[1] for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 160
    assert all(keys.who(text) for text in made)


def test_a_session_is_as_good_as_its_key_until_the_key_is_revoked(keys: Keys):
    key, text = keys.make("Ann", Scope.SUBMIT)
    caller = keys.who(text)
    assert caller is not None
    cookie = keys.session(caller)
    assert keys.from_cookie(cookie) == caller
    keys.revoke(key.key_id)
    assert keys.from_cookie(cookie) is None


def opened(keys: Keys, name: str = "Ann") -> str:
    _, text = keys.make(name, Scope.READ)
    return keys.session(keys.who(text) or ANYONE)


def test_a_session_ends_after_twelve_hours_without_a_request(keys: Keys, clock: Clock):
    cookie = opened(keys)
    clock.at += SESSION - 1
    assert keys.from_cookie(cookie)
    clock.at += 1
    assert keys.from_cookie(cookie) is None
    assert keys.renewed(cookie) is None


def test_a_session_that_is_used_goes_on(keys: Keys, clock: Clock):
    cookie = opened(keys)
    assert keys.renewed(cookie) is None
    for _ in range(20):
        clock.at += SESSION / 2
        cookie = keys.renewed(cookie) or ""
        assert keys.from_cookie(cookie)


def test_after_the_logout_no_copy_of_the_cookie_is_worth_anything(keys: Keys, clock: Clock):
    first, other = opened(keys), opened(keys, "Bo")
    clock.at += SESSION / 2
    later = keys.renewed(first) or ""
    assert keys.from_cookie(later)
    keys.end(later)
    assert keys.from_cookie(first) is keys.from_cookie(later) is None
    assert keys.from_cookie(other)


@given(place=st.integers(0, 300), letter=st.sampled_from(LETTERS + "."))
def test_one_letter_changed_makes_it_no_session(place: int, letter: str):
    keys = Keys(Rows(), SECRET)
    cookie = opened(keys)
    place %= len(cookie)
    changed = cookie[:place] + letter + cookie[place + 1 :]
    assert (keys.from_cookie(changed) is not None) == (changed == cookie)


def test_a_session_of_another_library_is_none_here(rows: Rows, keys: Keys):
    other = Keys(rows, SECRET[::-1])
    cookie = opened(keys)
    assert Keys(rows, SECRET).from_cookie(cookie)
    assert Keys(rows, SECRET[::-1]).from_cookie(cookie) is None
    assert keys.cookie_name != other.cookie_name


@pytest.mark.parametrize("caller", [ANYONE, COMMAND_LINE])
def test_who_has_no_key_gets_no_session(keys: Keys, caller: Caller):
    with pytest.raises(ValueError, match="has no key"):
        keys.session(caller)


def test_sessions_are_not_signed_with_a_short_secret(rows: Rows):
    with pytest.raises(ValueError, match="32 bytes"):
        Keys(rows, b"short")


def test_who_was_let_in_stays_until_the_rules_change(keys: Keys):
    assert keys.still(ANYONE)
    key, text = keys.make("n8n", Scope.READ)
    caller = keys.who(text)
    assert caller is not None
    assert keys.still(caller)
    assert keys.still(COMMAND_LINE)
    assert not keys.still(ANYONE)
    keys.make("other", Scope.READ)
    keys.revoke(key.key_id)
    assert not keys.still(caller)


def test_the_audit_tells_two_keys_of_one_name_apart():
    assert Caller("1f", "n8n", Scope.READ).label == "n8n (1f)"
    assert COMMAND_LINE.label == "command line"


def test_a_caller_cannot_be_given_another_scope():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ANYONE.scope = Scope.READ  # type: ignore[misc]


def test_a_client_gets_a_minutes_worth_at_once_and_then_has_to_wait():
    limits = Limits(120)
    assert [limits.take("n8n", 0.0) for _ in range(120)] == [0.0] * 120
    wait = limits.take("n8n", 0.0)
    assert wait == pytest.approx(0.5)
    assert limits.left("n8n", 0.0) == 0
    assert limits.take("n8n", wait) == 0.0
    assert limits.take("n8n", wait) > 0


def test_one_client_does_not_use_up_anothers():
    limits = Limits(1)
    assert limits.take("n8n", 0.0) == 0.0
    assert limits.take("n8n", 0.0) == pytest.approx(60)
    assert limits.take("Ann", 0.0) == 0.0


def test_asking_once_a_second_never_has_to_wait():
    limits = Limits(60)
    assert [limits.take("n8n", float(second)) for second in range(3600)] == [0.0] * 3600


def test_waiting_for_an_hour_saves_up_no_more_than_a_minutes_worth():
    limits = Limits(5)
    limits.take("n8n", 0.0)
    assert [limits.take("n8n", 3600.0) > 0 for _ in range(6)] == [False] * 5 + [True]


def test_the_memory_for_clients_is_bounded():
    limits = Limits(1, clients=100)
    for number in range(10_000):
        limits.take(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(limits._buckets) == 100


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 30))
def test_no_minute_ever_gives_more_than_twice_the_limit(gaps: list[float], per_minute: int):
    limits, now, given_at = Limits(per_minute), 0.0, []
    for gap in gaps:
        now += gap
        given_at += [now for _ in range(3) if limits.take("n8n", now) == 0]
    assert all(sum(at <= other < at + 60 for other in given_at) <= 2 * per_minute for at in given_at)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(BadSetting, match="`rate_limit_per_minute` must be 1 or more, not 0"):
        Limits(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost"])
def test_only_this_machine_reaches_loopback(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "localhost.example", "127.1"])
def test_what_may_be_reached_from_elsewhere_is_no_loopback(host: str):
    assert not is_loopback(host)


def test_a_household_with_a_million_addresses_counts_once():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("unknown") == "unknown"
