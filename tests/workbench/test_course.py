"""The course of events against a clock that ticks: the same rules, told second by second."""

from dataclasses import dataclass, field
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import StageName
from workbench.course import Course, Leg, Planned, Terms

HEARD, CUT = StageName.TRANSCRIBED, StageName.CLIPPED

lengths = st.integers(1, 6)
stages = st.sampled_from([HEARD, CUT])
later_legs = st.tuples(stages, lengths, st.integers(1, 5)).map(lambda parts: Leg(*parts))
some_begun = st.lists(lengths, min_size=1, max_size=2).map(tuple)
begun_legs = st.tuples(stages, lengths, st.integers(0, 3), some_begun).map(lambda parts: Leg(*parts))
limits = st.dictionaries(stages, st.integers(1, 3))
closings = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=2).map(
    lambda listed: [(start, start + length) for start, length in listed]
)
starts = st.just(0) | st.integers(1, 15)


@st.composite
def some_jobs(draw: st.DrawFn) -> list[Planned]:
    """Running jobs, each with an episode of its own, and queued ones that can wait for anything."""
    running, queued = draw(st.integers(0, 3)), draw(st.integers(0, 5))
    jobs = []
    for place in range(running + queued):
        legs = draw(st.lists(later_legs, max_size=3))
        if place < running:
            legs = draw(st.lists(begun_legs, max_size=1)) + legs
            jobs.append(Planned(f"{place}", legs, draw(starts), None, f"episode {place}", True))
        else:
            after = draw(st.none() | st.integers(0, running + queued).map(str))
            episode = draw(st.none() | st.integers(0, 5).map("episode {}".format))
            jobs.append(Planned(f"{place}", legs, draw(starts), after, episode))
    return jobs


@dataclass
class Clerk:
    """What a clerk with a clock and a list would write down of one job."""

    plan: Planned
    legs: list[Leg] = field(default_factory=list)
    stage: StageName = HEARD
    running: list[float] = field(default_factory=list)
    waiting: int = 0
    each: float = 0

    def open_next(self) -> bool:
        """Go to the next leg; False when there is none."""
        if not self.legs:
            return False
        leg = self.legs.pop(0)
        self.stage, self.each, self.waiting = leg.stage, leg.each, leg.waiting
        self.running = [*leg.begun]
        return True


class Office:
    """The dispatcher's rules, second by second."""

    def __init__(self, jobs: list[Planned], terms: Terms) -> None:
        self.terms, self.now = terms, 0
        self.ended: dict[str, float] = {}
        self.ids = {plan.job_id for plan in jobs}
        clerks = [Clerk(plan, list(plan.legs)) for plan in jobs]
        self.active = [clerk for clerk in clerks if clerk.plan.running]
        self.line = [clerk for clerk in clerks if not clerk.plan.running]
        self.active = [clerk for clerk in self.active if self.has_begun(clerk)]

    def has_begun(self, clerk: Clerk) -> bool:
        if clerk.open_next():
            return True
        self.ended[clerk.plan.job_id] = self.now
        return False

    def may_start(self, clerk: Clerk) -> bool:
        plan = clerk.plan
        busy = {other.plan.episode_id for other in self.active} - {None}
        free = plan.episode_id is None or (len(busy) < self.terms.parallel and plan.episode_id not in busy)
        is_after = plan.after not in self.ids or plan.after in self.ended
        return free and is_after and plan.starts_at <= self.now

    def start_jobs(self) -> None:
        while ready := [clerk for clerk in self.line if self.may_start(clerk)]:
            self.line.remove(ready[0])
            if self.has_begun(ready[0]):
                self.active.append(ready[0])

    def start_tasks(self) -> None:
        for clerk in self.active:
            while clerk.waiting and clerk.plan.starts_at <= self.now and self.is_room(clerk.stage):
                clerk.waiting -= 1
                clerk.running.append(clerk.each)

    def is_room(self, stage: StageName) -> bool:
        everywhere = sum(len(clerk.running) for clerk in self.active)
        there = sum(len(clerk.running) for clerk in self.active if clerk.stage is stage)
        return everywhere < self.terms.slots and there < self.terms.limits.get(stage, 1000)

    def tick(self) -> None:
        if not any(start <= self.now < end for start, end in self.terms.closed):
            self.start_jobs()
            self.start_tasks()
        self.now += 1
        for clerk in list(self.active):
            clerk.running = [left - 1 for left in clerk.running if left > 1]
            if not clerk.running and not clerk.waiting and not self.has_begun(clerk):
                self.active.remove(clerk)


def clocked(jobs: list[Planned], terms: Terms) -> dict[str, float]:
    office = Office(jobs, terms)
    longest = sum(leg.each * leg.waiting + sum(leg.begun) for plan in jobs for leg in plan.legs)
    for _ in range(int(longest) + 100):
        office.tick()
    return office.ended


def told(jobs: list[Planned], terms: Terms) -> dict[str, float]:
    return Course(jobs, {plan.job_id for plan in jobs}, terms).run()


def open_terms(slots: int, parallel: int = 1000) -> Terms:
    return Terms(slots, {}, parallel)


def single(legs: list[Leg], name: str = "it") -> Planned:
    return Planned(name, legs, episode_id=name)


