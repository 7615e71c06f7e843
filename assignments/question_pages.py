"""One page for each written answer, to mark a class at one sitting: grades/marking/q9_written.html

On the left the question, the model answer and the rubric; on the right every student's answer, in
the order of manual.csv, where points are entered. The same text of several students stands once.
The pages are the instructor's: they hold the solution.
"""

import html
import re

import nbformat
from results import replaced

STYLE = """
body{font:16px/1.5 sans-serif;margin:1.5em}
main{display:grid;grid-template-columns:minmax(20em,2fr) 3fr;gap:2em}
aside{position:sticky;top:1em;align-self:start;max-height:95vh;overflow:auto}
article{border-top:1px solid #999;padding:.5em 0}
h2{font-size:1em;margin:.3em 0}
pre{white-space:pre-wrap;font:15px/1.5 sans-serif;margin:.4em 0}
@media(max-width:50em){main{display:block}aside{position:static;max-height:none}}
"""


def write_pages(problem_set, results, marks, out):
    """Write a page for each written answer. Returns their paths.

    results: {student: Graded}; marks: {student: {written answer: Entry}}; out: a folder.
    """
    asked, paths = questions_asked(problem_set), []
    for question in problem_set.questions:
        for cell in question.of_kind("written"):
            path = out / "marking" / f"{cell.grade_id}.html"
            path.parent.mkdir(exist_ok=True)
            with replaced(path) as file:
                file.write(page(problem_set, cell, asked[cell.grade_id], results, marks))
            paths.append(path)
    return paths


def questions_asked(problem_set):
    """{written answer: the text above it in the set}."""
    asked, above = {}, []
    for cell in nbformat.read(problem_set.path, as_version=4).cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade"):
            asked[meta["grade_id"]], above = "\n\n".join(above), []
        elif cell.cell_type == "markdown":
            above.append(cell.source)
        else:
            above = []
    return asked


def page(problem_set, cell, asked, results, marks):
    """The page of one written answer. cell: of the set, with model answer and rubric."""
    write = html.escape
    solution = re.sub(r"^.*### (?:BEGIN|END) SOLUTION.*\n?", "", cell.source, flags=re.MULTILINE)
    answers, blank, open_marks = {}, [], 0
    for student, one in sorted(results.items()):
        text = one.written.get(cell.grade_id, ("", 0))[0].strip()
        entry = marks.get(student, {}).get(cell.grade_id)
        open_marks += not (entry and entry.points)
        if text:
            answers.setdefault(text, []).append((student, entry))
        else:
            blank.append(student)
    title = write(f"{problem_set.name} {cell.grade_id}")
    lines = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"]
    lines += [f"<style>{STYLE}</style><h1>{title}: at most {cell.points:g} points</h1>"]
    lines += [f"<p>{len(results)} submissions, {open_marks} still to be marked in manual.csv.</p>"]
    lines += [f"<main><aside><h2>Asked</h2><pre>{write(asked)}</pre>"]
    lines += [f"<h2>Model answer and rubric</h2><pre>{write(solution.strip())}</pre></aside><div>"]
    for text, students in answers.items():
        names = "; ".join(f"{write(student)}: {write(_mark(entry))}" for student, entry in students)
        lines += [f"<article><h2>{names}</h2><pre>{write(text)}</pre></article>"]
    if blank:
        lines += [f"<article><h2>Nothing was answered by</h2>{write('; '.join(blank))}</article>"]
    return "\n".join([*lines, "</div></main></html>"])


def _mark(entry):
    if entry is None or not entry.points:
        return " ".join(["to be marked", *([f"({entry.note})"] if entry and entry.note else [])])
    return f"{entry.points} points" + (f", {entry.comment}" if entry.comment else "")
