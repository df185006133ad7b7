"""Names without a binary: an object is called by its size and by the words in which it holds pointers.

Two objects of one Go type nearly always have the same shape; two of one shape need not have the same type. Globals are
called by their place in the data or bss segment, stack roots by their function. Cost: a few microseconds a shape.
"""

import numpy as np

from leakhunt.graph.roots import deferring_functions, name_without_place, telling_frames
from leakhunt.graph.variables import words_at
from leakhunt.kernels import blocks
from leakhunt.model.heap import MALLOC_HEADER_MAX_BYTES, WORD_BYTES, HeapGraph, Int32, Naming, RootKind

MOST_OFFSETS = 6  # more pointer words than this are counted, not listed
ARRAY_POINTERS = 16  # an object with more is an array or a map's table: its edges share one label, or no path would fold


def name_by_shape(graph: HeapGraph, with_roots: bool = True) -> Naming:
    """Types are shapes, labels are byte offsets (`+16`), or `[x]` where the object is an array of pointers. Roots stay without
    names where something else will name them."""
    labels: dict[str, int] = {}
    names, rows = [], []
    for size, words in zip(graph.shape_sizes.tolist(), graph.shape_words, strict=True):
        names.append(shape_name(size, words))
        rows.append(_labels_of(size, words, labels))
    type_ids = _told_by_interfaces(graph, names, rows)
    lengths = np.array([len(row) for row in rows], np.int64)
    root_names, root_name_ids = name_roots(graph) if with_roots else ([""], np.zeros(len(graph.roots), np.int32))
    return Naming(
        type_ids=type_ids,
        type_names=names,
        type_is_known=np.zeros(len(names), bool),
        type_is_internal=np.zeros(len(names), bool),
        label_starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        label_ids=np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32),
        data_words=np.zeros(graph.objects, np.int8),
        label_names=list(labels),
        root_names=root_names,
        root_name_ids=root_name_ids,
        root_label_ids=np.full(len(root_name_ids), -1, np.int32),
    )


def _told_by_interfaces(graph: HeapGraph, names: list[str], rows: list[Int32]) -> Int32:
    """int32[N]: each object's shape, or for one that an interface leads to a type of its own, added to `names` and `rows`.

    An interface's first word is an itab, and the dump says which type is behind each: `time.Time (24 B, pointers at 16)`; of
    pointer types it has the package only: `gcache.? (160 B, 13 pointers)`. O(edges).
    """
    process = graph.process
    if graph.contents is None or not len(process.itabs) or not graph.edges:
        return graph.shapes
    texts = {record.address: record.name.rpartition("/")[2] for record in process.types}
    itabs = process.itabs[np.argsort(process.itabs[:, 0])]
    addresses = np.ascontiguousarray(itabs[:, 0])
    found = blocks.edges_after_keys(graph.contents, graph.content_offsets, graph.edge_starts, graph.edge_words, addresses)
    edges, numbers = (np.frombuffer(column, np.int32) for column in found)
    holders = np.searchsorted(graph.edge_starts, edges, "right") - 1
    places = graph.content_offsets[holders] + graph.edge_words[edges] * np.int64(WORD_BYTES)
    targets = graph.edge_targets[edges]
    for segment in process.segments:
        within = graph.roots.addresses - segment.address
        is_of = graph.roots.kinds == (RootKind.DATA if segment.kind == "data" else RootKind.BSS)
        mine = np.flatnonzero(is_of & (within >= 0) & (within < segment.size_bytes))
        words = within[mine] + segment.content_offset
        before = words_at(graph.contents, np.maximum(words - WORD_BYTES, 0))
        at = np.minimum(np.searchsorted(addresses, before), len(itabs) - 1)
        known = addresses[at] == before
        places, numbers = np.concatenate([places, words[known]]), np.concatenate([numbers, at[known]])
        targets = np.concatenate([targets, graph.roots.targets[mine[known]]])
    inside = words_at(graph.contents, places) - graph.addresses[targets]
    told = (inside >= 0) & (inside <= WORD_BYTES)  # 8: behind a malloc header
    targets, numbers = targets[told], numbers[told]
    pairs = graph.shapes[targets] * np.int64(len(itabs)) + numbers
    distinct, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    known_as: dict[tuple[int, str], int] = {}
    type_of_pair = np.full(len(distinct), -1, np.int32)
    for pair in np.argsort(first).tolist():
        shape, number = divmod(int(distinct[pair]), len(itabs))
        text = texts.get(int(itabs[number, 1]), "")
        if text:
            key = (shape, f"{text}?" if text.endswith(".") else text)
            if key not in known_as:
                known_as[key] = len(names)
                names.append(f"{key[1]} ({names[shape]})")
                rows.append(rows[shape])
            type_of_pair[pair] = known_as[key]
    type_ids = graph.shapes.copy()
    types = type_of_pair[inverse.reshape(-1)]
    type_ids[targets[types >= 0]] = types[types >= 0]
    return type_ids


def shape_name(size: int, words: Int32) -> str:
    """`48 B, pointers at 0, 16`; `64 B, no pointers`; `128 B of pointers`; `1024 B, 40 pointers`; larger objects by class."""
    if size > MALLOC_HEADER_MAX_BYTES:
        return "large object with pointers" if len(words) else "large object without pointers"
    if not len(words):
        return f"{size} B, no pointers"
    if len(words) * WORD_BYTES == size:
        return f"{size} B of pointers"
    if len(words) > MOST_OFFSETS:
        return f"{size} B, {len(words)} pointers"
    return f"{size} B, pointers at {', '.join(str(word * WORD_BYTES) for word in words.tolist())}"


def _labels_of(size: int, words: Int32, labels: dict[str, int]) -> Int32:
    """Label of each word of the shape; one label for all words of an array, none where there are no pointers."""
    if not len(words):
        return np.empty(0, np.int32)
    if size > MALLOC_HEADER_MAX_BYTES or len(words) > ARRAY_POINTERS:
        return np.array([labels.setdefault("[x]", len(labels))], np.int32)
    row = np.full(size // WORD_BYTES, labels.setdefault("[x]", len(labels)), np.int32)
    for word in words.tolist():
        row[word] = labels.setdefault(f"+{word * WORD_BYTES}", len(labels))
    return row


def name_roots(graph: HeapGraph) -> tuple[list[str], Int32]:
    """The name of each root as an index into the list of names: `data+0x1a0`, the function of a stack frame, `finalizer`."""
    process, roots = graph.process, graph.roots
    frames, deferred = telling_frames(process), deferring_functions(process)
    bases = {segment.kind: segment.address for segment in process.segments}
    names: dict[str, int] = {}
    ids = np.empty(len(roots), np.int32)
    columns = zip(roots.kinds.data, roots.addresses.data, roots.sources.data, strict=True)  # lists of millions would weigh
    for i, (kind, address, source) in enumerate(columns):
        if kind in (RootKind.DATA, RootKind.BSS):
            segment = RootKind(kind).label
            name = f"{segment}+{address - bases[segment]:#x}"
        elif kind == RootKind.FINALIZER:
            name = "finalizer"
        elif source < 0:
            name = name_without_place(graph, int(roots.targets[i]), deferred)
        else:
            name = process.frames.function_names[process.frames.functions[frames[source]]]
        ids[i] = names.setdefault(name, len(names))
    return list(names), ids