@given(some_jobs(), st.integers(1, 4), st.integers(1, 4), limits, closings)
def test_jobs_end_when_a_ticking_clock_says_so(
    jobs: list[Planned],
    slots: int,
    parallel: int,
    limits: dict[StageName, int],
    closed: list[tuple[float, float]],
):
    terms = Terms(slots, limits, parallel, closed)
    assert told(jobs, terms) == clocked(jobs, terms)


@given(some_jobs(), st.integers(1, 4))
def test_no_course_is_shorter_than_the_work_that_all_slots_share(jobs: list[Planned], slots: int):
    ends = told(jobs, open_terms(slots))
    work = sum(
        leg.each * leg.waiting + sum(leg.begun) for plan in jobs if plan.job_id in ends for leg in plan.legs
    )
    begun = max(1, slots, sum(len(plan.legs[0].begun) for plan in jobs if plan.legs))
    assert max(ends.values(), default=0) >= work / begun


@given(st.lists(later_legs, max_size=5), st.integers(1, 5))
def test_one_job_is_never_later_with_more_slots(legs: list[Leg], slots: int):
    fewer, more = (told([single(legs)], open_terms(count))["it"] for count in (slots, slots + 1))
    assert more <= fewer


@given(st.lists(later_legs, max_size=6), st.integers(1, 5))
def test_jobs_of_one_leg_are_never_later_with_more_slots(legs: list[Leg], slots: int):
    jobs = [single([leg], str(place)) for place, leg in enumerate(legs)]
    fewer, more = told(jobs, open_terms(slots)), told(jobs, open_terms(slots + 1))
    assert all(more[name] <= fewer[name] for name in fewer)


@given(st.lists(st.lists(later_legs, max_size=3), max_size=4), st.lists(later_legs), st.integers(1, 4))
def test_a_job_behind_others_is_never_earlier_than_alone(
    others: list[list[Leg]], legs: list[Leg], slots: int
):
    before = [single(each, str(place)) for place, each in enumerate(others)]
    alone = told([single(legs)], open_terms(slots))["it"]
    assert told([*before, single(legs)], open_terms(slots, parallel=2))["it"] >= alone


def test_one_more_slot_can_make_a_job_later_because_what_has_started_is_finished():
    first = single([Leg(CUT, 10, 2), Leg(CUT, 10, 1), Leg(CUT, 10, 2)], "first")
    jobs = [first, single([Leg(CUT, 10, 1)], "short"), single([Leg(CUT, 100, 2)], "long")]
    assert told(jobs, open_terms(2))["first"] == 30
    assert told(jobs, open_terms(3))["first"] == 40


@pytest.mark.parametrize(("slots", "end"), [(1, 30), (2, 20), (3, 10), (8, 10)])
def test_three_equal_tasks_take_whole_rounds(slots: int, end: int):
    assert told([single([Leg(CUT, 10, 3)])], open_terms(slots)) == {"it": end}


def test_a_limit_holds_a_stage_and_lets_later_jobs_past_it():
    jobs = [
        single([Leg(HEARD, 10, 4)], "many"),
        single([Leg(HEARD, 10, 1)], "heard"),
        single([Leg(CUT, 5, 1)]),
    ]
    assert told(jobs, Terms(3, {HEARD: 1}, 1000)) == {"many": 40, "heard": 50, "it": 5}


def test_what_runs_goes_on_when_nothing_may_start():
    running = Planned("running", [Leg(CUT, 10, 1, (4,))], episode_id="a", running=True)
    terms = Terms(2, {}, 4, [(0, 100)])
    assert told([running, single([Leg(CUT, 1, 1)])], terms) == {"running": 110, "it": 101}
    assert told([single([Leg(CUT, 10, 2)])], Terms(1, {}, 4, [(5, 50)])) == {"it": 60}


def test_jobs_of_one_episode_take_turns_and_jobs_without_one_need_no_place():
    same = [Planned(name, [Leg(CUT, 10, 1)], episode_id="one") for name in ("first", "second")]
    jobs = [*same, single([Leg(CUT, 10, 1)]), Planned("files", [Leg(StageName.DISCOVERED, 3, 1)])]
    assert told(jobs, open_terms(4, parallel=2)) == {"first": 10, "second": 20, "it": 10, "files": 3}
    assert told(jobs, open_terms(4, parallel=1)) == {"first": 10, "second": 20, "it": 30, "files": 3}


def test_a_running_job_that_waits_for_a_retry_keeps_its_place():
    again = Planned("again", [Leg(CUT, 10, 1)], 12, None, "a", True)
    assert told([again, single([Leg(CUT, 10, 1)])], open_terms(4, parallel=1)) == {"again": 22, "it": 32}


def test_a_job_without_a_slot_or_with_a_dependency_that_never_ends_has_no_end():
    first = Planned("first", [Leg(CUT, 1, 1)], after="second", episode_id="a")
    second = Planned("second", [Leg(CUT, 1, 1)], after="first", episode_id="b")
    assert told([first, second, single([Leg(CUT, 1, 1)])], open_terms(1)) == {"it": 1}
    assert told([single([Leg(CUT, 1, 1)])], open_terms(0)) == {}
    assert Course([first], {"first", "second"}, open_terms(1)).run() == {}


def test_a_length_that_is_no_number_ends_no_forecast_in_a_circle():
    jobs = [single([Leg(CUT, nan, 2)]), single([Leg(CUT, inf, 1)], "other")]
    assert told(jobs, open_terms(2)).keys() == {"it", "other"}
