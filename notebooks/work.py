"""The student's copies: python notebooks/work.py makes work/, and brings it up to date.

work/ holds the lessons with what they load and the problem sets as released, at the same paths as
in the project, so that links between them hold. Git ignores it. What a student has changed is
never overwritten: it is named, where the course has another version since. With --new, only what
is missing is made.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = ("notebooks", "assignments/release")
RECORD = ".made.json"  # path: what stood in the course's file when it was copied


def update(project=PROJECT, to=None, refresh=True):
    """Make and refresh copies. Returns {"made", "refreshed", "newer", "differs", "gone"}: lists.

    newer: untouched copies of which the course has another version, when refresh is False.
    differs: changed copies of which the course has another version. gone: copies of files that
    the course no longer has. All are paths relative to the project. A notebook counts as changed
    when a cell was: running it changes nothing.
    """
    to = to or project / "work"
    to.mkdir(exist_ok=True)
    done = {kind: [] for kind in ("made", "refreshed", "newer", "differs", "gone")}
    try:
        copied = dict(json.loads((to / RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        copied = {}
    names = [path.relative_to(project).as_posix() for path in course_files(project)]
    for name in names:
        source, target = project / name, to / name
        offered = content(source)
        if not target.exists():
            kind = "made"
        elif content(target) == offered:
            copied[name] = offered
            continue
        elif content(target) == copied.get(name):
            kind = "refreshed" if refresh else "newer"
        elif offered == copied.get(name):
            continue  # changed by the student, and the course has nothing new
        else:
            kind = "differs"
        if kind in ("made", "refreshed"):
            copy(source, target)
            copied[name] = offered
        done[kind].append(name)
    done["gone"] = sorted(name for name in copied.keys() - {*names} if (to / name).exists())
    beside = to / f"{RECORD}.{os.getpid()}"
    beside.write_text(json.dumps(copied, indent=1, sort_keys=True))
    os.replace(beside, to / RECORD)
    return done


def course_files(project):
    """The lessons, what they load, and the sets: everything but scripts and what is hidden."""
    for folder in SOURCES:
        for path in sorted((project / folder).rglob("*")):
            parts = path.relative_to(project).parts
            hidden = any(part[0] in "._" for part in parts)
            if path.is_file() and path.suffix != ".py" and not hidden:
                yield path


def content(path):
    """What a student can change in a file, as a hash: of a notebook the cells, not the outputs."""
    data = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(data)["cells"]
            cells = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
            data = json.dumps(cells).encode()
        except (ValueError, TypeError, KeyError):  # no notebook any more: every byte counts
            pass
    return hashlib.sha256(data).hexdigest()


def copy(source, target):
    """A copy that is there as a whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def report(done):
    lines = [f"work/: {len(done['made'])} files made"] if done["made"] else []
    lines += [f"refreshed: work/{name}" for name in done["refreshed"]]
    if done["newer"]:
        lines += [f"the course has newer versions of {len(done['newer'])} files: make work"]
    for name in done["differs"]:
        lines += [f"differs: work/{name} has your changes, {name} has the course's newer version"]
    if done["differs"]:
        lines += ["To have a newer one, rename yours, then: make work"]
    lines += [f"no longer in the course, kept: work/{name}" for name in done["gone"]]
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", action="store_true", help="only make what is missing")
    options = parser.parse_args(arguments)
    try:
        lines = report(update(refresh=not options.new))
    except OSError as error:
        print(f"work/ cannot be made: {error.strerror}: {error.filename}", file=sys.stderr)
        return 2
    if not lines and not options.new:
        lines = ["work/ has everything that the course has"]
    print(*lines, sep="\n", end="\n" if lines else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
