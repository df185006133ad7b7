"""The options that say where a report goes and how, the same on every command that makes one."""

from typing import Annotated

import typer

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="FORMAT",
        help="terminal, short, markdown, html, json, sarif, junit, csv or github; repeatable.",
    ),
]  # fmt: skip
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output", "-o", metavar="FILE",
        help="Where the format of the same position goes; without a format, its suffix tells. Repeatable.",
    ),
]  # fmt: skip
TrimPathOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trim-path", metavar="PREFIX",
        help="A folder, or with -trimpath builds a module path, to take off source paths; repeatable.",
    ),
]  # fmt: skip
RedactOption = Annotated[
    str,
    typer.Option(
        "--redact", metavar="none|names|full",
        help="names: hash functions, types and paths. full: also drop every sentence from the inputs. Fingerprints stay.",
    ),
]  # fmt: skip
RedactMapOption = Annotated[
    str | None,
    typer.Option(
        "--redact-map", metavar="FILE",
        help="Keep the salt and what each hash stands for here, for yourself; the same file gives the same hashes again.",
    ),
]  # fmt: skip
BaselineOption = Annotated[
    str | None,
    typer.Option("--baseline", metavar="FILE", help="Leaks that are accepted: mark each finding new, known or worse."),
]
