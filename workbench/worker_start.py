"""What each worker of our own cluster does before anything else; Dask loads it by name."""

import os
import signal

_LOWER = 5  # priority: pages and the interface answer at once while all processors encode

signal.signal(
    signal.SIGINT, signal.SIG_IGN
)  # what becomes of a job at a Ctrl-C is for the main process to say
if hasattr(os, "nice"):
    os.nice(_LOWER)
