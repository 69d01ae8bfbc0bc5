"""``chainrule train``: the options of a training."""

from typing import Any

import click

from chainrule.cli.choices import count, model_name, number, one_of, place
from chainrule.cli.config import LOSSES, OPTIMIZERS, SCALINGS, SCHEDULES

__all__ = ["train"]

_WITH_RESUME = {"data", "resume", "threads", "debug"}
_HELP = """Train a classifier on DATA: digits (bundled), mnist or cifar10.

Without DATA, the set that lies in the folder of --data, else digits. What is not said is chosen
for the data set; RUN/config.json has every choice.
"""
_DATA = "Where the files of DATA lie; digits needs none."
_MODEL = "Linear, or hidden layers of these sizes. Default: linear; digits mlp:64."
_LOSS = "What is made small. Default: cross-entropy."
_L2 = "Strength of Σ w², added to the mean loss. Default: 0; more for cifar10 linear."
_L1 = "Strength of Σ |w|, added to the mean loss. Default: 0."
_OPTIMIZER = "The update rule. Default: adam, or what suits DATA and model."
_RATE = "Learning rate, the largest of the schedule. Default: 0.001 for adam, else by the choices."
_PLAN = "How the learning rate changes from step to step. Default: cosine."
_DECAY = (
    "Share of w × learning rate taken off w at each step; not for adam. Default: 0; adamw 0.01."
)
_EPOCHS = "Passes over the training data. Default: 10; digits 30."
_BATCH = "Examples in a step. Default: 128; digits 32."
_SEED = "Decides the first weights, the parts and the order of examples. Default: 0."
_VALIDATION = "Share of the training data to set aside and test after each epoch. Default: 0.1."
_SCALE = (
    "Center and scale the inputs: each feature, all together, or only by their range. "
    "Default: all; cifar10 linear feature."
)
_OUT = "The folder to make. Default: runs/DATA-MODEL, with a number if it is there."
_RESUME = "Go on with this run, by its own configuration."
_THREADS = "Threads of the linear algebra; another number may give other bits. Default: 1."
_DEBUG = "Show where in the program an error happened."


@click.command(help=_HELP)
@click.argument("name", metavar="[DATA]", required=False, callback=place)
@click.option("--data", metavar="FOLDER", callback=place, help=_DATA)
@click.option("--model", metavar="linear|mlp:512,512", callback=model_name, help=_MODEL)
@click.option("--loss", metavar="|".join(LOSSES), callback=one_of(LOSSES), help=_LOSS)
@click.option("--l2", metavar="X", callback=number(), help=_L2)
@click.option("--l1", metavar="X", callback=number(), help=_L1)
@click.option(
    "--optimizer", metavar="|".join(OPTIMIZERS), callback=one_of(OPTIMIZERS), help=_OPTIMIZER
)
@click.option("--lr", "learning_rate", metavar="X", callback=number(above=True), help=_RATE)
@click.option("--schedule", metavar="|".join(SCHEDULES), callback=one_of(SCHEDULES), help=_PLAN)
@click.option("--weight-decay", metavar="X", callback=number(), help=_DECAY)
@click.option("--epochs", metavar="N", callback=count(0), help=_EPOCHS)
@click.option("--batch", metavar="N", callback=count(1), help=_BATCH)
@click.option("--seed", metavar="N", callback=count(0, 2**63 - 1), help=_SEED)
@click.option("--validation", metavar="X", callback=number(high=1.0), help=_VALIDATION)
@click.option("--standardize", metavar="|".join(SCALINGS), callback=one_of(SCALINGS), help=_SCALE)
@click.option("--out", metavar="RUN", callback=place, help=_OUT)
@click.option("--resume", metavar="RUN", callback=place, help=_RESUME)
@click.option("--threads", metavar="N", callback=count(1), help=_THREADS)
@click.option("--debug", is_flag=True, help=_DEBUG)
@click.pass_context
def train(context: click.Context, /, **options: Any) -> int:
    """Start a training, or go on with one."""
    # By identity: 0 is said, and equals False.
    given = {k: value for k, value in options.items() if value is not None and value is not False}
    resume = given.get("resume")
    if resume is not None:
        _check_alone(context, given)
    elif "name" not in given and "data" not in given:
        given["name"] = "digits"

    from chainrule.cli.threads import use_threads

    use_threads(given.get("threads", 1))

    from chainrule.cli import session

    if resume is not None:
        return session.resume(resume, folder=given.get("data"), threads=given.get("threads"))
    return session.start(given)


def _check_alone(context: click.Context, given: dict[str, Any]) -> None:
    others = [
        parameter.opts[0] if isinstance(parameter, click.Option) else "DATA"
        for parameter in context.command.params
        if parameter.name in given.keys() - _WITH_RESUME
    ]
    if others:
        raise click.UsageError(
            f"--resume goes on by the run's own configuration, so it cannot be combined with "
            f"{', '.join(others)}\n\n  Beside it there may be --data, --threads and --debug.",
            context,
        )
