"""Runs inside the kernel, beside the student's code: what one question breaks, no other meets.

It remembers the names that the instructor's cells define, the functions of the libraries that
checks use, and a few settings, and puts them back. It needs nothing but the standard library.
"""

import _thread
import builtins
import contextlib
import importlib
import mmap
import os
import signal
import sys
import threading
import time
import warnings

CHECKED = ["builtins", "math", "inspect", "io", "json", "numpy", "numpy.linalg", "numpy.testing"]
WITH_TORCH = ["torch", "torch.linalg", "torch.nn.functional", "torch.special", "torch.testing"]
WITH_TORCH += ["torch.autograd", "torch.distributions", "torch.nn.init"]

LAZY = {("torch", "manual_seed")}  # PyTorch itself replaces it when an optimiser is first made

own = {}  # the names that the instructor's cells defined, with their values
before = {}  # all names when an instructor's cell began
library = {}  # (owner, its name): {attribute: value}
settings = []  # functions that put a setting back
threads = {"before": 0, "ours": 0}  # how many run: when a cell began; without the student's


def begin(names, defines):
    """Before an instructor's cell. names: the kernel's globals; defines: what the cell will."""
    forget(names, defines)
    before.clear()
    before.update(names)
    threads["before"] = _running()


def end(names):
    """After it: what it defined is remembered, and the libraries that it imported."""
    own.update((k, v) for k, v in names.items() if before.get(k, names) is not v)
    threads["ours"] += max(0, _running() - threads["before"])
    if not settings:
        _remember_settings()
    wanted = CHECKED + (WITH_TORCH if "torch" in sys.modules else [])
    wanted += [name for name in sys.modules if name.split(".")[0] == "rdalib"]
    for name in wanted:
        if name not in library:
            module = importlib.import_module(name)
            every = name.startswith("rdalib")  # of our own modules constants count too
            library[name] = (
                module,
                {
                    key: value
                    for key, value in vars(module).items()
                    if not key.startswith("_")
                    and (every or callable(value))
                    and (name, key) not in LAZY
                },
            )
    if "torch" in sys.modules and "torch.Tensor" not in library:
        tensor = sys.modules["torch"].Tensor
        library["torch.Tensor"] = tensor, dict(vars(tensor))


def mend():
    """Put back every library function that was replaced. Returns the names of those."""
    changed = []
    for name, (owner, values) in library.items():
        for key, value in values.items():
            if vars(owner).get(key, values) is not value:
                with contextlib.suppress(AttributeError, TypeError):
                    setattr(owner, key, value)
                    changed.append(f"{name}.{key}")
        if isinstance(owner, type):  # a new attribute of a class hides the one of its parent
            for key in set(vars(owner)) - set(values):
                if any(key in vars(parent) for parent in owner.__mro__[1:]):
                    with contextlib.suppress(AttributeError, TypeError):
                        delattr(owner, key)
                        changed.append(f"{name}.{key}")
    return changed


def restore(names):
    """Before a question: the instructor's names, the libraries, the settings; no hidden builtin."""
    changed = mend()
    for put_back in settings:
        put_back()
    for name in [name for name in names if name in vars(builtins) and not name.startswith("_")]:
        if name not in own:
            del names[name]
    names.update(own)
    return changed


def _running():
    """How many threads run, without the one that pyzmq starts when a cell draws a picture."""
    ours = [one for one in threading.enumerate() if type(one).__module__.startswith("zmq.")]
    return _thread._count() - len(ours)


def settle():
    """All threads that run now are the kernel's own, which starts some of them late."""
    threads["ours"] = _running()


def left_running():
    """Whether an answer has left a thread, or an alarm that would end the kernel later."""
    return _running() > threads["ours"] or signal.getitimer(signal.ITIMER_REAL)[0] > 0


def line_of(source):
    """The line of the cell with this source from which the last exception came, or None."""
    found, trace = None, getattr(sys, "last_traceback", None)
    shell = sys.modules["IPython"].get_ipython()
    name = shell.compile.get_code_name(source, source, 0)
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def time_printing(path):
    """From now on the file at `path` holds the seconds that were spent on printing, as a double."""
    with open(path, "r+b") as file:
        seconds = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")
    clock = time.perf_counter
    for stream in (sys.stdout, sys.stderr):

        def timed(text, write=stream.write):
            began = clock()
            written = write(text)
            seconds[0] += clock() - began
            return written

        stream.write = timed


def forget(names, which):
    """Delete names, as if the question had not been answered."""
    for name in which:
        names.pop(name, None)


def _remember_settings():
    folder, filters, path = os.getcwd(), warnings.filters[:], sys.path[:]
    streams, depth = (sys.stdout, sys.stderr), sys.getrecursionlimit()

    def put_back():
        os.chdir(folder)
        warnings.filters[:] = filters
        sys.path[:] = path
        sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(depth)
        sys.settrace(None)

    settings.append(put_back)
    numpy = importlib.import_module("numpy")
    errors, options = numpy.geterr(), numpy.get_printoptions()
    settings.append(lambda: (numpy.seterr(**errors), numpy.set_printoptions(**options)))
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        dtype, device = torch.get_default_dtype(), torch.get_default_device()

        def put_torch_back():
            torch.set_default_dtype(dtype)
            torch.set_default_device(device)
            torch.set_grad_enabled(True)

        settings.append(put_torch_back)
