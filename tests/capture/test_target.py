"""What URLs stand for, and which are refused without repeating their secrets."""

import pytest

from leakhunt.capture.target import Target, is_url, parse_target
from leakhunt.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "base_url", "name"),
    [
        ("localhost:6060", "http://localhost:6060/debug/pprof", "localhost_6060"),
        ("api.example.com", "http://api.example.com/debug/pprof", "api.example.com"),
        ("https://api.example.com/", "https://api.example.com/debug/pprof", "api.example.com"),
        ("http://h:1/debug/pprof", "http://h:1/debug/pprof", "h_1"),
        ("http://h:1/debug/pprof/", "http://h:1/debug/pprof", "h_1"),
        ("http://h:1/debug/pprof/heap", "http://h:1/debug/pprof", "h_1"),
        ("http://h:1/debug/pprof/heap?gc=1&debug=1", "http://h:1/debug/pprof", "h_1"),
        ("http://h:1/debug/pprof/goroutine", "http://h:1/debug/pprof", "h_1"),
        ("https://gw/team/orders", "https://gw/team/orders/debug/pprof", "gw_team_orders"),
        ("https://gw/internal/pprof/heap", "https://gw/internal/pprof", "gw_internal_pprof"),
        ("https://gw/heap", "https://gw/heap/debug/pprof", "gw_heap"),
        ("HTTP://H:1", "http://h:1/debug/pprof", "h_1"),
        ("http://[::1]:6060", "http://[::1]:6060/debug/pprof", "1_6060"),
        ("http://h/../..", "http://h/../../debug/pprof", "h"),
    ],
)
def test_parse_target(text: str, base_url: str, name: str) -> None:
    target = parse_target(text)
    assert target == Target(base_url, name)
    assert target.url("heap") == base_url + "/heap"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://user:hunter2@h/", "--basic env:NAME"),
        ("http://hunter2@h/", "--basic env:NAME"),
        ("http://h/debug/pprof/heap?token=hunter2", "the parameter 'token'"),
        ("ftp://hunter2@h/", "--basic"),
        ("ftp://h/", "is not a target"),
        ("http://", "is not a target"),
        ("http://h:notaport/", "is not a URL"),
        ("http://h:99999/", "is not a URL"),
        ("h h", "is not a target"),
        ("h\x1b[2J", "is not a URL"),
        ("h\x1b2J", "is not a target"),
        ("", "is not a target"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_target(text)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_is_url() -> None:
    assert is_url("https://h")
    assert is_url("HTTP://h")
    assert not is_url("localhost:6060")
    assert not is_url("profiles/http")
