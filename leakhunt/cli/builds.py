"""`leakhunt builds`: growth before and after a deploy or a fix, compared site by site."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from leakhunt.evidence import Source
    from leakhunt.model.series import Series


def builds(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Heap profiles of the old build: a folder, file or glob.")],
    after: Annotated[
        str | None, typer.Argument(metavar="[AFTER]", help="Of the new build; without it, BEFORE holds both, told by build id.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option("--format", help="How to write the comparison.")] = "table",
) -> None:
    """Say whether a fix helped: each leak's growth before and after, with an interval for the difference.

    fixed: the new build grows by less than a fifth, certainly. better, worse, same, new: as far as both series can tell.
    unsure: how many more snapshots would decide. Exits 0 whatever the answer.
    """
    from leakhunt.cli.inputs import sources_of
    from leakhunt.measure.builds import compare_builds
    from leakhunt.reports.builds_table import render_json, render_table

    old, new = (sources_of([before]), sources_of([after])) if after is not None else _by_build(sources_of([before]), before)
    compared = compare_builds(_series(old, before), _series(new, after or before))
    typer.echo(render_json(compared) if format == "json" else render_table(compared), nl=False)


def _series(sources: "list[Source]", name: str) -> "Series":
    """The heap profiles among `sources` as a series. Raises DecodeError where there is none."""
    from leakhunt.config import Settings
    from leakhunt.errors import DecodeError
    from leakhunt.evidence import gather

    evidence = gather(sources, Settings())
    if not evidence.series.snapshots:
        reason = next((entry.skipped for entry in evidence.inputs if entry.skipped), "no heap profile in it")
        raise DecodeError(name, None, str(reason))
    return evidence.series


def _by_build(sources: "list[Source]", name: str) -> "tuple[list[Source], list[Source]]":
    """Sources of the first build and of the last, by time. Raises MismatchError where all are of one build."""
    from leakhunt import decode
    from leakhunt.errors import DecodeError, MismatchError
    from leakhunt.model.profile import ProfileKind

    dated = []
    for source in sources:
        try:
            profile = decode.load(source.read(), source.name)
        except DecodeError:
            continue
        if profile.kind is ProfileKind.HEAP:
            dated.append((profile.time_ns, profile.build_id, source))
    dated.sort(key=lambda entry: entry[0])
    order = list(dict.fromkeys(build for _, build, _ in dated))
    if len(order) < 2:
        raise MismatchError(name, "itself", "all heap profiles are of one build; name BEFORE and AFTER")
    return [s for _, build, s in dated if build == order[0]], [s for _, build, s in dated if build == order[-1]]
