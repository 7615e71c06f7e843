"""What the instructor and the students get: grades.csv, and a page of feedback for each student."""

import csv
import html
from datetime import datetime

from hand_marks import by_question
from results import replaced

HEAD = ("submission", "automatic", "automatic_max", "manual", "manual_max", "total")


def write_gradebook(problem_set, results, marks, out):
    """The class's table and the pages, from all that is stored.

    results: {student: Graded}; marks: {student: {written answer: Entry}}; out: a folder.
    """
    questions = [question.name for question in problem_set.questions]
    with replaced(out / "grades.csv") as file:
        table = csv.writer(file)
        table.writerow([*HEAD, *questions, "to_mark", "flags"])
        for student, one in sorted(results.items()):
            entries = marks.get(student, {})
            hand = sum(entry.value for entry in entries.values())
            sums = [one.score, one.most, hand, one.manual_max, one.score + hand]
            points = [points_of(problem_set, one, entries)[name] for name in questions]
            numbers = ["" if value is None else f"{value:g}" for value in sums + points]
            to_mark = sum(not entry.points for entry in entries.values())
            table.writerow([student, *numbers, to_mark, "; ".join(one.marks.flags)])
    for student, one in results.items():
        with replaced(out / f"{student}.html") as file:
            file.write(page(problem_set, one, marks.get(student, {})))


def points_of(problem_set, one, entries):
    """{"q7": points}, those entered by hand among them; None where all are still to be marked."""
    automatic = {result.id: result for result in one.marks.results}
    found = {}
    for name, by_hand in by_question(problem_set, entries).items():
        result = automatic.get(name)
        open_only = by_hand and not (result and result.max) and not any(e.points for e in by_hand)
        points = (result.points if result else 0.0) + sum(entry.value for entry in by_hand)
        found[name] = None if open_only or (result is None and not by_hand) else points
    return found


STYLE = "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
STYLE += "table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.4em .8em;"
STYLE += "text-align:left;vertical-align:top}pre{white-space:pre-wrap}"


def page(problem_set, one, entries):
    """A page for the student: points and messages; no code, neither solutions nor checks."""
    write = html.escape
    title = write(f"{problem_set.title}: {one.student}")
    lines = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>"]
    lines += [f"<style>{STYLE}</style><h1>{write(one.student)}</h1>"]
    when = datetime.fromisoformat(one.when)
    date = f"{when.day} {when:%B %Y, %H:%M}"
    lines += [f"<p>Problem set {write(problem_set.title)}. Graded on {date}.</p>"]
    lines += [f"<p>{total(one, entries)}.</p>"]
    lines += [f"<p><strong>Note:</strong> {write(flag)}</p>" for flag in one.marks.flags]
    lines += ["<table><tr><th>question<th>points<th>message</tr>"]
    automatic = {result.id: result for result in one.marks.results}
    for question in problem_set.questions:
        name = write(f"{question.name} {question.title}".strip())
        result = automatic.get(question.name)
        if result and result.max:
            points = f"{result.points:g} of {result.max:g}"
            lines += [f"<tr><td>{name}<td>{points}<td>{write(result.message)}</tr>"]
        for cell in question.of_kind("written"):
            text, most = one.written.get(cell.grade_id, ("", cell.points))
            entry = entries.get(cell.grade_id)
            points = (
                f"{entry.points} of {most:g}"
                if entry and entry.points
                else (f"to be marked, at most {most:g}")
            )
            said = write(entry.comment) if entry else ""
            said += f"<pre>{write(text)}</pre>" if text else ""
            lines += [f"<tr><td>{name}<td>{write(points)}<td>{said}</tr>"]
    return "\n".join([*lines, "</table></html>"])


def total(one, entries):
    """The sum of a submission in words. entries: {written answer: Entry}."""
    said = f"{one.score:g} of {one.most:g} automatic points"
    hand = sum(entry.value for entry in entries.values())
    to_mark = [question for question, entry in entries.items() if not entry.points]
    if len(to_mark) < len(entries):
        said += f" and {hand:g} of {one.manual_max:g} by hand"
    if to_mark:
        return f"{said}, {' and '.join(to_mark)} still to be marked"
    return f"{said}, {one.score + hand:g} of {one.most + one.manual_max:g}" if entries else said


def report(problem_set, graded, marks):
    """What is printed: a line for each submission, and for one alone, its questions."""
    lines = []
    for one in graded:
        said = total(one, marks.get(one.student, {}))
        lines += [f"{one.name:32} {said}  {'; '.join(one.marks.flags)}".rstrip()]
    if len(graded) == 1:
        (one,) = graded
        hand = by_question(problem_set, marks.get(one.student, {}))
        for result in one.marks.results:
            points, most, said = result.points, result.max, result.message
            for entry in hand.get(result.id, []):
                points += entry.value
                if entry.points:
                    said = f"marked by hand: {entry.points} points. {entry.comment}".strip()
            if not most:
                question = next(q for q in problem_set.questions if q.name == result.id)
                most = question.points("written") if any(e.points for e in hand[result.id]) else 0
            lines += [f"  {result.id:4} {points:5g} of {most:<4g} {said}"]
    return "\n".join(lines)
