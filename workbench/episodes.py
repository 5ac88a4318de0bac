"""From a recording to its episode, and from an episode to what was made of it: alike through both doors."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import candidates, stages
from pipeline.candidates import CandidateOptions
from pipeline.errors import UnreadableMedia
from pipeline.model import ClipCandidate, Enrichment, Source, Transcript
from pipeline.render import Rendered
from pipeline.subtitle_check import CheckReport
from workbench.errors import NotAllowed, NotFound
from workbench.jobs import Episode

if TYPE_CHECKING:
    from workbench.door import Bench


def add(bench: "Bench", recording: Path | str) -> Episode:
    """The episode that the file `recording` is; it becomes one if it is none yet.

    Through a server the file has to lie on the server's machine. Raises UnreadableMedia when it is no
    recording, NotAllowed when it could not be looked at.
    """
    job = bench.wait(bench.discover([recording]).job_id)
    if job.result is None:
        why = job.failure.reason if job.failure else f"looking at it was {job.status}"
        raise NotAllowed(f"{recording} could not become an episode: {why}")
    if not job.result["episodes"]:
        reasons = [each["reason"] for each in job.result["skipped"]]
        raise UnreadableMedia(reasons[0] if reasons else f"{recording} is no recording: name another file")
    return bench.episode(job.result["episodes"][0]["episode_id"])


class Results:
    """What was made of an episode, read when it is asked for.

    Everything raises NotFound when the episode has not come so far, or its artefacts lie on another
    machine.
    """

    def __init__(self, episode: Episode) -> None:
        self.episode = episode

    @cached_property
    def source(self) -> Source:
        """What the recording holds."""
        return stages.source(self._folder("source"))

    @cached_property
    def transcript(self) -> Transcript:
        """Every word with its time and probability, as corrected when the page was last made."""
        written = self._corrected("words")
        return Transcript.model_validate_json(written) if written else self.heard

    @cached_property
    def enrichment(self) -> Enrichment:
        """Chapters, names, quotes and highlights, as edited when the page was last made.

        Each with the words that it rests on.
        """
        written = self._corrected("enrichment")
        return Enrichment.model_validate_json(written) if written else self.found

    @cached_property
    def heard(self) -> Transcript:
        """The transcript as the machine made it."""
        return stages.transcript(self._folder("transcript"))

    @cached_property
    def found(self) -> Enrichment:
        """The enrichment as the machine made it."""
        return stages.enrichment(self._folder("enrichment"))

    @cached_property
    def subtitles(self) -> CheckReport:
        """Which rules the subtitles break, cue by cue."""
        return CheckReport.model_validate_json(self._of_page("subtitles"))

    @cached_property
    def rendered(self) -> Rendered:
        """What the page plays, and its poster: names of files on the episode's shelf."""
        return Rendered.model_validate_json(self._of_page("rendered"))

    def candidates(self, **options: float) -> tuple[ClipCandidate, ...]:
        """The clips that would be chosen with other `options`, those of CandidateOptions; nothing is kept.

        Raises pydantic's ValidationError for an option that is not known or cannot be what it is.
        """
        chosen = CandidateOptions.model_validate(options)
        return candidates.choose(self.source, self.heard, self.found, chosen)

    def _folder(self, kind: str) -> str:
        folder = self.episode.artefacts.get(kind)
        if folder is None or not Path(folder).is_dir():
            raise NotFound(
                f"episode {self.episode.episode_id} has no {kind} on this machine (it is "
                f"{self.episode.stage}): process it further, or ask where its library lies"
            )
        return folder

    def _corrected(self, name: str) -> bytes | None:
        """What lies beside the page with what people have changed; nothing beside one of an older make."""
        if "page" not in self.episode.artefacts:
            return None
        try:
            return self._of_page(name)
        except FileNotFoundError:
            return None

    def _of_page(self, name: str) -> bytes:
        return (Path(self._folder("page")) / f"{self.episode.episode_id}.{name}.json").read_bytes()
