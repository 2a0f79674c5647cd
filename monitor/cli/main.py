"""`driftline`: the commands, each in a file of its own that is imported when it is called."""

import gc
import os
import sys
from importlib import import_module

import click

# Before anything loads numpy: its arrays are small here, and threads that wait for each other on them take the
# processor from the other roles. Whoever sets the variable otherwise is heeded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": (
        "monitor.cli.demo",
        "demo",
        "Watch real traffic drift: verdicts, an alert, a retraining job.",
    ),
    "run": ("monitor.cli.run", "run", "Run all roles in one process: consume, tick, dispatch."),
    "consume": ("monitor.cli.run", "consume", "Read records and save their profiles."),
    "tick": ("monitor.cli.run", "tick", "Judge windows, relay alerts, start retraining, forget old data."),
    "dispatch": ("monitor.cli.run", "dispatch", "Group, route and send notifications."),
    "backfill": ("monitor.cli.backfill", "backfill", "Judge history from files, on all cores."),
    "baseline": ("monitor.cli.baseline", "baseline", "Build, list, show and promote baselines."),
    "compare": ("monitor.cli.compare", "compare", "Compare two tables by the checks that a new model has."),
    "versions": ("monitor.cli.versions", "versions", "Compare two versions of a model on the same traffic."),
    "findings": ("monitor.cli.findings", "findings", "What the checks said, per window and check."),
    "attribution": (
        "monitor.cli.attribution",
        "attribution",
        "Which columns, values and segments carry the drift of a stored window.",
    ),
    "performance": (
        "monitor.cli.performance",
        "performance",
        "What was estimated, what came true, and where changes come from.",
    ),
    "budget": ("monitor.cli.budget", "budget", "Expected false alarms, and the smallest change each column can show."),
    "windows": (
        "monitor.cli.windows",
        "windows",
        "What came for every window, what became of it, and what the checks said.",
    ),
    "alerts": (
        "monitor.cli.alerts",
        "alerts",
        "Alerts that fire, deliveries, why nobody was told, budgets of teams.",
    ),
    "incidents": (
        "monitor.cli.incidents",
        "incidents",
        "What fired and who deals with it: list, acknowledge, assign, note, mark, resolve.",
    ),
    "silences": (
        "monitor.cli.silences",
        "silences",
        "Keep quiet about some alerts for a while: add, list, end, preview.",
    ),
    "rules": ("monitor.cli.rules", "rules", "Try rules: test them, backtest them, explain why they fire or do not."),
    "checks": ("monitor.cli.checks", "checks", "The drift tests, performance metrics and estimates there are."),
    "retraining": (
        "monitor.cli.retraining",
        "retraining",
        "The ledger of retraining jobs: see, ask, approve, hold, verify, promote.",
    ),
    "dead-letters": ("monitor.cli.dead_letters", "dead_letters", "Records that were refused, and why."),
    "truths": (
        "monitor.cli.truths",
        "truths",
        "What is stored of ground truth and feedback: how much, what was said.",
    ),
    "fairness": (
        "monitor.cli.fairness",
        "fairness",
        "How the groups of sensitive features fared, with intervals; tables for audits.",
    ),
    "segments": ("monitor.cli.segments", "segments", "Find where a model is worse than elsewhere."),
    "detectors": (
        "monitor.cli.detectors",
        "detectors",
        "Sequential detectors: what they raised, and what they say of a file.",
    ),
    "archive": ("monitor.cli.archive", "archive", "Raw rows that were kept, as Parquet files."),
    "export": ("monitor.cli.export", "export", "Write data to train on: archived rows with their ground truth."),
    "map": ("monitor.cli.map", "map_command", "Show what a format makes of sample messages."),
    "report": ("monitor.cli.report", "report", "Write Evidently's drill-down report of one window."),
    "check-config": ("monitor.cli.check_config", "check_config", "Report every mistake of the configuration."),
    "db": ("monitor.cli.db", "db", "Create or upgrade the database's tables."),
    "traffic": ("monitor.cli.traffic", "traffic", "Send the demo's inference log and ground truth into Kafka."),
    "version": ("monitor.cli.version", "version", "Show the version."),
}
"""Name -> (module, attribute, one line of help). The line stands here too, so that --help imports nothing."""

DEBUG_VARIABLE = "DRIFTLINE_DEBUG"
INTERRUPTED, MISTAKEN = 130, 2
SWEEP_AFTER = 50_000


class LazyGroup(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command itself; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """With a hint for a mistyped name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - for the mistyped only

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else " See `driftline --help`."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar=DEBUG_VARIABLE, help="Show the traceback of an error.")
def driftline(*, debug: bool) -> None:
    """Drift and performance monitoring of machine-learning models: inference logs in, alerts and retraining out."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"  # worker processes inherit it


def sweep_seldom() -> None:
    """Let Python's collector of cycles look after so many new objects as a portion of judged windows has.

    Its usual 700 make it look at every finding several times, and all of them are freed without it.
    """
    gc.set_threshold(SWEEP_AFTER, *gc.get_threshold()[1:])


def main() -> None:
    """Run a command; the exit code is 0, 1 (something crashed), 2 (a mistake that the message explains) or 130."""
    sweep_seldom()
    try:
        code = driftline.main(prog_name="driftline", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(MISTAKEN)
    except BrokenPipeError:  # the reader of our output has gone: `driftline findings | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE) or not _is_explained(error):
            raise
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
        sys.exit(MISTAKEN)
    sys.exit(code if isinstance(code, int) else 0)


def _is_explained(error: Exception) -> bool:
    """Whether its message was written for the person who reads it."""
    from monitor.domain.errors import MonitorError  # noqa: PLC0415 - only when something went wrong

    return isinstance(error, MonitorError)
