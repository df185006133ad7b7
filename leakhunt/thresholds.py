"""Every number that decides a verdict, with where it comes from. Numbers that bound memory or time stand where they are used.

"Simulation" is `python -m tests.simulate`: 80 processes of 1 500 harmless and 6 leaking sites each, 5 to 48 snapshots; its
table is in docs/how-it-decides.md. "Fixtures" are the real programs under fixtures/, their development part; the figures of
tests that are named are asserted there. docs/reference.md lists this file.
"""

from leakhunt.units import BYTES_PER_MIB

# Whether a site grows

MIN_SNAPSHOTS = 4
"""Snapshots in the longest segment below which nothing is tested: at three, "grew at every step" is wrong 17 % of the time on
pure churn (simulation of 20 MiB sites), and no test can repair that. Fewer give candidates only, and never "no leak"."""

MIN_EVENTS = 6
"""Sampled births and deaths over the segment below which a site is not tested: with fewer no order of events is improbable
enough for any correction (2^-6 = .016), and each such site would only make the correction harder for the others."""

MIN_GROWTH_BYTES = BYTES_PER_MIB
"""Growth over the segment below which a site is no leak worth a report: two samples at the default period."""

ALPHA = 0.05
"""False discovery rate that Benjamini-Hochberg holds over the sites tested."""

LAST_HALF_ALPHA = 0.10
"""Level of the drift test on the last half of the segment, the guard against warm-ups. Simulation: at .10 it drops 16 of 178
false alarms and 2 of 300 leaks, at .05 30 and 15."""

BRIEF_SHARE = 0.2
"""A site whose counts change by less than this share of the variance that exponential lifetimes predict holds objects that no
snapshot shows. With 11 changes a stationary count is below it in .2 % of cases, and the test is cautious then too; a leak of
1 % a snapshot under churn that reaches no snapshot has .1."""

BRIEF_SNAPSHOTS = 8
"""Snapshots below which changes do not tell that."""

RATE_SHARES = (0.0, 0.5, 1.0)
"""Where between the rate of births and deaths and that of the changes (geometrically) the drift is looked at. Sites of two
lifetimes, one short: at the first alone false alarms were up to 300 times the nominal .0001, at these three none exceed it by
more than chance; of 298 simulated leaks they cost one."""

OVERDISPERSION_Z = 1.645
"""The 95th percentile of what dispersion independent events show: above it the dispersion is an estimate, and z Student's t."""

ESTIMATE_DISPERSION = 2.0
"""Least over-dispersion assumed where counts are estimates (merged or rewritten profiles): sizes within a site are then mixed,
which about doubles the variance of a count (sizes of 16 B to 64 KiB)."""

LIFETIME_LENIENCY = 0.5
"""How much better "lifetimes as ever" must explain the deaths than a leak does (log likelihood ratio) before growth counts as
explained. Simulation: at 0 it costs 20 of 300 leaks, at 1 it lets 66 more harmless sites through of 120 000 and gains 10."""

LIFETIME_CERTAIN_Z = 3.0
"""Lifetimes that lengthen this surely (z) are a leak even if load grew as well, as where both happen at once."""

LIFETIME_TELLING_Z = 1.0
"""Below so many standard deviations between "lifetimes as ever" and a leak the deaths seen are too few to tell them apart."""

FILLED_LENIENCY = 1.4
"""How much better a cache that has filled must explain such few deaths than a leak does (log likelihood ratio; four times as
likely). Simulation of 11 197 leaks of 6 to 90 samples, of which a few percent are freed or that share their site with others:
95 in 100 are let through, 88 by LIFETIME_LENIENCY alone; of caches full at nine tenths of the window 14 by both, at 5 snapshots
24 and 16; of ramps and warm-ups 17 and 16. tests/simulate.py: 5 more leaks of 480, 17 more such caches of 1 200."""

LATE_SURE = 2.0
"""How much better a leak must explain the deaths of the last two thirds of the window (log likelihood ratio, seven times as
likely) to count whatever the first third says: a ring that is filled while it is watched, beside a leak of the same site, has
few deaths there (fixtures/series/sketches). Simulation: 3 more warm-ups of 2 400 at q of .01, nothing else."""

