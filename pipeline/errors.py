"""Everything that can go wrong in the pipeline.

PipelineError          one sentence for a person: which file, what is wrong, what to do
├── UnreadableMedia    the recording cannot be opened or decoded; trying again will not help
├── BadOptions         an option or a metadata field has a value that cannot be used
├── ModelMissing       a speech model is not on this machine; the message says how to get it
├── ToolFailed         ffmpeg ended with an error
└── ModelFailed        the language model's endpoint did not answer, or not usably
    └── RateLimited    it takes no more calls for now
Cancelled              not a failure: the attempt's folder is gone, so nobody wants its result
"""


class PipelineError(Exception):
    """The work cannot be done; the message names the file or field, the reason and the way out."""


class UnreadableMedia(PipelineError):
    """The recording cannot be opened or decoded."""


class BadOptions(PipelineError):
    """An option or a metadata field has a value that cannot be used."""


class ModelMissing(PipelineError):
    """The speech model asked for is not on this machine."""


class ToolFailed(PipelineError):
    """ffmpeg ended with an error."""


class ModelFailed(PipelineError):
    """The language model's endpoint did not answer, or not usably."""


class RateLimited(ModelFailed):
    """The language model's endpoint takes no more calls for now."""


class Cancelled(Exception):
    """Nobody wants the result of this attempt any more."""
