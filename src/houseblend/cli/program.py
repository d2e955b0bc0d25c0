"""What all programs share: Kaldi-style options, exit statuses, counted skips.

A program is a function with `@program`, `@argument` and `@option` above it; its name is that of its file
(`cli/copy_feats.py` is `copy-feats`). It returns, or raises; `Program.main` turns what it raises into an exit status.
"""

import contextlib
import difflib
import inspect
import math
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import click

from houseblend.base.allocation import keep_freed_memory
from houseblend.base.atomic import write_json
from houseblend.base.errors import (
    EXIT_BUG,
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_READER_CLOSED,
    EXIT_TERMINATED,
    HouseBlendError,
    InputError,
    UsageError,
    class_and_message,
)
from houseblend.base.log import error, log, warn
from houseblend.base.options import declared_fields, option_name
from houseblend.base.standard_streams import replace_closed_streams


class KaldiBool(click.ParamType):
    """Kaldi's booleans: true, t, false, f."""

    name = "true|false"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Accept the four spellings only."""
        if isinstance(value, bool):
            return value
        if value not in ("true", "t", "false", "f"):
            self.fail(f"{value!r} is neither true nor false", param, ctx)
        return value in ("true", "t")


def argument(name: str, *, help: str, type: Any = str, nargs: int = 1, required: bool = True) -> Callable:
    """Declare a positional argument; `nargs=-1` takes one or more (or none, if they are not required).

    A tuple as `type` holds the words allowed.
    """

    def declare(function: Callable) -> Callable:
        function.__dict__.setdefault("argument_help", []).insert(0, (name.upper(), help))
        return click.argument(name, type=_click_type(type), nargs=nargs, required=required)(function)

    return declare


def option(
    *names: str, type: Any = str, default: Any = None, help: str, multiple: bool = False, required: bool = False
) -> Callable:
    """Declare `--name=value`, perhaps after a short name; a `bool` option is Kaldi's true|false, and bare `--name` means true."""
    shown = default is not None and default != ""
    presence: dict[str, Any] = {"required": True} if required else {"default": default, "show_default": shown}
    return click.option(*names, type=_click_type(type), help=help, multiple=multiple, callback=_finite, **presence)


def options_of(
    kind: type, group: str, without: Sequence[str] = (), only: Collection[str] | None = None, optional: bool = False
) -> Callable:
    """Declare an option for every field of a dataclass that is one (`base/options.declared`).

    Args:
        kind: the dataclass.
        group: heading under which `--help` shows them.
        without, only: names of fields that are left out, or taken alone.
        optional: what is not given is None, so that the dataclass's own default holds.
    """
    chosen = [one for one in declared_fields(kind) if one.name not in without and (only is None or one.name in only)]

    def declare(function: Callable) -> Callable:
        if not optional:
            function.__dict__.setdefault("option_kinds", []).append((kind, [one.name for one in chosen]))
        types = get_type_hints(kind)
        for one in reversed(chosen):
            words = {"type": one.metadata["choices"] or _plain(types[one.name]), "help": one.metadata["help"]}
            if optional:
                words["help"] += f"  [default: {one.default}]"
            else:
                words["default"] = one.default
            function = option(option_name(one.name), **words)(function)
            function.__dict__["__click_params__"][-1].group = group
        return function

    return declare


def _plain(hint: Any) -> type:
    """The type itself of `type | None`."""
    return next((one for one in get_args(hint) if one is not NoneType), hint)


class _Command(click.Command):
    """A command whose `--help` shows options under the headings of their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group, those without one last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
                groups.setdefault(getattr(param, "group", "Options"), []).append(record)
        for heading in sorted(groups, key=lambda name: name == "Options"):
            with formatter.section(heading):
                formatter.write_dl(groups[heading])


def flag(name: str, *, help: str) -> Callable:
    """Declare an option that takes no value, for programs whose arguments are another's."""
    return click.option(name, is_flag=True, help=help)


def skipping(function: Callable) -> Callable:
    """Add `--max-skipped`, for programs that may leave out single utterances (default: all but one)."""
    return click.option(
        "--max-skipped", type=int, default=None, help="Fail if more utterances are skipped [default: all but one]"
    )(function)


