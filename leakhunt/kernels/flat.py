"""Adds samples up by node: what a node holds itself (flat) and with everything it calls (cum).

A node is whatever the caller gives one number to: a function, a line. Numbers add up in 64 bits and wrap, as in Go.
"""

import cython

if cython.compiled:
    from cython.cimports.libc.math import expm1, fabs
else:
    from math import expm1, fabs


@cython.cclass
class Sums:
    """What `aggregate` returns.

    flat, cum       int64[nodes]
    frame_flat      int64[N], the part of `flat` that came through each frame
    first, second   float64[nodes], sums of |value| * d and |value| * d * d over the samples of a node, d being the
                    dispersion of a sample (see `aggregate`): variance and third central moment of its sampling error
    """

    flat = cython.declare(object, visibility="readonly")
    cum = cython.declare(object, visibility="readonly")
    frame_flat = cython.declare(object, visibility="readonly")
    first = cython.declare(object, visibility="readonly")
    second = cython.declare(object, visibility="readonly")


def aggregate(
    values: cython.const[cython.longlong][::1],
    width: cython.Py_ssize_t,
    column: cython.Py_ssize_t,
    block_bytes: cython.const[cython.longlong][::1],
    objects_column: cython.Py_ssize_t,
    space_column: cython.Py_ssize_t,
    period: cython.double,
    stack_offsets: cython.const[cython.longlong][::1],
    stack_locations: cython.const[cython.longlong][::1],
    frame_offsets: cython.const[cython.longlong][::1],
    frame_nodes: cython.const[cython.longlong][::1],
    nodes: cython.Py_ssize_t,
    of_cum: cython.bint,
) -> Sums:
    """Sums of `values[s * width + column]` by node; a node that is several times on a stack counts once in `cum`.

    frame_offsets, frame_nodes  location l has the frames `frame_offsets[l]` to `frame_offsets[l + 1]`, innermost first;
                    int64[N], the node of each
    objects_column, space_column  the pair of columns that `column` is one of, -1 where there is none
    period          R, mean bytes between samples; at most 1 means that nothing was left out, and all dispersions are 0
    of_cum          whether `first` and `second` are of `cum`, else of `flat`

    The dispersion of a sample of objects of S bytes is S / (exp(S / R) - 1) for bytes, and one S-th of it for objects. S is
    the block size, where that is unknown the mean object of the sample. Other arrays as in leakhunt.model.profile.Profile.
    Cost: one step a frame of a stack. Raises IndexError where a number points outside its array."""
    out: Sums = Sums()
    out.flat, out.cum, out.frame_flat = _zeros(nodes, "q"), _zeros(nodes, "q"), _zeros(frame_nodes.shape[0], "q")
    out.first, out.second = _zeros(nodes, "d"), _zeros(nodes, "d")
    flat: cython.longlong[::1] = out.flat
    cum: cython.longlong[::1] = out.cum
    frame_flat: cython.longlong[::1] = out.frame_flat
    first: cython.double[::1] = out.first
    second: cython.double[::1] = out.second
    last_seen: cython.longlong[::1] = _zeros(nodes, "q")
    sample: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    frame: cython.Py_ssize_t
    node: cython.Py_ssize_t
    location: cython.Py_ssize_t
    at_leaf: cython.bint
    value: cython.longlong
    size: cython.double
    last_size: cython.double = -1
    dispersion: cython.double = 0
    error: cython.double = 0
    exact: cython.bint = period <= 1 or (column != objects_column and column != space_column)
    for sample in range(stack_offsets.shape[0] - 1):
        value = values[sample * width + column]
        if value == 0:
            continue
        if not exact:
            size = cython.cast(cython.double, block_bytes[sample])
            if size <= 0 and objects_column >= 0 and space_column >= 0:
                size = _mean(values[sample * width + space_column], values[sample * width + objects_column])
            if size != last_size:
                last_size = size
                dispersion = size / expm1(size / period) if size > 0 else period
                if column == objects_column and size > 0:
                    dispersion /= size
            error = fabs(cython.cast(cython.double, value)) * dispersion
        at_leaf = True
        for entry in range(stack_offsets[sample], stack_offsets[sample + 1]):
            location = stack_locations[entry]
            for frame in range(frame_offsets[location], frame_offsets[location + 1]):
                node = frame_nodes[frame]
                if last_seen[node] != sample + 1:
                    last_seen[node] = sample + 1
                    cum[node] += value
                    if of_cum:
                        first[node] += error
                        second[node] += error * dispersion
                if at_leaf:
                    at_leaf = False
                    flat[node] += value
                    frame_flat[frame] += value
                    if not of_cum:
                        first[node] += error
                        second[node] += error * dispersion
    return out


