"""Stripped heap dumps: the graph, sizes, types and sites of a dump, and none of its contents; small enough to share.

    leakhunt heap 1\\n          magic
    zstd frame                 4 bytes length of the header, little-endian; the header; the arrays, one after the other

The header is JSON: the fields of HeapGraph and of what it holds, by name, with arrays as numbers into `arrays`, a list of
[dtype, length, delta]. An array is stored as the bytes of its first elements' lowest byte, then of their second byte, and so
on (deltas between neighbours where `delta`), which is what compresses well. Stack words, object words and strings of the
process are not in it, nor is where the dump's file lay and when it was written; names of types, functions and source files are.
"""

import dataclasses
import json
import struct
import types
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import DecodeError
from leakhunt.model.heap import HeapGraph, Naming

MAGIC = b"leakhunt heap 1\n"
MAX_BYTES = 4 << 30  # what a stripped dump may unfold to: some 60 million objects
MAX_HEADER_BYTES = 256 << 20
_LEVEL = 9  # zstd; 3 makes files a fifth larger, 19 takes ten times as long for a tenth less
_DELTA = frozenset({"addresses", "edge_starts", "edge_targets", "frame_starts", "label_starts", "sample_addresses"})
_NOT_STORED = frozenset({"contents", "content_offset", "content_offsets", "pointers_offset", "pointers_offsets"})
_DTYPES = ("<i1", "<i4", "<i8", "|b1")


def write_stripped(graph: HeapGraph, naming: Naming | None) -> bytes:
    """The file. `naming` are the names to store (those of a binary), None for those that follow from the shapes.

    The same dump gives the same bytes, whatever its file is called and however old it is."""
    import zstandard

    process = dataclasses.replace(graph.process, source="", modified_ns=0)
    arrays: list[tuple[NDArray[Any], bool]] = []
    fields = _pack(dataclasses.replace(graph, process=process, contents=None, naming=naming), "", arrays)
    listed = [[array.dtype.newbyteorder("<").str.replace("|i1", "<i1"), len(array), delta] for array, delta in arrays]
    header = json.dumps({"graph": fields, "arrays": listed}, sort_keys=True).encode("ascii")
    parts = [struct.pack("<I", len(header)), header, *(_stored(array, delta) for array, delta in arrays)]
    size = sum(map(len, parts))
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj(size=size)
    return b"".join([MAGIC, *(compressor.compress(part) for part in parts), compressor.flush()])


def read_stripped(data: bytes, source: str) -> HeapGraph:
    """The graph of a stripped dump. Raises DecodeError for anything that `write_stripped` would not have written."""
    import zstandard

    if not data.startswith(MAGIC):
        raise DecodeError(source, 0, "not a stripped heap dump")
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(memoryview(data)[len(MAGIC) :])
    try:
        size = struct.unpack("<I", _exactly(reader, 4))[0]
        if size > MAX_HEADER_BYTES:
            raise ValueError("its header is too large")
        header = json.loads(_exactly(reader, size))
        listed = [(str(dtype), int(length), bool(delta)) for dtype, length, delta in header["arrays"]]
        if any(dtype not in _DTYPES or length < 0 for dtype, length, _ in listed):
            raise ValueError("an array is of no known kind")
        if sum(np.dtype(dtype).itemsize * length for dtype, length, _ in listed) > MAX_BYTES:
            raise ValueError(f"it unfolds to more than {MAX_BYTES} bytes")
        arrays = [_restored(_exactly(reader, np.dtype(d).itemsize * n), d, n, delta) for d, n, delta in listed]
        graph: HeapGraph = _unpack(HeapGraph, header["graph"], arrays)
        _check(graph)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError, zstandard.ZstdError) as error:
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise DecodeError(source, None, f"damaged stripped heap dump: {reason}; strip the dump again") from None
    process = dataclasses.replace(graph.process, source=source)
    return dataclasses.replace(graph, process=process)


