"""Cues as the text of SRT and WebVTT files. Both are UTF-8 without a byte order mark.

SRT has CRLF line ends, as the program that the format comes from wrote them; WebVTT has LF.
"""

import re
from collections.abc import Sequence

from pipeline.model import Seconds
from pipeline.subtitles import Cue, Piece

_INVISIBLE = "\u200b"


def srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip text, numbered from 1.

    The format has no way to escape: an arrow in the words becomes "→", and what would be taken for
    a tag gets an invisible character (U+200B) after its bracket.
    """
    return "".join(_srt_cue(number, cue) for number, cue in enumerate(cues, start=1))


def vtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT, with the speaker where one is known and the time of each word."""
    return "WEBVTT\n\n" + "\n".join(_vtt_cue(number, cue) for number, cue in enumerate(cues, start=1))


def clock(seconds: Seconds, *, mark: str = ".") -> str:
    """A time as both formats write it: 3725.5 is "01:02:05.500"."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def escaped(text: str) -> str:
    """Text as WebVTT cue text; with `>` escaped, no arrow can end a cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _srt_cue(number: int, cue: Cue) -> str:
    times = f"{clock(cue.span.start, mark=',')} --> {clock(cue.span.end, mark=',')}"
    lines = [re.sub(r"<(?=[/a-zA-Z])", "<" + _INVISIBLE, line.replace("-->", "→")) for line in cue.lines]
    return "\r\n".join([str(number), times, *lines, "", ""])


def _vtt_cue(number: int, cue: Cue) -> str:
    voice = f"<v {escaped(_one_line(cue.speaker))}>" if cue.speaker else ""
    times = f"{clock(cue.span.start)} --> {clock(cue.span.end)}"
    return f"{number}\n{times}\n{voice}{_timed(cue)}\n"


def _timed(cue: Cue) -> str:
    """The lines with a time before each word; WebVTT wants them to grow, and to lie inside the cue."""
    latest, lines = cue.span.start, []
    for row in cue.rows:
        line = ""
        for piece in row:
            stamp = ""
            if latest < round(piece.start, 3) < cue.span.end:
                latest = round(piece.start, 3)
                stamp = f"<{clock(latest)}>"
            line += _before(piece, line) + stamp + escaped(piece.text)
        lines.append(line)
    return "\n".join(lines)


def _before(piece: Piece, line: str) -> str:
    return " " if piece.space and line else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