LATE_SNAPSHOTS = 5
"""From so many snapshots on the last two thirds are asked by themselves."""

AS_EVER_SURE = 2.0
"""And from how much better (log likelihood ratio; the deaths are then seven times as likely under lifetimes as ever) that is a
strong excuse; below it a detector that is sure of its mechanism convicts all the same."""

DECLINE_Z = -1.645
"""A sibling counts as declining from here (one-sided 5 %): one that declines less surely is noise, and would bury a leak."""

SAME_SIZES_SHARE = 0.5
"""Overlap of two sites' block sizes from which they are taken to make the same objects, where one was filled at the start and
only declines. fixtures/null/foundry-fine: 1 (one type); unrelated pairs of the fixtures have less than .2 mostly, as each has
sizes of its own."""

FEW_OBJECTS = 8.0
"""Mean sampled objects up to which a site is judged by the size of its objects, not their number: of one slice that grows."""

LARGE_PERIODS = 2.0
"""And from how many sampling periods an object on: one of twice the period is sampled with probability .86, so that the counts
are nearly the objects themselves."""

POWER = 0.80
"""Power for which the smallest detectable leak is stated."""

POWER_Z = 0.8416
"""Quantile of the standard normal at POWER."""

INTERVAL_SIGMAS = 2.15
"""Half-width of the rate's interval in standard errors: 1.96 for 95 %, widened by a tenth because over a random walk (what a
leak's sampled count is) the Theil-Sen slope scatters 1.05 to 1.15 times as much as the end-to-end difference whose error this
is (simulation, 600 runs each of 60 leaks). Coverage is then .92 to 1.00, median .98 (76 settings, 500 runs each)."""

# What is a sample, and what one process

INTEGER_TOLERANCE = 0.1
"""How far space * p / S may lie from an integer and still be a cut integer: the cut costs at most p / S < 1/S per sample
merged, .07 at the runtime's smallest class, 8 bytes, and R = 16; a quotient without meaning is farther off 4 in 5 times."""

INTEGER_SHARE = 0.95
"""A profile whose counts are integral for this share of its samples is as the runtime wrote it."""

RESTART_SIGMAS = 4.0
"""Where counts are estimates (labels lost), a site's counter has fallen only when it lost this many standard errors."""

MIXED_PROCESSES_SHARE = 1 / 3
"""More splits than this share of the steps are no restarts but several processes in one folder."""

# Which sites are one leak, and what is looked at

SURE_Q = 0.001
"""Growth at a q of this and less is sure, and its last half need only point upwards. Where no part of the heap is, the heap
as a whole is one more test, at this level."""

SURE_LAST_HALF_P = 0.25
"""What "point upwards" means then, as half a window has a third of the power. Fixtures: it convicts two more leaks (p of the
last half .10 and .20) and no control; to convict from a q of .01 on would find two more of 262, whole and cut to 5, 8 and 12
snapshots, and make five more false alarms: such growth is doubtful, which makes one more leak of 429 found, by its mechanism,
and one more control a suspicion. What has come to rest is told by its shape (plateau, filling)."""

HEAP_SHARE = 0.25
"""A part of the heap's growth is tested after the heap from this share on: at most four disjoint parts are that large, so few
tests follow the first."""

WIDER_Q_RATIO = 0.01
"""A wider function takes the place of a narrower one when its q is a hundredth or less: two halves of one leak give a q that is
about the square; unrelated company of the same handler makes it worse (fixtures/series/sessions: 7e-15, 1e-13, 2e-8
outward)."""

FUNCTION_FRAMES = 4
"""A function takes part for the stacks in which it is among so many first frames outside the standard library: further out
stand handlers and main, whose sum is the process's."""

MEETING_DISTANCE = 4
"""How far from their leaves, both distances added, two stacks may meet, in frames outside the standard library: the user
function that makes a value and puts it into a cache is one frame above the first and three above the second (gcache: set,
SetWithExpire, a wrapper). At five, background work of the same HTTP handler rode along in fixtures/series/sessions-softcap."""

