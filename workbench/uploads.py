"""Resumable uploads: what has come lies on the disk, so a broken connection or a killed server loses nothing.

<id>.json   what was announced (length, name, metadata, checksum), and the name it got in the inbox
<id>.part   what has come so far: its size is the offset, and there is no other record of it
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from itertools import chain, count
from pathlib import Path
from typing import Literal, Self

from pipeline.model import Frozen, Metadata, Seconds, StageName
from workbench.errors import WorkbenchError
from workbench.file_names import is_free, safe_name

type Checksum = tuple[Literal["sha256", "sha1", "md5"], bytes]
"""What a chunk has to come to."""
_ID = re.compile(r"[0-9a-f]{32}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Announced(Frozen):
    """What a client says of an upload before it comes."""

    length: int
    filename: str
    metadata: Metadata = Metadata()
    """What will lie beside the recording."""
    sha256: str | None = None
    """What the whole file has to come to, as hex digits."""
    target_stage: StageName | None = None
    """How far the episode is to be processed then; None: it is only found."""
    priority: int = 0
    sent: str = ""
    """All of it, in the client's words."""
    owner: str = ""


class Upload(Announced):
    """What is known of an upload now; `filename` is safe, and may get a number in the inbox."""

    upload_id: str
    created_at: datetime
    expires_at: datetime
    """Aware UTC; every byte that comes moves it on."""
    placed: str | None = None
    """The name in the inbox, from just before the file gets it."""
    offset: int = 0
    """How many bytes have come."""
    done: Path | None = None
    """The file in the inbox, once it is whole."""
    told: bool = False
    """Whether those who wait for the file know of it."""


