from __future__ import annotations

import pytest

from cinefold import _memory

MEMINFO = "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n"
GROUP = {"memory.max": "3000000000\n", "memory.current": "1200000000\n"}


def machine(folder, files):
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _memory.available_memory(folder)


def test_of_the_machine_and_of_a_container_the_less(tmp_path):
    assert machine(tmp_path, {}) is None
    assert machine(tmp_path, {"proc/meminfo": MEMINFO}) == 8_000_000 * 1024
    group = {f"sys/fs/cgroup/{name}": text for name, text in GROUP.items()}
    assert machine(tmp_path, group) == 1_800_000_000
    files = {"sys/fs/cgroup/memory.stat": "anon 100\ninactive_file 200000000\n"}
    assert machine(tmp_path, files) == 2_000_000_000
    assert machine(tmp_path, {"sys/fs/cgroup/memory.max": "max\n"}) == 8_000_000 * 1024


def test_what_needs_more_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr(_memory, "available_memory", lambda: 2_500_000_000)
    _memory.check_memory(2_000_000_000, "a matrix")
    with pytest.raises(ValueError, match=r"^a matrix needs 2\.6 GB of memory, and 2\.5 GB are"):
        _memory.check_memory(2_600_000_000, "a matrix")
    monkeypatch.setattr(_memory, "available_memory", lambda: None)
    _memory.check_memory(10**15, "a matrix")
