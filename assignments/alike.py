"""Which submissions are alike: python assignments/alike.py ps4 submissions/ --out alike.html

A help for the eye, and never a verdict: questions have few good answers, the lessons show some of
them, and two who learn together may write alike. The page sets the answers side by side.

Code is compared as Python reads it, without comments and layout: it is the same ("identical"), or
the same once every name that the answer itself makes up is numbered ("identical up to names").
Answers of one or two lines are left out. What k of n students share tells log2(n / k) bits about
a pair of them: an answer that half the class gives says one bit, one that only two of forty give
says 4.3. Pairs are listed by the sum over their questions.
"""

import argparse
import ast
import html
import math
import re
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from answers import SubmissionError, read_submission
from questions import find_source, parse, read_problem_set
from results import replaced
from roster import read_roster
from submissions import NothingHandedIn, find
from tables import TableError

LEAST_LINES = 3


@dataclass(frozen=True)
class Alike:
    """Students who gave the same answer to one question."""

    question: str
    students: tuple
    of: int  # how many answered it
    kind: str  # "identical" or "identical up to names"

    @property
    def bits(self):
        return math.log2(self.of / len(self.students))


def find_alike(answers):
    """Groups of the same answer. answers: {student: {grade_id: text or code}}.

    Returns [Alike], by question, the rarest first.
    """
    groups = []
    for question in sorted({q for own in answers.values() for q in own}, key=_in_order):
        given = {student: own[question] for student, own in answers.items() if question in own}
        same = {}
        for student, text in given.items():
            form = up_to_names(text)
            if form.count("\n") + 1 >= LEAST_LINES or len(form.split()) >= 12 * LEAST_LINES:
                same.setdefault(form, []).append(student)
        found = []
        for students in same.values():
            if len(students) > 1:
                exact = len({plain(given[student]) for student in students}) == 1
                kind = "identical" if exact else "identical up to names"
                found.append(Alike(question, tuple(students), len(given), kind))
        groups += sorted(found, key=lambda group: -group.bits)
    return groups


def pairs(groups):
    """[(bits, student, student, [Alike])], most bits first; what all share is left out."""
    shared = {}
    for group in (group for group in groups if group.bits > 0):
        for pair in combinations(sorted(group.students), 2):
            shared.setdefault(pair, []).append(group)
    found = [(sum(g.bits for g in own), *pair, own) for pair, own in shared.items()]
    return sorted(found, key=lambda one: (-one[0], one[1:3]))


def plain(text):
    """Code without comments and layout; what is no Python, without differences in white space."""
    try:
        return ast.unparse(_without_docstrings(parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(text.split())


def up_to_names(text):
    """`plain`, with the names that the code itself makes up numbered in the order of their use."""
    try:
        tree = _without_docstrings(parse(text))
        return ast.unparse(_Numbered(_made_up(tree)).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return plain(text)


def _without_docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ] or [ast.Pass()]
    return tree


def _made_up(tree):
    """Names that code binds: variables, arguments, functions and classes; not what it imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


class _Numbered(ast.NodeTransformer):
    """Renames made-up names to n0, n1 ..., in the order in which they appear."""

    def __init__(self, names):
        self.names, self.numbers = names, {}

    def _new(self, name):
        if name not in self.names:
            return name
        return f"n{self.numbers.setdefault(name, len(self.numbers))}"

    def generic_visit(self, node):
        for field in ("name", "id", "arg"):
            if isinstance(getattr(node, field, None), str):
                setattr(node, field, self._new(getattr(node, field)))
        return super().generic_visit(node)


def _in_order(question):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", question)]


STYLE = "body{font:16px/1.5 sans-serif;margin:2em;max-width:90em}pre{white-space:pre-wrap;"
STYLE += "margin:0;font-size:13px}td,th{vertical-align:top;text-align:left;padding:.3em .8em;"
STYLE += "border-bottom:1px solid #ccc}table{border-collapse:collapse}"


def page(set_name, answers, groups, most=30):
    """The report as HTML: pairs, then the groups with their answers side by side."""
    write = html.escape
    lines = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{set_name}</title>"]
    lines += [f"<style>{STYLE}</style><h1>{set_name}: submissions that are alike</h1>"]
    lines += [f"<p>{write(part)}</p>" for part in __doc__.split("\n\n")[1:]]
    lines += ["<table><tr><th>bits<th>pair<th>questions</tr>"]
    for bits, one, other, own in pairs(groups)[:most]:
        questions = ", ".join(
            f"<a href='#{write(g.question)}'>{write(g.question)}</a>" for g in own
        )
        lines += [f"<tr><td>{bits:.1f}<td>{write(one)}, {write(other)}<td>{questions}</tr>"]
    lines += ["</table>"]
    for group in groups:
        who = f"{len(group.students)} of {group.of} students, {group.bits:.1f} bits"
        lines += [f"<h2 id='{write(group.question)}'>{write(group.question)}: {group.kind}</h2>"]
        lines += [f"<details><summary>{who}: {write('; '.join(group.students))}</summary>"]
        lines += ["<table><tr>", *(f"<th>{write(student)}" for student in group.students), "</tr>"]
        for student in group.students:
            lines += [f"<td><pre>{write(answers[student][group.question])}</pre>"]
        lines += ["</table></details>"]
    return "\n".join([*lines, "</html>"])


def read_answers(found, problem_set):
    """{student: {grade_id: text}} of HandedIns, and a line for each that cannot be read."""
    answers, lines = {}, []
    for one in found:
        try:
            submission = read_submission(one.path, problem_set)
        except SubmissionError as error:
            lines.append(f"not compared: {one.student}: {error}")
            continue
        code = {grade_id: "\n\n".join(cells) for grade_id, cells in submission.answers.items()}
        answers[one.student] = code | submission.written
    return answers, lines


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", help="ps1, ps2, ...")
    parser.add_argument("submissions", type=Path, help="the folder that grade.py reads")
    parser.add_argument("--roster", type=Path, help="a table of students, see roster.py")
    parser.add_argument("--out", type=Path, help="a page with the answers side by side")
    options = parser.parse_args(arguments)
    try:
        problem_set = read_problem_set(find_source(options.set))
        roster = read_roster(options.roster) if options.roster else None
        found, _ = find(options.submissions, problem_set.name, roster)
        answers, lines = read_answers(found, problem_set)
        groups = find_alike(answers)
        if options.out:
            with replaced(options.out) as file:
                file.write(page(problem_set.name, answers, groups))
    except (OSError, TableError, NothingHandedIn) as error:
        print(error, file=sys.stderr)
        return 2
    for bits, one, other, own in pairs(groups)[:10]:
        questions = ", ".join(f"{group.question} ({group.kind})" for group in own)
        lines.append(f"{bits:5.1f} bits  {one}, {other}: {questions}")
    print(*lines, sep="\n", end="\n" if lines else "")
    print(f"{len(answers)} submissions compared; alike is no verdict, look at them")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # names that a console cannot show
    sys.exit(main())
