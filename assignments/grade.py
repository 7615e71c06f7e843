"""Grade a notebook, or a folder of them: python assignments/grade.py ps2 submissions/ --out grades/

One notebook alone is a student's own check: points and messages are printed. A folder is a
class, flat or as Moodle, Canvas or nbgrader lay it out. README.md is the guide.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from answers import SubmissionError, read_submission
from gradebook import report, write_gradebook
from hand_marks import HandMarks
from marking import Marking, unmarked
from question_pages import write_pages
from questions import find_source, read_problem_set
from results import Graded, Key, Results, StoreError, replaced
from roster import read_roster
from student_kernel import FOLDER, PROJECT, Limits, Stopped
from submissions import find
from submissions import report as skipped_lines
from tables import TableError
from tqdm import tqdm


class Batch:
    """Grades submissions, several at a time, and uses stored results where nothing changed."""

    def __init__(self, problem_set, limits=None, hide=(), stored=None):
        """hide: folders that no submission may see, besides the sources and the tests.

        stored: {student: Graded}, of earlier.
        """
        self.set, self.limits, self.stored = problem_set, limits or Limits(), stored or {}
        self.key = Key(problem_set, self.limits)
        self.hide = [FOLDER, PROJECT / "tests", problem_set.path.parent, *map(Path.resolve, hide)]
        self.stop = threading.Event()  # set it, and the batch ends within a second
        self.failure = None  # an OSError that made it end

    def grade(self, handed_in, jobs=None, keep=lambda one: None, progress=True):
        """Grade HandedIns. Returns those that were finished, as Graded, in their order.

        keep: called with every result that is new. Where it cannot keep one, the batch ends.
        """
        work = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
        finished = {}
        with ThreadPoolExecutor(max(1, jobs or os.cpu_count())) as pool:
            try:
                tasks = {
                    pool.submit(self._one, one, work / f"{i:04d}"): i
                    for i, one in enumerate(handed_in)
                }
                for task in tqdm(
                    as_completed(tasks), total=len(tasks), unit="notebook", disable=not progress
                ):
                    try:
                        one = task.result()
                    except Stopped:
                        continue
                    finished[tasks[task]] = one
                    if one is not self.stored.get(one.student) and not self.failure:
                        try:
                            keep(one)
                        except OSError as error:
                            self.failure = error
                            self.stop.set()
            finally:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                shutil.rmtree(work, ignore_errors=True)
        return [finished[i] for i in sorted(finished)]

    def _one(self, handed_in, work):
        """Grade one notebook in the folder `work`. Returns Graded, whatever the file is."""
        if self.stop.is_set():
            raise Stopped
        cells = [cell for question in self.set.questions for cell in question.of_kind("written")]
        name, notes = f"{handed_in.student}.ipynb", handed_in.notes
        key, written = "", {}
        try:
            submission = read_submission(handed_in.path, self.set, handed_in.weights)
            key, written = self.key.of(submission, notes), submission.written
            stored = self.stored.get(handed_in.student)
            if stored is not None and stored.key == key:
                return stored
            marks = self._mark(submission, work)
        except Stopped:
            raise
        except SubmissionError as error:
            marks = unmarked(self.set, f"not scored: {error}")
        except OSError as error:  # of the grader's own: no student's code runs in this process
            marks = unmarked(self.set, f"could not be graded: {error}", final=False)
        except Exception as error:  # one submission never ends the batch; the text may be a secret
            tqdm.write(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            marks = unmarked(self.set, f"could not be graded: {type(error).__name__}", final=False)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        written = {cell.grade_id: (written.get(cell.grade_id, ""), cell.points) for cell in cells}
        when = datetime.now().isoformat(" ", "minutes")
        marks.flags[:0] = notes
        key = key if marks.final else ""
        return Graded(handed_in.student, name, marks, written, when, key)

    def _mark(self, submission, work):
        here = work / "here"
        here.mkdir(parents=True)
        for extra in self.set.path.parent.iterdir():
            if extra.is_file() and extra.suffix != ".ipynb":
                shutil.copy(extra, here)
        if submission.weights is not None:
            (here / "weights.safetensors").write_bytes(submission.weights)
        hide = [*self.hide, work.parent]
        return Marking(self.set, submission, work, self.limits, hide, self.stop).marks()


@contextmanager
def stopped_by_signals(stop):
    """Ctrl-C, or a request to end, sets the event `stop`; nothing is torn down in the middle."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", help="ps1, ps2, ...")
    parser.add_argument("submission", type=Path, help="a notebook, or a folder of notebooks")
    parser.add_argument("--out", type=Path, help="folder for grades.csv and the students' pages")
    parser.add_argument("--roster", type=Path, help="a table of students, see roster.py")
    parser.add_argument("--json", type=Path, help="file for the results as JSON")
    parser.add_argument("--jobs", type=int, help="notebooks at a time; by default one a core")
    parser.add_argument("--seconds", type=float, default=60, help="for a cell; default 60")
    parser.add_argument("--minutes", type=float, default=15, help="for a notebook; default 15")
    parser.add_argument("--gigabytes", type=float, default=4, help="of memory; default 4")
    parser.add_argument(
        "--again", action="store_true", help="run all code, whatever --out holds already"
    )
    options = parser.parse_args(arguments)
    try:
        problem_set = read_problem_set(find_source(options.set))
        place = options.submission
        if not (place.exists() or place.is_symlink()):
            raise FileNotFoundError(f"there is no {place}")
        if options.json and not options.json.resolve().parent.is_dir():
            raise FileNotFoundError(f"there is no folder {options.json.parent}")
        roster = read_roster(options.roster) if options.roster else None
        handed_in, skipped = find(place, problem_set.name, roster, problem_set.takes_weights)
        results = None
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            results = Results(options.out, problem_set)
            HandMarks(options.out / "manual.csv", problem_set)  # looked at before anything runs
    except OSError as error:
        parser.error(str(error))
    except (StoreError, TableError) as error:
        parser.exit(2, f"{error}\n")
    warn_where_nothing_separates()
    limits = Limits(options.seconds, 60 * options.minutes, int(2**30 * options.gigabytes))
    hide = [place] if place.is_dir() else []
    if options.out:  # a class: one that is graded alone shall not see the others either
        hide += [options.out, place.absolute().parent]
    stored = dict(results.known) if results and not options.again else {}
    batch = Batch(problem_set, limits, hide, stored)
    with stopped_by_signals(batch.stop):
        graded = batch.grade(handed_in, options.jobs, results.keep if results else lambda one: None)
    complete, marks, problem = len(graded) == len(handed_in), {}, batch.failure
    try:
        if results and not problem:
            marks, nobody = HandMarks(options.out / "manual.csv", problem_set).update(results.known)
            write_gradebook(problem_set, results.known, marks, options.out)
            write_pages(problem_set, results.known, marks, options.out)
            for name in dict.fromkeys(nobody):
                print(f"manual.csv has points for {name!r}, who was not graded", file=sys.stderr)
        if options.json and complete:
            with replaced(options.json) as file:
                json.dump([one.as_json() for one in graded], file, indent=1, ensure_ascii=False)
    except (OSError, TableError) as error:
        problem = error
    print(report(problem_set, graded, marks))
    others = sorted(results.known.keys() - {one.student for one in handed_in}) if results else []
    lines = skipped_lines(skipped, handed_in, roster if place.is_dir() else None)
    lines += [f"graded earlier and kept: {'; '.join(others)}"] if others and place.is_dir() else []
    print(*lines, sep="\n", end="\n" if lines else "")
    kept = f"what is finished is kept in {options.out}" if results else "use --out to keep them"
    if batch.failure:
        kept = "what is printed here may not all be kept"
    if problem:
        print(f"{problem}; {kept}; mend that and give the same command again", file=sys.stderr)
        return 2
    if not complete:
        print(f"interrupted: {len(graded)} of {len(handed_in)} are graded; {kept}", file=sys.stderr)
        return 130
    return 0


def warn_where_nothing_separates():
    probe = [sys.executable, str(FOLDER / "limited_kernel.py"), "--probe"]
    if b"separate" not in subprocess.run(probe, capture_output=True).stdout:
        print(
            "This system gives submissions no space of their own: they share its network", end=" "
        )
        print("and files. For strangers' code use a container, see README.md.", file=sys.stderr)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # names that a console cannot show
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before or after the grading, which ends by itself
        sys.exit(130)
