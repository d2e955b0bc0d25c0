"""Options declared as fields of dataclasses: default, help and choices stand once, where they are used."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, field, fields
from typing import Any, TypeVar

from houseblend.base.errors import UsageError

Options = TypeVar("Options")


def declared(default: Any, help: str, choices: Sequence[str] = ()) -> Any:
    """A field that is an option: `num_epochs: float = declared(8.0, "Passes over the data")` is --num-epochs.

    Args:
        default: its default.
        help: a sentence without a full stop.
        choices: the words that it may be, if it is one of some words.
    """
    return field(default=default, metadata={"help": help, "choices": tuple(choices)})


def declared_fields(kind: Any) -> list[Field]:
    """The fields of a dataclass (or of an object of one) that are options, in order."""
    return [one for one in fields(kind) if "help" in one.metadata]


def option_name(name: str) -> str:
    """`num_epochs` as it is written on a command line: `--num-epochs`."""
    return f"--{name.replace('_', '-')}"


def chosen(kind: type[Options], values: Mapping[str, Any], **fixed: Any) -> Options:
    """A dataclass with its options taken from a flat mapping of names; what is not there keeps its default.

    Args:
        kind: the dataclass.
        values: by name; those of other dataclasses are passed over.
        fixed: fields that do not come from there.
    """
    return kind(**{one.name: values[one.name] for one in declared_fields(kind) if one.name in values} | fixed)


def own_options(kind: type, base: type) -> set[str]:
    """Names of the options that a dataclass has beside those of one that it is derived from."""
    return {one.name for one in declared_fields(kind)} - {one.name for one in declared_fields(base)}


def one_of(
    option: str, name: str, table: Mapping[str, type[Options]], base: type, values: Mapping[str, Any], **fixed: Any
) -> Options:
    """The dataclass that an option names, with its options out of those of all in a table; None was not given.

    Args:
        option: `strategy` for --strategy.
        name: what was given.
        table: the dataclasses by name.
        base: what all of them are derived from.
        values, fixed: as in `chosen`.

    Raises:
        UsageError: no such name, an option of another one, or a value that makes no sense.
    """
    if name not in table:
        raise UsageError(f"{option_name(option)}={name}", expected=" or ".join(table), do="see hb strategies")
    kind = table[name]
    given = {key: value for key, value in values.items() if value is not None}
    for other, its in table.items():
        for key in own_options(its, base) & given.keys() - {one.name for one in declared_fields(kind)}:
            raise UsageError(
                f"{option_name(key)} belongs to {option_name(option)}={other}", expected=f"options of {name}"
            )
    return chosen(kind, given, **fixed)


def check_choices(options: Any) -> None:
    """Refuse a word that is none of an option's choices.

    Raises:
        UsageError: naming option, value and what there is.
    """
    for one in declared_fields(options):
        value, choices = getattr(options, one.name), one.metadata.get("choices")
        if choices and value not in choices:
            raise UsageError(f"{option_name(one.name)}={value}", expected=" or ".join(choices))
