"""The lines of a program that allocate on the heap, by what a profile says they allocated: `leakhunt escape`.

Pure. A sample counts for the innermost line of user code, as everywhere; what the compiler says about that line is
`leakhunt.source.escapes`.
"""

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import unquote

from leakhunt.errors import ConfigError
from leakhunt.model.escape import CompilerLog, EscapeRanking, EscapeRow
from leakhunt.model.profile import Profile
from leakhunt.model.site import AllocationSite, Frame, package_of
from leakhunt.source.annotate import log_notes, site_notes
from leakhunt.source.escapes import EscapeIndex, SiteEscape, heap_lines, summary
from leakhunt.source.tree import SourceTree


def rank(
    log: CompilerLog, profile: Profile | None = None, sample_index: str = "inuse_space", package: str = ""
) -> EscapeRanking:
    """Every heap-allocating line of `log`, in `package` and below where one is given, with the profile's value on it.

    Raises ConfigError for a sample index that the profile has not. Cost: one pass over the samples and over the log.
    """
    index = EscapeIndex(log)
    rows: list[EscapeRow] = []
    seen: set[tuple[str, int]] = set()
    total = explained = 0
    values = _values_by_line(profile, sample_index) if profile else {}
    for (leaf, _), (value, site) in values.items():
        found = index.explain(site)
        home = _package(leaf, found)
        if not _inside(home, package):
            continue
        total += value
        explained += value if found.diagnostics or site.leaf_index else 0
        seen |= {(diagnostic.file, diagnostic.line) for diagnostic in found.diagnostics}
        if value:
            rows.append(EscapeRow(home, leaf.function, leaf.file, leaf.line, value, summary(index, found)))
    for (home, file, line), diagnostics in heap_lines(log, package):
        if (file, line) not in seen:
            rows.append(EscapeRow(home, diagnostics[0].function, file, line, 0, tuple(map(index.why, diagnostics))))
    rows.sort(key=lambda row: (-abs(row.value), row.file, row.line))
    notes = log_notes(log)
    if package and not rows:
        packages = sorted({diagnostic.package for diagnostic in log.diagnostics if diagnostic.package})
        raise ConfigError(
            "--package", f"{package!r} is not in {log.source}, which has {', '.join(packages[:8]) or 'no packages'}"
        )
    unit = next((t.unit for t in profile.sample_types if t.type == sample_index), "") if profile else ""
    return EscapeRanking(
        log.source,
        profile.source if profile else "",
        sample_index if profile else "",
        unit,
        total,
        explained,
        tuple(rows),
        tuple(notes),
    )


def sites_of(profile: Profile) -> tuple[AllocationSite, ...]:
    """The profile's sites by line, for whoever builds the packages that they lie in."""
    from leakhunt.measure.sites import SiteTable

    table = SiteTable("line")
    table.intern(profile)
    return table.sites


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """A line of user code with the profile's value (or its change), and what its source says."""

    leaf: Frame
    value: int
    notes: tuple[str, ...]


def annotated_lines(
    new: Profile, base: Profile | None, sample_index: str, most: int, log: CompilerLog | None, tree: SourceTree | None
) -> tuple[tuple[AnnotatedLine, ...], str]:
    """The `most` lines of user code with the largest values in `new`, or changes from `base`, and the values' unit.

    Raises ConfigError for a sample index that a profile has not."""
    found = _values_by_line(new, sample_index)
    before = _values_by_line(base, sample_index) if base else {}
    sites = {key: site for key, (_, site) in (before | found).items()}
    values = {key: (found[key][0] if key in found else 0) - (before[key][0] if key in before else 0) for key in sites}
    index = EscapeIndex(log) if log else None
    changed = [key for key in values if values[key]]
    largest = sorted(changed, key=lambda key: (-abs(values[key]), key[0].file, key[0].line, key[0].function, key[1]))[:most]
    unit = next(value_type.unit for value_type in new.sample_types if value_type.type == sample_index)
    return tuple(AnnotatedLine(key[0], values[key], site_notes(sites[key], index, tree)) for key in largest), unit


def _values_by_line(profile: Profile, sample_index: str) -> dict[tuple[Frame, str], tuple[int, AllocationSite]]:
    """The profile's value by innermost user frame and the library function below it, with one site of that kind."""
    import numpy as np

    from leakhunt.measure.sites import SiteTable

    column = profile.index_of(sample_index)
    if column is None:
        known = ", ".join(value_type.type for value_type in profile.sample_types)
        raise ConfigError("--sample-index", f"{profile.source} has no {sample_index}; it has {known}")
    table = SiteTable("line")
    site_of_sample = table.intern(profile)
    values = np.asarray(profile.values).reshape(-1, len(profile.sample_types))[:, column]
    sums = np.zeros(len(table), dtype=np.int64)
    np.add.at(sums, site_of_sample, values)
    by_line: dict[tuple[Frame, str], int] = defaultdict(int)
    example: dict[tuple[Frame, str], AllocationSite] = {}
    for site, value in zip(table.sites, sums.tolist(), strict=True):
        inner = site.frames[site.leaf_index - 1].function if site.leaf_index else ""
        by_line[site.leaf, inner] += value
        example.setdefault((site.leaf, inner), site)
    return {key: (value, example[key]) for key, value in by_line.items()}


def _package(leaf: Frame, found: SiteEscape) -> str:
    """Import path of a line: the log's where it has the line (a main package has its own there), else the symbol's."""
    return next((d.package for d in found.diagnostics if d.package), unquote(package_of(leaf.function)))


def _inside(package: str, wanted: str) -> bool:
    return not wanted or package == wanted or package.startswith(wanted.rstrip("/") + "/")
