"""`ecg2lab`, and `python -m ecg2lab`: so small that nothing can interrupt it before it has said what then happens."""

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""Exit code, as a shell gives it to what an interrupt has ended."""


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once, without a word: until the command line is loaded nothing has been begun that must be cleared away.

    An exception would not do. Raised within an import it may come out as another one, with its traceback.
    """
    del number, frame
    os._exit(INTERRUPTED)


def main() -> None:
    """Load the command line and run it; interrupted at any moment, end quietly."""
    by_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a script ignores it
    if by_default:
        signal.signal(signal.SIGINT, _leave)
    from ecg2lab import cli

    cli.load_verbs()
    try:
        if by_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main()
    except KeyboardInterrupt:  # between two commands of this function; within a verb the command line sees it first
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
