"""Groups of options: dataclasses whose fields are options, for commands that take one object.

A command with a parameter ``data: DataOptions`` has an option for each field of `DataOptions`. The
annotation of a field holds its option, as in Typer, or `option` is its default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import field, fields, is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

_LARGEST_SHARE = 0.9


def share(text: str) -> float:
    """A share of each user's ratings, typed where a file is given elsewhere."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST_SHARE:
        raise typer.BadParameter(
            f"{text!r} is not a share of each user's ratings, from 0 to {_LARGEST_SHARE}; files "
            "with parts are for cinefold evaluate"
        )
    return number


SHARE: dict[str, Any] = {"parser": share, "metavar": f"0..{_LARGEST_SHARE}"}
INPUT_FILE: dict[str, Any] = {"metavar": "FILE", "exists": True, "dir_okay": False}


def in_a_folder(file: Path | None) -> Path | None:
    """The file, before work begins for one that could not be written."""
    if file is not None and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.absolute().parent}")
    return file


OUTPUT_FILE: dict[str, Any] = {"metavar": "FILE", "dir_okay": False, "callback": in_a_folder}


def option(text: str, *names: str, default: Any = None, **more: Any) -> Any:
    """A field of a group: the option's help, its names if the field's is another, its default."""
    return field(default=default, metadata={"option": typer.Option(*names, help=text, **more)})


def panel(name: str, **usual: Any) -> Callable[..., Any]:
    """As `option`, for options that the help shows in a panel of this name."""
    return partial(option, rich_help_panel=name, **usual)


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer takes it, with the fields of each group in place of the group."""
    signature = inspect.signature(command, eval_str=True)
    kinds = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    groups: dict[str, Any] = {name: kind for name, kind in kinds.items() if is_dataclass(kind)}

    @wraps(command)
    def run(**given: Any) -> None:
        asked = {
            name: kind(**{one.name: given.pop(one.name) for one in fields(kind)})
            for name, kind in groups.items()
        }
        command(**asked, **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += _options_of(groups[name]) if name in groups else [parameter]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options_of(group: Any) -> Iterator[inspect.Parameter]:
    kinds = get_type_hints(group, include_extras=True)
    for one in fields(group):
        kind = kinds[one.name]
        if "option" in one.metadata:
            kind = Annotated[kind, one.metadata["option"]]
        yield inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=kind
        )
