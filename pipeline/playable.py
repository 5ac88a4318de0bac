"""What a browser plays: the recording itself where it can, otherwise a copy made for the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import av

from pipeline import ffmpeg
from pipeline.errors import ToolFailed
from pipeline.model import AudioStream, Frozen, Media, Report, VideoStream
from pipeline.probe import opened

_MP4, _WEBM = {"mov", "mp4", "m4a"}, {"webm"}
_MP4_SOUND, _M4A_SOUND = {"aac", "mp3"}, {"aac"}
_WEBM_SOUND = {"opus", "vorbis"}
_WEBM_PICTURE = {"vp8", "vp9", "av1"}
_EIGHT_BIT_420 = {"yuv420p", "yuvj420p"}
_SOUND_FILES = {
    "mp3": {"mp3"},
    "wav": {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"},
    "flac": {"flac"},
    "ogg": {"opus", "vorbis", "flac"},
}
_DECODERS = {"mp3float": "mp3", "libdav1d": "av1", "libopus": "opus", "libvorbis": "vorbis"}
_SMALLEST_SIDE = 480  # pixels: sharp enough beside a transcript, light enough to make and to send
_PICTURE = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", "-fpsmax", "30"]
_SOUND = ["-c:a", "aac", "-b:a", "96k", "-ac", "2", "-ar", "48000"]


class Playback(Frozen):
    """What the episode page plays, and how it came to be."""

    file: str
    """Name of the file beside the page."""
    made: Literal["as it is", "repacked", "encoded"]
    reason: str
    """Why the recording could not be used as it is; empty when it could."""


def playback(media: Media, name: str, *, out: Path, report: Report, threads: int) -> Playback:
    """What the page of the episode `name` plays; writes `out/<name>.web.mp4` or `.web.m4a` if needed.

    A copy keeps the picture and the sound that browsers know, and encodes the others: H.264 with the
    shorter side 480 pixels at most, AAC at 96 kbit/s, ready to play while it loads.
    Raises UnreadableMedia when the recording cannot be opened, ToolFailed when it cannot be decoded.
    """
    reason = unplayable(media)
    if not reason:
        return Playback(file=Path(media.path).name, made="as it is", reason="")
    file = f"{name}.web.mp4" if media.video else f"{name}.web.m4a"
    codecs = [*_picture(media.video), *_sound(media)]
    chosen = [stream.index for stream in (media.video, media.audio) if stream]
    maps = [argument for index in chosen for argument in ("-map", f"0:{index}")]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-movflags", "+faststart"]
    command = ["-i", _address(media), *maps, *codecs, *plain, "-threads", str(threads), str(out / file)]
    try:
        ffmpeg.run(command, length=media.duration, report=report)
    except ToolFailed as error:
        raise ToolFailed(
            f"no copy of {media.path} can be made for browsers ({error}): repair or convert it"
        ) from error
    encoded = "libx264" in codecs or (media.video is None and "copy" not in codecs)
    return Playback(file=file, made="encoded" if encoded else "repacked", reason=reason)


def unplayable(media: Media) -> str:
    """Why a browser cannot play the recording as it is, as a part of a sentence; empty when it can.

    Playable everywhere are MP4 and MOV with 8-bit 4:2:0 H.264 and AAC or MP3, WebM, MP3, M4A, WAV,
    FLAC and Ogg; they must hold nothing but the streams that are used.
    """
    names, suffix = set(media.container.split(",")), Path(media.path).suffix.lower()
    fitting = _fits_mp4(media) if names & _MP4 else _fits_others(media, names, suffix)
    if fitting:
        return fitting
    return "it holds several pictures or sounds" if _has_more(media) else ""


def _fits_mp4(media: Media) -> str:
    if media.audio and _codec(media.audio) not in _MP4_SOUND:
        return f"browsers do not play {_codec(media.audio)} sound in MP4"
    if media.video and not _is_plain_h264(media.video):
        return f"not every browser plays {_codec(media.video)} {media.video.pixel_format} in MP4"
    return ""


def _fits_others(media: Media, names: set[str], suffix: str) -> str:
    sound = _codec(media.audio) if media.audio else None
    if names & _WEBM and suffix == ".webm":
        known = sound in {None, *_WEBM_SOUND} and (not media.video or _codec(media.video) in _WEBM_PICTURE)
        return "" if known else "not every browser plays its codecs in WebM"
    containers = names & set(_SOUND_FILES)
    if containers and not media.video and sound in _SOUND_FILES[min(containers)]:
        return ""
    return f"browsers do not play {suffix.lstrip('.') or media.container} files with these codecs"


def _codec(stream: VideoStream | AudioStream) -> str:
    """The codec, also where the stream is named after the decoder that reads it."""
    return _DECODERS.get(stream.codec, stream.codec)


def _is_plain_h264(video: VideoStream) -> bool:
    return _codec(video) == "h264" and video.pixel_format in _EIGHT_BIT_420


def _has_more(media: Media) -> bool:
    """Whether a browser would have to choose: it takes the first track, which need not be ours."""
    with opened(Path(media.path)) as container:
        attached = av.stream.Disposition.attached_pic
        pictures = [s for s in container.streams.video if not s.disposition & attached]
        return len(pictures) > 1 or len(container.streams.audio) > 1


def _picture(video: VideoStream | None) -> Sequence[str]:
    if video is None:
        return ["-vn"]
    if _is_plain_h264(video):
        return ["-c:v", "copy"]
    side = f"trunc(min({_SMALLEST_SIDE},min(iw,ih))/2)*2"
    return [
        *_PICTURE,
        "-vf",
        f"scale=iw*sar:ih,scale='if(gt(iw,ih),-2,{side})':'if(gt(iw,ih),{side},-2)',setsar=1",
    ]


def _sound(media: Media) -> Sequence[str]:
    if media.audio is None:
        return ["-an"]
    fitting = _MP4_SOUND if media.video else _M4A_SOUND
    return ["-c:a", "copy"] if _codec(media.audio) in fitting else _SOUND


def _address(media: Media) -> str:
    """The path, marked as a file, so that no name is taken for a protocol or a pattern."""
    return f"file:{media.path}"