class Uploads:
    """The folder of uploads; for many threads, and for one process."""

    def __init__(
        self, root: Path, inbox: Path, *, most_bytes: int, quota_bytes: int, keep: Seconds, min_free: int = 0
    ) -> None:
        """Keep uploads in `root` until they are whole and move into `inbox`, or nothing came for `keep`.

        One upload may have `most_bytes`, all unfinished ones together `quota_bytes`, and `min_free` bytes of
        the disk stay free.
        """
        root.mkdir(parents=True, exist_ok=True)
        inbox.mkdir(parents=True, exist_ok=True)
        for left in root.glob(".*"):  # half a record, of a process that was killed
            left.unlink()
        self.most_bytes, self._quota, self._min_free = most_bytes, quota_bytes, min_free
        self._root, self._inbox, self._keep = root, inbox, timedelta(seconds=keep)
        self._writing: set[str] = set()
        self._door, self._creating, self._placing = threading.Lock(), threading.Lock(), threading.Lock()

    def create(self, announced: Announced) -> Upload:
        """A new upload, without a byte. Raises UploadTooLarge, UploadQuota or DiskFull."""
        name, now = safe_name(announced.filename), datetime.now(UTC)
        fresh = {"upload_id": secrets.token_hex(16), "created_at": now, "expires_at": now + self._keep}
        upload = Upload(**dict(announced) | fresh | {"filename": name})
        with self._creating, _disk(name):  # two at once would both see the same room
            self._check_room(upload)
            self._save(upload)
        return upload

    def upload(self, upload_id: str) -> Upload:
        """How far an upload has come. Raises UploadNotFound."""
        upload = self._seen(upload_id)
        if upload.expires_at <= datetime.now(UTC):
            raise UploadNotFound(f"upload {upload_id} ({upload.filename}) has expired: start it again")
        return upload

    def append(self, upload_id: str, offset: int, *, checksum: Checksum | None = None) -> "Writer":
        """The one that may add to an upload from `offset` on; nobody else may until it is left.

        Raises UploadNotFound, UploadLocked or UploadConflict.
        """
        with ExitStack() as held:
            held.enter_context(self._locked(upload_id))
            upload = self.upload(upload_id)
            if offset != upload.offset:
                what = f"upload {upload_id} ({upload.filename}) goes on at byte {upload.offset}, not {offset}"
                raise UploadConflict(f"{what}: send from there", upload.offset)
            return Writer(self, upload, checksum, held.pop_all())

    def finish(self, upload_id: str) -> Path | None:
        """Move what has come whole into the inbox: the file, or None if there is nothing to do.

        What a crash left half done goes on from there. Raises UploadNotFound, UploadLocked, DiskFull, or
        UploadChecksum when the content is not what was announced: the upload is then gone.
        """
        with self._locked(upload_id):
            return self._settle(upload_id)

    def remove(self, upload_id: str) -> None:
        """Forget an upload and what has come of it; a whole file stays in the inbox.

        Raises UploadNotFound, or UploadLocked while it is being sent.
        """
        with self._locked(upload_id):
            self._record(upload_id)
            self._forget(upload_id)

    def sweep(self, now: datetime | None = None) -> list[str]:
        """Forget the uploads that have expired by `now`; their ids."""
        gone = []
        for upload_id in list(self._ids()):
            with suppress(UploadNotFound, UploadLocked), self._locked(upload_id):
                if self._seen(upload_id).expires_at <= (now or datetime.now(UTC)):
                    self._forget(upload_id)
                    gone.append(upload_id)
        return gone

    def tell(self, upload_id: str) -> None:
        """Note that those who wait for the file know of it: `recover` leaves it out from now on."""
        with suppress(UploadNotFound, UploadLocked), self._locked(upload_id):
            self._save(self._record(upload_id).model_copy(update={"told": True}))

    def recover(self) -> list[Upload]:
        """Finish what a crash left undone; the whole uploads of which nobody was told, by their id."""
        found = []
        for upload_id in sorted(self._ids()):
            with suppress(WorkbenchError, OSError):  # the client that asks for it hears what is wrong
                self.finish(upload_id)
                found.append(self.upload(upload_id))
        return [upload for upload in found if upload.done and not upload.told]

    def used_bytes(self) -> int:
        """What all unfinished uploads will have together when they are whole."""
        return sum(upload.length for upload in self._unfinished())

    def _seen(self, upload_id: str) -> Upload:
        part = None
        with suppress(FileNotFoundError):  # first: the part goes only after the record has the file's name
            part = self._file(upload_id, "part").stat()
        known = self._record(upload_id)
        if not part:
            done = {"offset": known.length, "done": self._inbox / known.placed} if known.placed else {}
            return known.model_copy(update=done)
        expires = max(known.expires_at, datetime.fromtimestamp(part.st_mtime, UTC) + self._keep)
        return known.model_copy(update={"offset": part.st_size, "expires_at": expires})

    def _settle(self, upload_id: str) -> Path | None:
        """What `finish` does, for whoever holds the upload."""
        upload, part = self._seen(upload_id), self._file(upload_id, "part")
        if upload.done or upload.offset < upload.length:
            return None
        with _disk(upload.filename):
            _flush(part)
            if upload.sha256:
                self._verify(upload, part)
            return self._place(upload, part)

    def _verify(self, upload: Upload, part: Path) -> None:
        with part.open("rb") as file:
            came = hashlib.file_digest(file, "sha256").hexdigest()
        if came != upload.sha256:
            self._forget(upload.upload_id)
            raise UploadChecksum(
                f"{upload.filename} came with the sha256 {came}, not {upload.sha256}: send it again"
            )

    def _place(self, upload: Upload, part: Path) -> Path:
        """Give the part its name in the inbox; what was done before a crash is not done twice."""
        told = upload.metadata.model_dump_json(indent=1, exclude_defaults=True)
        sidecar = told.encode() if told != "{}" else None
        plain = Path(upload.filename)
        numbered = (f"{plain.stem}-{number}{plain.suffix}" for number in count(2))
        names = chain([upload.placed or plain.name, plain.name], numbered)
        with self._placing:
            target = next(path for name in names if is_free(path := self._inbox / name, part, sidecar))
            self._save(upload.model_copy(update={"placed": target.name}))
            if sidecar and (beside := target.with_suffix(".json")) != target:
                _write(beside, sidecar)
            _link(part, target)
        part.unlink()  # never on the disk before the link: a power cut leaves one of the two
        return target

    def _check_room(self, upload: Upload) -> None:
        name, length = upload.filename, upload.length
        if length > self.most_bytes:
            raise UploadTooLarge(f"{name} has {length} bytes: at most {self.most_bytes} are taken")
        unfinished = list(self._unfinished())
        if sum(other.length for other in unfinished) + length > self._quota:
            limit = f"{self._quota} bytes that unfinished uploads may have together"
            raise UploadQuota(f"{name} would pass the {limit}: finish or remove one of the {len(unfinished)}")
        coming = length + sum(other.length - other.offset for other in unfinished)
        if shutil.disk_usage(self._root).free - coming < self._min_free:
            raise DiskFull(f"{name} would leave less than {self._min_free} bytes free: make room on the disk")

    def _unfinished(self) -> Iterator[Upload]:
        for upload_id in self._ids():
            with suppress(UploadNotFound):
                if not (upload := self._seen(upload_id)).done:
                    yield upload

    def _ids(self) -> Iterator[str]:
        return (file.stem for file in self._root.glob("[!.]*.json"))

    def _record(self, upload_id: str) -> Upload:
        try:
            return Upload.model_validate_json(self._file(upload_id, "json").read_bytes())
        except (FileNotFoundError, ValueError) as error:
            raise UploadNotFound(f"there is no upload {upload_id}: start it again") from error

    def _save(self, upload: Upload) -> None:
        kept = upload.model_dump_json(exclude={"offset", "done"}, indent=1)
        _write(self._file(upload.upload_id, "json"), kept.encode())

    def _file(self, upload_id: str, suffix: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise UploadNotFound(f"there is no upload {upload_id!r}: an id has 32 characters of 0-9 and a-f")
        return self._root / f"{upload_id}.{suffix}"

    def _forget(self, upload_id: str) -> None:
        self._file(upload_id, "part").unlink(missing_ok=True)
        self._file(upload_id, "json").unlink(missing_ok=True)

    @contextmanager
    def _locked(self, upload_id: str) -> Iterator[None]:
        with self._door:
            if upload_id in self._writing:
                raise UploadLocked(f"upload {upload_id} is being sent by another connection: try again soon")
            self._writing.add(upload_id)
        try:
            yield
        finally:
            self._writing.discard(upload_id)


class Writer:
    """The one that may add to an upload; leaving its `with` lets the next one in.

    `write` and `finish` wait for the disk: call them in a thread.
    """

    def __init__(self, uploads: Uploads, upload: Upload, checksum: Checksum | None, held: ExitStack) -> None:
        self._uploads, self._upload, self._checksum, self._held = uploads, upload, checksum, held
        self._hash = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        self._out: FileIO | None = None  # not yet: what is done has no part, and must not get one again
        self.offset = upload.offset

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def check(self, more: int) -> None:
        """Raises UploadTooLarge when the upload has no room for `more` bytes."""
        if self.offset + more > self._upload.length:
            raise UploadTooLarge(
                f"{self._upload.filename} was announced with {self._upload.length} bytes, and {more} "
                f"come after {self.offset}: send what was announced, or start a new upload"
            )

    def write(self, piece: bytes | bytearray) -> None:
        """Add `piece`. Raises UploadTooLarge, with nothing of it kept, or DiskFull, with what fits."""
        self.check(len(piece))
        rest = memoryview(piece)
        with _disk(self._upload.filename):
            while rest:
                written = self._opened().write(rest)
                self.offset += written
                if self._hash:
                    self._hash.update(rest[:written])
                rest = rest[written:]

    def finish(self) -> Path | None:
        """Take the chunk as whole; the file in the inbox, if the last byte of the upload was in it.

        Raises UploadChecksum when the chunk is not what it should be, which is then cut off again, or when
        the whole file is not, which is then gone; DiskFull when the inbox has no room.
        """
        if self._checksum and self._hash and self._hash.digest() != self._checksum[1]:
            if self._out:
                self._out.truncate(self._upload.offset)
            raise UploadChecksum(
                f"the chunk of {self._upload.filename} from byte {self._upload.offset} on does not have the "
                f"{self._checksum[0]} that came with it: send it again"
            )
        return self._uploads._settle(self._upload.upload_id)

    def _opened(self) -> FileIO:
        if not self._out:
            part = self._uploads._file(self._upload.upload_id, "part")
            self._out = self._held.enter_context(part.open("ab", buffering=0))
        return self._out


def _link(part: Path, target: Path) -> None:
    if target.exists():  # by an earlier try, as `is_free` has seen
        return
    try:
        os.link(part, target)
    except OSError as error:  # there are no links on this disk, or the inbox is on another one
        if error.errno == errno.EEXIST:  # somebody was quicker: the next try takes another name
            raise
        near = target.with_name(f".{part.name}")
        shutil.copyfile(part, near)
        _flush(near)
        near.rename(target)


def _flush(file: Path) -> None:
    with file.open("ab") as opened:  # an upload of no bytes is made here
        os.fsync(opened.fileno())


def _write(file: Path, content: bytes) -> None:
    """The file has its old content or the new one, whatever is killed."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(content)
    _flush(fresh)
    fresh.replace(file)


@contextmanager
def _disk(name: str) -> Iterator[None]:
    """A disk that has no more room says so in a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(f"{name} does not fit on the disk: make room there, and go on") from error


class UploadNotFound(WorkbenchError):
    """No upload has that id, or it has expired."""


class UploadConflict(WorkbenchError):
    """The upload stands at another byte."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class UploadTooLarge(WorkbenchError):
    """There are more bytes than are taken, or than were announced."""


class UploadQuota(WorkbenchError):
    """The unfinished uploads have all the space that they may have."""


class UploadLocked(WorkbenchError):
    """Another connection is sending the upload."""


class UploadChecksum(WorkbenchError):
    """What came is not what was announced."""


class DiskFull(WorkbenchError):
    """The disk has no room for it."""
