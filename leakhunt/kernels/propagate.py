"""Spreads layouts over a graph of blocks: a block whose layout is known tells what its pointers lead to.

Blocks, edges and words are those of `leakhunt.kernels.graph`; what a layout means is the caller's. Column formats are those of
`leakhunt.graph.slots.Tables`, action numbers those of `leakhunt.graph.slots.Action`.

Rules (each was needed on real dumps): a layout must fit its block and name every word that holds a pointer, else it is
refused and counted; the layout that explains more bytes wins, of two that explain as many the higher rank; a block allocated
with its type (`fixed`) only takes layouts with the same base; a pointer to the inside of a block tells nothing, except that
it may lead to an element of an array; a pointer-free layout that is far smaller than its block is refused.
"""

import cython
from cython.cimports.cpython import array
from cython.cimports.libc.string import memcpy

_EMPTY_LONG = cython.declare(object, __import__("array").array("q"))

_CACHE_MASK = cython.declare(cython.longlong, 8191)  # verdicts kept at hand; most heaps have fewer pairs of shape and layout
_SCALAR = cython.declare(cython.int, 0)
_POINTER = cython.declare(cython.int, 1)
_BASE = cython.declare(cython.int, 2)
_INSIDE = cython.declare(cython.int, 3)
_INTERFACE = cython.declare(cython.int, 4)
_FUNCTION = cython.declare(cython.int, 5)
_DIRECTORY = cython.declare(cython.int, 6)
_EITHER = cython.declare(cython.int, 7)


