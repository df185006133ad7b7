"""`leakhunt watch`: a series as it grows, live, and the report at the end."""

from pathlib import Path
from typing import Annotated

import typer

from leakhunt.cli import connection as c
from leakhunt.cli.capture import CapOption, CountOption, EveryOption, ForOption, GcOption, OutputOption, PartsOption


def watch(
    source: Annotated[
        str, typer.Argument(metavar="URL|FOLDER", help="A service with net/http/pprof, or a folder of profiles.")
    ],
    every: EveryOption = "30s",
    for_: ForOption = None,
    count: CountOption = None,
    gc: GcOption = False,
    until_verdict: Annotated[
        bool, typer.Option("--until-verdict", help="End when the answer was the same three times in a row, and is sure.")
    ] = False,
    limit: Annotated[str | None, typer.Option(metavar="SIZE", help="The process's memory limit: 2GiB.")] = None,
    format: Annotated[
        list[str] | None, typer.Option("--format", metavar="FORMAT", help="Of the report at the end; repeatable.")
    ] = None,
    report: Annotated[
        list[str] | None, typer.Option("--report", metavar="FILE", help="Where the report goes, as hunt's -o; repeatable.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines on stderr instead of a live view.")] = False,
    profiles: PartsOption = "goroutine,goroutineleak,memstats",
    output: OutputOption = Path("profiles"),
    max_disk: CapOption = "1GiB",
    header: c.HeaderOption = None,
    bearer: c.BearerOption = "",
    basic: c.BasicOption = "",
    cacert: c.CaOption = None,
    cert: c.CertOption = None,
    key: c.KeyOption = None,
    timeout: c.TimeoutOption = c.DEFAULT_TIMEOUT,
    retries: c.RetriesOption = c.DEFAULT_RETRIES,
) -> None:
    """Watch a service or a folder: what grows, how surely, and where the memory is, after each new profile.

    A URL is captured as `leakhunt capture` does, without end unless --for or --count say otherwise; a folder is read as
    others write to it. The key q ends it, and so does Ctrl-C. The report at the end is that of `leakhunt hunt` on the folder.
    Exits 0 whatever the verdict.
    """
    import asyncio

    from leakhunt.cli.publish import Publication, default_trim_path
    from leakhunt.cli.settings import settings_from
    from leakhunt.cli.watching import Watching, folder_of, new_view, report_at_end

    settings = settings_from(limit=limit)
    publication = Publication(format or [], report or [], default_trim_path())
    watching = Watching(source, settings, new_view(plain), until_verdict)
    folder = folder_of(source)
    if folder is not None:
        asyncio.run(watching.folder(folder))
    else:
        from leakhunt.cli.capture import plan_from, schedule_from

        connection = c.connection_from(header, bearer, basic, cacert, cert, key, timeout, retries)
        plan = plan_from([source], schedule_from(every, for_, count, otherwise=None), gc, profiles, output, max_disk)
        folder = plan.root / plan.targets[0].name
        asyncio.run(watching.url(plan, connection))
    publication.write(report_at_end(watching, source, folder, settings))
