"""`leakhunt explain`: what a detector looks for, how it decides, when it is wrong, what to do."""

from typing import Annotated

import typer


def explain(
    detector: Annotated[str, typer.Argument(help="Name of a detector or a pattern; none lists them all.")] = "",
) -> None:
    """What a detector looks for, how it decides, when it is wrong, and what to do."""
    from leakhunt.detectors import DETECTORS, detector_name
    from leakhunt.errors import ConfigError

    if not detector:
        width = max(len(detector_name(d)) for d in DETECTORS)
        for each in DETECTORS:
            typer.echo(f"{detector_name(each):{width}}  {(each.__doc__ or '').partition(chr(10))[0]}")
        return
    matching = [each for each in DETECTORS if detector in (detector_name(each), each.PATTERN)]
    if not matching:
        raise ConfigError("explain", f"{detector!r} is not a detector; they are {', '.join(map(detector_name, DETECTORS))}")
    typer.echo("\n\n".join(f"{detector_name(each)}\n\n{(each.__doc__ or '').strip()}" for each in matching))
