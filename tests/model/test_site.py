"""Sites: what a person is shown first, and what identifies a leak across builds."""

import pytest

from leakhunt.model.site import AllocationSite, Frame, is_runtime, is_standard, normalise, package_of


def site(*functions: str, line: int = 1) -> AllocationSite:
    return AllocationSite(tuple(Frame(function, "f.go", line) for function in functions))


def test_leaf_skips_the_standard_library() -> None:
    stack = site("container/list.(*List).insertValue", "github.com/bluele/gcache.(*LRUCache).set", "main.handle")
    assert stack.leaf.function == "github.com/bluele/gcache.(*LRUCache).set"
    assert [frame.function for frame in stack.user_stack] == ["github.com/bluele/gcache.(*LRUCache).set", "main.handle"]


def test_a_stack_of_the_standard_library_alone_shows_its_leaf() -> None:
    assert site("bufio.NewReaderSize", "net/http.(*Transport).dialConn").leaf.function == "bufio.NewReaderSize"
    assert AllocationSite(()).leaf.function == "[unknown]"


def test_fingerprint_ignores_lines_and_tells_stacks_apart() -> None:
    assert site("a.f", "a.g", line=1).fingerprint == site("a.f", "a.g", line=9).fingerprint
    assert site("a.f", "a.g").fingerprint != site("a.f", "a.h").fingerprint


def test_whose_code_allocates_is_told_by_files() -> None:
    std = Frame("bufio.NewReaderSize", "/usr/local/go/src/bufio/bufio.go")
    cached = Frame("google.golang.org/grpc.NewClient", "/root/go/pkg/mod/google.golang.org/grpc@v1.75.0/clientconn.go")
    trimmed = Frame("gopkg.in/natefinch/lumberjack%2ev2.New", "gopkg.in/natefinch/lumberjack.v2@v2.2.1/lumberjack.go")
    own = Frame("main.serve", "/home/ci/shop@home/main.go")
    assert AllocationSite((std, cached, own)).library == "google.golang.org/grpc"
    assert AllocationSite((std, trimmed)).library == "gopkg.in/natefinch/lumberjack.v2"
    assert AllocationSite((own, cached)).library == AllocationSite((std,)).library == ""
    assert [AllocationSite(stack).is_of_program for stack in ((std, cached, own), (std, cached), (std,), (own,))] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "plain"),
    [("a.F[go.shape.string,go.shape.*uint8].func1", "a.F[...].func1"), ("a.F[...]", "a.F[...]"), ("a.f", "a.f"),
     ("a.(*M[go.shape.[]uint8]).Set", "a.(*M[...]).Set")],
)  # fmt: skip
def test_normalise(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


def test_packages() -> None:
    assert package_of("github.com/bluele/gcache.(*LRUCache).set") == "github.com/bluele/gcache"
    assert package_of("main.main") == "main"
    assert is_runtime("runtime.malg")
    assert is_runtime("internal/runtime/maps.(*Map).grow")
    assert not is_runtime("runtimex.f")
    assert is_standard("net/http.(*conn).serve")
    assert not is_standard("github.com/x/net.f")
    assert is_standard("go/ast.Walk")
    assert not is_standard("go.uber.org/zap.New")
    assert not is_standard("go.etcd.io/bbolt.Open")
    assert is_standard("slices.Grow[net/http.Header]"), "arguments that are spelled out"
    assert is_standard("vendor/golang.org/x/net/http2/hpack.NewEncoder")