MEETING_NEARER = 1
"""And how far at most the nearer: two that are each two frames away were called by two operations of one handler, and are two
leaks (fixtures/series/helpdesk: Ask < ticket < drive and Join < chat < drive)."""

EQUAL_STANDARD_ERRORS = 2.0
"""Growth in objects counts as equal within so many standard errors (95 %) plus the share below."""

EQUAL_SHARE = 0.25
"""Of the larger growth. Sizes of 16 B beside 1 KiB are sampled so differently that the error carries nearly all of it."""

OBJECTS_AN_OPERATION = 4
"""So many objects at one site may go with one at another, where both grow surely. On the fixtures, whole and cut, it joins none
that are two; a leak of gorilla/context, 2.4 objects of a request for each of its session, was two findings without it."""

RIDER_FREED_SHARE = 0.2
"""A site that rides along may free this share of what it allocates; more is churn that happens to have grown."""

CONTAINER_RATIO = 8.0
"""A container gains at most an eighth of its entries' objects: Go's map groups hold 8 slots."""

CONSPICUOUS_RATIO = 1.1
"""Rise from first to last at which a person, and `pprof -diff_base` read by the usual rule, points at a site."""

CONSPICUOUS_LARGEST = 3
"""The largest sites are what `pprof -top` shows first, and so what people suspect first."""

CONSPICUOUS_MOST = 20
"""Single sites worth a line each; the report of a thousand innocents is read by nobody."""

CONSPICUOUS_PEAK_BYTES = 4 * MIN_GROWTH_BYTES
"""A peak below this is within the noise of most sites."""

OUTGROWN_RUNGS = 5
"""Sizes in a row, each outgrown by the next, that count as growth by themselves: in any order of five sizes, rising all the way
has probability 1/120."""

OUTGROWN_RATIO = 2.0
"""And so much larger it became over the window."""

LADDER_RUNGS = 3
"""Sizes in such a row that name a container: one or two happen by chance among unrelated large blocks."""

LADDER_BYTES = 16 << 10
"""Smaller backing arrays are sampled too rarely to show their ladder."""

LADDER_APPEND_RATIO = (1.1, 2.1)
"""From one size to the next. runtime/slice.go nextslicecap: x2 below 256 elements, then towards x1.25 (+192 elements); rounding
up to size classes and pages adds a little."""

LADDER_DOUBLING = (1.9, 2.15)
"""The same where each size is twice the last, as the bucket array of a map before Go 1.24."""

LADDER_SKIPS_BELOW_BYTES = 1 << 19
"""Below the default sampling period a size is missed now and then: one missing step is allowed."""

LONE_TABLE_BYTES = 96 << 10
"""Up to this a single block near growing objects is taken for a table of their map, above for the array of their slice. A slot
of 96 B makes a table of it; slots are a key and a pointer mostly. Fixtures: of six leaks with such a block and no other sign
four are maps of 18 to 90 KiB, and two slices of 107 and 909 KiB."""

ONE_CONTAINER = 3
"""Allocations of one size up to which it is one container that grew: a smaller size may stand for two or three objects by
sampling, or have been passed twice."""

MIN_MAP_TABLES = 2
"""Blocks of the size of a full map table that are taken for tables: a single one may be anything."""

TABLES_OUTGROWN_SHARE = 0.25
"""Freed blocks for each in use from which blocks above 32 KiB are taken for tables: a map that grows frees one table for each
that it gains (go1.26, 400 000 entries of 56 B: 501 in use, 927 allocated), buffers that are kept free none."""

# The shape of growth

LEVEL_Z = 1.645
"""A stretch is level while its drift is below this (one-sided 5 %)."""

SURPRISE_SIGMAS = 2.0
"""A stretch that should have grown by so many standard errors at the earlier rate, and did not, has stopped growing."""

PLATEAU_SNAPSHOTS = 3
"""Snapshots that a plateau or the side of a step lasts at least: two are a difference, not a level."""

PLATEAU_HIGH_SIGMAS = 4.0
"""Missing growth that makes a plateau certain."""

PLATEAU_MEDIUM_SIGMAS = 3.0
"""Missing growth that makes it likely. The level stretch is looked for at every snapshot, so two standard errors come by chance
in many a steady leak (fixtures/series/collections: 2.4)."""

