"""Where the command `workbench` starts; `apps.commands.root` has what it does."""

import os
import signal

_CANCELLED = 130
"""As `terminal.CANCELLED`, which is not loaded yet."""


def main() -> None:
    """Run the command line; a Ctrl-C while its modules are loaded ends it with the exit code of any other.

    An exception could not: some modules make another one of it, and a few turn it into death by signal.
    """
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # or a shell has it ignored
    if heard:
        signal.signal(signal.SIGINT, _leave)
    from apps.commands import root

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    root.run()


def _leave(*_: object) -> None:
    os._exit(_CANCELLED)  # nothing has begun that could be left half done


if __name__ == "__main__":
    main()