@cython.cclass
class Spread:
    """The state of one propagation. Set `tables` and `keys` before `seed` and `run`, and again when more layouts are known.

    addresses, sizes    int64[N], of blocks in order of address
    places              int64[N], where a block's bytes are in `contents`
    starts, targets, words   CSR edges: int32[N + 1], int32[E], int32[E]
    shapes              int32[N]; shape_starts int64[T + 1], shape_words int32[...]: the words that hold pointers in blocks of
                        a shape, nil ones included, ascending; for blocks above `listed_bytes` the edges stand for them
    layouts             int32[N], -1 where unknown; filled here
    data_words          int8[N], 1 where the block begins with a word that is its type; filled here
    fixed               uint8[N], 1 where the layout's base is certain; filled here
    class_sizes         int64[...], sizes that small blocks can have, ascending
    """

    contents: cython.const[cython.uchar][::1]
    addresses: cython.const[cython.longlong][::1]
    sizes: cython.const[cython.longlong][::1]
    places: cython.const[cython.longlong][::1]
    edge_starts: cython.const[cython.int][::1]
    edge_targets: cython.const[cython.int][::1]
    edge_words: cython.const[cython.int][::1]
    layouts: cython.int[::1]
    data_words: cython.schar[::1]
    fixed: cython.uchar[::1]
    class_sizes: cython.const[cython.longlong][::1]

    layout_starts: cython.const[cython.longlong][::1]
    actions: cython.const[cython.schar][::1]
    arguments: cython.const[cython.int][::1]
    others: cython.const[cython.int][::1]
    layout_sizes: cython.const[cython.longlong][::1]
    bases: cython.const[cython.longlong][::1]
    flags: cython.const[cython.schar][:, ::1]

    shapes: cython.const[cython.int][::1]
    shape_starts: cython.const[cython.longlong][::1]
    shape_words: cython.const[cython.int][::1]
    listed_bytes: cython.longlong
    verdicts: dict
    cache_keys: cython.longlong[::1]
    cache_verdicts: cython.uchar[::1]

    keys: cython.const[cython.longlong][::1]
    key_actions: cython.const[cython.schar][::1]
    key_arguments: cython.const[cython.int][::1]
    key_others: cython.const[cython.int][::1]
    last_key: cython.longlong
    last_place: cython.Py_ssize_t

    queue: cython.int[::1]
    queued: cython.uchar[::1]
    head: cython.Py_ssize_t
    waiting: cython.Py_ssize_t
    unknown: set
    refused: cython.longlong

    def __init__(
        self,
        contents,
        addresses,
        sizes,
        places,
        edge_starts,
        edge_targets,
        edge_words,
        shapes,
        shape_starts,
        shape_words,
        listed_bytes,
        layouts,
        data_words,
        fixed,
        class_sizes,
    ):
        count: cython.Py_ssize_t = addresses.shape[0]
        self.contents, self.addresses, self.sizes, self.places = contents, addresses, sizes, places
        self.edge_starts, self.edge_targets, self.edge_words = edge_starts, edge_targets, edge_words
        self.shapes, self.shape_starts, self.shape_words, self.listed_bytes = shapes, shape_starts, shape_words, listed_bytes
        self.layouts, self.data_words, self.fixed, self.class_sizes = layouts, data_words, fixed, class_sizes
        if not (
            self.sizes.shape[0] == self.places.shape[0] == self.layouts.shape[0] == self.shapes.shape[0] == count
            and self.data_words.shape[0] == self.fixed.shape[0] == count
            and self.edge_starts.shape[0] == count + 1
            and self.edge_targets.shape[0] == self.edge_words.shape[0]
        ):
            raise ValueError("columns of different lengths")
        self.verdicts = {}
        self.cache_keys = array.clone(__import__("array").array("q"), _CACHE_MASK + 1, zero=False)
        self.cache_keys[:] = -1
        self.cache_verdicts = array.clone(__import__("array").array("B"), _CACHE_MASK + 1, zero=True)
        self.queue = array.clone(__import__("array").array("i"), max(count, 1), zero=True)
        self.queued = array.clone(__import__("array").array("B"), max(count, 1), zero=True)
        self.head = self.waiting = 0
        self.unknown = set()
        self.refused = 0

    def set_tables(self, starts, actions, arguments, others, sizes, bases, flags):
        """The columns of all layouts."""
        self.layout_starts, self.actions, self.arguments, self.others = starts, actions, arguments, others
        self.layout_sizes, self.bases, self.flags = sizes, bases, flags
        if self.layout_starts.shape[0] != self.layout_sizes.shape[0] + 1 or self.flags.shape[0] != self.layout_sizes.shape[0]:
            raise ValueError("layouts of different lengths")

    def set_keys(self, keys, actions, arguments, others):
        """What the words mean that name a type: itabs, types and code addresses, ascending, and what they lead to."""
        self.keys, self.key_actions, self.key_arguments, self.key_others = keys, actions, arguments, others
        self.last_key, self.last_place = 0, -1

    def take_unknown(self):
        """Words that named something that is not among the keys, as a set; forgotten here. Their blocks are queued again."""
        found = self.unknown
        self.unknown = set()
        return found

    @property
    def refusals(self):
        """How many layouts were refused because they contradicted the block."""
        return self.refused

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=True)
    def word_at(self, place: cython.longlong) -> cython.longlong:
        value: cython.longlong = 0
        if place < 0 or place + 8 > self.contents.shape[0]:
            raise ValueError("a word lies outside the dump")
        memcpy(cython.address(value), cython.address(self.contents[place]), 8)
        return value

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-2)
    def find_key(self, key: cython.longlong) -> cython.Py_ssize_t:
        """Where `key` is among the keys, -1 for nowhere."""
        if key == self.last_key:
            return self.last_place
        low: cython.Py_ssize_t = 0
        high: cython.Py_ssize_t = self.keys.shape[0]
        middle: cython.Py_ssize_t
        while low < high:
            middle = (low + high) >> 1
            if self.keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        self.last_key = key
        self.last_place = low if low < self.keys.shape[0] and self.keys[low] == key else -1
        return self.last_place

    @cython.cfunc
    @cython.exceptval(-1)
    def push(self, block: cython.int) -> cython.int:
        if not self.queued[block]:
            self.queued[block] = 1
            self.queue[(self.head + self.waiting) % self.queue.shape[0]] = block
            self.waiting += 1
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def extent(self, block: cython.int, layout: cython.int) -> cython.longlong:
        """Bytes of the block that the layout explains."""
        if self.flags[layout, 0] or (not self.flags[layout, 1] and self.is_snug(block, self.layout_sizes[layout])):
            return self.sizes[block] - 8 * self.data_words[block]
        return self.layout_sizes[layout]

    @cython.cfunc
    @cython.exceptval(-1)
    def is_snug(self, block: cython.int, size: cython.longlong) -> cython.int:
        """Whether a value of `size` bytes would be put into a block of this size, and into no smaller one."""
        need: cython.longlong = size + 8 * self.data_words[block]
        i: cython.Py_ssize_t
        for i in range(self.class_sizes.shape[0]):
            if self.class_sizes[i] >= need:
                return self.class_sizes[i] == self.sizes[block]
        return self.sizes[block] - need < 8192

    @cython.cfunc
    @cython.exceptval(-1)
    def fits(self, block: cython.int, layout: cython.int) -> cython.int:
        """Whether the layout contradicts nothing that is known of the block."""
        size: cython.longlong = self.layout_sizes[layout]
        if size <= 0 or size > self.sizes[block] - 8 * self.data_words[block]:
            return 0
        if self.flags[layout, 1]:
            return 1
        if self.sizes[block] > self.listed_bytes:
            return self.fits_edges(block, layout)
        key: cython.longlong = (cython.cast(cython.longlong, self.shapes[block]) << 32) | (layout << 1) | self.data_words[block]
        place: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, (key ^ (key >> 29)) & _CACHE_MASK)
        if self.cache_keys[place] == key:
            return self.cache_verdicts[place]
        known = self.verdicts.get(key)
        if known is None:
            known = self.verdicts[key] = self.fits_shape(block, layout)
        self.cache_keys[place] = key
        self.cache_verdicts[place] = known
        return self.cache_verdicts[place]

    @cython.cfunc
    @cython.exceptval(-1)
    def fits_shape(self, block: cython.int, layout: cython.int) -> cython.int:
        """Whether the words that hold pointers are the block's: all of them, and all that the first element has."""
        first: cython.longlong = self.layout_starts[layout]
        words: cython.longlong = self.layout_starts[layout + 1] - first
        start: cython.longlong = self.shape_starts[self.shapes[block]]
        end: cython.longlong = self.shape_starts[self.shapes[block] + 1]
        header: cython.longlong = self.data_words[block]
        i: cython.longlong
        word: cython.longlong
        own: cython.longlong = 0
        slots: cython.longlong = 0
        if words == 0:
            return start == end and (self.flags[layout, 0] or self.is_snug(block, self.layout_sizes[layout]))
        for i in range(start, end):
            word = self.shape_words[i] - header
            if word < 0:
                return 0
            own += word < words
            if word >= words:
                # Behind a value with a malloc header the runtime lists the pointers of a second one that is not there.
                if not self.flags[layout, 0] and not header:
                    return 0
                word = word % words
            if self.actions[first + word] == _SCALAR:
                return 0
        for word in range(words):
            slots += self.actions[first + word] != _SCALAR
        return own == slots

    @cython.cfunc
    @cython.exceptval(-1)
    def fits_edges(self, block: cython.int, layout: cython.int) -> cython.int:
        """Whether every pointer that leads to a block lies on a word that may hold one."""
        first: cython.longlong = self.layout_starts[layout]
        words: cython.longlong = self.layout_starts[layout + 1] - first
        edge: cython.longlong
        word: cython.longlong
        if words == 0:
            return self.edge_starts[block] == self.edge_starts[block + 1] and self.flags[layout, 0]
        for edge in range(self.edge_starts[block], self.edge_starts[block + 1]):
            word = self.edge_words[edge] - self.data_words[block]
            if word < 0 or (word >= words and not self.flags[layout, 0]) or self.actions[first + word % words] == _SCALAR:
                return 0
        return 1

    @cython.cfunc
    @cython.exceptval(-1)
    def offer(self, block: cython.int, layout: cython.int) -> cython.int:
        """Give the block this layout if it fits and says more than the one it has."""
        if layout < 0 or layout >= self.layout_sizes.shape[0]:
            return 0
        old: cython.int = self.layouts[block]
        if old == layout:
            return 0
        if old >= 0:
            if self.fixed[block]:
                if self.bases[layout] != self.bases[old] or self.flags[layout, 2] <= self.flags[old, 2]:
                    return 0
            else:
                new_extent: cython.longlong = self.extent(block, layout)
                old_extent: cython.longlong = self.extent(block, old)
                if new_extent < old_extent or (new_extent == old_extent and self.flags[layout, 2] <= self.flags[old, 2]):
                    return 0
        if not self.fits(block, layout):
            self.refused += 1
            return 0
        # A block of 16 bytes without pointers may hold several small values of different types (the tiny allocator).
        if self.sizes[block] == 16 and self.layout_sizes[layout] < 16 and self.is_flat(layout) and not self.flags[layout, 0]:
            return 0
        self.layouts[block] = layout
        return self.push(block)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def is_flat(self, layout: cython.int) -> cython.int:
        return self.layout_starts[layout + 1] == self.layout_starts[layout] and not self.flags[layout, 1]

    @cython.cfunc
    @cython.exceptval(-1)
    def follow(
        self, action: cython.int, argument: cython.int, other: cython.int, place: cython.longlong, target: cython.int
    ) -> cython.int:
        """Learn from the pointer at byte `place` of the contents, which leads to `target`. 1 where a key is missing."""
        delta: cython.longlong
        key: cython.longlong
        at: cython.Py_ssize_t
        if action <= _POINTER or (action <= _INSIDE and self.layouts[target] == argument):
            return 0
        delta = self.word_at(place) - self.addresses[target] - 8 * self.data_words[target]
        if action == _INTERFACE:
            key = self.word_at(place - 8)
            at = self.find_key(key)
            if at < 0:
                if key == 0:
                    return 0
                self.unknown.add(key)
                return 1
            action, argument, other = self.key_actions[at], self.key_arguments[at], self.key_others[at]
        if action == _INSIDE:
            if argument < 0 or argument >= self.layout_sizes.shape[0] or self.layout_sizes[argument] <= 0:
                return 0
            # An array may be a part of a larger value, so a pointer to its inside only speaks where nothing else does.
            if delta == 0 or (delta > 0 and delta % self.layout_sizes[argument] == 0 and self.layouts[target] < 0):
                self.offer(target, argument)
            return 0
        if delta != 0:
            return 0
        if action == _BASE:
            self.offer(target, argument)
        elif action == _FUNCTION:
            key = self.word_at(self.places[target])
            at = self.find_key(key)
            if at < 0:
                self.unknown.add(key)
                return 1
            self.offer(target, self.key_arguments[at])
        elif action == _DIRECTORY:
            self.offer(target, argument if self.word_at(place + 8) == 0 else other)
        elif action == _EITHER:
            at = self.places[target] + 8 * self.data_words[target]
            if at < 0 or at >= self.contents.shape[0]:
                raise ValueError("a block lies outside the dump")
            self.offer(target, argument if self.contents[at] else other)
        return 0

    def adopt(self, blocks: cython.const[cython.int][::1], layouts: cython.const[cython.int][::1]):
        """Blocks whose first word seems to say what they are: `layouts[i]` behind that word, unless the block contradicts."""
        i: cython.Py_ssize_t
        block: cython.int
        for i in range(blocks.shape[0]):
            block = blocks[i]
            if layouts[i] < 0 or layouts[i] >= self.layout_sizes.shape[0]:
                raise ValueError("no such layout")
            self.data_words[block] = 1
            if self.fits(block, layouts[i]):
                self.layouts[block] = layouts[i]
                self.fixed[block] = 1
                self.push(block)
            else:
                self.data_words[block] = 0

    def propose(self, blocks: cython.const[cython.int][::1], layouts: cython.const[cython.int][::1]):
        """Offer `layouts[i]` to each block."""
        i: cython.Py_ssize_t
        for i in range(blocks.shape[0]):
            self.offer(blocks[i], layouts[i])

    def seed(
        self,
        places: cython.const[cython.longlong][::1],
        targets: cython.const[cython.int][::1],
        actions: cython.const[cython.schar][::1],
        arguments: cython.const[cython.int][::1],
        others: cython.const[cython.int][::1],
    ):
        """Learn from pointers outside the blocks: the word at byte `places[i]` of the contents leads to block `targets[i]`."""
        i: cython.Py_ssize_t
        for i in range(places.shape[0]):
            if targets[i] < 0 or targets[i] >= self.addresses.shape[0]:
                raise ValueError("a root leads to no block")
            self.follow(actions[i], arguments[i], others[i], places[i], targets[i])

    def run(self):
        """Follow the pointers of queued blocks until nothing is learnt. Blocks that met an unknown key stay queued for the next
        run. O(edges x the few times that a block's layout improves)."""
        block: cython.int
        layout: cython.int
        edge: cython.longlong
        word: cython.longlong
        first: cython.longlong
        words: cython.longlong
        missing: cython.int
        again = []
        while self.waiting:
            block = self.queue[self.head]
            self.head = (self.head + 1) % self.queue.shape[0]
            self.waiting -= 1
            self.queued[block] = 0
            layout = self.layouts[block]
            first = self.layout_starts[layout]
            words = self.layout_starts[layout + 1] - first
            if words == 0:
                continue
            missing = 0
            for edge in range(self.edge_starts[block], self.edge_starts[block + 1]):
                word = self.edge_words[edge] - self.data_words[block]
                if word < 0:
                    continue
                if word >= words:
                    if not self.flags[layout, 0]:
                        continue
                    word = word % words
                missing |= self.follow(
                    self.actions[first + word],
                    self.arguments[first + word],
                    self.others[first + word],
                    self.places[block] + 8 * cython.cast(cython.longlong, self.edge_words[edge]),
                    self.edge_targets[edge],
                )
            if missing:
                again.append(block)
        for block in again:
            self.push(block)

    def pairs(self):
        """Learn from pairs of words in blocks of unknown layout that look like interfaces: a key, then a pointer."""
        block: cython.int
        edge: cython.longlong
        place: cython.longlong
        at: cython.Py_ssize_t
        for block in range(cython.cast(cython.int, self.layouts.shape[0])):
            if self.layouts[block] >= 0:
                continue
            for edge in range(self.edge_starts[block], self.edge_starts[block + 1]):
                if self.edge_words[edge] <= 0:
                    continue
                place = self.places[block] + 8 * cython.cast(cython.longlong, self.edge_words[edge])
                at = self.find_key(self.word_at(place - 8))
                if at >= 0 and self.key_actions[at] != _FUNCTION:
                    self.follow(
                        self.key_actions[at], self.key_arguments[at], self.key_others[at], place, self.edge_targets[edge]
                    )


def contradictions(
    edge_starts: cython.const[cython.int][::1],
    edge_words: cython.const[cython.int][::1],
    layouts: cython.const[cython.int][::1],
    data_words: cython.const[cython.schar][::1],
    layout_starts: cython.const[cython.longlong][::1],
    actions: cython.const[cython.schar][::1],
    flags: cython.const[cython.schar][:, ::1],
):
    """Number of edges that lie on a word which the block's layout takes for no pointer, and of those that were looked at."""
    block: cython.Py_ssize_t
    edge: cython.longlong
    word: cython.longlong
    words: cython.longlong
    wrong: cython.longlong = 0
    seen: cython.longlong = 0
    layout: cython.int
    for block in range(layouts.shape[0]):
        layout = layouts[block]
        if layout < 0 or flags[layout, 1]:
            continue
        words = layout_starts[layout + 1] - layout_starts[layout]
        for edge in range(edge_starts[block], edge_starts[block + 1]):
            seen += 1
            word = edge_words[edge] - data_words[block]
            outside: cython.bint = words == 0 or word < 0 or (word >= words and not flags[layout, 0])
            if outside or actions[layout_starts[layout] + word % words] == _SCALAR:
                wrong += 1
    return wrong, seen
