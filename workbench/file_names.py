"""Names of files that somebody else gave."""

import os
import re
import unicodedata
from glob import escape
from pathlib import Path

from pipeline import discover

_JOINERS = "\u200c\u200d"  # invisible, but words and emoji are spelled with them
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # Windows has no such names, and libraries travel
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 200  # bytes: file systems take 255, and "-2", ".json" or ".new" may have to be added


def safe_name(name: str) -> str:
    """The last part of `name`, as a file may be called on any system: seen, not hidden, at most 200 bytes."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(char for char in last if char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", seen))
    clean = re.sub(r"^[\s.~]+|[\s.]+$", "", clean) or "upload"
    clean = f"_{clean}" if _DEVICE.fullmatch(clean) else clean
    suffix = Path(clean).suffix if len(Path(clean).suffix.encode()) <= 16 else ""
    stem = clean.removesuffix(suffix).encode()[: _LONGEST - len(suffix.encode())]
    return stem.decode(errors="ignore").rstrip(" .") + suffix


def slug_of(name: str) -> str:
    """A readable id: letters, digits and single hyphens, all ASCII, at most 60 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "episode"


def is_free(target: Path, part: Path, sidecar: bytes | None) -> bool:
    """Whether the recording `part` can be called `target`, with `sidecar` for the metadata beside it.

    It can when both names are free or already have what they are to have, and when no other recording would
    share the metadata: `talk.json` belongs to `talk.mp4` and to `talk.wav`.
    """
    beside = target.with_suffix(".json")
    taken = sidecar and beside.is_file() and beside.read_bytes() != sidecar
    if sidecar or discover.sidecar(target):
        near = target.parent.glob(f"{escape(target.stem)}.*")
        others = (file for file in near if file.suffix.lower() not in discover.SIDECARS)
        taken = taken or any(file.stem == target.stem and file.suffix != target.suffix for file in others)
    return not taken and (not os.path.lexists(target) or (target.exists() and target.samefile(part)))
