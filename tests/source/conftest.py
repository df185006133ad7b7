"""A small Go module in a git repository with owners, as a service would have it."""

import os
import subprocess
from pathlib import Path

import pytest

STORE = """package cache

import "sync"

type Entry struct{ Value []byte }

type Store struct {
	mu      sync.Mutex
	entries map[string]*Entry
}

// Put keeps value under key.
func (s *Store) Put(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[string]*Entry)
	}
	e := &Entry{Value: value}
	s.entries[key] = e
}

func New() *Store { return &Store{} }
"""
MAIN = """package main

import "example.org/app/cache"

var store = cache.New()

func main() {
	store.Put("a", make([]byte, 10))
}
"""
OWNERS = "# who\n*            @org/everyone\n/cache/      @org/storage @alice\n*.md         @docs\n"


def git(folder: Path, *arguments: str) -> str:
    """Runs git as a fixed author at a fixed time."""
    who = {"NAME": "Alice", "EMAIL": "alice@example.org", "DATE": "2026-01-02T03:04:05Z"}
    environment = {
        **os.environ,
        **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()},
    }
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, env=environment, capture_output=True, encoding="utf-8").stdout


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The module example.org/app, committed; returns its folder."""
    for name, text in {
        "go.mod": "module example.org/app\n\ngo 1.21\n",
        "cache/store.go": STORE,
        "cmd/server/main.go": MAIN,
        "CODEOWNERS": OWNERS,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Keep entries under keys")
    return tmp_path
