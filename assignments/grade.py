"""Grade a notebook, or a folder of them: python assignments/grade.py ps2 submissions/ --out grades/

One notebook alone is a student's own check: points and messages are printed. A folder is a
class, each .ipynb in it one submission, named after its student. README.md is the guide.
"""

import argparse
import csv
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from marking import Marking, Marks, unmarked
from questions import SubmissionError, find_source, read_problem_set, read_submission
from student_kernel import FOLDER, PROJECT, Limits
from tqdm import tqdm


@dataclass
class Graded:
    """One submission and what it got."""

    name: str  # the file's name
    marks: Marks
    written: dict  # question: (the student's text, most points)

    @property
    def score(self):
        return sum(result.points for result in self.marks.results)

    @property
    def stem(self):
        return self.name.removesuffix(".ipynb")

    def as_json(self):
        return {
            "submission": self.name,
            "score": self.score,
            "max": sum(result.max for result in self.marks.results),
            "manual_max": sum(most for _, most in self.written.values()),
            "flags": self.marks.flags,
            "questions": [asdict(result) for result in self.marks.results],
        }


def grade_all(problem_set, paths, jobs=None, limits=None, hide=(), progress=True):
    """Grade notebooks, several at a time. paths: of notebooks. Returns a list of Graded.

    hide: folders that no submission may see, besides the sources and the tests.
    """
    limits, jobs = limits or Limits(), jobs or os.cpu_count()
    batch = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
    hide = [FOLDER, PROJECT / "tests", problem_set.path.parent, *map(Path.resolve, hide), batch]
    pool = ThreadPoolExecutor(max(1, jobs))
    try:
        tasks = {
            pool.submit(grade, problem_set, path, batch / f"{i:04d}", limits, hide): i
            for i, path in enumerate(paths)
        }
        finished = {}
        for task in tqdm(
            as_completed(tasks), total=len(tasks), unit="notebook", disable=not progress
        ):
            finished[tasks[task]] = task.result()
        return [finished[i] for i in sorted(finished)]
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(batch, ignore_errors=True)


