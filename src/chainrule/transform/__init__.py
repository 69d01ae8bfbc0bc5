"""The transforms: each takes a function and gives a function; they compose in any order."""

from chainrule.transform.control import cond, scan
from chainrule.transform.custom import checkpoint, custom_derivative, stop_gradient
from chainrule.transform.derivative import Derivative
from chainrule.transform.forward import jvp, linearize
from chainrule.transform.jacobian import hessian, jacobian
from chainrule.transform.jit import jit
from chainrule.transform.reverse import grad, value_and_grad, vjp
from chainrule.transform.state import State
from chainrule.transform.trace import Trace, trace
from chainrule.transform.vmap import vmap

__all__ = [
    "Derivative",
    "State",
    "Trace",
    "checkpoint",
    "cond",
    "custom_derivative",
    "grad",
    "hessian",
    "jacobian",
    "jit",
    "jvp",
    "linearize",
    "scan",
    "stop_gradient",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
]