def program(
    *, example: str, before: Callable[["Program", list[str]], list[str]] | None = None
) -> Callable[[Callable[..., None]], "Program"]:
    """Make a program of a function.

    Args:
        example: a command line shown by `--help`.
        before: of a program that runs another command: makes of the words given its own options, `--`, and the rest.
    """

    def declare(function: Callable[..., None]) -> Program:
        if function.__module__ == "__main__":
            raise SystemExit("run it as: python -m houseblend PROGRAM")
        name = function.__module__.rpartition(".")[2].replace("_", "-")
        return Program(name, function, example, before)

    return declare


class Program:
    """A command: calling it runs it with the process's arguments and exits.

    Args:
        name: the program's name.
        function: what it does; its keyword arguments are the declared arguments and options.
        example: a command line that works.
        before: see `program`; such a program reads no `--config`.
    """

    def __init__(
        self, name: str, function: Callable[..., None], example: str,
        before: Callable[["Program", list[str]], list[str]] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.function, self.example, self._before = name, function, example, before
        self.call = function
        params: list[click.Parameter] = list(reversed(function.__dict__.pop("__click_params__", [])))
        params += [option for option in _standard_options() if before is None or option.name != "config"]
        lines = [f"  {metavar}  {text}" for metavar, text in function.__dict__.get("argument_help", [])]
        summary = inspect.cleandoc(function.__doc__ or "")
        self.command = _Command(
            name,
            params=params,
            callback=self._callback,
            help=summary + ("\n\n\b\nArguments:\n" + "\n".join(lines) if lines else ""),
            epilog=f"\b\nExample:\n  {example}",
            context_settings={"max_content_width": 120, "allow_interspersed_args": before is None},
        )

    def __call__(self) -> None:
        """Run with `sys.argv` and leave the process by the table of exit statuses."""
        replace_closed_streams()
        try:
            status = self.main(sys.argv[1:])
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # what is left is the interpreter's own end
        except _Terminated:
            status = EXIT_TERMINATED
        sys.exit(status)

    def main(self, arguments: list[str]) -> int:
        """Run with `arguments`; returns the exit status and never raises."""
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _raise_terminated)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # jobs and threads are ours to count, not those of numpy's BLAS
        keep_freed_memory()
        try:
            self.run(arguments)
            sys.stdout.flush()
            return EXIT_OK
        except click.exceptions.Exit as leaving:
            return leaving.exit_code
        except HouseBlendError as failure:
            _report(failure)
            return failure.exit_status
        except (KeyboardInterrupt, click.exceptions.Abort):
            return EXIT_INTERRUPTED
        except _Terminated:
            return EXIT_TERMINATED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            log("the reader of the output has closed it")
            return EXIT_READER_CLOSED
        except (OSError, MemoryError) as failure:
            _report(failure)
            return EXIT_FAILURE
        except ModuleNotFoundError as missing:
            advice = f"pip install {missing.name}, or `source path.sh` in the toolkit's folder"
            _report(HouseBlendError(f"Python has no {missing.name}", do=advice))
            return EXIT_FAILURE
        except Exception as failure:
            error(f"this is a bug in {self.name}; please report it with the lines below\n{traceback.format_exc()}")
            _note(*class_and_message(failure))
            return EXIT_BUG

    def run(self, arguments: list[str]) -> None:
        """Parse `arguments` and run the function; errors are raised.

        Raises:
            UsageError: the arguments are not what the program takes.
        """
        try:
            if self._before is None:
                words = [*self._config_words(arguments), *arguments]
            else:
                words = self._before(self, arguments)
            with self.command.make_context(self.name, self._spell_booleans(words)) as context:
                if context.params.pop("print_args"):
                    log(command_line(self.name, arguments))
                self.command.invoke(context)
        except click.UsageError as failure:
            raise UsageError(failure.format_message(), do=f"see {self.name} --help") from failure

    def _callback(self, **values: Any) -> None:
        self.function(**values)

    def options(self) -> dict[str, click.Parameter]:
        """The declared options by their names, `--` included."""
        return {name: param for param in self.command.params for name in param.opts if name.startswith("--")}

    def _spell_booleans(self, words: list[str]) -> list[str]:
        booleans = {name for name, param in self.options().items() if isinstance(param.type, KaldiBool)}
        end = words.index("--") if "--" in words else len(words)
        return [f"{word}=true" if word in booleans else word for word in words[:end]] + words[end:]

    def _config_words(self, arguments: list[str]) -> list[str]:
        words: list[str] = []
        for index, word in enumerate(arguments):
            if word == "--":
                break
            if word.startswith("--config="):
                words += self._read_config(word.partition("=")[2])
            elif word == "--config" and index + 1 < len(arguments):
                words += self._read_config(arguments[index + 1])
        return words

    def _read_config(self, path: str) -> list[str]:
        known = self.options()
        words = []
        for number, raw in enumerate(_config_text(path).split("\n"), start=1):
            line = raw.partition("#")[0].strip()
            if not line:
                continue
            name, equals, value = line.partition("=")
            name, value = name.strip(), value.strip()
            if not name.startswith("--"):
                raise UsageError(
                    f"{line!r} is no option", file=path, line=number, expected="--name=value", do="mend the line"
                )
            if name not in known or name == "--config":
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"see {self.name} --help"
                raise UsageError(f"unknown option {name}", file=path, line=number, do=hint)
            try:
                _finite(None, known[name], known[name].type.convert(value if equals else "true", known[name], None))
            except click.UsageError as failure:
                what, do = failure.message.rstrip("."), f"see {self.name} --help"
                raise UsageError(what, file=path, line=number, key=name, do=do) from None
            words.append(f"{name}={value}" if equals else name)
        return words


