"""What each worker of our own cluster does before anything else; Dask loads it by name."""

import logging
import os
import signal

_LOWER = 5  # priority: pages and the interface answer at once while all processors encode

# What becomes of a job at a Ctrl-C is for the main process to say, and so is that a worker was lost: a
# heartbeat that finds its scheduler gone would print a traceback.
signal.signal(signal.SIGINT, signal.SIG_IGN)
logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)
if hasattr(os, "nice"):
    os.nice(_LOWER)
