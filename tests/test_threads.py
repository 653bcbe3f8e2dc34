from __future__ import annotations

import os

import pytest

from cinefold import _threads
from cinefold.als.iterations import available_threads


def machine(root, cgroup, groups):
    """The files of a machine where this process is in `cgroup`; `groups` have quotas."""
    texts = {"proc/self/cgroup": cgroup}
    for name, text in groups.items():
        if name.startswith("cpu"):
            quota, period = text.split()
            texts[f"sys/fs/cgroup/{name}/cpu.cfs_quota_us"] = quota
            texts[f"sys/fs/cgroup/{name}/cpu.cfs_period_us"] = period
        else:
            texts[f"sys/fs/cgroup/{name}/cpu.max"] = text
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("cgroup", "groups", "expected"),
    [
        ("0::/", {"": "max 100000"}, None),
        ("0::/", {"": "150000 100000"}, 2),
        ("0::/", {"": "50000 100000"}, 1),
        ("0::/a.slice/b", {"a.slice": "300000 100000", "a.slice/b": "max 100000"}, 3),
        ("0::/a.slice/b", {"a.slice": "300000 100000", "a.slice/b": "200000 50000"}, 3),
        ("0::/a.slice/b", {"a.slice": "300000 100000", "a.slice/b": "200000 100000"}, 2),
        ("0::/a", {"b": "100000 100000"}, None),  # another's
        ("0::/docker/1f", {"": "200000 100000"}, 2),  # named as the machine does, seen as the root
        ("0::/../x", {"": "200000 100000"}, 2),
        ("4:memory:/a\n3:cpu,cpuacct:/\n1:name=systemd:/a", {"cpu,cpuacct": "250000 100000"}, 3),
        ("3:cpu,cpuacct:/a/b", {"cpu": "-1 100000", "cpu/a": "200000 100000"}, 2),
        ("2:cpuset:/\n1:cpu:/k", {"cpu": "-1 100000", "cpu/k": "-1 100000"}, None),
        ("1:cpu:/\n0::/user", {"cpu": "400000 100000", "unified/user": "100000 100000"}, 4),
        ("1:cpu:/a:b", {"cpu/a:b": "100000 100000"}, 1),
        ("0::/", {"": "broken"}, None),
        ("0::/", {"": "100000 0"}, None),
    ],
)
def test_quotas_of_cgroups(tmp_path, cgroup, groups, expected):
    assert _threads.quota(machine(tmp_path, cgroup, groups)) == expected


def test_a_system_without_cgroups_has_no_quota(tmp_path):
    assert _threads.quota(tmp_path) is None


@pytest.mark.parametrize(
    ("wanted", "quota", "expected"),
    [
        ("3", 1, 3),
        ("64,2", None, 64),
        (" 5 ", None, 5),
        ("999999999", None, _threads.MAX_THREADS),
        ("99999999999", 1, 1),
        ("", 1, 1),
        ("0", 1, 1),
        ("-2", 1, 1),
        ("two", 1, 1),
        ("", 1000, len(os.sched_getaffinity(0))),
        ("", None, len(os.sched_getaffinity(0))),
    ],
)
def test_the_variable_wins_over_quota_and_cores(monkeypatch, wanted, quota, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    monkeypatch.setattr(_threads, "quota", lambda: quota)
    assert available_threads(None) == expected
    assert available_threads(7) == 7
