"""Names stacks by one number each, so that stacks known from earlier profiles are recognised without Python work per sample.

Knows nothing of functions: the caller gives a number to each line (say, of its normalised function name) and says which
lines do not count at the leaf.
"""

import cython

_MULTIPLIER = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)  # odd, 2^64 / golden ratio
_SPREAD = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)  # of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)


@cython.cfunc
@cython.inline
def _mix(state: cython.ulonglong, key: cython.ulonglong) -> cython.ulonglong:
    """One step: injective in `state` for a given key and the other way round, and depends on the order of the steps."""
    state = (state ^ key) * _MULTIPLIER
    state ^= state >> 32
    state *= _SPREAD
    return state ^ (state >> 29)


def hash_stacks(
    stack_offsets: cython.longlong[::1],
    stack_locations: cython.longlong[::1],
    line_offsets: cython.longlong[::1],
    line_keys: cython.ulonglong[::1],
    line_skipped: cython.uchar[::1],
    location_keys: cython.ulonglong[::1],
) -> memoryview:
    """uint64[S] (format "Q"): equal for samples whose stacks hold the same line keys in the same order.

    stack_offsets, stack_locations, line_offsets    as in leakhunt.model.profile.Profile
    line_keys       uint64[N], what a line is known by
    line_skipped    uint8[N], 1 where the line is left out at the leaf; if it is so all the way, the stack is taken whole
    location_keys   uint64[L], what a location without lines is known by (never left out)

    Keys that are evenly spread 64-bit hashes collide by chance once in 2^64 pairs; an empty stack has its own number.
    Cost: one step a line of a stack. Raises IndexError where an offset or a location points outside its array."""
    samples: cython.Py_ssize_t = stack_offsets.shape[0] - 1
    out = memoryview(bytearray(8 * max(samples, 0))).cast("Q")
    hashes: cython.ulonglong[::1] = out
    sample: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    line: cython.Py_ssize_t
    location: cython.Py_ssize_t
    state: cython.ulonglong
    whole: cython.ulonglong
    at_leaf: cython.bint
    for sample in range(samples):
        state, whole, at_leaf = _SPREAD, _SPREAD, True
        for entry in range(stack_offsets[sample], stack_offsets[sample + 1]):
            location = stack_locations[entry]
            if line_offsets[location] == line_offsets[location + 1]:
                at_leaf = False
                state = _mix(state, location_keys[location])
            for line in range(line_offsets[location], line_offsets[location + 1]):
                if at_leaf and line_skipped[line]:
                    whole = _mix(whole, line_keys[line])
                else:
                    at_leaf = False
                    state = _mix(state, line_keys[line])
        hashes[sample] = whole if at_leaf else state
    return out
