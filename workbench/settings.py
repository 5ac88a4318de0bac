"""The only module that reads the environment: what can be set, to what, and by whom.

A value comes from the default, the library's `workbench.toml`, the variable `WORKBENCH_<NAME>`, or an
argument (a command line flag), the later the stronger.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.model import AspectRatio, Frozen, Lufs, Seconds, Variant
from workbench.errors import BadSetting

FILE = "workbench.toml"
PREFIX = "WORKBENCH_"


def _listed(value: object) -> object:
    """Variables and flags give lists as text with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _in_lines(value: object) -> object:
    """As `_listed`, for what has commas of its own."""
    return (
        tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value
    )


def _from_home(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """No shell has replaced the `~` in a file or a variable."""
    return tuple(path.expanduser() for path in paths)


type Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
type Lines = Annotated[tuple[str, ...], BeforeValidator(_in_lines)]
type Paths = Annotated[tuple[Path, ...], BeforeValidator(_listed), AfterValidator(_from_home)]


class Settings(Frozen):
    """Every setting, with its default; the line under each is its documentation."""

    model_config = ConfigDict(  # TOML has `inf` and `nan`, and a job's parameters, which are JSON, have not
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    library: Path = Path.home() / "episode-library"
    """Folder that holds episodes, artefacts, the database and the inbox (not settable in the file)."""
    folders: Paths = ()
    """Folders to discover recordings in, besides the library's inbox."""
    stable_seconds: Seconds = Field(10.0, ge=0)
    """A file that changed within this many seconds is still being written."""
    workers: int = Field(0, ge=0, le=256)
    """Worker processes of the library's own cluster; 0 for one per processor core."""
    scheduler: str | None = None
    """Address of a Dask scheduler to use instead, such as tcp://10.0.0.5:8786."""
    model: str = "auto"
    """Speech model: a faster-whisper name, a folder, or auto for the best on this machine."""
    language: str | None = None
    """Language of the recordings as an ISO 639-1 code; none to detect it."""
    vocabulary: Names = ()
    """Names and terms that the speech model should know."""
    llm_base_url: str | None = None
    """OpenAI-compatible endpoint; none for the local enricher, which needs no network."""
    llm_model: str | None = None
    """Name of the model at that endpoint."""
    llm_api_key: str | None = Field(None, repr=False)
    """Key for that endpoint; better as WORKBENCH_LLM_API_KEY than in a file."""
    llm_context_tokens: int = Field(4096, ge=2048)
    """What fits into one call to that model, question and answer together."""
    llm_timeout_seconds: Seconds = Field(300.0, gt=0)
    """How long that model may take for one answer."""
    ffmpeg: Path | None = None
    """ffmpeg to use instead of the one that imageio-ffmpeg brings."""
    clip_count: int = Field(6, ge=0, le=50)
    """How many clips to make of an episode at the most."""
    clip_min_seconds: Seconds = Field(15.0, gt=0)
    """Shortest clip."""
    clip_max_seconds: Seconds = Field(60.0, gt=0)
    """Longest clip."""
    variants: Annotated[tuple[Variant, ...], BeforeValidator(_listed)] = tuple(Variant)
    """Which variants of each clip to render: clean, subtitled."""
    aspect_ratios: Annotated[tuple[AspectRatio, ...], BeforeValidator(_listed)] = (
        AspectRatio.VERTICAL,
        AspectRatio.SQUARE,
        AspectRatio.LANDSCAPE,
    )
    """Which aspect ratios of each clip to render: 9x16, 1x1, 4x5, 16x9."""
    loudness: Lufs = -14.0
    """Integrated loudness of the clips, in LUFS."""

    host: str = "127.0.0.1"
    """Address that `workbench serve` listens on; another than this machine's own needs an API key first."""
    port: int = Field(5006, ge=0, le=65535)
    """Port that it listens on; 0 for any that is free."""
    public_url: str | None = None
    """Where others reach the server, such as https://episodes.example.org; for the links in answers."""
    parallel_episodes: int = Field(4, ge=1, le=1000)
    """How many episodes are worked on at once; the tasks of the first one go first."""
    stage_limits: Names = ()
    """How many tasks of a stage may run at once, such as transcribed=1,clipped=2."""
    maintenance_windows: Lines = ()
    """When nothing starts, such as Mon-Fri 08:00-18:00 (several: split by ;); what runs is finished."""
    schedules: Lines = ()
    """What `serve` does by itself, such as 0 2 * * * process clipped (several: split by ;)."""
    timezone: str = "UTC"
    """Time zone of schedules and maintenance windows, such as Europe/Berlin."""
    min_free_gb: float = Field(1.0, ge=0)
    """Nothing starts while less is free on the library's disk."""
    job_timeout_minutes: float = Field(0.0, ge=0)
    """How long a job's tasks may run; waiting does not count, and 0 is for as long as it takes."""
    keep_days: float = Field(90.0, gt=0)
    """How long ended jobs, their logs and deliveries are kept."""
    webhook_allow: Names = ()
    """Receivers that webhooks may go to though they are private, as host:port, such as 127.0.0.1:5678."""
    webhook_secret: str | None = Field(None, repr=False)
    """Signs webhooks: whsec_ and 24 to 64 bytes in base64, or a new and an old one; made when not set."""
    webhook_header: str | None = Field(None, repr=False)
    """A header for the receivers in webhook_allow, such as Authorization: Bearer abc; others never see it."""
    smtp_url: str | None = Field(None, repr=False)
    """Mail server for messages on ended jobs, such as smtp://user:password@mail.example.org:587."""
    mail_from: str | None = None
    """Sender of these mails."""
    mail_to: Names = ()
    """Who gets a mail when a job is completed or failed."""
    upload_max_gb: float = Field(100.0, gt=0)
    """Largest recording that is taken as an upload."""
    upload_quota_gb: float = Field(500.0, gt=0)
    """How much all unfinished uploads may take together."""
    rate_limit_per_minute: int = Field(1200, ge=60)
    """Requests a minute for each API key."""

    @property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1

    @property
    def threads(self) -> int:
        """Processor threads that one task may use, so that all workers together use the machine once."""
        return max(1, (os.cpu_count() or 1) // self.worker_count)


class Chosen(Frozen):
    """A setting as it is in force, and where its value came from."""

    name: str
    value: Any
    source: str
    help: str


SECRET = ("llm_api_key", "webhook_secret", "webhook_header", "smtp_url")


def load_settings(
    *, library: str | Path | None = None, environment: Mapping[str, str] | None = None, **flags: Any
) -> Settings:
    """The settings in force for a library. `flags` are the strongest; one that is None is not given.

    Raises BadSetting, naming the setting and where its value came from.
    """
    settings, _ = _load(library, environment, flags)
    return settings


def explain(
    *, library: str | Path | None = None, environment: Mapping[str, str] | None = None, **flags: Any
) -> tuple[Chosen, ...]:
    """Every setting with its value and where that came from; secrets are not shown."""
    settings, sources = _load(library, environment, flags)
    return tuple(
        Chosen(
            name=name,
            value="set" if name in SECRET and value else _shown(value),
            source=sources.get(name, "default"),
            help=_documentation()[name],
        )
        for name, value in settings
    )


def unknown_variables(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A sentence for each variable that is named almost as that of a setting, and sets nothing.

    Others may be of somebody else: Kubernetes makes a dozen of a service that is called "workbench".
    """
    environment = os.environ if environment is None else environment
    names = [name.removeprefix(PREFIX) for name in sorted(environment) if name.startswith(PREFIX)]
    known = [name.upper() for name in Settings.model_fields]
    near = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.75) for name in names}
    return tuple(
        f"{PREFIX}{name} sets nothing: did you mean {PREFIX}{found[0]}?"
        for name, found in near.items()
        if found and name not in known
    )


def use_ffmpeg(settings: Settings) -> None:
    """From now on this process runs the ffmpeg that is set, if one is."""
    if settings.ffmpeg:
        os.environ["IMAGEIO_FFMPEG_EXE"] = str(settings.ffmpeg)


type _Sources = dict[str, str]


def _load(
    library: str | Path | None, environment: Mapping[str, str] | None, flags: Mapping[str, Any]
) -> tuple[Settings, _Sources]:
    environment = os.environ if environment is None else environment
    given = {"library": library} | dict(flags)
    by_flag = {name: value for name, value in given.items() if value is not None}
    by_variable = {
        name: environment[PREFIX + name.upper()]
        for name in Settings.model_fields
        if environment.get(PREFIX + name.upper())
    }
    default = Settings.model_fields["library"].default
    root = Path(by_flag.get("library") or by_variable.get("library") or default).expanduser()
    by_file = _read(root / FILE)
    values = by_file | by_variable | by_flag | {"library": root.absolute()}
    sources = (
        dict.fromkeys(by_file, FILE)
        | {name: PREFIX + name.upper() for name in by_variable}
        | {name: "--" + name.replace("_", "-") for name in by_flag}
    )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise BadSetting(_sentence(error, sources, root)) from error
    if contradiction := _contradiction(settings, sources):
        raise BadSetting(contradiction)
    return settings, sources


def _read(file: Path) -> dict[str, Any]:
    """The settings in `file`, which need not be there."""
    if not file.is_file():
        return {}
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{file} is not valid TOML: {error}") from error
    if "library" in values:
        raise BadSetting(f"{file} cannot set `library`: use --library or WORKBENCH_LIBRARY")
    return values


def _sentence(error: ValidationError, sources: _Sources, root: Path) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return f"{root / FILE}: there is no setting `{name}`; the settings are {known}"
    source = sources.get(name, "default")
    return f"setting `{name}` from {source} cannot be {first['input']!r}: {first['msg']}"


def _contradiction(settings: Settings, sources: _Sources) -> str | None:
    """Which settings do not go together, though each by itself could be; the pipeline would refuse them."""

    def told(name: str) -> str:
        return f"`{name}` ({getattr(settings, name)} from {sources.get(name, 'default')})"

    if settings.clip_max_seconds < settings.clip_min_seconds:
        return f"setting {told('clip_max_seconds')} must not be below {told('clip_min_seconds')}"
    if not settings.llm_base_url:
        return None
    named = f"setting `llm_base_url` from {sources.get('llm_base_url')}"  # it may hold a secret
    if "@" in urlsplit(settings.llm_base_url).netloc:  # it is shown, and written into logs
        return f"{named} may not hold a name or a password: give the key as `llm_api_key`"
    if not settings.llm_model:
        return f"{named} needs `llm_model`: the name of the model at that endpoint"
    return None


def _documentation() -> dict[str, str]:
    """The line under each field."""
    return {name: field.description or "" for name, field in Settings.model_fields.items()}


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return str(value) if isinstance(value, Path) else value
