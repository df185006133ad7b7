"""A lazy, cached view of one heap dump: what follows from it is computed when first asked."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leakhunt.decode.dumpfile import is_stripped_file, open_dump
from leakhunt.decode.gobinary import open_binary
from leakhunt.decode.stripped import read_stripped
from leakhunt.errors import MismatchError
from leakhunt.graph.build import build_graph
from leakhunt.graph.dominators import Dominators, dominate
from leakhunt.graph.expiry import expiry_census
from leakhunt.graph.interned import intern_tables
from leakhunt.graph.join import SiteJoin, join_sites, retention_of
from leakhunt.graph.paths import PathTrie, Reach, fold_paths, shortest_paths
from leakhunt.graph.shapes import name_by_shape
from leakhunt.graph.slack import map_use, pinned_slack
from leakhunt.graph.types import Typing, name_types, type_heap
from leakhunt.model.census import ExpiryCensus, InternTable, MapUse, PinnedSlack
from leakhunt.model.finding import Retention
from leakhunt.model.gotype import Program
from leakhunt.model.heap import HeapGraph, Int64, Naming, Process
from leakhunt.model.site import AllocationSite, Frame, normalise


@dataclass(frozen=True)
class HeapView:
    """One dump. `source` is its name, `graph` its objects; the rest follows."""

    source: str
    graph: HeapGraph
    program: Program | None = None
    raw: bool = False

    @cached_property
    def typing(self) -> Typing | None:
        """Go types, where the binary is at hand. `raw` shows the plumbing of maps, channels and lists too."""
        return type_heap(self.graph, self.program, self.raw) if self.program is not None else None

    @cached_property
    def naming(self) -> Naming:
        """Types and labels: by the binary, else those that came with the graph, else shapes."""
        if self.typing is not None:
            return name_types(self.graph, self.typing)
        return self.graph.naming or name_by_shape(self.graph)

    @cached_property
    def _walked(self) -> tuple[Reach, PathTrie]:
        """What is kept of the shortest paths: a forest of all objects is large, and needed for nothing else."""
        forest = shortest_paths(self.graph, self.naming)
        return forest.reach, fold_paths(self.graph, forest, self.naming)

    @property
    def reached(self) -> Reach:
        """Which kind of root reaches each object."""
        return self._walked[0]

    @property
    def paths(self) -> PathTrie:
        """Shortest paths from roots, folded."""
        return self._walked[1]

    @cached_property
    def dominators(self) -> Dominators:
        """Immediate dominators and retained sizes."""
        return dominate(self.graph, self.reached)

    @cached_property
    def sites(self) -> SiteJoin:
        """Allocation sites of sampled objects."""
        return join_sites(self.graph)

    @cached_property
    def expiry(self) -> tuple[ExpiryCensus, ...]:
        """Entries of containers by their expiry; empty where the dump has no contents or no time."""
        return expiry_census(self.graph, self.naming, self.paths, self.dominators, self.typing)

    @cached_property
    def maps(self) -> tuple[MapUse, ...]:
        """Entries and room of maps; empty without a binary."""
        return map_use(self.graph, self.paths, self.typing) if self.typing is not None else ()

    @cached_property
    def slack(self) -> tuple[PinnedSlack, ...]:
        """Large arrays of which short slices show a part; empty without a binary."""
        return pinned_slack(self.graph, self.paths, self.typing) if self.typing is not None else ()

    @cached_property
    def interned(self) -> tuple[InternTable, ...]:
        """Maps from string to string, with how many of their values are their keys; empty without a binary."""
        return intern_tables(self.graph, self.paths, self.typing) if self.typing is not None else ()

    def retention_of(
        self, sites: Iterable[AllocationSite], by_line: bool = False, gained: Int64 | None = None
    ) -> Retention | None:
        """Who holds what `sites` allocated, None where no live sample tells. `by_line` where sites are told apart by line,
        `gained` by how many objects the path of each object grew."""
        return retention_of(self.sites, self.paths, sites, by_line, gained)

    @cached_property
    def goroutine_stacks(self) -> dict[tuple[Frame, ...], int]:
        """Goroutines by stack, those of the runtime left out; functions only, a dump has no lines."""
        goroutines, frames = self.graph.process.goroutines, self.graph.process.frames
        names = [Frame(normalise(name)) for name in frames.function_names]
        starts = goroutines.frame_starts.tolist()
        users = np.flatnonzero(~goroutines.is_system).tolist()
        counts = Counter(frames.functions[starts[i] : starts[i + 1]].tobytes() for i in users)
        dtype = frames.functions.dtype
        return {tuple(names[i] for i in np.frombuffer(key, dtype).tolist()): count for key, count in counts.items()}

    @cached_property
    def packages(self) -> dict[str, str]:
        """Import path of the package of each named type, by the name that paths show; empty without a binary."""
        if self.typing is None:
            return {}
        layouts = self.typing.layouts
        known = [(layout.name, layouts.program.type(layout.type_id)) for layout in layouts.layouts if layout.type_id]
        return {name: found.package_path for name, found in known if found is not None and found.package_path}

    @property
    def notes(self) -> tuple[str, ...]:
        """Doubts about the dump and its names."""
        return (*self.graph.process.notes, *self.naming.notes)


def open_heap(
    path: str | Path, progress: Callable[[int], None] | None = None, binary: str | None = None, raw: bool = False
) -> HeapView:
    """The view of a dump file, stripped or not, with types where `binary` names the executable that the process ran.

    Raises DecodeError where a file cannot be read, MismatchError where the binary is another's.
    """
    source = str(path)
    if is_stripped_file(path):
        if binary is not None:
            reason = "a stripped dump has no contents to type; it keeps the names that it was written with"
            raise MismatchError(binary, source, reason)
        return HeapView(source, read_stripped(Path(path).read_bytes(), source))
    graph = build_graph(open_dump(path, progress))
    return HeapView(source, graph, _program(binary, graph.process) if binary is not None else None, raw)


def _program(binary: str, process: Process) -> Program:
    program = open_binary(binary)
    data = next(((part.address, part.size_bytes) for part in process.segments if part.kind == "data"), None)
    program.load_at(process.source, process.go_version, data, process.itabs, process.types)
    return program
