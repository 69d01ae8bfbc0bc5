"""``chainrule train``: the options of a training."""

from typing import Any

import click

from chainrule.cli.choices import model_name, number, one_of
from chainrule.cli.config import LOSSES, OPTIMIZERS, SCALINGS, SCHEDULES

__all__ = ["train"]

_WITH_RESUME = {"data", "resume", "threads", "debug"}
_HELP = """Train a classifier on DATA: digits (bundled), mnist or cifar10.

Without DATA, the set that lies in the folder of --data, else digits. What is not said is chosen
for the data set; RUN/config.json has every choice.
"""
_MODEL = "Linear, or hidden layers of these sizes."
_RATE = "The learning rate."
_PLAN = "How the learning rate changes from step to step."
_VALIDATION = "Share of the training data to set aside and look at after each epoch."
_SCALE = "What inputs are centered and scaled by: each feature, all together, or their range."


@click.command(help=_HELP)
@click.argument("name", metavar="[DATA]", required=False)
@click.option("--data", metavar="FOLDER", help="Where the files of the data set lie.")
@click.option("--model", metavar="linear|mlp:512,512", callback=model_name, help=_MODEL)
@click.option("--loss", metavar="|".join(LOSSES), callback=one_of(LOSSES))
@click.option("--l2", metavar="X", callback=number(), help="Strength of Σ w², added to the loss.")
@click.option("--l1", metavar="X", callback=number(), help="Strength of Σ |w|, added to the loss.")
@click.option("--optimizer", metavar="|".join(OPTIMIZERS), callback=one_of(OPTIMIZERS))
@click.option("--lr", "learning_rate", metavar="X", callback=number(above=True), help=_RATE)
@click.option("--schedule", metavar="|".join(SCHEDULES), callback=one_of(SCHEDULES), help=_PLAN)
@click.option("--weight-decay", metavar="X", callback=number(), help="Of sgd to nesterov, adamw.")
@click.option("--epochs", type=click.IntRange(0), metavar="N", help="Passes over the data.")
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Examples in a step.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="0 without this.")
@click.option("--validation", metavar="X", callback=number(high=1.0), help=_VALIDATION)
@click.option("--standardize", metavar="|".join(SCALINGS), callback=one_of(SCALINGS), help=_SCALE)
@click.option("--out", metavar="RUN", help="The folder to make; runs/DATA-MODEL without this.")
@click.option("--resume", metavar="RUN", help="Go on with this run, by its own configuration.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="1 without this.")
@click.option("--debug", is_flag=True, help="Show where in the program an error happened.")
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