class Skips:
    """Counts what was done and what was left out; logs every skip, and fails when they are too many.

    Args:
        max_skipped: how many may be skipped; None allows all but one.
        what: the items' name.
        source: the table that they are of, named with every skip.
    """

    def __init__(self, max_skipped: int | None = None, what: str = "utterances", source: str = "") -> None:
        self.max_skipped, self.what, self._place = max_skipped, what, f" of {source}" if source else ""
        self.num_done = self.num_skipped = 0

    def __enter__(self) -> "Skips":
        return self

    def done(self, key: str = "") -> None:
        """Count one item as done."""
        self.num_done += 1

    def skip(self, key: str, why: object) -> None:
        """Count the item `key` as skipped and say why."""
        self.num_skipped += 1
        if isinstance(why, HouseBlendError) and why.key == key:
            why = why.but(key=None)
        warn(f"skipped [{key}]{self._place}: {why}")

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: object) -> None:
        if kind is not None:
            return
        log(f"done {self.num_done} {self.what}, skipped {self.num_skipped}")
        if self.num_done == 0:
            raise InputError(f"no {self.what} were processed", do="check the input and the warnings above")
        if self.max_skipped is not None and self.num_skipped > self.max_skipped:
            raise InputError(f"{self.num_skipped} {self.what} were skipped", expected=f"at most {self.max_skipped}")


def _report(failure: BaseException) -> None:
    """An error line, and a note to the launcher of this job."""
    kind, message = class_and_message(failure)
    error(message)
    _note(kind, message)


def _note(kind: str, message: str) -> None:
    """Tell the launcher of this job, if there is one, in what class the failure falls."""
    path = os.environ.get("HOUSEBLEND_FAILURE")
    if path:
        with contextlib.suppress(OSError):
            write_json(path, {"class": kind, "message": message})


_LONGEST_CONFIG = 1 << 20


class _Terminated(BaseException):
    """SIGTERM, raised where the program stands so that files are left whole."""


def _raise_terminated(number: int, frame: object) -> None:
    raise _Terminated


def _standard_options() -> list[click.Option]:
    """What every program takes, as Kaldi's do."""
    return [
        click.Option(["--config"], multiple=True, expose_value=False, help="Read options, one --name=value a line"),
        click.Option(["--print-args"], type=KaldiBool(), default=False, help="Log the command line"),
        click.Option(
            ["--verbose"], type=int, expose_value=False, help="Taken as Kaldi's is; there is one level of messages"
        ),
    ]


def _finite(context: click.Context | None, parameter: click.Parameter, value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number", context, parameter)
    return value


def _click_type(kind: Any) -> Any:
    if kind is bool:
        return KaldiBool()
    if isinstance(kind, tuple):
        return click.Choice(kind)
    return click.Path(path_type=Path) if kind is Path else kind


def _config_text(path: str) -> str:
    from houseblend.io.streams import read_text

    try:
        return read_text(path, _LONGEST_CONFIG)
    except InputError as failure:
        what, do = f"cannot read the configuration: {failure.what}", "name a text file of --name=value lines"
        raise UsageError(what, file=path, line=failure.line, do=do) from failure


def command_line(name: str, arguments: list[str]) -> str:
    """The command as it can be pasted into a shell."""
    return shlex.join([name, *arguments])
