"""Start a Jupyter kernel that can do little harm, as far as the system allows.

python limited_kernel.py SETTINGS, a line of JSON; with --probe, print what this system allows.

Everywhere: limits on memory, processor time, the size of a file, open files and processes. On
Linux, where new namespaces are permitted (root, or most desktops): no network; a process tree of
its own, which dies with the kernel; folders hidden or read-only; no privileges, even for root.

This is not a sandbox: the kernel shares the system's core and can read what is not hidden.
"""

import ctypes
import json
import os
import resource
import signal
import sys

NEW_MOUNTS, NEW_PROCESSES, NEW_USER, NEW_NETWORK = 0x20000, 0x20000000, 0x10000000, 0x40000000
READ_ONLY, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 8, 32, 4096, 16384, 1 << 18
PARENT_DEATH_SIGNAL, DROP_CAPABILITY, SECURE_BITS, NO_NEW_PRIVILEGES = 1, 24, 28, 38


def main(settings):
    """settings: see student_kernel.Kernel. Does not return: the process becomes the kernel."""
    if separate():
        hide(settings)
        drop_privileges()
    limit(settings)
    os.chdir(settings["work"])
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", settings["connection"]]
    os.execv(
        sys.executable,
        [*command, "--HistoryManager.enabled=False", "--InteractiveShell.xmode=Minimal"],
    )


def separate():
    """Leave the network, the other processes and the mounts behind. Returns True if permitted."""
    if not sys.platform.startswith("linux"):
        return False
    user, group = os.geteuid(), os.getegid()
    flags = NEW_MOUNTS | NEW_PROCESSES | NEW_NETWORK | (NEW_USER if user else 0)
    if libc("unshare", flags):
        return False
    if user:  # in a new user namespace: stay who we are, or no file could be written
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    child = os.fork()  # the child is process 1 of the new tree; when it ends, all end
    if child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 255)
    libc("prctl", PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    return True


def hide(settings):
    """Read-only: the project and Python. Hidden: settings["hide"]; settings["keep"] stays."""
    mount("none", "/", RECURSIVE | PRIVATE)
    for folder in settings["read_only"]:
        if not mount(folder, folder, BIND | RECURSIVE):
            mount("none", folder, BIND | REMOUNT | READ_ONLY)
    keep = os.open(settings["keep"], os.O_PATH)
    for folder in settings["hide"]:
        mount("tmpfs", folder, 0, "tmpfs", "size=1m,mode=755")
    os.makedirs(settings["keep"], exist_ok=True)  # it may lie in a folder hidden just now
    mount(f"/proc/self/fd/{keep}", settings["keep"], BIND)
    os.close(keep)
    mount("proc", "/proc", 0, "proc")


def drop_privileges():
    """Without capabilities, root is a user who owns many files: mounts stay as they are."""
    libc("prctl", SECURE_BITS, 3, 0, 0, 0)
    for capability in range(64):
        libc("prctl", DROP_CAPABILITY, capability, 0, 0, 0)
    libc("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def limit(settings):
    for name, value in (
        ("RLIMIT_DATA", settings["memory"]),  # not RLIMIT_AS: PyTorch reserves much it never uses
        ("RLIMIT_CPU", settings["cpu"]),
        ("RLIMIT_FSIZE", settings["file"]),
        ("RLIMIT_NPROC", 4096),
        ("RLIMIT_NOFILE", 1024),
        ("RLIMIT_CORE", 0),
    ):
        kind = getattr(resource, name, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            try:
                resource.setrlimit(kind, (value, value))
            except (ValueError, OSError):
                continue  # macOS knows some names and refuses the values


def mount(source, target, flags, kind="none", data=""):
    return libc("mount", source.encode(), target.encode(), kind.encode(), flags, data.encode())


def libc(name, *arguments):
    """Call a function of the C library. Returns 0 if it succeeded."""
    numbers = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    return getattr(ctypes.CDLL(None, use_errno=True), name)(*numbers)


if __name__ == "__main__":
    if sys.argv[1] == "--probe":
        print("separate" if separate() else "", flush=True)
        os._exit(0)
    main(json.loads(sys.argv[1]))
