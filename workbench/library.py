"""What lies where in a library, and how a result gets there: whole, or not at all.

    inbox/                         recordings dropped here are discovered
    artefacts/<kind>/<key>/        results, never changed once they are there
    attempts/<task key>-<chance>/  where workers write; gone when the library is opened
    episodes/<episode_id>/         the current results of an episode under readable names
    workbench.duckdb               jobs and episodes
    workbench.toml                 settings

An attempt is wanted as long as its folder exists, unmarked: a worker that finds it gone stops. Only the
process that has the library open publishes, by renaming the folder.
"""

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pipeline import manifest
from pipeline.task import Ref, Task
from workbench.errors import LibraryBroken
from workbench.jobs import CLAIMED, UNWANTED

_SECRET = 32  # bytes
FOLDERS = ("inbox", "artefacts", "attempts", "episodes")


class Library:
    """The folder that holds everything."""

    def __init__(self, root: Path) -> None:
        """Open the library at `root`, made if it is not there.

        Raises LibraryBroken when the folder cannot be made or written.
        """
        self.root = root
        try:
            for name in FOLDERS:
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryBroken(
                f"{root} cannot be a library: {error.strerror}; choose another folder"
            ) from error

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    def made(self, path: Path) -> bool:
        """Whether `path` is one of the library's own results: a clip is no recording."""
        place = path.resolve()
        return place.is_relative_to(self.root.resolve()) and not place.is_relative_to(self.inbox.resolve())

    @property
    def database(self) -> Path:
        return self.root / "workbench.duckdb"

    def secret(self, name: str) -> bytes:
        """32 random bytes that only this library's owner can read, the same each time they are asked for."""
        file = self.root / f".{name}.secret"
        if not file.exists() or file.stat().st_size != _SECRET:
            fresh = self.root / "attempts" / f"secret-{secrets.token_hex(4)}"
            fresh.touch(mode=0o600)
            with fresh.open("wb") as made:
                made.write(secrets.token_bytes(_SECRET))
                made.flush()
                os.fsync(made.fileno())
            fresh.replace(file)
        return file.read_bytes()

    def find(self, kind: str, key: str) -> Path | None:
        """The folder of an artefact, if it is there and whole."""
        folder = self._artefact(kind, key)
        return folder if folder.is_dir() and manifest.read(folder) else None

    def new_attempt(self, task: Task) -> Path:
        """An empty folder for one try of `task`."""
        attempt = self.attempt_at(task)
        attempt.mkdir()
        return attempt

    def attempt_at(self, task: Task) -> Path:
        """Where a try of `task` may have its folder, which is not made yet."""
        return self.root / "attempts" / f"{task.key}-{secrets.token_hex(4)}"

    def publish(self, task: Task, attempt: Path) -> list[str]:
        """Make what `task` left in `attempt` the artefacts they are; return their folders.

        An artefact that is already there is replaced: it can only be broken, or was asked to be redone.
        It is dated by this machine's clock: a worker's clock may be wrong, and a job that redoes finished
        work goes by that time.
        """
        folders = []
        for kind, key in task.outputs.items():
            folder, moment = task.folder(attempt, kind), time.time()
            os.utime(folder / manifest.NAME, (moment, moment))
            folders.append(self._put(folder, self._artefact(kind, key)))
            # only now: until here nobody may begin it once more; an empty folder that is left does no harm
            with suppress(OSError):
                (Path(folders[-1]) / CLAIMED).rmdir()
        self.discard(attempt)
        return folders

    def set_aside(self, artefact: Path) -> Path:
        """Take an artefact out of the library, as whole as it was; where it lies now, to be discarded."""
        aside = self.root / "attempts" / f"trash-{secrets.token_hex(4)}"
        artefact.rename(aside)
        return aside

    def discard(self, attempt: Path) -> None:
        """Remove an attempt; a worker that is still at it will notice and stop.

        What the system does not let go of (an open file on Windows) stays until the next sweep, marked.
        """
        trash = attempt
        with suppress(OSError):
            (attempt / UNWANTED).touch()
            trash = attempt.rename(attempt.with_name(f"trash-{secrets.token_hex(4)}"))
        shutil.rmtree(trash, ignore_errors=True)

    def remove(self, artefact: Ref) -> None:
        """Remove an artefact that is no longer needed: from where a sweep finds what a kill leaves of it."""
        with suppress(OSError):  # it is gone, or held open on Windows
            self.discard(self.set_aside(Path(artefact.path)))

    def sweep(self) -> None:
        """Remove what attempts of an earlier process left; only for the process that owns the library."""
        for left in (self.root / "attempts").iterdir():
            if left.is_dir():
                self.discard(left)
            else:
                left.unlink()

    def shelf(self, episode_id: str) -> Path:
        """The folder with an episode's current results under readable names."""
        return self.root / "episodes" / episode_id

    def arrange(self, episode_id: str, files: Mapping[str, Path], recording: Path) -> Path:
        """Put `files` (name on the shelf → file) on an episode's shelf, in place of what was there.

        The files are hard links where the file system has them and copies where not; the recording,
        which is never touched, is a symbolic link.
        """
        shelf = self.shelf(episode_id)
        fresh = self.root / "attempts" / f"shelf-{secrets.token_hex(4)}"
        for name, file in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            _link(file, fresh / name)
        fresh.mkdir(exist_ok=True)
        with suppress(OSError):  # no symbolic links on this system: the page then has no player
            (fresh / recording.name).symlink_to(recording)
        self._put(fresh, shelf)
        return shelf

    def _artefact(self, kind: str, key: str) -> Path:
        return self.root / "artefacts" / kind / key

    def _put(self, folder: Path, place: Path) -> str:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            old = self.set_aside(place)
            folder.rename(place)
            shutil.rmtree(old, ignore_errors=True)
        else:
            folder.rename(place)
        return str(place)


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:
        shutil.copy2(file, name)
