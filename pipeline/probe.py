"""Looks into a recording without decoding all of it: its length, its streams, and whether they decode."""

import itertools
import mmap
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream as AvAudio
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideo

from pipeline.errors import UnreadableMedia
from pipeline.model import AudioStream, Media, Seconds, SourceChapter, Span, VideoStream

_OPEN = {"protocol_whitelist": "file"}  # a playlist must not make us fetch what it names
_PICTURE_FORMATS = re.compile(r"image2|gif|apng|ico|.*_pipe")
_PICTURE_CODECS = {"mjpeg", "png", "bmp", "webp", "gif", "tiff"}
_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_FPS = (0.01, 240.0)  # what a recording can have; damaged headers say 0 or 90000
_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}  # what an MP4 or MOV begins with
_UNSTATED = {"aac", "ac3", "adts", "amr", "dts", "eac3", "loas", "mp3", "truehd"}
"""Formats without a stated length: ffmpeg guesses it from the first bit rate, at times off by ten times."""
_TRIED_PACKETS = 20_000  # about five minutes of picture and sound
_UNUSABLE_PACKETS = 300  # of one stream, after which it is given up
_LOCKED = re.compile(rb"schm\0\0\0[\0\1](cenc|cens|cbc1|cbcs|piff|itun)")  # ISO/IEC 23001-7; FairPlay

type Streams = Sequence[AvVideo | AvAudio]


def probe(path: Path) -> Media:
    """What `path` holds: the streams that are used, as shown and heard, and the duration in seconds.

    Of several sound tracks the default one is taken, else the first; of several pictures the largest.
    Cover art does not count as a picture. A first frame of each stream that is used has been decoded.
    Raises UnreadableMedia with one sentence: why the file cannot be used, and what to do.
    """
    with opened(path) as container:
        _refuse_what_is_no_recording(path, container)
        sound = _first_usable(path, _by_preference(container.streams.audio))
        picture = _first_usable(path, _by_size(container))
        chosen: Streams = [used[0] for used in (picture, sound) if used]
        if not chosen:
            raise UnreadableMedia(f"{path} has no sound and no moving picture: check what was exported")
        duration = _duration(path, container, chosen)
        return Media(
            path=str(path),
            container=container.format.name,
            duration=duration,
            video=_video(*picture) if picture else None,
            audio=_audio(sound[0]) if sound else None,
            chapters=tuple(_chapters(container, duration)),
        )


