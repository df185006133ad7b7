"""A dump to a graph: which object each pointer leads to, the shapes of objects, the objects of allocation samples.

Cost: one pass over the pointer lists and the pointer words, constant time a pointer (see leakhunt.kernels.blocks.Index).
Beside the mapped file the graph takes 32 bytes an object and 8 an edge.
"""

import numpy as np

from leakhunt.errors import DecodeError
from leakhunt.graph.roots import find_roots
from leakhunt.kernels import blocks, records
from leakhunt.model.heap import (
    MALLOC_HEADER_MAX_BYTES,
    WORD_BYTES,
    WRITE_MAX_BYTES,
    HeapDump,
    HeapGraph,
    Int32,
    Process,
    written_bytes,
)

SHAPE_WORDS_MAX = MALLOC_HEADER_MAX_BYTES // WORD_BYTES  # larger objects are told apart by size, not by words


def build_graph(dump: HeapDump) -> HeapGraph:
    """The object graph of `dump`. Raises DecodeError where a pointer list does not fit its object."""
    count = len(dump.addresses)
    index = blocks.Index(dump.addresses, dump.sizes)
    edge_starts, shapes = np.empty(count + 1, np.int32), np.empty(count, np.int32)
    try:
        targets, words, firsts = blocks.edges(
            dump.contents, index, dump.content_offsets, MALLOC_HEADER_MAX_BYTES, WRITE_MAX_BYTES, edge_starts, shapes
        )
        shape_firsts = np.frombuffer(firsts, np.int32)
        roots = find_roots(dump, index)
    except ValueError as error:
        reason, offset = error.args
        raise DecodeError(dump.process.source, offset, f"corrupt heap dump: {reason}; take the dump again") from None
    shape_sizes = dump.sizes[shape_firsts]
    shape_words = [
        pointer_words(dump.contents, int(offset + size))[:SHAPE_WORDS_MAX]
        for offset, size in zip(dump.content_offsets[shape_firsts], written_bytes(shape_sizes), strict=True)
    ]
    return HeapGraph(
        process=dump.process,
        addresses=dump.addresses,
        sizes=dump.sizes,
        content_offsets=dump.content_offsets,
        edge_starts=edge_starts,
        edge_targets=np.frombuffer(targets, np.int32),
        edge_words=np.frombuffer(words, np.int32),
        shapes=shapes,
        shape_sizes=shape_sizes,
        shape_words=shape_words,
        roots=roots,
        sample_objects=_sampled(dump.process, index),
        sample_buckets=dump.process.sample_buckets,
        self_check=dump.self_check,
        contents=dump.contents,
    )


def pointer_words(contents: memoryview, list_offset: int) -> Int32:
    """The words that the pointer list at byte `list_offset` of the dump names, as int32 word numbers."""
    return (np.frombuffer(records.pair_offsets(contents, list_offset), np.int64) // WORD_BYTES).astype(np.int32)


def _sampled(process: Process, index: blocks.Index) -> Int32:
    """The object of each allocation sample. Its address may be that of the data behind an 8-byte malloc header."""
    objects = np.empty(len(process.sample_addresses), np.int32)
    index.resolve(process.sample_addresses, objects)
    return objects
