"""A lazy, cached view of one heap dump: what follows from it is computed when first asked."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from leakhunt.decode.dumpfile import is_stripped_file, open_dump
from leakhunt.decode.stripped import read_stripped
from leakhunt.graph.build import build_graph
from leakhunt.graph.dominators import Dominators, dominate
from leakhunt.graph.join import SiteJoin, join_sites, retention_of
from leakhunt.graph.paths import PathTrie, Reach, fold_paths, reach
from leakhunt.graph.shapes import name_by_shape
from leakhunt.model.finding import Retention
from leakhunt.model.heap import HeapGraph, Naming
from leakhunt.model.site import AllocationSite


@dataclass(frozen=True)
class HeapView:
    """One dump. `source` is its name, `graph` its objects; the rest follows."""

    source: str
    graph: HeapGraph

    @cached_property
    def naming(self) -> Naming:
        """Types and labels: those that came with the graph, else shapes."""
        return self.graph.naming or name_by_shape(self.graph)

    @cached_property
    def reached(self) -> Reach:
        """Shortest paths from roots."""
        return reach(self.graph, self.naming)

    @cached_property
    def paths(self) -> PathTrie:
        """The same paths, folded."""
        return fold_paths(self.graph, self.reached, self.naming)

    @cached_property
    def dominators(self) -> Dominators:
        """Immediate dominators and retained sizes."""
        return dominate(self.graph, self.reached)

    @cached_property
    def sites(self) -> SiteJoin:
        """Allocation sites of sampled objects."""
        return join_sites(self.graph)

    def retention_of(self, site: AllocationSite) -> Retention | None:
        """Who holds what `site` allocated, None where no live sample tells."""
        return retention_of(self.sites, self.paths, site)

    @property
    def notes(self) -> tuple[str, ...]:
        """Doubts about the dump and its names."""
        return (*self.graph.process.notes, *self.naming.notes)


def open_heap(path: str | Path, progress: Callable[[int], None] | None = None) -> HeapView:
    """The view of a dump file, stripped or not. Raises DecodeError where it cannot be read."""
    source = str(path)
    if is_stripped_file(path):
        return HeapView(source, read_stripped(Path(path).read_bytes(), source))
    return HeapView(source, build_graph(open_dump(path, progress)))
