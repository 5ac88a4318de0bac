"""Enrich: say what an episode is about, each claim with the words it rests on."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from pipeline import local_enricher
from pipeline.highlights import HighlightBounds
from pipeline.model import Enrichment, Frozen, Report, Seconds, Source, Transcript
from pipeline.reading import read

RESULT = "enrichment.json"
_LOCAL_SHARE = 0.05  # of the progress, when a language model does the rest
_ROOM_FOR_PROMPT = 1000  # tokens: instructions, the schema in words, and the faults of a first answer


class EnrichOptions(Frozen):
    """Who says what an episode is about, and how much of it."""

    base_url: str | None = None
    """An OpenAI-compatible endpoint, such as "http://127.0.0.1:11434/v1"; none for the local enricher."""
    model: str | None = None
    """The language model's name at that endpoint."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """0 for the same answer to the same question, as far as the model can."""
    context_tokens: int = Field(default=4096, ge=2048)
    """What fits into one call, question and answer together. 4096 is what Ollama allows unless told
    otherwise; more gives fewer calls and a better overview."""
    timeout: Seconds = Field(default=300.0, gt=0)
    """How long one answer may take."""
    highlights: HighlightBounds = HighlightBounds()
    """How long highlights may be, and how many are wanted."""

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.base_url and not self.model:
            raise ValueError("`base_url` needs a `model`: the name of the language model at that endpoint")
        if self.base_url and "@" in urlsplit(self.base_url).netloc:  # it is written into manifests and logs
            raise ValueError("`base_url` may not hold a name or a password: give the key as `llm_api_key`")
        return self

    @property
    def deciding(self) -> "EnrichOptions":
        """Only what can change the result: a default stands in the place of everything else.

        An answer that comes too late fails the job, and no other answer is taken.
        """
        if not self.base_url:
            return EnrichOptions(highlights=self.highlights)
        return self.model_copy(update={"timeout": EnrichOptions().timeout})

    @property
    def answer_tokens(self) -> int:
        return min(1500, self.context_tokens // 3)

    @property
    def window_tokens(self) -> int:
        """How much of the transcript is shown in one call."""
        return max(300, self.context_tokens - self.answer_tokens - _ROOM_FOR_PROMPT)


def enrich(
    source: Source,
    transcript: Transcript,
    options: EnrichOptions,
    *,
    api_key: str | None,
    out: Path,
    report: Report,
) -> Enrichment:
    """Write `enrichment.json` into `out`, and return what it holds.

    Without `base_url` nothing leaves the machine. Raises ModelFailed when the endpoint cannot be used.
    """
    made = _made(source, transcript, options, api_key, report)
    (out / RESULT).write_text(made.model_dump_json(indent=1), "utf-8")
    report(1.0)
    return made


def _made(
    source: Source, transcript: Transcript, options: EnrichOptions, api_key: str | None, report: Report
) -> Enrichment:
    asks = options.base_url and options.model and transcript.words
    share = _LOCAL_SHARE if asks else 1.0
    local = local_enricher.enrich(source, transcript, options.highlights, lambda done: report(share * done))
    if not (asks and options.base_url and options.model):
        return local
    from pipeline import llm_enricher  # the client takes a second to load, and most need none
    from pipeline.llm import Endpoint

    progress = _Progress(report)
    with Endpoint(
        options.base_url,
        options.model,
        api_key=api_key,
        temperature=options.temperature,
        timeout=options.timeout,
        answer_tokens=options.answer_tokens,
        look=progress.again,
    ) as llm:
        return llm_enricher.enrich(
            llm,
            source,
            read(transcript),
            local,
            bounds=options.highlights,
            window_tokens=options.window_tokens,
            report=progress.at,
        )


class _Progress:
    """Reports the share of calls made, again and again while an answer is awaited."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._done = _LOCAL_SHARE

    def at(self, done: float) -> None:
        self._done = _LOCAL_SHARE + (1 - _LOCAL_SHARE) * done
        self._report(self._done)

    def again(self) -> None:
        self._report(self._done)