FILLING_SHARE = 0.5
"""Growth is slowing down when the last third gains at most this share of what the first third gained in the same time."""

FILLING_HIGH_SIGMAS = 4.0
"""How surely the last third gained less than the first, or the second half than the first, in standard errors of the difference
of the two gains: certain. A pool that filled in the first half and gained three of forty since shows 3.0 by thirds, 4.3 by
halves (fixtures/series/titles-pool); on the fixtures, whole and cut, halves excuse no leak."""

FILLING_MEDIUM_SIGMAS = 2.5
"""The same: likely (one-sided .6 %, for one comparison)."""

REVERSAL_SHARE = 0.4
"""A turn of a sawtooth moves by at least this share of the range that is left when a straight line is taken out."""

REVERSAL_SIGMAS = 5.0
"""And by at least so many standard deviations of the count: 48 independent counts have a range of 4.4 on average, so that at 3
nine in ten sites of pure churn show teeth (simulation)."""

MIN_CYCLES = 3
"""Complete cycles below which the minima of a sawtooth say nothing about growth."""

SAWTOOTH_RISING_P = 0.05
"""Probability of as rising an order of level lows below which a sawtooth excuses nothing."""

STEP_HIGH_EXPLAINED = 0.8
"""Share of the variance that makes one step certain: a straight line explains at most 3/4 of a step in the middle, and the
reverse."""

STEP_HIGH_SIGMAS = 4.0
"""And its height in standard errors: the best place for a step is looked for, and of few samples any curve has one
(fixtures/series/callbacks, a leak: seven objects over eight snapshots make a step of 2.8 that explains .87)."""

STEP_MEDIUM_SIGMAS = 3.0
"""Below it a step is a weak excuse."""

STEP_FASTER = 1.5
"""Allocation after a step over before, from which the report says so."""

LOAD_RATIO = 1.3
"""Growth follows load where births and what is in use both rose by this ratio from the first third to the last."""

LOAD_TELLING_Z = 2.0
"""And where the lifetime test had the power to see a leak: its statistic would be this (two standard deviations)."""

LOAD_SURE_Z = 4.0
"""Power that makes it certain: half of it is two standard deviations from either hypothesis."""

LOAD_LIFETIME_SHARE = 0.5
"""Share of the statistic that a leak would show, from which growth is none of load's: nearer to a leak than to load."""

REPLACED_SHARE = 0.75
"""Share of a gain that other callers of the same function lost, from which it is replacement. fixtures/series/render-faster:
4.0 MiB fell where 3.5 MiB rose; no leak of the series has over .1."""

CHURN_FREED_SHARE = 0.8
"""Share of what was allocated that was freed, from which a site that does not grow is churn."""

CHURN_HIGH_FREED = 30
"""Sampled frees that make it certain: the share is then known to 15 points (95 %)."""

# Charges and excuses

CONVICTING_Q = 0.01
"""Generic growth convicts only at a q below ALPHA. Simulation of 3 000 processes of 30 harmless sites and a leak each: at
.05 it convicts 183 harmless sites and 1 991 leaks, at .01 67 and 1 873, at .005 49 and 1 818, at .001 26 and 1 699; of the
41 that .01 adds to .001 18 are warm-ups, which their shape excuses afterwards. Real sites wander less than the simulated:
of 53 stationary controls and 74 null runs, whole and cut to 5, 8, 12 and 16 snapshots, none has a growing site at .02. A known
mechanism (a cache's insertion, map tables) that grows needs no more than ALPHA."""

CONVICTING_SAMPLES = 3
"""And only from so many sampled objects in use on average: between a q of .001 and .01 that costs none of 174 simulated leaks
and drops 3 of 41 harmless sites."""

CONVICTING_SNAPSHOTS = 8
"""From so many snapshots on such growth is certain: the last half alone has four points."""

CHANCE_Q = 0.01
"""Growth whose q lies between this and ALPHA is what one expects once in some series of twenty sites: chance is pleaded."""

