"""The command line: `zeven run`, `demo`, `status`, `releases`, `rollback`, `diff`, `forget`, `doctor`,
`dev`, `dashboard`.

Belongs here: the commands, their options, exit codes, and what becomes of an error. Does not belong here: the
work itself, or how a result looks. Heavy imports stand inside the commands: `zeven status` must not wait for
Dagster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from orchestration import console
from orchestration.errors import BusyError, GateError, SettingsError, SourceError, ZevenError
from orchestration.speech import without_secrets

if TYPE_CHECKING:
    from orchestration.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

INTERRUPTED = 130
EXIT_CODES = f"""\b
Exit codes:
  0    done, also when there was nothing new
  1    an unexpected failure, or `doctor` found something wrong
  {SettingsError.exit_code}    the settings file, an option or the environment is wrong
  {SourceError.exit_code}    a source cannot be read, or what it holds is refused
  {GateError.exit_code}    a model, test, contract or comparison failed: nothing was published
  {BusyError.exit_code}    another run holds the warehouse
  {INTERRUPTED}  interrupted"""


@dataclass
class Call:
    """What every command is called with."""

    settings_file: Path | None = None
    as_json: bool = False

    def settings(self) -> Settings:
        from orchestration.settings import load_settings

        return load_settings(self.settings_file)

    def answer(self, payload: object, show: Callable[[], None]) -> None:
        """The result, for a machine or for a person."""
        if self.as_json:
            click.echo(console.to_json(payload))
        else:
            show()


class ZevenGroup(click.Group):
    """Turns every way to fail into one sentence and an exit code."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            sys.exit(super().main(arguments, *rest, **extra) or 0)
        except (SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # Dagster's own kind of Ctrl-C is no Exception
            _fail(error, arguments)


def _fail(error: BaseException, arguments: list[str]) -> NoReturn:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx is not None:
        click.echo(error.ctx.get_help(), err=True)
    code, kind, sentence = _explain(error, arguments)
    if isinstance(error, BrokenPipeError):
        _drop_stdout()
        sys.exit(code)
    if "--json" in arguments:
        click.echo(console.to_json({"error": {"kind": kind, "message": sentence, "exit_code": code}}))
    console.show_error(sentence)
    sys.exit(code)


def _explain(error: BaseException, arguments: list[str]) -> tuple[int, str, str]:
    """(exit code, kind, sentence) of whatever ended a command."""
    if isinstance(error, ZevenError):
        return error.exit_code, type(error).__name__.removesuffix("Error").lower() or "zeven", str(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return 2, "usage", "no command is given. `zeven --help` lists them."
    if isinstance(error, click.ClickException):
        return 2, "usage", f"{error.format_message().rstrip('.')}. `zeven --help` lists commands and options."
    if isinstance(error, KeyboardInterrupt | click.exceptions.Abort) or _was_interrupted(error):
        return (
            INTERRUPTED,
            "interrupted",
            "interrupted. Readers keep the last whole release; `zeven run` starts again.",
        )
    if isinstance(error, BrokenPipeError):
        return 1, "pipe", ""
    from orchestration.machine_faults import machine_fault

    file = console.keep_traceback(error, _log_folder(arguments))
    if told := machine_fault(error):
        return 1, "machine", f"{without_secrets(told)} The details are in {file}."
    name = type(error).__name__
    return (
        1,
        "unexpected",
        f"an unexpected {name}: {without_secrets(_first_line(error))} The details are in {file}; please"
        " report it.",
    )


def _was_interrupted(error: BaseException) -> bool:
    """Dagster wraps Ctrl-C in an exception of its own, known by name so that it need not be imported here."""
    return type(error).__name__ == "DagsterExecutionInterruptedError"


def _first_line(error: BaseException) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return line if line.endswith((".", "!", "?")) or not line else f"{line}."


def _log_folder(arguments: list[str]) -> Path | None:
    """`warehouse/logs` of the settings this call used; None where they cannot be read."""
    from orchestration.settings import load_settings

    file = None
    for position, argument in enumerate(arguments):
        if argument == "--settings" and position + 1 < len(arguments):
            file = Path(arguments[position + 1])
        elif argument.startswith("--settings="):
            file = Path(argument.partition("=")[2])
    try:
        return load_settings(file).paths.warehouse / "logs"
    except ZevenError:
        return None


def _drop_stdout() -> None:
    """The reader of a pipe has gone; Python must not complain when it flushes at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def with_common_options(command: Command) -> Command:
    """`--settings` and `--json`, before the command's name or after it."""

    def remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
            call = context.ensure_object(Call)
            if value:
                setattr(call, name, value)

        return callback

    for option in (
        click.option("--json", is_flag=True, expose_value=False, callback=remember("as_json"),
                     help="One JSON document on stdout, nothing else there."),
        click.option("--settings", metavar="FILE", type=click.Path(path_type=Path), expose_value=False,
                     callback=remember("settings_file"),
                     help="The settings file; else $ZEVEN_SETTINGS, else zeven.toml."),
    ):  # fmt: skip
        command = option(command)
    return command


def _say_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from importlib.metadata import version

        as_json = "--json" in sys.argv[1:]
        click.echo(console.to_json({"version": version("zeven")}) if as_json else f"zeven {version('zeven')}")
        context.exit()


@click.group(cls=ZevenGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_say_version,
              help="Show the version and stop.")  # fmt: skip
@with_common_options
def cli() -> None:
    """The seven sales metrics, from any CRM: load, build, check, publish."""


@cli.command()
@click.option(
    "--as-of", metavar="WHEN", help="The instant to describe: a date (its last second) or an ISO instant."
)
@click.option("--force", is_flag=True, help="Build and publish although nothing is new.")
@click.option(
    "--full-refresh",
    is_flag=True,
    help="As --force, and make every table anew instead of changing the rows that differ.",
)
@click.option(
    "--no-wait", is_flag=True, help="Refuse at once, instead of waiting, when another run is at work."
)
@click.option(
    "--accept", metavar="REASON", help="Publish what is hardly true beside the last release; kept with it."
)
@with_common_options
@click.pass_obj
def run(
    call: Call, as_of: str | None, force: bool, full_refresh: bool, no_wait: bool, accept: str | None
) -> None:
    """Load what is new, build, check and publish a release."""
    from orchestration.commands import run as command
    from orchestration.commands import views

    payload = command.run(
        call.settings(),
        as_of=as_of,
        force=force,
        wait=not no_wait,
        accept=accept,
        full_refresh=full_refresh,
    )
    call.answer(payload, lambda: views.show_run(payload))


@cli.command()
@click.option(
    "--scale", type=click.FloatRange(min=0, min_open=True), help="Size; 1 is some 7,000 leads.  [default: 1]"
)
@click.option("--seed", type=int, help="Another seed is another company.  [default: 7]")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day that happened.  [default: yesterday]"
)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the export files go.")
@click.option(
    "--clean", is_flag=True, default=None, help="Without the late, double and dirty records of real exports."
)
@with_common_options
@click.pass_obj
def demo(
    call: Call,
    scale: float | None,
    seed: int | None,
    until: datetime | None,
    folder: Path | None,
    clean: bool | None,
) -> None:
    """Make the demo company's export files; one that is there already stays."""
    from orchestration.commands import demo as command
    from orchestration.commands import views

    last_day = until.date() if until else None
    payload = command.make(call.settings(), folder, scale=scale, seed=seed, until=last_day, clean=clean)
    call.answer(payload, lambda: views.show_demo(payload))


@cli.command()
@with_common_options
@click.pass_obj
def status(call: Call) -> None:
    """What is served, how old it is, what waits, who works."""
    from orchestration.commands import status as command
    from orchestration.commands import views

    payload = command.gather(call.settings())
    call.answer(payload, lambda: views.show_status(payload))


@cli.command()
@with_common_options
@click.pass_obj
def releases(call: Call) -> None:
    """Every release that is kept, newest first."""
    from orchestration.commands import status as command
    from orchestration.commands import views

    payload = command.releases(call.settings())
    call.answer(payload, lambda: views.show_releases(payload))


@cli.command()
@click.argument("release", required=False)
@with_common_options
@click.pass_obj
def rollback(call: Call, release: str | None) -> None:
    """Serve RELEASE again; without it, the one before the current one."""
    from orchestration.commands import status as command
    from orchestration.commands import views

    payload = command.roll_back(call.settings(), release)
    call.answer(payload, lambda: views.show_rollback(payload))


@cli.command()
@click.option("--lead", metavar="ID", help="A lead's id, as published (source:id) or the source's own.")
@click.option("--email", is_flag=True, help="An e-mail address, read from stdin so that nobody else sees it.")
@click.option("--email-hash", metavar="HASH", help="The SHA-256 of an address in small letters, in hex.")
@click.option("--account", metavar="ID", help="An account that is a person: its name and free text.")
@click.option(
    "--reason", help="Kept with the tombstone; no personal value.  [default: asked to be forgotten]"
)
@click.option(
    "--anyway", is_flag=True, help="Keep the person out for the future, also where it is not found."
)
@click.option("--no-wait", is_flag=True, help="Refuse at once, instead of waiting, when a run is at work.")
@with_common_options
@click.pass_obj
def forget(call: Call, /, no_wait: bool, **asked: Any) -> None:
    """Erase a person from the warehouse and every release, and keep it out."""
    from orchestration.commands import forget as command

    payload = command.forget(call.settings(), wait=not no_wait, **asked)
    call.answer(payload, lambda: command.show(payload))


@cli.command()
@click.argument("release_a")
@click.argument("release_b")
@click.option("--period", type=click.Choice(["week", "month", "quarter", "year"]), help="Only such periods.")
@click.option("--level", type=click.Choice(["company", "team", "rep"]), help="Only numbers of this level.")
@with_common_options
@click.pass_obj
def diff(call: Call, release_a: str, release_b: str, period: str | None, level: str | None) -> None:
    """Which numbers of closed periods differ between two releases, and why.

    RELEASE_A and RELEASE_B are ids, `current` or `previous`. A person sees the company's months, unless the
    options say otherwise; --json has everything that they leave.
    """
    from orchestration.commands import diff as command
    from orchestration.commands import restated

    if not call.as_json:
        period, level = period or "month", level or "company"
    payload = command.gather(
        call.settings(), release_a, release_b, period=period, level=level, totals_only=not call.as_json
    )
    call.answer(payload, lambda: restated.show_diff(payload))


@cli.command()
@with_common_options
@click.pass_obj
@click.pass_context
def doctor(context: click.Context, call: Call) -> None:
    """What is wrong here, and what to do about it."""
    from orchestration.commands import doctor as command
    from orchestration.commands import views

    payload = command.payload(command.examine(call.settings))
    call.answer(payload, lambda: views.show_doctor(payload))
    context.exit(1 if payload["wrong"] else 0)


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@with_common_options
@click.pass_obj
def dev(call: Call, port: int) -> None:
    """Dagster's pages on 127.0.0.1, until Ctrl-C."""
    from orchestration.commands.dev import serve

    serve(call.settings(), port)


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Another port than the settings' one.")
@with_common_options
@click.pass_obj
def dashboard(call: Call, port: int | None) -> None:
    """The sales manager's pages on 127.0.0.1, until Ctrl-C."""
    from dashboard.serve import serve

    serve(call.settings(), port)


def main() -> None:
    """Entry point of the `zeven` script."""
    cli()


if __name__ == "__main__":
    main()
