"""Values that goroutines wait to send or to receive: the collector knows them, the dump's pointer maps of frames do not.

A goroutine that blocks on a channel has a runtime.sudog in the heap, which points to the value on its stack and to the
channel, which knows the element's type. So those words of a frame are as precise as any: without them all that blocked
senders hold would be held "conservatively", and have no type. Sources: $GOROOT/src/runtime/runtime2.go (sudog), chan.go
(hchan), Go 1.21 to 1.27; a block is only taken for a sudog if its own goroutine's stack and a channel fit it.
"""

import re
from dataclasses import dataclass

import numpy as np

from leakhunt.kernels import blocks
from leakhunt.model.heap import Int32, Int64, Process

_ELEMENT = 24  # byte of sudog.elem; sudog.g is at 0
# Bytes of a sudog's slot (96 up to Go 1.25, and since its pointers may hide from the collector 112), and of sudog.c in it.
_CHANNELS = {96: 80, 112: 88}
_ELEMENT_BYTES = 24  # byte of hchan.elemsize, 16 bits
_CHANNEL_BYTES = 96
_CHUNK = 1 << 18  # blocks looked at at a time


@dataclass(frozen=True, slots=True)
class Waiting:
    """V values on stacks, in order of address.

    addresses, sizes   int64[V], of the value
    types              int64[V], address of the abi.Type of the channel's elements
    """

    addresses: Int64
    sizes: Int64
    types: Int64

    def find(self, words: Int64) -> Int32:
        """int32[...]: which value each word lies in, -1 for none."""
        if not len(self.addresses):
            return np.full(len(words), -1, np.int32)
        at = np.searchsorted(self.addresses, words, "right") - 1
        inside = (at >= 0) & (words - self.addresses[at] < self.sizes[at])
        return np.where(inside, at, -1).astype(np.int32)


def waiting_values(process: Process, addresses: Int64, sizes: Int64, content_offsets: Int64, contents: memoryview) -> Waiting:
    """The values of all blocked goroutines. O(blocks of a sudog's size), in pieces."""

    def words(places: Int64) -> Int64:
        values = np.empty(len(places), np.int64)
        blocks.words_at(contents, np.ascontiguousarray(places), values)
        return values

    lows, highs = _stacks(process)
    type_offset = 40 if _minor(process.go_version) >= 23 else 32  # hchan.timer came before elemtype with Go 1.23
    goroutines = np.sort(process.goroutines.addresses)
    rows = [np.empty((0, 3), np.int64)]
    for size, channel in _CHANNELS.items():
        fitting = np.flatnonzero(sizes == size) if len(goroutines) else np.empty(0, np.int64)
        for start in range(0, len(fitting), _CHUNK):
            places = content_offsets[fitting[start : start + _CHUNK]]
            owners = words(places)
            at = np.minimum(np.searchsorted(goroutines, owners), len(goroutines) - 1)
            places, at = places[goroutines[at] == owners], at[goroutines[at] == owners]
            values, channels = words(places + _ELEMENT), words(places + channel)
            own = (values >= lows[at]) & (values < highs[at])
            found = np.minimum(np.searchsorted(addresses, channels), len(addresses) - 1)
            own &= (addresses[found] == channels) & (sizes[found] >= _CHANNEL_BYTES)
            at_channel = content_offsets[found[own]]
            bytes_ = words(at_channel + _ELEMENT_BYTES) & 0xFFFF
            bytes_ = np.minimum(bytes_, highs[at[own]] - values[own])
            rows.append(np.column_stack([values[own], bytes_, words(at_channel + type_offset)]))
    table = np.concatenate(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Waiting(*(np.ascontiguousarray(column) for column in table.T))


def _stacks(process: Process) -> tuple[Int64, Int64]:
    """(lowest, past the highest) address of each goroutine's frames, goroutines in order of address; empty for one without."""
    frames, starts = process.frames, process.goroutines.frame_starts
    order = np.argsort(process.goroutines.addresses)
    first, last = starts[:-1][order], starts[1:][order] - 1
    if not len(frames.sizes):
        return np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    has = last >= first
    lows = np.where(has, frames.stack_pointers[np.where(has, first, 0)], 0)
    highs = np.where(has, (frames.stack_pointers + frames.sizes)[np.where(has, last, 0)], 0)
    return lows, highs


def _minor(version: str) -> int:
    match = re.match(r"go1\.(\d+)", version)
    return int(match[1]) if match else 0