CHANCE_MOST_SAMPLES = 12
"""Mean sampled objects from which it is pleaded no more. Of 41 sites of the fixtures in that range, whole and cut to 5, 8 and
12 snapshots, 10 of 16 with more are leaks, and 13 of 25 with fewer."""

CHANCE_SAMPLES = 6
"""Mean sampled objects below which chance is a strong plea: one more or less is 17 %, and any curve can be drawn through the
points."""

NEVER_FREED_ALLOCATIONS = 10
"""Sampled allocations of which none was freed that are worth a charge: at most 26 % can be freed (95 %)."""

NEVER_FREED_HIGH_ALLOCATIONS = 59
"""The same with certainty: at most 5 % can be freed (95 %)."""

NEVER_FREED_ALPHA = 0.05
"""One less the confidence of that bound."""

UNEXPLAINED_SHARE = 0.2
"""Untested growth below this share of the heap leaves "clean" standing: three samples more at each of a few quiet sites are
1 to 7 % in the committed control series; the one large step of a public series (83 of 137 MiB) is far above."""

# Which pattern

LIBRARY_FRAMES = 8
"""Frames from the leaf within which a library's function names the pattern. Fixtures: those of contexts, timers, sync.Map and
container/list are the leaf or its caller; the rest is room for other versions' inner functions."""

CACHE_FRAMES = 12
"""The same for a cache's insertion: a loader runs set seven frames above the value's allocation."""

CONNECTION_FRAMES = 12
"""The same for net/http's Transport: up to eight frames above the leaf in the fixtures."""

METRIC_FRAMES = 10
"""The same for the makers of metric children: up to six frames above the leaf in the fixtures, a registry's own layers."""

DOCUMENT_FRAMES = 6
"""The same for buffers and readers of whole documents: the leaf or its caller in the fixtures."""

INTERN_FRAMES = 6
"""The same for functions named after interning."""

LISTENER_FRAMES = 3
"""The same for functions named after registering: a name is weak evidence, and further out it is the caller's."""

SLICE_RUNGS = 5
"""Doublings that name a slice: a shorter row may be the bucket array of an old map."""

BUFFER_OBJECTS_SHARE = 0.5
"""Growth of objects over growth of bytes, both relative to the start, up to which the buffers themselves grow."""

BUFFER_OBJECTS_RATIO = 2.0
"""And how many times as many they may become: what doubles in number piles up, larger or not."""

SUBSLICE_BLOCK_BYTES = 2048
"""Mean size of a block below which a piece that pins it costs little more than the piece."""

GOROUTINE_GROWTH = 10
"""Goroutines that a stack gains at least; fewer come and go with requests."""

GOROUTINE_RATIO = 2
"""And so many times as many they are at the end."""

PILE_UP_P = 0.01
"""Probability of as rising an order of level counts up to which goroutines prove growth that the heap shows as likely and no
more: goroutine profiles count every one. Five profiles that rise throughout have 1/120."""

PILE_UP_LATE_SHARE = 0.25
"""Part of the growth that must lie in the last half: a pool that has its size rises no more."""

STOPPED_PROFILES = 8
"""Goroutine profiles from which a pile that gains nothing in the last quarter (two steps and more) has stopped."""

STOPPED_SHARE = 0.03
"""Part of its growth that it may gain there all the same, of which it must be one at least: a steady pile gains a quarter, and
of those 34 and more. fixtures/series/branches-opening: .015 of 195."""

OBJECTS_A_GOROUTINE = (0.7, 12.0)
"""Objects that a group gains for each goroutine if they belong to it: one at least, less the error of sampling, and a few more,
as the 10.4 of fixtures/series/mesh (channels, buffers and what the go statement itself allocates)."""

TIMERS_COLLECTED_SINCE = (1, 23)
"""Release notes of Go 1.23: unreferenced timers and tickers are collected at once."""

SWISS_MAPS_SINCE = (1, 24)
"""Release notes of Go 1.24: maps are swiss tables, whose bucket arrays double no more."""

# What heap dumps prove

CONTAINER_FANOUT = 8.0
"""Objects of one step of a path over those of the step before, from which that is a container: a struct with a few pointers to
its like is none."""

