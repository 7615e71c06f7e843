"""The process that runs one submission: a Jupyter kernel with limits, and how to talk to it.

Nothing that student code prints or draws is read: the kernel's output channel is not even
connected. What is read is the kernel's own reply to a request, and the value of one global name
that student code does not know.
"""

import json
import os
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import matplotlib
import psutil
import zmq
from jupyter_client import BlockingKernelClient

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent
STARTING_SECONDS = 120  # also the least that a cell of the instructor gets
MOST_PROCESSES = 100


@dataclass(frozen=True)
class Limits:
    cell_seconds: float = 60
    seconds: float = 900  # for one submission, and as processor time
    memory: int = 4 * 2**30  # bytes
    file: int = 64 * 2**20  # bytes in one file


class KernelLost(Exception):
    """The kernel had to be ended, or ended itself. The message says why, for the student."""


class OutOfTime(Exception):
    """The submission as a whole has used up its time."""


class Stopped(Exception):
    """Somebody wants the grader to end."""


@dataclass(frozen=True)
class Reply:
    error: tuple | None  # (name, message) of the exception, or None
    value: str | None = None  # the representation of the expression asked for


class Kernel:
    """A running kernel. work: a folder of its own; its files lie in work/here."""

    def __init__(self, work, limits, hide, deadline, stop):
        """hide: folders that the kernel should not see; deadline: by time.monotonic().

        stop: a threading.Event; once it is set, the kernel ends and Stopped is raised.
        """
        self.limits, self.deadline, self.stop = limits, deadline, stop
        self.before = 0.0
        (work / "here").mkdir(parents=True, exist_ok=True)
        self.printed = work / f"printed-{secrets.token_hex(4)}"  # guard.time_printing writes it
        self.printed.write_bytes(bytes(8))
        self.counter = os.open(self.printed, os.O_RDONLY)
        connection = work / f"connection-{secrets.token_hex(4)}.json"
        ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        description = {name: number for number, name in enumerate(ports, 1)}
        description |= {"key": secrets.token_hex(16), "signature_scheme": "hmac-sha256"}
        # A socket's path has 107 letters at most, so neither side names the folder: the kernel
        # sits in it, and the grader holds it open.
        socket = f"socket-{secrets.token_hex(4)}"
        description |= {"transport": "ipc", "ip": f"../{socket}"}
        connection.write_text(json.dumps(description))
        folder = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
        self.open = [folder, self.counter]
        held = Path(f"/proc/self/fd/{folder}")
        description["ip"] = str((held if held.exists() else work) / socket)
        needed = [Path(folder).resolve() for folder in (PROJECT, sys.prefix, sys.base_prefix)]
        hide = [folder for folder in hide if folder.is_dir()]
        settings = {
            "connection": str(connection),
            "work": str(work / "here"),
            "hide": [str(f) for f in hide if not any(n.is_relative_to(f) for n in needed)],
            "keep": str(work),
            "read_only": [*map(str, needed)],
            "memory": limits.memory,
            "cpu": int(limits.seconds) + 1,
            "file": limits.file,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(FOLDER / "limited_kernel.py"), json.dumps(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(work),
            cwd=work,
            start_new_session=True,
        )
        self.client = BlockingKernelClient()
        self.client.context.setsockopt(zmq.MAXMSGSIZE, 2**24)
        self.client.load_connection_info(description)
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        try:
            self._reply_to(self.client.kernel_info(), STARTING_SECONDS)
        except BaseException:
            self.close()
            raise

    def run(self, code, expression=None, seconds=None):
        """Run code, then evaluate an expression. Returns Reply. Raises: KernelLost, OutOfTime."""
        asked = {} if expression is None else {"value": expression}
        self.before = self._printed()
        request = self.client.execute(
            code,
            store_history=False,
            user_expressions=asked,
            allow_stdin=False,
            stop_on_error=False,
        )
        content = self._reply_to(request, seconds or self.limits.cell_seconds)
        if content.get("status") != "ok":
            return Reply((str(content.get("ename", "Error")), str(content.get("evalue", ""))))
        value = content.get("user_expressions", {}).get("value", {})
        if expression is not None and value.get("status") != "ok":
            return Reply((str(value.get("ename", "Error")), str(value.get("evalue", ""))))
        return Reply(None, value.get("data", {}).get("text/plain"))

    def _reply_to(self, request, seconds):
        end = time.monotonic() + seconds
        watched = 0.0
        while True:
            try:
                message = self.client.get_shell_msg(timeout=0.1)
                if message["parent_header"].get("msg_id") == request:
                    return message["content"]
            except Empty:
                pass
            except Exception:  # a message that is none: student code has got hold of the socket
                continue
            now = time.monotonic()
            if self.stop.is_set():
                self.close()
                raise Stopped
            if self.process.poll() is not None:
                self._lose("it ended the kernel: an exit, or a crash")
            if now > self.deadline:
                self.close()
                raise OutOfTime
            if now > end:
                self._lose(f"it ran for more than {seconds:g} seconds{self._printing(seconds)}")
            if now > watched:
                watched = now + 0.25
                self._watch()

    def _printed(self):
        """Seconds spent on printing so far; from student code, so any number at all."""
        data = os.pread(self.counter, 8, 0)
        return struct.unpack("d", data)[0] if len(data) == 8 else 0.0

    def _printing(self, seconds):
        """What to add if most of the last `seconds` went into printing."""
        spent = self._printed() - self.before
        return ", most of them printing: print less" if spent > seconds / 2 else ""

    def memory(self):
        """Bytes that the kernel holds; on Linux with what it has reserved, as its limit counts."""
        try:
            kernel = psutil.Process(self.process.pid)
            infos = [one.memory_info() for one in (kernel, *kernel.children(recursive=True))]
        except psutil.Error:
            return 0
        return sum(max(info.rss, getattr(info, "data", 0)) for info in infos)

    def _watch(self):
        try:
            tree = psutil.Process(self.process.pid)
            tree = [tree, *tree.children(recursive=True)]
        except psutil.Error:
            return
        if len(tree) > MOST_PROCESSES:
            self._lose(f"it started more than {MOST_PROCESSES} processes")
        memory = 0
        for process in tree:
            try:
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        if memory > self.limits.memory:
            self._lose(f"it used more than {self.limits.memory / 2**30:.1f} GB of memory")

    def _lose(self, reason):
        self.close()
        raise KernelLost(reason)

    def close(self):
        """End the kernel and all that it started."""
        try:
            tree = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            tree = []
        for process in tree:
            try:
                process.kill()
            except psutil.Error:
                continue
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.client.stop_channels()
        self.client.context.destroy(linger=0)
        for number in self.open:
            os.close(number)
        self.open = []


def environment(work):
    """What the kernel sees of the environment: no names, keys or addresses of the instructor."""
    for folder in ("matplotlib", "ipython"):
        (work / folder).mkdir(exist_ok=True)
    for cache in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(cache, work / "matplotlib")  # saves each kernel seconds
    here = str(work / "here")
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": here,
        "TMPDIR": here,
        "LANG": "C.UTF-8",
        "IPYTHONDIR": str(work / "ipython"),
        "MPLCONFIGDIR": str(work / "matplotlib"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
