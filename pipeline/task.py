"""A task: one piece of a stage's work, as plain data that any worker can run.

A task is named by the keys of its results: hashes of everything that can change them. The same key
means the same result, so a result that is there is never made again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.model import Frozen, Seconds, Share, StageName


class Ref(Frozen):
    """An artefact, or a task's input: the folder where it lies, and the key that says what it is."""

    path: str
    key: str


class Task(Frozen):
    """One call of one step, with everything it needs; `outputs` are the artefacts it makes."""

    stage: StageName
    step: str
    """Which function of `pipeline.stages.STEPS` does it."""
    name: str
    """What a person calls it: "transcribing stretch 3 of 12"."""
    inputs: dict[str, str]
    """What it reads: a name → a folder or a file."""
    options: dict[str, Any]
    """The options of its stage, as JSON."""
    part: dict[str, Any] = Field(default_factory=dict)
    """Which part of the stage's work this is, as JSON."""
    outputs: dict[str, str]
    """Kind of artefact → key. A task has one, which fills the attempt's folder; only a clip has many,
    one for each rendition, each in the sub-folder with its name."""
    media_seconds: Seconds
    """How much of the recording it covers: the measure of its size."""
    share: Share
    """How much of its stage's work it is."""
    transient: bool = False
    """Its artefacts are only steps on the way, to be removed when the stage is done."""
    threads: int = 1
    """How many processor threads it may use; the same result with any number."""
    api_key: str | None = Field(default=None, repr=False)
    """The language model's key; it reaches the worker, and no file."""

    @property
    def key(self) -> str:
        """Names the task itself, for attempts and for Dask."""
        return key_of(self.step, sorted(self.outputs.items()))

    def folder(self, attempt: Path, kind: str) -> Path:
        """Where in the folder `attempt` the artefact `kind` is left."""
        return attempt / kind if self.step == "clip" else attempt


def key_of(*parts: object) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of `parts` as canonical JSON."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=_plain)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _plain(value: object) -> Any:
    """Models as JSON; an artefact counts by what it is, not by where it lies."""
    if isinstance(value, Ref):
        return value.key
    if isinstance(value, Frozen):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be part of a key")
