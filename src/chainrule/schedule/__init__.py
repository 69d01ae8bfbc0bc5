"""Learning rates as functions of the step.

>>> cosine(0.1, steps=1000, warmup=50)
cosine(rate=0.1, steps=1000, warmup=50, floor=0.0)
"""

from chainrule.schedule.composition import chain, product
from chainrule.schedule.constant import constant
from chainrule.schedule.cosine import cosine
from chainrule.schedule.cosine_restarts import cosine_restarts
from chainrule.schedule.exponential import exponential
from chainrule.schedule.inverse_time import inverse_time
from chainrule.schedule.one_cycle import one_cycle
from chainrule.schedule.polynomial import polynomial
from chainrule.schedule.schedule import Schedule
from chainrule.schedule.step import milestones, step
from chainrule.schedule.warm_up import warm_up

__all__ = [
    "Schedule",
    "chain",
    "constant",
    "cosine",
    "cosine_restarts",
    "exponential",
    "inverse_time",
    "milestones",
    "one_cycle",
    "polynomial",
    "product",
    "step",
    "warm_up",
]
