"""Results as a file, as tables for the terminal, and as Markdown."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from benchmarks.contestants import EXACT
from benchmarks.convergence import CLOSE, time_to
from benchmarks.schedule import ROWS, THREADS
from benchmarks.targets import OURS, Target, ratio, shares_of_peak, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Results = dict[str, Any]
    Record = dict[str, Any]
    Rows = tuple[list[str], list[list[str]]]

_SAME = ("data", "users", "items", "ratings", "factors")


# -- the file -------------------------------------------------------------------------------------


def load(path: Path) -> Results:
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"machine": stored.get("machine"), "sections": stored.get("sections", {})}


def on_machine(results: Results, machine: dict[str, Any]) -> Results:
    """To be added to on `machine`, which must be the one of the results so far."""
    before = results["machine"]
    for key in ("processor", "cores", "threads", "level"):
        if results["sections"] and before[key] != machine[key]:
            raise ValueError(
                f"its results were measured with {key} {before[key]}, not {machine[key]}; "
                "--results names another file"
            )
    return {**results, "machine": machine}


def merge(results: Results, section: str, record: Record) -> Results:
    """With the record in place of an older one of the same ratings and factors."""
    key = [record[name] for name in _SAME]
    others = [old for old in results["sections"].get(section, []) if key != [old[n] for n in _SAME]]
    records = sorted([*others, record], key=lambda r: (r["ratings"], r["data"], r["factors"]))
    return {**results, "sections": {**results["sections"], section: records}}


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")


# -- the terminal ---------------------------------------------------------------------------------


def machine_line(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['level']}; {machine['system']}, Python {machine['python']}; {versions}"
    )


def tables(section: str, records: list[Record]) -> Iterator[Table | Text]:
    """The records of a section, a table each, and who did not take part."""
    for record in records:
        columns, rows = _ROWS[section](record)
        table = Table(title=title(section, record), title_justify="left")
        for index, column in enumerate(columns):
            table.add_column(column, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        yield table
        if record["left out"]:
            missing = (f"{name}: {why}" for name, why in record["left out"].items())
            yield Text("Left out: " + "; ".join(missing) + "\n")


def title(section: str, record: Record) -> str:
    text = (
        f"{section}: {record['users']:,} x {record['items']:,}, {record['ratings']:,} ratings, "
        f"{record['factors']} factors"
    )
    if section == "longtail":
        text += f", {record['median ratings of an item']:g} ratings of the median item"
    return text


def targets_table(results: Results) -> Table:
    """What is aimed at, and in green or red what was measured."""
    table = Table("what", "target", "measured", title="targets", title_justify="left")
    for target in targets(results["sections"]):
        colour = "green" if target.is_met else "red"
        table.add_row(target.what, target.shown_aim, Text(target.shown, style=colour))
    return table


def _epochs(record: Record) -> Rows:
    rows = []
    for name, values in record["seconds"].items():
        share = ""
        if name in EXACT:
            share = f"{statistics.median(shares_of_peak(record, name)):.0%}"
        times = f"{ratio(record['seconds'], name):.2f}" if OURS in record["seconds"] else ""
        rows.append([name, _median(values), _range(values), times, share])
    return ["library", "median s", "min - max", "times ours", "of sgemm"], rows


def _seconds(record: Record) -> Rows:
    rows = [[name, _median(v), _range(v)] for name, v in record["seconds"].items()]
    return ["", "median s", "min - max"], rows


def _threads(record: Record) -> Rows:
    """Phases on all threads, and predicted on other numbers of them."""
    phases = record["phases"]
    rows = [
        [
            name,
            _ms(phase["seconds"]),
            _ms(phase["serial"]),
            _ms(statistics.mean(phase["busy"])),
            f"{max(phase['busy']) * len(phase['busy']) / (sum(phase['busy']) or 1):.2f}",
            _ms(phase["waits"]),
            *map(_ms, phase["predicted"]),
        ]
        for name, phase in phases.items()
    ]
    of_all = [sum(phase["predicted"][i] for phase in phases.values()) for i in range(len(THREADS))]
    others = [p["predicted"] for name, p in phases.items() if name not in ROWS]
    shares = [sum(p[i] for p in others) / total for i, total in enumerate(of_all)]
    blank, seconds = [""] * 4, record["seconds"]
    rows += [
        [f"epoch on {n}", _ms(statistics.median(values)), *blank, *map(_ms, of_all)]
        for n, values in seconds.items()
    ][-1:]
    rows.append(["speed-up", f"{ratio(seconds, *seconds):.2f}" if len(seconds) > 1 else "", *blank])
    rows[-1] += [f"{of_all[0] / total:.2f}" for total in of_all]
    serial = sum(phase["serial"] for phase in phases.values())
    gathered = 8e-9 * record["ratings"] * record["factors"]  # a vector for each rating and side
    rows += [
        ["outside the rows", "", *blank, *(f"{share:.1%}" for share in shares)],
        ["serial", "", *blank, *(f"{serial / total:.1%}" for total in of_all)],
        ["GB/s of vectors gathered", "", *blank, *(f"{gathered / t:.0f}" for t in of_all)],
    ]
    columns = ["ms", "on all threads", "serial", "busy", "max/mean", "waits"]
    return [*columns, *(f"model, {n}" for n in THREADS)], rows


def _objective(record: Record) -> Rows:
    rows = []
    for name, curve in record["curves"].items():
        reached = time_to(curve, record["best"])
        seconds, epochs = (
            ("not reached", "") if reached is None else (f"{reached[0]:.2f}", reached[1])
        )
        each = curve["seconds"][-1] / len(curve["seconds"])
        above = curve["objective"][-1] / record["best"] - 1
        rows.append([name, seconds, str(epochs), f"{each:.3f}", f"{above:.3%}"])
    return ["library", f"s to {CLOSE:.1%}", "epochs", "s an epoch", "at last above best"], rows


def _top_ten(record: Record) -> Rows:
    rows = [
        [
            name,
            _median(values),
            _range(values),
            f"{ratio(record['seconds'], name, 'cinefold'):.2f}",
            f"{record['same items'][name]:.3%}",
        ]
        for name, values in record["seconds"].items()
    ]
    return ["library", "median s", "min - max", "times ours", "same items"], rows


def _fold_in(record: Record) -> Rows:
    rows = [
        [
            name,
            f"{times['p50']:.0f}",
            f"{times['p99']:.0f}",
            f"{record['users'] / statistics.median(record['seconds'][name]):,.0f}",
            f"{record['largest difference'][name]:.0e}",
        ]
        for name, times in record["microseconds"].items()
    ]
    return ["library", "p50 µs", "p99 µs", "users a second", "differs by"], rows


def _memory(record: Record) -> Rows:
    needed = record["two copies and factors"]
    rows = [[n, f"{mb:.0f}", f"{mb / needed:.2f}"] for n, mb in record["megabytes"].items()]
    return ["library", "MB", f"times two copies and factors ({needed:.0f} MB)"], rows


_ROWS: dict[str, Callable[[Record], Rows]] = {
    "epochs": _epochs,
    "longtail": _epochs,
    "levels": _seconds,
    "threads": _threads,
    "history": _seconds,
    "objective": _objective,
    "topk": _top_ten,
    "foldin": _fold_in,
    "memory": _memory,
}


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.3g}"


def _range(values: list[float]) -> str:
    return f"{min(values):.3g} - {max(values):.3g}"


# -- Markdown -------------------------------------------------------------------------------------


def markdown(results: Results) -> str:
    """The machine, the targets and every section."""
    blocks = [machine_line(results["machine"]) + "."]
    rows = [_target_row(target) for target in targets(results["sections"])]
    blocks.append(_grid(["what", "target", "measured"], rows))
    for section, records in results["sections"].items():
        for record in records:
            blocks += [f"**{title(section, record)}**", _grid(*_ROWS[section](record))]
    return "\n\n".join(blocks) + "\n"


def _target_row(target: Target) -> list[str]:
    return [target.what, target.shown_aim, target.shown]


def _grid(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