def grade(problem_set, path, work, limits, hide):
    """Grade one notebook in the folder `work`. Returns Graded, whatever the file is."""
    written = {
        cell.grade_id: ("", cell.points)
        for question in problem_set.questions
        for cell in question.of_kind("written")
    }
    name = os.fsencode(path.name).decode("utf-8", "replace")
    try:
        submission = read_submission(path, problem_set)
        for grade_id, (_, most) in written.items():
            written[grade_id] = (submission.answers.get(grade_id, ""), most)
        (work / "here").mkdir(parents=True)
        for extra in problem_set.path.parent.iterdir():
            if extra.is_file() and extra.suffix != ".ipynb":
                shutil.copy(extra, work / "here")
        if submission.weights is not None:
            (work / "here" / "weights.safetensors").write_bytes(submission.weights)
        marks = Marking(problem_set, submission, work, limits, hide).marks()
    except SubmissionError as error:
        marks = unmarked(problem_set, f"not scored: {error}")
    except Exception as error:  # one submission never ends the batch
        marks = unmarked(problem_set, f"could not be graded: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Graded(name, marks, written)


def submissions(place):
    """The notebooks that a file or folder stands for, in the order of their names."""
    if place.is_dir() and not place.name.endswith(".ipynb"):
        return sorted(path for path in place.iterdir() if path.name.endswith(".ipynb"))
    return [place]


@contextmanager
def replaced(path):
    """A text file written beside `path` and renamed: whole, or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_grades(graded, out):
    """grades.csv, manual.csv and a page of feedback for each submission, in the folder `out`."""
    manual = update_manual(graded, out / "manual.csv")
    with replaced(out / "grades.csv") as file:
        table = csv.writer(file)
        questions = [result.id for result in graded[0].marks.results] if graded else []
        head = ["submission", "automatic", "automatic_max", "manual", "manual_max", "total"]
        table.writerow([*head, *questions, "to_mark", "flags"])
        for one in graded:
            row, marks = one.as_json(), manual[one.stem]
            by_hand = sum(number(points) for points, _ in marks.values())
            to_mark = sum(not points for points, _ in marks.values())
            sums = [row["score"], row["max"], by_hand, row["manual_max"], row["score"] + by_hand]
            points = [result.points for result in one.marks.results]
            numbers = [f"{value:g}" for value in sums + points]
            table.writerow([one.stem, *numbers, to_mark, "; ".join(one.marks.flags)])
    for one in graded:
        with replaced(out / f"{one.stem}.html") as file:
            file.write(feedback(one, manual[one.stem]))


def update_manual(graded, path):
    """The marker's table: a row for each written answer. Marks already entered are kept.

    Returns {submission: {question: (points, comment)}}.
    """
    entered = {}
    if path.exists():
        with open(path, encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                values = row["max"], row["points"].strip(), row["comment"]
                entered[row["submission"], row["question"]] = values
    marks, rows = {}, []
    for one in graded:
        for question, (text, most) in one.written.items():
            new = ("", "") if text.strip() else ("0", "not answered")
            _, *old = entered.pop((one.stem, question), ("", *new))
            marks.setdefault(one.stem, {})[question] = tuple(old)
            rows.append([one.stem, question, f"{most:g}", *old])
    rows += [[*key, *values] for key, values in entered.items()]  # of another batch
    with replaced(path) as file:
        csv.writer(file).writerows([["submission", "question", "max", "points", "comment"], *rows])
    return marks


def number(text):
    """The points a marker entered; 0 for an empty field. Raises: ValueError with the text."""
    try:
        return float(text.replace(",", ".")) if text else 0.0
    except ValueError:
        raise ValueError(f"manual.csv: {text!r} is not a number of points") from None


STYLE = "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
STYLE += "table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.4em .8em;"
STYLE += "text-align:left;vertical-align:top}pre{white-space:pre-wrap}"


def feedback(one, manual):
    """A page for the student: points and messages; no code, neither solutions nor checks."""
    row, write = one.as_json(), html.escape
    lines = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{write(one.stem)}</title>"
    ]
    lines += [f"<style>{STYLE}</style><h1>{write(one.stem)}</h1>"]
    lines += [f"<p>{row['score']:g} of {row['max']:g} automatic points.</p>"]
    lines += [f"<p><strong>Note:</strong> {write(flag)}</p>" for flag in one.marks.flags]
    lines += ["<table><tr><th>question<th>points<th>message</tr>"]
    for result in one.marks.results:
        if result.max:
            points = f"{result.points:g} of {result.max:g}"
            lines += [f"<tr><td>{result.id}<td>{points}<td>{write(result.message)}</tr>"]
    for question, (text, most) in one.written.items():
        points, comment = manual[question]
        points = f"{points or 'to be marked,'} of {most:g}".replace(", of", ", at most")
        text = f"<pre>{write(text)}</pre>" if text else ""
        lines += [f"<tr><td>{write(question)}<td>{write(points)}<td>{write(comment)}{text}</tr>"]
    return "\n".join([*lines, "</table></html>"])


def report(graded):
    """What is printed: a line for each submission, and for one alone, its questions."""
    lines = []
    for one in graded:
        row = one.as_json()
        lines += [f"{one.name:32} {row['score']:6g} of {row['max']:g}  {'; '.join(row['flags'])}"]
    if len(graded) == 1:
        lines += [
            f"  {r.id:4} {r.points:5g} of {r.max:<4g} {r.message}" for r in graded[0].marks.results
        ]
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", help="ps1, ps2, ...")
    parser.add_argument("submission", type=Path, help="a notebook, or a folder of notebooks")
    parser.add_argument("--out", type=Path, help="folder for grades.csv and the students' pages")
    parser.add_argument("--json", type=Path, help="file for the results as JSON")
    parser.add_argument("--jobs", type=int, help="notebooks at a time; by default one a core")
    parser.add_argument("--seconds", type=float, default=60, help="for a cell; default 60")
    parser.add_argument("--minutes", type=float, default=15, help="for a notebook; default 15")
    parser.add_argument("--gigabytes", type=float, default=4, help="of memory; default 4")
    options = parser.parse_args(arguments)
    try:
        problem_set = read_problem_set(find_source(options.set))
        if not (options.submission.exists() or options.submission.is_symlink()):
            raise FileNotFoundError(f"there is no {options.submission}")
        if options.json and not options.json.resolve().parent.is_dir():
            raise FileNotFoundError(f"there is no folder {options.json.parent}")
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(str(error))
    probe = [sys.executable, str(FOLDER / "limited_kernel.py"), "--probe"]
    if b"separate" not in subprocess.run(probe, capture_output=True).stdout:
        print(
            "This system gives submissions no space of their own: they share its network", end=" "
        )
        print("and files. For strangers' code use a container, see README.md.", file=sys.stderr)
    limits = Limits(options.seconds, 60 * options.minutes, int(2**30 * options.gigabytes))
    place = options.submission
    hide = [folder for folder in (place if place.is_dir() else None, options.out) if folder]
    graded = grade_all(problem_set, submissions(place), options.jobs, limits, hide)
    if options.out:
        write_grades(graded, options.out)
    if options.json:
        with replaced(options.json) as file:
            json.dump([one.as_json() for one in graded], file, indent=1, ensure_ascii=False)
    print(report(graded))
    return 0


if __name__ == "__main__":
    sys.exit(main())
