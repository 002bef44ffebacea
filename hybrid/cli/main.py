"""The `hybrid` command. Sub-commands are imported when they are called, so that `--help` is quick."""

import importlib
import os
import sys
import traceback

import click

from hybrid import __version__
from hybrid.errors import HybridError, shortened
from hybrid.machine_errors import machine_limit
from hybrid.terminal import guard_streams

_COMMANDS = {
    "ask": ("hybrid.cli.ask", "Ask a folder of documents: nothing needs to be set up before."),
    "models": ("hybrid.cli.models", "Pull and list the embedded models."),
    "corpus": ("hybrid.cli.corpus", "Import public formats, and look at a corpus."),
    "synth": (
        "hybrid.cli.synth",
        "Make questions out of the documents: without a model, or by a teacher under filters.",
    ),
    "review": ("hybrid.cli.review", "Have people accept, edit or reject questions, and merge what they decided."),
    "audit": ("hybrid.cli.audit", "Say whether the questions are good enough to tune and to judge with."),
    "data": ("hybrid.cli.data", "Versions, splits, export and card of a corpus."),
    "preflight": ("hybrid.cli.preflight", "Ask what decides whether tuning should start at all."),
    "index": ("hybrid.cli.stages", "Read, chunk and index a corpus."),
    "prompt": ("hybrid.cli.prompt", "Choose the prompt's form and examples on dev."),
    "train-embed": ("hybrid.cli.stages", "Fine-tune the embedder with Matryoshka loss."),
    "train-raft": ("hybrid.cli.stages", "Tune the generator on oracle/distractor examples."),
    "merge": ("hybrid.cli.stages", "Merge the adapter into a plain model."),
    "query": ("hybrid.cli.query", "Ask, and get an answer with citations."),
    "serve": ("hybrid.cli.serve", "Keep the models loaded, so that `hybrid query` answers at once."),
    "evaluate": ("hybrid.cli.measure", "Score a system, with intervals."),
    "diagnose": ("hybrid.cli.measure", "Say which layer is at fault."),
    "compare": ("hybrid.cli.measure", "Before and after, side by side."),
    "loop": ("hybrid.cli.loop", "Everything in order: measure, diagnose, retune, merge, measure again."),
    "config": ("hybrid.cli.settings", "Every key of the configuration, its value and meaning."),
}


class LazyGroup(click.Group):
    """Lists commands from a table, imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the work."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


# click would take the colours out of a document's text without a word; nothing of ours has any (`hybrid.terminal`)
@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "color": True})
@click.version_option(__version__, prog_name="hybrid")
def cli() -> None:
    """Find out whether wrong answers come from wrong documents or from wrong answering, retune that layer, prove it.

    \b
    First steps:
      hybrid ask my-documents "How often is the seal changed?"
      hybrid models pull
      hybrid index --corpus corpora/pumps
      hybrid query --corpus corpora/pumps "How tight are the tie rods of the H20?"
    """


def main() -> None:
    """Run a command line; the user's mistakes exit 2 without a traceback, ours exit 1."""
    guard_streams()
    set_up_libraries()
    try:
        result = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HybridError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted: run the same command again to go on where it stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if told := machine_limit(error):
            click.echo(f"error: {told}", err=True)
            sys.exit(told.exit_code)
        print(shortened(traceback.format_exc()), end="", file=sys.stderr)
        click.echo("error: this is a fault of hybrid's, not yours; finished artefacts are whole", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def set_up_libraries() -> None:
    """Set the libraries up: progress and results are ours to print, their own notices would bury them."""
    import logging
    import warnings

    for name, value in {
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # threads that wait by spinning slow answering down tenfold as soon as another program wants a core
        "OMP_WAIT_POLICY": "PASSIVE",
    }.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


if __name__ == "__main__":
    main()
