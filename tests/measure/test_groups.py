"""Groups: what deserves a word, what belongs together, and what makes it grow."""

from dataclasses import replace

import numpy as np
import pytest

from leakhunt.config import Settings
from leakhunt.detectors import append_only_slice
from leakhunt.evidence import Evidence
from leakhunt.measure.functions import by_function
from leakhunt.measure.groups import (
    Basis,
    Group,
    _as_ever,
    _by_heap,
    _conspicuous,
    _explained,
    _Function,
    _function_groups,
    _functions,
    _mostly,
    _outgrown_groups,
    _site_groups,
    _summed,
    _wider,
    join,
    part,
)
from leakhunt.measure.trend import analyse, analyse_sum
from leakhunt.thresholds import ALPHA, CONSPICUOUS_LARGEST, CONVICTING_Q, LAST_HALF_ALPHA, SURE_LAST_HALF_P, SURE_Q
from tests.detectors.lab import Row, evidence, outgrown, ramp

LEVEL = [3, 4, 3, 3, 4, 3, 4, 4, 3, 3, 4, 3]


def test_value_key_and_container_are_one_group() -> None:
    seen = evidence(
        Row("main.newSession < main.open < main.serve", 640, ramp(12, 6)),
        Row("main.(*cache).set < main.open < main.serve", 48, [9 * i // 20 for i in range(12)]),
    )
    (group,) = seen.growing_groups
    assert [seen.series.sites[i].leaf.function for i in group.sites] == ["main.newSession", "main.(*cache).set"]
    assert (group.basis, group.function) == (Basis.FUNCTION, "main.open")
    assert group.trend.bytes_per_hour == analyse_sum(seen.series, group.sites).bytes_per_hour
    coarse, _ = by_function(seen.series)
    whole = analyse(coarse).of([site.leaf.function for site in coarse.sites].index("main.open"))
    for name in ("z", "p", "q", "last_half_p"):
        assert getattr(group.trend, name) == getattr(whole, name)


def test_two_leaks_far_apart_are_two_groups() -> None:
    seen = evidence(Row("main.a < main.f < main.x", 640, ramp(12, 6)), Row("main.b < main.g < main.y", 640, ramp(12, 4)))
    assert [len(group.sites) for group in seen.growing_groups] == [1, 1]


def test_thin_stacks_are_seen_in_their_sum() -> None:
    rows = [
        Row(f"lib.new{i} < lib.child < main.measure{i % 2} < main.serve", 160, [(2 * step + i) // 6 for step in range(12)])
        for i in range(6)
    ]
    level = Row("lib.level < lib.child < main.measure0 < main.serve", 160, [2] * 12)
    seen = evidence(*rows, level)
    assert not seen.trends.growing.any()
    (group,) = seen.growing_groups
    assert (group.basis, group.function, len(group.sites)) == (Basis.FUNCTION, "lib.child", 6)


def test_a_block_outgrown_again_and_again_is_a_group_and_a_reader_is_not() -> None:
    sizes = [(1 << 20) * 2**k for k in range(6)]
    rows = []
    for k, size in enumerate(sizes):
        inuse = [1 if 2 * k <= i < 2 * k + 2 else 0 for i in range(12)]
        rows.append(Row("main.(*log).add < main.serve", size, inuse, freed=[1 if i >= 2 * k + 2 else 0 for i in range(12)]))
    (group,) = evidence(*rows).growing_groups
    assert group.basis in (Basis.SITE, Basis.OUTGROWN)
    reader = [
        Row("io.ReadAll < main.fetch", size, row.inuse, freed=ramp(12, 20)) for size, row in zip(sizes, rows, strict=True)
    ]
    assert all(group.basis is not Basis.OUTGROWN for group in evidence(*reader).growing_groups)


def test_a_buffer_filled_at_a_steady_rate_is_outgrown_no_later_than_half_way() -> None:
    """Doubling at 1, 2 and 4 of 8 intervals: nothing is outgrown in the last half, and the next time will be at 8."""
    born = (0, 0, 0, 1)  # the first three were outgrown before the first snapshot
    sizes = [(3 << 18) * 2**k for k in range(5)]

    def rows(last: int) -> list[Row]:
        dies = [0, 0, 1, last, 9]
        return [
            Row(
                "main.(*report).add < main.sell",
                size,
                [1 if start <= i < end else 0 for i in range(8)],
                freed=[1 if i >= end else 0 for i in range(8)],
            )
            for size, start, end in zip(sizes, (*born, last), dies, strict=True)
        ]

    assert [group.basis for group in evidence(*rows(4)).growing_groups] == [Basis.OUTGROWN]
    assert evidence(*rows(3)).growing_groups == (), "outgrown before half-way and not since: it has found its size"


def test_two_that_fill_containers_of_their_own_are_two() -> None:
    """A request adds a user to a map and a line to a log: equal growth, and two leaks. Without the log's own array the line
    may as well be a part of the user."""
    user = Row("users.Remember < main.handle", 384, ramp(12, 6))
    table = Row("users.Remember < main.handle", 27264, ramp(12, 1))
    line = Row("audit.(*Log).Note < main.handle", 360, ramp(12, 6))
    array = [
        Row("audit.(*Log).Note < main.handle", (3 << 18) * 2**k, inuse, freed=[1 if i >= 2 * k + 2 else 0 for i in range(12)])
        for k in range(6)
        for inuse in [[1 if 2 * k <= i < 2 * k + 2 else 0 for i in range(12)]]
    ]
    assert len(evidence(user, table, line).growing_groups) == 1
    both = evidence(user, table, line, *array)
    assert sorted(both.series.sites[group.seed].leaf.function for group in both.growing_groups) == [
        "audit.(*Log).Note",
        "users.Remember",
    ]


def test_an_array_that_one_function_grows_for_several_callers_rides_with_what_it_holds() -> None:
    line = Row("main.describe < main.visit", 1024, ramp(12, 8))
    array = [
        Row(
            f"hall.(*journal).write < hall.(*Hall).{'sell' if k % 2 else 'release'} < main.visit",
            (3 << 15) * 2**k,
            [1 if 2 * k <= i < 2 * k + 2 else 0 for i in range(12)],
            freed=[1 if i >= 2 * k + 2 else 0 for i in range(12)],
        )
        for k in range(6)
    ]
    seen = evidence(line, *array)
    (group,) = seen.growing_groups
    assert "hall.(*journal).write" in {seen.series.sites[site].leaf.function for site in group.sites}
    (finding,) = append_only_slice.examine(seen)
    assert finding.facts["reallocations"] == 5


def test_between_two_snapshots_what_rose_is_grouped_by_how_much() -> None:
    """And in focus. The rate is that of the sum."""
    value, key, more = (
        Row(f"main.{name} < main.f", 640, [0, gained]) for name, gained in zip("abc", (400, 390, 100), strict=True)
    )
    aside, little = Row("main.d < main.g", 640, [0, 300]), Row("main.e < main.h", 640, [9, 10])
    seen = evidence(value, key, more, aside, little, settings=Settings(ignore="main.g"))
    found = [([seen.series.sites[i].leaf.function for i in group.sites], group.basis) for group in seen.groups]
    assert found == [(["main.a", "main.b"], Basis.ROSE), (["main.c"], Basis.ROSE)]
    both = seen.groups[0]
    assert both.trend.bytes_per_hour == analyse_sum(seen.series, both.sites).bytes_per_hour
    assert seen.groups[1].trend == seen.trends.of(seen.groups[1].seed)


def test_what_a_person_would_point_at() -> None:
    """More than a tenth and than a MiB, a peak of 4 MiB, the largest, and what is none of these: each sample of 64 KiB stands
    for half a MiB."""
    courses = {
        "risen": [20, 20, 20, 23],
        "by_little": [40, 40, 40, 43],
        "little": [1, 1, 1, 2],
        "at_once": [20, 23, 23, 23],
        "peak": [4, 13, 4, 4],
        "low_peak": [4, 11, 4, 4],
        "late": [4, 4, 4, 7],
        "fell": [13, 4, 4, 4],
    }
    large = [Row(f"main.large{i} < main.f", 1 << 20, [90 + i] * 4) for i in range(CONSPICUOUS_LARGEST)]
    series = evidence(*[Row(f"main.{name} < main.f", 65536, held) for name, held in courses.items()], *large).series
    found = {series.sites[i].leaf.function[5:] for i in np.flatnonzero(_conspicuous(series, slice(0, 4)))}
    assert found == {"risen", "at_once", "peak", "late", "fell", *(f"large{i}" for i in range(CONSPICUOUS_LARGEST))}


def test_the_largest_and_the_risen_are_conspicuous_and_the_rest_is_not() -> None:
    seen = evidence(
        Row("main.table < main.load", 1 << 20, [64] * 12), Row("main.small < main.serve", 64, LEVEL, freed=ramp(12, 3))
    )
    names = {seen.series.sites[group.seed].leaf.function for group in seen.groups if not group.grows}
    assert "main.table" in names


def test_groups_are_disjoint() -> None:
    seen = evidence(*[Row(f"main.f{i} < main.shared < main.serve", 320, ramp(12, 1 + i)) for i in range(5)])
    sites = [site for group in seen.groups for site in group.sites]
    assert len(sites) == len(set(sites))


def test_joined_groups_have_the_sum_and_the_surer_significance() -> None:
    seen = evidence(
        Row("main.a < main.f < main.x", 640, ramp(12, 3, start=90)), Row("main.b < main.g < main.y", 640, [0] * 11 + [66])
    )
    names = [site.leaf.function for site in seen.series.sites]
    a, b = names.index("main.a"), names.index("main.b")
    first = Group((a,), Basis.SITE, replace(seen.trends.of(a), z=4.0, p=0.01, q=0.02, last_half_p=0.3))
    second = Group((b,), Basis.HEAP, replace(seen.trends.of(b), z=5.0, p=0.001, q=0.003, last_half_p=0.2))
    together = analyse_sum(seen.series, [a, b])
    for both, basis in ((join(seen.series, first, second), Basis.SITE), (join(seen.series, second, first), Basis.HEAP)):
        assert (both.sites, both.basis) == ((b, a), basis), "the one that grew most first, though the other holds more"
        assert (both.trend.z, both.trend.p, both.trend.q, both.trend.last_half_p) == (5.0, 0.001, 0.003, 0.2)
        assert both.trend.bytes_per_hour == together.bytes_per_hour


def test_a_part_has_its_own_rate_and_the_significance_of_the_whole() -> None:
    seen = evidence(Row("main.value < main.f", 640, ramp(12, 6)), Row("main.key < main.f", 64, ramp(12, 1)))
    (group,) = seen.growing_groups
    for sites in ((group.sites[0],), (group.sites[1],)):
        piece, whole, alone = part(seen.series, group, sites), group.trend, analyse_sum(seen.series, sites)
        assert (piece.sites, piece.basis) == (sites, group.basis)
        assert (piece.trend.z, piece.trend.p, piece.trend.q) == (whole.z, whole.p, whole.q)
        assert piece.trend.last_half_p == whole.last_half_p
        assert (piece.trend.bytes_per_hour, piece.trend.samples) == (alone.bytes_per_hour, alone.samples)


def test_wider_is_what_has_all_the_stacks_and_more_and_is_a_hundred_times_surer() -> None:
    trend = evidence(Row("main.a < main.f", 640, ramp(12, 6))).trends.of(0)

    def function(name: str, sites: list[int], q: float) -> _Function:
        return _Function(name, np.array(sites, dtype=np.intp), replace(trend, q=q))

    inner = function("inner", [1, 2], 0.5)
    for sites, q, wider in (
        ([1, 2, 3], 0.005, "outer"),
        ([1, 2, 3], 0.0051, "inner"),
        ([1, 3, 4], 0.001, "inner"),
        ([1, 2], 0.001, "inner"),
    ):
        assert _wider(inner, [inner, function("outer", sites, q)]).name == wider


def test_a_wider_function_stands_for_its_part_only_where_it_is_much_surer() -> None:
    def thin(caller: str, of: int) -> list[Row]:
        return [
            Row(f"lib.new{caller}{i} < lib.child{caller} < lib.parent < main.serve", 160, [(2 * s + i) // 6 for s in range(12)])
            for i in range(of)
        ]

    halves = evidence(*thin("A", 5), *thin("B", 5))
    (group,) = halves.growing_groups
    assert (group.function, len(group.sites)) == ("lib.parent", 10)
    churn = [Row(f"lib.idle{i} < lib.childB < lib.parent < main.serve", 160, LEVEL, freed=ramp(12, 3)) for i in range(5)]
    beside = evidence(*thin("A", 5), *churn)
    (group,) = beside.growing_groups
    assert (group.function, len(group.sites)) == ("lib.childA", 5)


def test_where_no_part_is_sure_the_heap_is_one_test_and_its_large_parts_are_few() -> None:
    """Three sites that gain seven or eight samples one by one. Each holds more than a quarter of the growth, so three are
    tested."""
    rows = (
        Row("main.a < main.fa", 640, [2 + 7 * s // 16 for s in range(17)]),
        Row("main.b < main.fb", 640, [2 + (7 * s + 5) // 16 for s in range(17)]),
        Row("main.c < main.fc", 640, [2 + s // 2 for s in range(17)]),
    )
    seen = evidence(*rows)
    assert float(seen.trends.q.min()) > SURE_Q
    (group,) = seen.growing_groups
    surest = next(i for i, site in enumerate(seen.series.sites) if site.leaf.function == "main.c")
    assert (group.basis, group.sites, group.function) == (Basis.HEAP, (surest,), "")
    assert group.trend.q == 3 * float(seen.trends.p[surest])
    assert group.trend.bytes_per_hour == seen.trends.of(surest).bytes_per_hour
    weak = Row("main.d < main.fd", 640, [2 + 5 * s // 16 for s in range(17)])
    (site,) = (i for i, site in enumerate(evidence(*rows, weak).series.sites) if site.leaf.function == "main.d")
    assert SURE_Q < float(evidence(*rows, weak).trends.p[site]) < ALPHA
    assert evidence(*rows, weak, settings=Settings(focus="main.fd")).growing_groups == (), "what is in focus is the heap"


def test_the_largest_parts_of_the_heap_are_sites_and_functions_by_what_rises_in_them() -> None:
    """Five sites beside one that idles, all of whose numbers are given: three functions and two sites hold a quarter of the
    growth or more, so five are tested."""
    seen = evidence(*[Row(f"main.{name} < main.f", 640, ramp(12, 6)) for name in "abcde"])
    site = {each.leaf.function[-1]: i for i, each in enumerate(seen.series.sites) if each.leaf.function != "main.idle"}
    a, b, c, d, e = (site[name] for name in "abcde")
    grown = np.zeros(6)
    grown[[a, b, c, d, e]] = np.array([14, 20, 25, 40, -5]) * 2.0**20
    p, as_ever = np.full(6, 0.9), np.ones(6, dtype=bool)

    def found(
        p_of_f: float, late_of_f: float = SURE_LAST_HALF_P, focus: str = "abcde", explained: str = ""
    ) -> tuple[tuple[int, ...], float, str] | None:
        lengthening, p_of = as_ever.copy(), p.copy()
        lengthening[[site[name] for name in explained]] = False
        p_of[[site[name] for name in explained]] = 0.01
        trends = replace(seen.trends, grown_bytes=grown, p=p_of, lengthening=lengthening, replaced=np.zeros(6, dtype=bool))
        in_focus = np.isin(np.arange(6), [site[name] for name in focus])

        def function(name: str, sites: list[int], p: float) -> _Function:
            return _Function(name, np.array(sites), replace(trends.of(a), p=p, last_half_p=late_of_f))

        functions = [
            function("f", [a, b, e, c], p_of_f),
            function("g", [a, b], 0.8),
            function("h", [d, e], 0.7),
            function("small", [a, e], 1e-9),
        ]
        groups = _by_heap(seen.series, trends, functions, in_focus)
        assert all(group.basis is Basis.HEAP for group in groups)
        return (groups[0].sites, groups[0].trend.q, groups[0].function) if groups else None

    largest_first = (c, b, a)
    assert found(0.01) == (largest_first, 0.05, "f"), "c, d, f, g and h: five parts, and e fell"
    assert found(0.0101) is None, "five times p is above .05"
    assert found(0.01, late_of_f=0.26) is None
    assert found(0.01, focus="abc") == (largest_first, pytest.approx(0.04), "f"), "what is out of focus is no part"
    assert found(0.01, explained="d") == (largest_first, pytest.approx(0.03), "f"), "what lives as ever is none either"


def test_what_grows_and_lives_as_ever_is_a_group_of_its_own() -> None:
    """A cache that is full at three quarters of the window: from then on as much goes as comes. Its item rides along."""
    value = [min(6 * i, 72) for i in range(16)]
    gone = [max(6 * i - 72, 0) for i in range(16)]
    seen = evidence(
        Row("main.load < main.get < main.serve", 640, value, freed=gone),
        Row("cache.set < main.get < main.serve", 64, [v // 9 for v in value], freed=[g // 9 for g in gone]),
    )
    assert seen.trends.rise_q.min() < SURE_Q
    assert seen.trends.q.min() > 0.9
    (group,) = seen.growing_groups
    assert (group.basis, len(group.sites)) == (Basis.AS_EVER, 2)
    assert group.trend.q == seen.trends.rise_q.min()
    leak = Row("main.log < main.note < main.serve1", 640, ramp(16, 40))
    beside = evidence(leak, Row("main.load < main.get < main.serve", 640, value, freed=gone))
    assert {group.basis for group in beside.growing_groups} == {Basis.SITE, Basis.AS_EVER}, "each by what rises in it"


def test_a_rise_is_that_of_the_surest_site_whose_objects_live_as_ever() -> None:
    seen = evidence(*[Row(f"main.{name} < main.f", 640, ramp(12, 6)) for name in "abcd"])
    sites = tuple(i for i, site in enumerate(seen.series.sites) if site.leaf.function != "main.idle")
    rise_q, lengthening, tested = np.ones(5), np.zeros(5, dtype=bool), np.ones(5, dtype=bool)
    rise_q[list(sites)] = (0.03, 0.02, 0.001, 0.01)
    lengthening[sites[2]], tested[sites[3]] = True, False
    group = Group(sites, Basis.SITE, analyse_sum(seen.series, sites))
    found = _as_ever(replace(seen.trends, rise_q=rise_q, lengthening=lengthening, tested=tested), group)
    assert (found.basis, found.sites, found.trend.q) == (Basis.AS_EVER, sites, 0.02)
    assert found.trend.bytes_per_hour == group.trend.bytes_per_hour


def test_a_function_whose_growing_stacks_live_as_ever_is_not_surer_than_they_are() -> None:
    """Beside the full cache another stack of the same function frees nothing: the sum lives longer, and is no leak for it."""
    value = [min(6 * i, 72) for i in range(16)]
    gone = [max(6 * i - 72, 0) for i in range(16)]
    seen = evidence(
        Row("main.load < main.get < main.serve", 640, value, freed=gone),
        Row("main.list < main.get < main.serve", 640, [20 + i // 4 for i in range(16)]),
    )
    assert {group.basis for group in seen.growing_groups} == {Basis.AS_EVER}
    beside = evidence(
        Row("main.log < main.note < main.serve1", 640, ramp(16, 40)),
        Row("main.load < main.get < main.serve", 640, value, freed=gone),
        Row("main.list < main.get < main.serve", 640, [20 + i // 4 for i in range(16)]),
    )
    assert sorted(group.basis for group in beside.growing_groups) == [Basis.AS_EVER, Basis.SITE]


def test_growth_that_the_last_half_does_not_show_is_doubtful_and_what_came_to_rest_is_none() -> None:
    rises = Row("main.setUp < main.begin", 640, [13, 17, 21, 24, 30], freed=[0, 7, 14, 19, 30])
    (group,) = evidence(rises).growing_groups
    assert SURE_Q < group.trend.q <= CONVICTING_Q
    assert group.is_doubtful
    assert LAST_HALF_ALPHA < group.trend.last_half_p <= SURE_LAST_HALF_P
    assert not replace(group, trend=replace(group.trend, last_half_p=LAST_HALF_ALPHA)).is_doubtful
    assert not replace(group, trend=replace(group.trend, q=SURE_Q)).is_doubtful
    rests = Row("main.compile < main.page", 640, [4, 5, 7, 7, 9, 9, 9, 9, 10, 10, 10, 10])
    seen = evidence(rests)
    assert SURE_Q < seen.trends.q.min() <= CONVICTING_Q
    assert seen.trends.last_half_p[seen.trends.q.argmin()] <= SURE_LAST_HALF_P
    assert seen.growing_groups == ()


def test_growth_that_is_doubtful_is_a_sites_at_a_weak_q() -> None:
    seen = evidence(Row("main.a < main.f < main.x", 640, ramp(12, 6)))
    (group,) = seen.growing_groups
    assert not group.is_doubtful
    weak = replace(group, trend=replace(group.trend, q=0.03, samples=11.9))
    assert weak.is_doubtful
    assert not replace(weak, trend=replace(weak.trend, samples=12.0)).is_doubtful
    assert not replace(weak, basis=Basis.OUTGROWN).is_doubtful


def test_a_function_that_other_leaks_make_surer_does_not_vouch_for_a_site() -> None:
    """Both are called by one handler, in two operations. The lesser is a sixth of what rises under it."""
    small = Row("main.note < main.visit < main.handle", 640, [1 + (2 * s) // 3 for s in range(12)])
    large = Row("main.page < main.edit < main.handle", 640, ramp(12, 6))
    seen = evidence(small, large)
    by_leaf = {seen.series.sites[group.seed].leaf.function: group for group in seen.growing_groups}
    assert by_leaf["main.note"].basis is Basis.SITE
    assert by_leaf["main.note"].trend.q == seen.trends.q[by_leaf["main.note"].seed]


def test_growth_is_explained_where_more_than_half_of_what_rises_is() -> None:
    """By sites that grow surely and live as ever, or take the place of others; what falls takes nothing away."""
    seen = evidence(*[Row(f"main.{name} < main.f", 640, ramp(12, 6)) for name in "abc"])

    def explained(as_ever: float, rest: float, falls: float = 0.0, p: float = ALPHA, tested: bool = True) -> list[bool]:
        flags, grown = np.zeros(4, dtype=bool), np.array([as_ever, rest, -falls, 0.0]) * 2.0**20
        first = np.arange(4) == 0
        lives = replace(
            seen.trends, grown_bytes=grown, p=np.full(4, p), lengthening=~first, replaced=flags, tested=first & tested
        )
        replaces = replace(lives, lengthening=~flags, replaced=first)
        return [_explained(trends, np.arange(4)) for trends in (lives, replaces)]

    assert explained(51, 49) == [True, True]
    assert explained(50, 50) == [False, False]
    assert explained(40, 60) == [False, False]
    assert explained(51, 49, falls=90) == [True, True]
    assert explained(51, 49, p=0.06) == [False, True]
    assert explained(51, 49, tested=False) == [False, True]


def four_sites() -> tuple[Evidence, dict[str, int]]:
    """Sites `a` to `d` that grow alike, beside one that idles."""
    seen = evidence(*[Row(f"main.{name} < main.f", 640, ramp(12, 6)) for name in "abcd"])
    return seen, {site.leaf.function[-1]: i for i, site in enumerate(seen.series.sites) if site.leaf.function != "main.idle"}


def test_a_sum_is_as_significant_as_its_most_significant_site() -> None:
    seen, at = four_sites()
    q, p = np.ones(5), np.ones(5)
    for name, each in {"a": 0.03, "b": 0.01, "c": 0.02, "d": 0.01}.items():
        q[at[name]] = each
    p[at["b"]], p[at["d"]] = 0.002, 0.001
    trends = replace(seen.trends, q=q, p=p, z=np.arange(5.0), last_half_p=np.arange(5) / 9)
    for names, best in (("abc", "b"), ("cba", "b"), ("bd", "d"), ("db", "d"), ("a", "a")):
        group = _summed(seen.series, trends, tuple(at[name] for name in names), Basis.SITE)
        assert (group.trend.q, group.trend.p) == (q[at[best]], p[at[best]])
        assert (group.trend.z, group.trend.last_half_p) == (at[best], at[best] / 9)
        assert group.trend.bytes_per_hour == pytest.approx(len(names) * float(trends.bytes_per_hour[at["a"]]))


def test_what_takes_the_place_of_others_does_not_ride() -> None:
    seen, at = four_sites()
    seeds, replaced = np.arange(5) == at["a"], np.arange(5) == at["c"]
    for which, sites in ((np.zeros(5, dtype=bool), "abcd"), (replaced, "abd")):
        (group,) = _site_groups(seen.series, replace(seen.trends, replaced=which), seeds, Basis.SITE)
        assert sorted(group.sites) == sorted(at[name] for name in sites)


def test_a_function_vouches_for_a_group_that_is_half_of_what_rises_in_it() -> None:
    seen, at = four_sites()
    a, b, c, d = (at[name] for name in "abcd")
    function = _Function("main.f", np.array([a, b, c]), seen.trends.of(a))
    for grown, mostly in (([50, 50, -80, 900], True), ([49, 51, -80, 0], False), ([40, 60, 0, 0], False)):
        grown_bytes = np.zeros(5)
        grown_bytes[[a, b, c, d]] = grown
        group = Group((a, c), Basis.SITE, seen.trends.of(a))
        assert _mostly(replace(seen.trends, grown_bytes=grown_bytes), group, function) == mostly


def test_functions_come_innermost_first_and_of_two_the_surer() -> None:
    weak, strong = [[2 + (k + s) // 5 for s in range(12)] for k in range(2)], [ramp(12, 6), ramp(12, 5)]
    for first, second in (("weak", "strong"), ("strong", "weak")):
        held = {"weak": weak, "strong": strong}
        rows = [
            Row(f"main.{name}{k} < main.{name} < main.all", 640, held[name][k]) for name in (first, second) for k in range(2)
        ]
        assert [function.name for function in _functions(evidence(*rows).series).all] == [
            "main.strong",
            "main.weak",
            "main.all",
        ]


def test_functions_that_grow_without_a_site_are_groups_of_what_rises_and_is_free() -> None:
    seen, at = four_sites()
    a, b, c, d = (at[name] for name in "abcd")
    grown = np.zeros(5)
    grown[[a, b, c, d]] = [5, 7, -1, 6]

    def function(name: str, sites: list[int]) -> _Function:
        return _Function(name, np.array(sites), replace(seen.trends.of(a), q=0.01))

    functions = [function("falls", [c]), function("f", [a, b, c]), function("g", [b, c]), function("h", [d])]
    trends, free, none = replace(seen.trends, grown_bytes=grown), np.ones(5, dtype=bool), np.zeros(5, dtype=bool)
    found = _function_groups(functions, trends, free, none)
    assert [(group.function, group.sites, group.basis) for group in found] == [
        ("f", (b, a), Basis.FUNCTION),
        ("h", (d,), Basis.FUNCTION),
    ]
    taken = np.arange(5) == a
    assert [group.function for group in _function_groups(functions, trends, free, taken)] == ["g", "h"]
    assert _function_groups(functions, trends, none, none) == []


def test_arrays_that_are_outgrown_come_largest_first() -> None:
    rungs = {"a": 1 << 18, "b": 1 << 20, "c": 1 << 19}
    for names in ("abc", "bca"):
        rows = [row for name in names for row in outgrown(f"main.{name} < main.{name}2", [rungs[name] << k for k in range(6)])]
        seen = evidence(*rows)
        groups = _outgrown_groups(seen.series, seen.trends, np.ones(len(seen.series.sites), dtype=bool))
        assert [seen.series.sites[group.seed].leaf.function[-1] for group in groups] == ["b", "c", "a"]
        assert [(group.basis, group.trend) for group in groups] == [
            (Basis.OUTGROWN, seen.trends.of(group.seed)) for group in groups
        ]


def test_an_array_is_outgrown_where_the_last_is_several_times_the_first_and_more_than_half_way() -> None:
    def found(*held: int) -> bool:
        """Whether an array is told that is so many MiB at each snapshot."""
        sizes = sorted({*held})
        rows = [
            Row(
                "main.put < main.serve", each << 20, [int(each == now) for now in held], freed=[int(each < now) for now in held]
            )
            for each in sizes
        ]
        seen = evidence(*rows)
        return _outgrown_groups(seen.series, seen.trends, np.ones(len(seen.series.sites), dtype=bool)) != []

    assert found(1, 2, 4, 4, 8, 16)
    assert found(1, 2, 4, 8, 8, 8, 16), "as late as the last snapshot"
    assert not found(1, 2, 4, 8, 16, 16, 16, 16, 16), "it has found its size before half-way"
    assert found(8, 9, 10, 12, 14, 17)
    assert not found(8, 9, 10, 12, 14), "less than twice the first"


def test_two_short_processes_are_too_few_snapshots_of_either() -> None:
    level, since = [50] * 6, [20 * (i % 3) for i in range(6)]
    seen = evidence(Row("main.a < main.f", 640, [5, 40, 90, 5, 40, 90]), Row("main.b < main.g", 640, level, freed=since))
    assert seen.trends.segment.stop - seen.trends.segment.start == 3
    assert {group.basis for group in seen.groups} == {Basis.ROSE}


def test_what_is_conspicuous_comes_by_its_growth_and_in_focus() -> None:
    level = {"a": [90, 80, 95, 96], "b": [90, 99, 90, 93], "c": [90, 95, 91, 99], "d": [90] * 4}
    rows = [Row(f"main.{name} < main.{name}2", 1 << 20, held * 3, freed=ramp(12, 40)) for name, held in level.items()]
    seen = evidence(*rows, settings=Settings(ignore="main.d"))
    shown = [seen.series.sites[group.seed].leaf.function for group in seen.groups if not group.grows]
    assert shown[:3] == ["main.c", "main.a", "main.b"]
    assert "main.d" not in shown