def _pack(value: Any, name: str, arrays: list[tuple[NDArray[Any], bool]]) -> Any:
    """`value` as JSON, arrays put aside."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _NOT_STORED]
        return {name: _pack(getattr(value, name), name, arrays) for name in names}
    if isinstance(value, np.ndarray):
        columns = value.reshape(-1)
        arrays.append((columns, name in _DELTA))
        return {"array": len(arrays) - 1, "columns": value.shape[1] if value.ndim == 2 else 0}
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], np.ndarray):
            return [row.tolist() for row in value]
        return [_pack(item, name, arrays) for item in value]
    return value


def _unpack(kind: Any, value: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    """The counterpart of `_pack` for a value of the annotated type `kind`. Raises ValueError where it does not fit."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = next(arm for arm in typing.get_args(kind) if arm is not type(None))
        return None if value is None else _unpack(inner, value, arrays)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        stored = {name: _unpack(hint, value[name], arrays) for name, hint in hints.items() if name not in _NOT_STORED}
        return kind(**stored, **_absent(hints, stored))  # type: ignore[operator]
    if origin is np.ndarray:
        array = arrays[value["array"]]
        wanted = np.dtype(typing.get_args(typing.get_args(kind)[1])[0])
        if array.dtype == np.int64 and wanted == np.int32:  # earlier versions wrote `edge_starts` so
            _within(array, -(1 << 31), 1 << 31)
            array = array.astype(np.int32)
        if array.dtype != wanted:
            raise ValueError("an array is of the wrong kind")
        return array.reshape(-1, int(value["columns"])) if value["columns"] else array
    if origin is dict:
        return {str(key): int(number) for key, number in value.items()}
    if origin is not None:  # Sequence[...], tuple[..., ...]
        inner = typing.get_args(kind)[0]
        if not isinstance(value, list):
            raise ValueError("a list is missing")
        if typing.get_origin(inner) is np.ndarray:
            return [np.array(row, np.int32) for row in value]
        return tuple(_unpack(inner, item, arrays) for item in value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise ValueError("a field is of the wrong kind")


def _absent(hints: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """What a stripped dump has no more: content offsets are -1, contents None."""
    absent: dict[str, Any] = {}
    for name in hints.keys() & _NOT_STORED:
        if name == "contents":
            absent[name] = None
        elif typing.get_origin(hints[name]) is np.ndarray:
            absent[name] = np.full(len(stored["sizes"]), -1, np.int64)
        else:
            absent[name] = -1
    return absent


def _stored(array: NDArray[Any], delta: bool) -> bytes:
    values = np.ascontiguousarray(array)
    if delta and len(values):
        values = np.concatenate([values[:1], np.diff(values)])
    return np.ascontiguousarray(values.view(np.uint8).reshape(len(values), values.dtype.itemsize).T).tobytes()


def _restored(data: bytes, dtype: str, length: int, delta: bool) -> NDArray[Any]:
    planes = np.frombuffer(data, np.uint8).reshape(np.dtype(dtype).itemsize, length)
    if dtype == "|b1":
        return np.asarray(planes.reshape(-1) != 0)
    values: NDArray[Any] = np.array(planes.T, order="C").reshape(-1).view(dtype)
    if delta:
        np.cumsum(values, dtype=values.dtype, out=values)
    return values


def _exactly(reader: Any, size: int) -> bytes:
    """`size` bytes; memory grows with what is there, not with what was declared."""
    parts, left = [], size
    while left:
        part = reader.read(min(left, 1 << 20))
        if not part:
            raise ValueError("it was cut off")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _check(graph: HeapGraph) -> None:
    """Everything that indexes something must be within it. Raises ValueError."""
    count, edges, process = graph.objects, graph.edges, graph.process
    buckets, goroutines, frames, roots = process.buckets, process.goroutines, process.frames, graph.roots
    _same(count, graph.sizes, graph.shapes, graph.content_offsets)
    _same(edges, graph.edge_words)
    _starts(graph.edge_starts, count, edges)
    _within(graph.edge_targets, 0, count)
    _within(graph.edge_words, 0, 1 << 31)
    _within(graph.sizes, 0, 1 << 48)
    _within(graph.addresses, 0, 1 << 48)
    if count > 1 and (graph.addresses[1:] < graph.addresses[:-1] + graph.sizes[:-1]).any():
        raise ValueError("objects overlap")
    _within(graph.shapes, 0, len(graph.shape_sizes))
    _same(len(graph.shape_words), graph.shape_sizes)
    for size, words in zip(graph.shape_sizes.tolist(), graph.shape_words, strict=True):
        _within(words, 0, max(0, size // 8))
    _same(len(roots), roots.kinds, roots.addresses, roots.sources)
    _within(roots.kinds, 0, 5)
    _within(roots.targets, 0, count)
    _within(roots.sources, -1, max(len(frames.sizes), len(process.finalizers.objects)))
    _within(roots.sources[(roots.kinds == 2) | (roots.kinds == 3)], -1, len(frames.sizes))
    _same(len(graph.sample_objects), graph.sample_buckets)
    _within(graph.sample_objects, -1, count)
    _within(graph.sample_buckets, -1, len(buckets.addresses))
    _same(len(buckets.addresses), buckets.sizes, buckets.allocs, buckets.frees)
    _starts(buckets.frame_starts, len(buckets.addresses), len(buckets.frame_lines))
    _same(len(buckets.frame_lines), buckets.frame_functions, buckets.frame_files)
    _within(buckets.frame_functions, 0, len(buckets.strings))
    _within(buckets.frame_files, 0, len(buckets.strings))
    _same(len(goroutines.ids), goroutines.addresses, goroutines.statuses, goroutines.is_system, goroutines.waiting_since_ns)
    _starts(goroutines.frame_starts, len(goroutines.ids), len(frames.sizes))
    _same(len(frames.sizes), frames.stack_pointers, frames.functions, frames.entry_pcs, frames.pcs)
    _within(frames.functions, 0, len(frames.function_names))
    if len(goroutines.wait_reasons) != len(goroutines.ids):
        raise ValueError("goroutines and wait reasons differ in number")
    if graph.naming is not None:
        _check_naming(graph.naming, count, len(roots))


def _check_naming(naming: Naming, count: int, roots: int) -> None:
    kinds = len(naming.type_names)
    _same(count, naming.type_ids, naming.data_words)
    _within(naming.type_ids, 0, kinds)
    _within(naming.data_words, 0, 2)
    _same(kinds, naming.type_is_known, naming.type_is_internal)
    _starts(naming.label_starts, kinds, len(naming.label_ids))
    _within(naming.label_ids, -1, len(naming.label_names))
    _same(roots, naming.root_name_ids, naming.root_label_ids)
    _within(naming.root_label_ids, -1, len(naming.label_names))
    _within(naming.root_name_ids, 0, len(naming.root_names))


def _same(length: int, *arrays: NDArray[Any]) -> None:
    if any(array.ndim != 1 or len(array) != length for array in arrays):
        raise ValueError("columns differ in length")


def _within(array: NDArray[Any], low: int, high: int) -> None:
    if array.ndim != 1 or (len(array) and (int(array.min()) < low or int(array.max()) >= high)):
        raise ValueError("an index points to what is not there")


def _starts(array: NDArray[Any], count: int, total: int) -> None:
    if len(array) != count + 1 or int(array[0]) != 0 or int(array[-1]) != total or (np.diff(array) < 0).any():
        raise ValueError("offsets do not ascend")
