"""The command line: opens files and sockets, prints, exits. Computes nothing itself.

`main` is the entry point of the `leakhunt` command. Each command is one module here, named after it, whose top level
imports nothing heavier than typer; `app` lists them.
"""

import os
import sys


def main() -> None:
    """Runs one command and exits with its code. A LeakhuntError becomes one line on stderr and exit code 2."""
    from leakhunt.cli import fast
    from leakhunt.errors import LeakhuntError

    try:
        if fast.run(sys.argv[1:]):
            os._exit(0)  # all is written: taking the interpreter down takes longer than many profiles do to show
        from leakhunt.cli.app import app

        app()
    except LeakhuntError as error:
        from leakhunt.printable import printable

        print(f"leakhunt: {printable(str(error), limit=2000)}", file=sys.stderr)
        sys.exit(2)
    except MemoryError:
        print("leakhunt: there is not enough memory for this input", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stdout = None  # keeps the interpreter from flushing into the closed pipe at exit
        sys.exit(0)
