"""Learning rates as functions of the step.

>>> cosine(0.1, steps=1000, warmup=50)
cosine(rate=0.1, steps=1000, warmup=50, floor=0.0)
"""

from chainrule.schedule.constant import constant
from chainrule.schedule.cosine import cosine
from chainrule.schedule.inverse_time import inverse_time
from chainrule.schedule.one_cycle import one_cycle
from chainrule.schedule.schedule import Schedule

__all__ = ["Schedule", "constant", "cosine", "inverse_time", "one_cycle"]