def is_recording(path: Path) -> bool:
    """Whether `path` opens as something with sound or a moving picture, whatever it is called."""
    try:
        with opened(path) as container:
            _refuse_what_is_no_recording(path, container)
            return bool(container.streams.audio or _by_size(container))
    except UnreadableMedia:
        return False


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A recording, open for reading, whatever its tags are written in.

    Raises UnreadableMedia with one sentence when it does not open.
    """
    # An absolute path: ffmpeg would take "a:b.mp4" for a protocol called "a".
    try:
        container = av.open(str(path.absolute()), options=_OPEN, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableMedia(_why_it_does_not_open(path)) from error
    with container:
        yield container


def _why_it_does_not_open(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as refused:
        return f"{path} cannot be read: {refused.strerror}"
    if not head:
        return f"{path} is empty (0 bytes): copy it again"
    if _is_text(head):
        return f"{path} holds text, not sound or picture: check what was saved under this name"
    if head[4:8] in _ATOMS:
        fault = "damaged (its index, the moov atom, cannot be read)"
        if "moov" not in _atoms(path):
            fault = "cut off (its index, the moov atom, is missing)"
        return f"{path} is {fault}: copy or export it again"
    return f"{path} is not in a format that ffmpeg knows: convert it to MP4, MKV, MP3 or WAV"


def _atoms(path: Path) -> set[str]:
    """The top-level atoms of an MP4 or MOV that begin within the file (ISO/IEC 14496-12, 4.2)."""
    found, at = set(), 0
    with path.open("rb") as file:
        while len(head := file.read(16)) >= 8:
            size, name = int.from_bytes(head[:4]), head[4:8]
            found.add(name.decode("latin-1"))
            if size == 1:
                size = int.from_bytes(head[8:16])
            if size < 8:  # "to the end of the file", or nonsense
                break
            at += size
            file.seek(at)
    return found


def _is_text(head: bytes) -> bool:
    try:
        text = getincrementaldecoder("utf-8")().decode(head)  # which may end within a letter
        return text.isprintable() or b"\0" not in head
    except UnicodeDecodeError:
        return False


def _refuse_what_is_no_recording(path: Path, container: InputContainer) -> None:
    name = container.format.name
    if _PICTURE_FORMATS.fullmatch(name):
        raise UnreadableMedia(f"{path} is a picture, not a recording: give the video or the sound file")
    if name == "tty":
        raise UnreadableMedia(
            f"{path} holds text, not sound or picture: check what was saved under this name"
        )
    if name in {"hls", "concat", "dash"}:
        raise UnreadableMedia(f"{path} is a playlist, not a recording: give the files that it names")


def _by_preference(tracks: Sequence[AvAudio]) -> list[AvAudio]:
    return sorted(tracks, key=lambda track: (not track.disposition & Disposition.default, track.index))


def _by_size(container: InputContainer) -> list[AvVideo]:
    moving = [stream for stream in container.streams.video if not _is_still(stream)]
    return sorted(moving, key=lambda stream: (-_area(stream), stream.index))


def _is_still(stream: AvVideo) -> bool:
    if stream.disposition & _PICTURE:
        return True
    coded_alone = bool(stream.codec_context) and _codec(stream) in _PICTURE_CODECS
    return coded_alone and float(stream.average_rate or 0) < 1


def _area(stream: AvVideo) -> int:
    return stream.codec_context.width * stream.codec_context.height if stream.codec_context else 0


def _first_usable[S: (AvVideo, AvAudio)](path: Path, streams: Sequence[S]) -> tuple[S, Any] | None:
    """The first of `streams` with data that decodes, and its first frame; none when all are empty.

    Raises UnreadableMedia when there is data, but none that decodes.
    """
    broken: list[S] = []
    for stream in streams:
        held, frame = _first_frame(path, stream.index)
        if frame:
            return stream, frame
        if held:
            broken.append(stream)
    if broken:
        raise UnreadableMedia(_why_it_does_not_decode(path, broken[0]))
    return None


def _first_frame(path: Path, index: int) -> tuple[bool, Any]:
    """Whether stream `index` holds data near its start, and its first frame that decodes."""
    held = 0
    with opened(path) as container:
        stream = container.streams[index]
        if not stream.codec_context:
            return True, None
        try:
            for packet in itertools.islice(container.demux(), _TRIED_PACKETS):
                if packet.stream_index != index:
                    continue
                held += packet.size > 0
                if frames := _decoded(packet):
                    return True, frames[0]
                if held >= _UNUSABLE_PACKETS:
                    break
        except av.FFmpegError:  # the container breaks off here: what came before counts
            return held > 0, None
    return held > 0, None


def _decoded(packet: "av.Packet[Any]") -> list[Any]:
    try:
        return list(packet.decode())
    except av.FFmpegError:  # one damaged packet says nothing of the next
        return []


def _why_it_does_not_decode(path: Path, stream: AvVideo | AvAudio) -> str:
    what = "picture" if stream.type == "video" else "sound"
    if _is_locked(path):
        return f"{path} is encrypted: export it without copy protection"
    if not stream.codec_context:
        return f"the {what} of {path} is in a format that ffmpeg cannot decode: convert it to H.264 and AAC"
    return (
        f"the {what} of {path} is damaged ({_codec(stream)} that cannot be decoded): copy or export it again"
    )


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return bool(_LOCKED.search(content))


def _duration(path: Path, container: InputContainer, chosen: Streams) -> Seconds:
    """As the container says, else the streams, else as the packets show."""
    stated = (container.duration or 0) / av.time_base
    if stated <= 0:
        stated = max(float((stream.duration or 0) * (stream.time_base or 0)) for stream in chosen)
    if stated <= 0 or container.format.name in _UNSTATED:
        stated = _length_of_packets(path, {stream.index for stream in chosen})
    if stated <= 0:
        raise UnreadableMedia(f"{path} has no length: nothing in it can be played; export it again")
    return round(stated, 6)


def _length_of_packets(path: Path, chosen: set[int]) -> Seconds:
    """Where the last packet ends; raw streams carry no times, so their packets are counted."""
    end, counted = 0.0, 0.0
    with opened(path) as container:
        for packet in container.demux():
            if packet.stream_index not in chosen or not packet.size:
                continue
            base = packet.time_base or Fraction(0)
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * base))
            elif isinstance(packet.stream, AvVideo):
                counted += 1 / _fps(packet.stream)
            else:
                counted += float((packet.duration or 0) * base)
    return max(end, counted)


def _rotation(frame: VideoFrame) -> int:
    """Degrees clockwise, from the frame's display matrix; a damaged matrix says nothing."""
    anticlockwise = frame.rotation
    return round(-anticlockwise / 90) * 90 % 360 if abs(anticlockwise) <= 360 else 0


def _video(stream: AvVideo, first: VideoFrame) -> VideoStream:
    context, rotation = stream.codec_context, _rotation(first)
    width, height = round(context.width * float(stream.sample_aspect_ratio or 1)), context.height
    if rotation in (90, 270):
        width, height = height, width
    return VideoStream(
        index=stream.index,
        codec=_codec(stream),
        width=width,
        height=height,
        fps=_fps(stream),
        pixel_format=context.pix_fmt or "unknown",
        rotation=rotation,
    )


def _fps(stream: AvVideo) -> float:
    """Frames a second on average, or the likely rate when the average cannot be."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and _FPS[0] <= rate <= _FPS[1]:
            return round(float(rate), 6)
    return 25.0


def _audio(stream: AvAudio) -> AudioStream:
    context = stream.codec_context
    return AudioStream(
        index=stream.index,
        codec=_codec(stream),
        sample_rate=context.sample_rate,
        channels=context.channels,
        language=None if stream.language in (None, "und") else stream.language,
    )


def _codec(stream: AvVideo | AvAudio) -> str:
    """The format's name ("mp3"), not that of the decoder ("mp3float")."""
    return stream.codec_context.codec.canonical_name


def _chapters(container: InputContainer, duration: Seconds) -> Iterator[SourceChapter]:
    for number, chapter in enumerate(container.chapters(), start=1):
        base = chapter["time_base"] or Fraction(0)
        start = max(float(chapter["start"] * base), 0.0)
        end = min(float(chapter["end"] * base), duration)
        if start < end:
            title = chapter["metadata"].get("title", "").strip() or f"Chapter {number}"
            yield SourceChapter(title=title, span=Span(start=start, end=end))