def int64_column(numbers: list) -> memoryview:
    """The integers of `numbers` as int64. Raises OverflowError for one that does not fit."""
    out = _zeros(len(numbers), "q")
    column: cython.longlong[::1] = out
    i: cython.Py_ssize_t
    for i in range(len(numbers)):
        column[i] = numbers[i]
    return out


def frames_by_function(
    line_offsets: cython.const[cython.longlong][::1],
    line_functions: cython.const[cython.longlong][::1],
    function_nodes: cython.const[cython.longlong][::1],
    location_nodes: cython.const[cython.longlong][::1],
) -> tuple:
    """(frame_offsets, frame_nodes) for `aggregate`: a frame for each line, with its function's node, and one for each
    location without lines. `location_nodes` (int64[L]) stand in where a line has no function or its function has -1."""
    locations: cython.Py_ssize_t = location_nodes.shape[0]
    location: cython.Py_ssize_t
    empty: cython.Py_ssize_t = 0
    for location in range(locations):
        empty += line_offsets[location] == line_offsets[location + 1]
    frame_offsets = _zeros(locations + 1, "q")
    frame_nodes = _zeros(line_functions.shape[0] + empty, "q")
    offsets: cython.longlong[::1] = frame_offsets
    nodes: cython.longlong[::1] = frame_nodes
    frame: cython.Py_ssize_t = 0
    line: cython.Py_ssize_t
    node: cython.longlong
    for location in range(locations):
        for line in range(line_offsets[location], line_offsets[location + 1]):
            node = function_nodes[line_functions[line]] if line_functions[line] >= 0 else -1
            nodes[frame] = node if node >= 0 else location_nodes[location]
            frame += 1
        if line_offsets[location] == line_offsets[location + 1]:
            nodes[frame] = location_nodes[location]
            frame += 1
        offsets[location + 1] = frame
    return frame_offsets, frame_nodes


def largest_frames(
    frame_nodes: cython.const[cython.longlong][::1], frame_flat: cython.const[cython.longlong][::1], nodes: cython.Py_ssize_t
) -> memoryview:
    """int64[nodes]: for each node the frame with the largest magnitude of `frame_flat`, the first on a tie, -1 for none."""
    out = _zeros(nodes, "q")
    best: cython.longlong[::1] = out
    frame: cython.Py_ssize_t
    node: cython.Py_ssize_t
    for node in range(nodes):
        best[node] = -1
    for frame in range(frame_nodes.shape[0]):
        node = frame_nodes[frame]
        if best[node] < 0 or _magnitude(frame_flat[frame]) > _magnitude(frame_flat[best[node]]):
            best[node] = frame
    return out


@cython.cfunc
@cython.inline
def _magnitude(value: cython.longlong) -> cython.ulonglong:
    return cython.cast(cython.ulonglong, value) if value >= 0 else 0 - cython.cast(cython.ulonglong, value)


@cython.cfunc
@cython.inline
def _mean(space: cython.longlong, objects: cython.longlong) -> cython.double:
    if objects == 0:
        return 0
    return fabs(cython.cast(cython.double, space) / cython.cast(cython.double, objects))


@cython.cfunc
def _zeros(length: cython.Py_ssize_t, kind: str) -> object:
    return memoryview(bytearray(8 * length)).cast(kind)


def column_totals(values: cython.const[cython.longlong][::1], width: cython.Py_ssize_t) -> list:
    """Exact sum of each of the `width` columns of `values`, as Python integers that do not wrap."""
    highs: cython.longlong[::1] = _zeros(width, "q")
    lows: cython.longlong[::1] = _zeros(width, "q")
    low_half: cython.longlong = (1 << 32) - 1
    at: cython.Py_ssize_t
    column: cython.Py_ssize_t = 0
    value: cython.longlong
    for at in range(values.shape[0]):
        value = values[at]
        highs[column] += value >> 32
        lows[column] += value & low_half
        column = column + 1 if column + 1 < width else 0
    return [(high << 32) + low for high, low in zip(memoryview(highs), memoryview(lows), strict=True)]
