"""Who has an episode open at this moment, so that two who edit it know of each other."""

import threading
from collections import defaultdict
from itertools import count
from weakref import WeakKeyDictionary

from workbench.access import ANYONE
from workbench.workbench import Workbench

_open: WeakKeyDictionary[Workbench, dict[str, dict[int, str]]] = WeakKeyDictionary()
"""For each workbench: episode → a number for each page that shows it → who looks at it."""
_lock, _numbers = threading.Lock(), count()


class Presence:
    """One page that shows an episode."""

    def __init__(self, bench: Workbench, episode_id: str, name: str) -> None:
        """Whoever has the episode open hears of it."""
        self._bench, self._episode_id, self._number = bench, episode_id, next(_numbers)
        with _lock:
            _open.setdefault(bench, defaultdict(dict))[episode_id][self._number] = name
        bench.editing.wake()

    def leave(self) -> None:
        """The page is closed."""
        with _lock:
            _open[self._bench][self._episode_id].pop(self._number, None)
        self._bench.editing.wake()

    @property
    def others(self) -> list[str]:
        """Who else has the episode open; a person with two pages is somebody else too."""
        with _lock:
            here = dict(_open[self._bench][self._episode_id])
        return sorted(name for number, name in here.items() if number != self._number)


def in_words(others: list[str]) -> str:
    """That others are here too; nothing when nobody is."""
    if not others:
        return ""
    named = sorted({name.partition(" (")[0] for name in others} - {ANYONE.name})
    if not named:
        return "This episode is open in another window too. Changes show at once."
    who = " and ".join(named[:2]) if len(named) < 3 else f"{len(named)} others"
    return f"Also open here: {who}. Changes show at once."
