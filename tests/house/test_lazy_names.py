"""Names of the package are imported when they are asked for, by whichever thread."""

import subprocess
import sys

import pytest

from tests.patience import LIMIT

FORKS_DURING_AN_IMPORT = """
import importlib.abc, os, sys, threading
import chainrule as cr

begun, go_on = threading.Event(), threading.Event()

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "chainrule.api":
            begun.set()
            go_on.wait()

sys.meta_path.insert(0, Slow())
os.register_at_fork(before=go_on.set)  # hooks run from the last one to the first: before ours
threading.Thread(target=lambda: cr.grad).start()
begun.wait()
child = os.fork()
if not child:
    cr.grad
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_child_forked_while_another_thread_imports_can_import() -> None:
    program = [sys.executable, "-c", FORKS_DURING_AN_IMPORT]
    done = subprocess.run(program, capture_output=True, text=True, timeout=LIMIT)
    assert done.stdout == "7\n", done.stderr