EXPIRED_SHARE = 1 / 3
"""Share of entries past their time that accuses. A swept cache holds what expired since the last sweep, less than this at the
usual intervals of half the time to live; a lazy one of unique keys passes it when it is half as old again as its time to
live."""

EXPIRED_PROVES_SHARE = 0.5
"""Share of entries past their time that makes a conviction of growth which is likely and no more. A cache that is swept holds
fewer at any time; one that is read again and again, too."""

EXPIRED_ENTRIES = 20
"""Entries with an expiry; fewer say little about a share."""

EXPIRED_LONG_OVERDUE = 2
"""Times the longest life left that the oldest is overdue, which makes it certain: that life is nearly the time to live where
entries keep coming."""

SWEPT_SHARE = 0.1
"""Share of entries past their time up to which a cache counts as swept."""

SWEPT_ENTRIES = 100
"""Entries from which that share is known well enough to excuse (.1 to 6 points, 95 %)."""

SWEPT_NEAR_END = 0.1
"""And the next expiry lies within this share of the longest life left: all entries of a cache younger than its time to live
have much of theirs left."""

KEPT_OBJECTS = 20
"""Objects on a path in the first dump; with fewer, 95 % is all or nothing."""

KEPT_SHARE = 0.95
"""Share of them still there in the last dump that accuses."""

GAINED_SHARE = 0.10
"""By how much they must have become more: a path that keeps its number is no leak."""

GAINED_SIGMAS = 3.0
"""And by how many times the square root of both counts' sum, which is about how much a level population changes by chance."""

GAINED_OVER_GONE = 0.5
"""And by this part of what went: of a population that turned over between the dumps two counts show a level and its swings.
Fixtures: a swept cache (coupons-swept) gained .3 of what went, by the phase of its sweep; queues that grow .7 and 3.6."""

OTHERS_PROVE_P = 0.2
"""P of a site's own trend up to which growth that two dumps count is taken for growth: the profiles must lean that way too.
Fixtures: queues and goroutines that leak over five to eight snapshots have .02 to .1; swept caches that swing .4 and more."""

OUTGROWN_BYTES_SHARE = 0.25
"""And by this part a single array of bytes must have been replaced by a larger one."""

SLOWED_SHARE = 0.4
"""Rate of growth between the dumps over that from the first snapshot to the first dump, below which growth is running out. A
steady leak has 1, give or take the fifth that a few samples at the start are unsure by; what is met for the first time
(tills-few, pages) .1 to .2 after half of the window."""

HIDDEN_SAMPLES = 5
"""Sampled objects of a site that nothing in the dump leads to, and more than half of all, from which it is asked whether they
outlive collections: a few may be garbage that came after the last one."""

LEVEL_SHARE = 0.05
"""Gain between two dumps, in objects and in bytes, up to which a path is level. Fixtures: the rings and tables that every
program of the shop holds moved by 2 % at most, its leaks by 10 % and more."""

QUEUE_KEPT_SHARE = 0.9
"""Share of a slice's objects in the first dump below which they are taken out again: a queue. Fixtures: mailer kept .35, no
slice that is only appended to lost any."""

INTERNED_SHARE = 0.9
"""Share of a string map's values that are their own keys, from which it interns: in other maps it is 0."""

CAP_EXCEEDED = 1.1
"""Entries over cap from which it counts as not kept: a cap may be checked after adding, or by a sweep now and then."""

CAP_FAR_EXCEEDED = 2
"""And from which that is certain."""

CAP_NEAR_SHARE = 0.5
"""Share of a cap from which a container that still grows will surely end at it: it is at most twice as much then."""

PART_SHARE = 0.15
"""Share of a group's growth from which what hangs in a container of its own is a leak of its own. Fixtures: of two leaks of one
handler (storefront) the lesser has .3; what a leak has beside its container is less."""

SHARDS_MOST = 4096
"""Elements of a slice of maps that may be the shards of one map; real ones have 16 to 1 024."""

SLACK_SHARE = 0.5
"""Share of what a path holds that lies in long arrays behind short slices, from which those are the leak."""

SLACK_ARRAY_BYTES = 1 << 10
"""Arrays that count for that; smaller ones are not worth a line."""

