"""What a library can do without: jobs that ended long ago, and artefacts that no episode needs any more.

An artefact that no episode names is kept as long as ended jobs are, since a retry of a failed or cancelled
job goes on from it. Artefacts are moved away only while no job runs, so that none loses what it builds on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pipeline import manifest
from workbench.jobs import CleanUp, Unused, now
from workbench.library import Library
from workbench.store import Store

type Quietly = Callable[[Callable[[], None]], None]
"""Does something while no job runs. Raises NotAllowed when one does."""


class Upkeep:
    """Cleans a library up."""

    def __init__(self, store: Store, library: Library, keep: timedelta, quietly: Quietly) -> None:
        """`keep` is for how long an ended job, or an artefact that nothing needs, stays."""
        self._store = store
        self._library = library
        self._keep = keep
        self._quietly = quietly

    def clean_up(self, *, dry_run: bool) -> CleanUp:
        """Remove what is old, or only say what would go.

        Raises NotAllowed when artefacts would go while a job runs; nothing is removed then.
        """
        before = now() - self._keep
        gone: list[Path] = []
        found = [_facts(folder, self._library) for folder in self._unused(before)]
        if found and not dry_run:
            self._quietly(lambda: gone.extend(map(self._library.set_aside, self._unused(before))))
        for folder in gone:  # removing takes long, and by now nothing can need it
            self._library.discard(folder)
        jobs = self._store.old_jobs(before) if dry_run else self._store.remove_old_jobs(before)
        return CleanUp(jobs=len(jobs), artefacts=tuple(found), bytes=sum(each.bytes for each in found))

    def by_itself(self) -> None:
        """What a server removes without being asked: old jobs even while others run.

        Raises NotAllowed when artefacts would go while a job runs.
        """
        self._store.remove_old_jobs(now() - self._keep)
        self.clean_up(dry_run=False)

    def _unused(self, before: datetime) -> list[Path]:
        """The folders of artefacts that no episode names and that were made `before`, sorted.

        They are compared by their keys: a library that was moved has other paths.
        """
        episodes = self._store.episodes()
        needed = {Path(folder).name for episode in episodes for folder in episode.artefacts.values()}
        folders = sorted((self._library.root / "artefacts").glob("*/*"))
        return [each for each in folders if each.name not in needed and _made(each) < before.timestamp()]


def _made(folder: Path) -> float:
    """When the artefact in `folder` was published, in seconds since 1970; a folder that is none is new."""
    try:
        return (folder / manifest.NAME).stat().st_mtime
    except OSError:
        return float("inf")


def _facts(folder: Path, library: Library) -> Unused:
    paper = manifest.read(folder)
    size = sum(file.bytes for file in paper.files) if paper else 0
    return Unused(path=folder.relative_to(library.root).as_posix(), bytes=size)
