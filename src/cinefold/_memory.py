"""How much memory there is: what would take more is an error, and does not end the process."""

from __future__ import annotations

from pathlib import Path


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that the system, and the container if there is one, has left; None if unknown."""
    machine = _numbers(root / "proc/meminfo").get("MemAvailable:")
    found = [] if machine is None else [machine * 1024]
    group = root / "sys/fs/cgroup"
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # another system, or no limit ("max")
        pass
    else:
        files = _numbers(group / "memory.stat").get("inactive_file", 0)  # given up when needed
        found.append(max(0, limit - used + files))
    return min(found, default=None)


def _numbers(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {words[0]: int(words[1]) for line in lines if len(words := line.split()) > 1}


def check_memory(n_bytes: int, what: str) -> None:
    """A ValueError if `what` needs more memory than there is."""
    available = available_memory()
    if available is not None and n_bytes > available:
        raise ValueError(
            f"{what} needs {n_bytes / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free"
        )