SLACK_VISIBLE_SHARE = 0.25
"""An array of which more than this is shown is taken for one in use."""

EXPIRY_YEARS = 20
"""A field named after expiry holds times within so many years of the dump, or none."""

EXPIRY_COLUMN_YEARS = 1
"""A nameless column's lie closer, or any integers of the right size would do."""

EXPIRY_COLUMN_SHARE = 0.95
"""Share of a column's values that must be such times; the rest may be unset."""

EXPIRY_COLUMN_VALUES = 20
"""Values below which a column proves nothing."""

EXPIRY_FUTURE_SHARE = 0.001
"""Share of a nameless column's times that must lie in the future, and one at least: times in the past alone are creation."""

DUMP_CLOCK_SECONDS = 600
"""A file time further than this behind the dump's last collection is that of a copy."""

# Whole memory, and gctrace logs

LEDGER_SNAPSHOTS = 4
"""Below four snapshots a slope has no interval: that of Sen's slope at 95 % is then the whole real line."""

LEDGER_GROWTH_BYTES = BYTES_PER_MIB
"""A row that grew less over the window is not worth a word; the heap's own noise between collections is larger."""

LEDGER_LAST_HALF_SHARE = 0.2
"""A row that filled up shows most of its growth early: at least a fifth of it must lie in the last half to count as growing."""

GCTRACE_WINDOWS = 24
"""Windows of a long log. Simulation (tests/measure/test_live_heap.py): false alarms on stationary heaps whose swings last
.5 % to 50 % of the log, on sawtooths and on caches full after half of it stay at or below 5 %, on caches full after a fifth
at 6 %, on a load step at 10 %; a steady growth of eight standard deviations of the swings is found 3 times in 4, of sixteen 19
in 20."""

GCTRACE_MIN_WINDOWS = 8
"""Fewer leave no autocorrelation to estimate: two parameters of a line, one of the errors."""

GCTRACE_ALPHA = 0.05
"""Level of the slope."""

GCTRACE_LAST_HALF_ALPHA = 0.10
"""Level of the slope of the last half."""

GCTRACE_MOST_CORRELATION = 0.97
"""Autocorrelation assumed at most: 24 windows are then worth n (1 - r) / (1 + r) = .4 independent ones already."""

GCTRACE_MIN_RISE_MIB = 2
"""The runtime prints whole MiB: a rise of less may be rounding."""

# Two builds, two benchmark files

BUILD_FIXED_SHARE = 0.2
"""Growth of the new build, at the upper end of its interval, below this share of the old one is a fix. Simulation
(tests/measure/test_builds.py): of leaks only halved none is called fixed."""

BUILD_UNSEEN_SAMPLES = 3.0
"""Upper 95 % limit of a Poisson mean of which nothing was seen (Hanley and Lippman-Hand 1983, the rule of three)."""

BUILD_OTHER_LOAD = 1.5
"""Factor between the builds' allocation rates from which a reader must be told that the load differed."""

BENCH_ALPHA = 0.05
"""benchstat's -alpha."""

BENCH_CONFIDENCE = 0.95
"""benchstat's -confidence."""

BENCH_MIN_RISE = 0.01
"""Go truncates B/op and allocs/op to whole numbers, so the least rise of a small value is large; of a large value a rise of
less than this is one map growing at another moment. fixtures/bench: the same program twice differs by 0."""

# A hunt that goes on, and what to take next

LOOKS_IN_A_ROW = 3
"""An answer is certain once it was the same in so many looks: after each snapshot there is one more chance to be wrong, and a
false alarm of one look rarely outlives the next two. docs/capture.md says how often it was wrong."""

LEAK_AFTER_SNAPSHOTS = 12
"""A leak is certain after as many snapshots as a usual series has."""

CLEAN_AFTER_SNAPSHOTS = 24
"""A clean bill needs twice as many: of 46 leaking programs four, slow ones, looked clean for three looks after 12 snapshots,
and none of them still did after 19."""

USUAL_SNAPSHOTS = 12
"""What is advised where nothing grows yet: as many in all as found .96 of the leaks of 44 real programs at a precision of
.93."""
