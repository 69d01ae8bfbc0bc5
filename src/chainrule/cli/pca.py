"""``chainrule pca``: the directions in which data vary most."""

from typing import Any

import click

from chainrule.cli.choices import callback, count, count_or_share, one_of, place
from chainrule.cli.settings import MOST_THREADS, data_argument, data_options, debug_option

__all__ = ["pca"]

_METHODS = ("auto", "covariance", "svd", "randomized")
_HELP = """Find the principal components of DATA and write them to a folder.

FOLDER gets projection.npy (the coordinates of the training examples, a row each), components.npz,
images of the components where DATA are images, and the page pca.html. DATA is as for train, or
numbers in an .npy file, which may be larger than memory. A table needs no label; its texts become
a column for each, and all columns are divided by their deviation.
"""


@click.command(help=_HELP)
@data_argument
@click.option(
    "--components",
    metavar="K",
    required=True,
    callback=callback(count_or_share),
    help="How many components, or the share of the variance to explain, such as 0.95.",
)
@click.option(
    "--out", metavar="FOLDER", required=True, callback=callback(place), help="The folder to make."
)
@click.option(
    "--method",
    metavar="|".join(_METHODS),
    callback=callback(one_of(_METHODS)),
    help="How they are found. Default: auto, which is exact.",
)
@click.option(
    "--standardize",
    metavar="feature|none",
    callback=callback(one_of(("feature", "none"))),
    help="Divide each column by its deviation. Default: none; of tables feature.",
)
@click.option("--whiten", is_flag=True, help="Give the coordinates a variance of 1.")
@click.option(
    "--seed",
    metavar="N",
    callback=callback(count(0, 2**63 - 1)),
    help="Decides the sketch of the randomized method, and which points the page shows. "
    "Default: 0.",
)
@data_options("folder", "label", "target", "missing", "ignore", "size", "sound")
@click.option(
    "--threads",
    metavar="N",
    callback=callback(count(1, MOST_THREADS)),
    help="Threads of the linear algebra; another number may give other last digits. Default: 1.",
)
@debug_option
def pca(out: str, threads: int | None, debug: bool, **options: Any) -> int:
    """Write the folder and say how much of the variance is explained."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.given import given_settings
    from chainrule.cli.threads import use_threads

    use_threads(threads, threads or 1)
    given = given_settings(None, options)

    from chainrule.cli import projecting

    chosen = {"method": "auto", "whiten": False, "seed": 0, "standardize": None, **given}
    return projecting.show(chosen, out)
