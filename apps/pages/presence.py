"""Who has an episode open at this moment, so that two who edit it know of each other."""

import threading
from collections import defaultdict
from collections.abc import Callable
from itertools import count
from weakref import WeakKeyDictionary

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


def in_words(others: list[str], shown: Callable[[str], str] = lambda name: name.partition(" (")[0]) -> str:
    """That others are here too; nothing when nobody is."""
    if not others:
        return ""
    names = sorted({shown(name) for name in others})
    who = " and ".join(names[:2]) if len(names) < 3 else f"{len(names)} others"
    more = "" if len(others) == 1 else f" ({len(others)} pages)"
    return f"Also open here: {who}{more}. Changes show at once."
