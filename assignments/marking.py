"""Mark one submission: the instructor's notebook with the student's answer cells put in.

For every question: the student's answer, the check, and then the instructor's answer, so that a
later question never stands on an earlier mistake. A question that loses the kernel costs itself:
a new kernel is started, and the instructor's cells are run up to there.
"""

import re
import secrets
import time
from dataclasses import dataclass, field

from guard import __file__ as GUARD
from questions import defined_names, points_of, scored
from student_kernel import STARTING_SECONDS, Kernel, KernelLost, OutOfTime

# Each must fail. In a kernel where one passes, no check means anything.
CANARIES = (
    "assert False",
    "import numpy\nnumpy.testing.assert_allclose([0.0], [1.0])",
    "import sys\nt = sys.modules.get('torch')\nassert t and t.equal(t.zeros(2), t.ones(2))",
    "import sys\nt = sys.modules.get('torch')\nassert t and t.allclose(t.zeros(2), t.ones(2))",
)


class Tampered(Exception):
    """Checks pass in this kernel that cannot pass."""


class SetError(Exception):
    """A cell of the instructor fails, in a fresh kernel."""


@dataclass
class Result:
    """What a question earned."""

    id: str
    points: float
    max: float
    message: str


@dataclass
class Marks:
    results: list = field(default_factory=list)
    flags: list = field(default_factory=list)


def unmarked(problem_set, reason):
    """Marks without points, for a submission that is not scored."""
    results = [Result(q.name, 0.0, q.points("check"), "not scored") for q in problem_set.questions]
    return Marks(results, [reason])


class Marking:
    """One submission in its kernel."""

    def __init__(self, problem_set, submission, work, limits, hide):
        self.set, self.submission = problem_set, submission
        self.work, self.limits, self.hide = work, limits, hide
        self.deadline = time.monotonic() + limits.seconds
        self.kernel, self.flags = None, list(submission.flags)

    def marks(self):
        """All questions. Returns Marks; whatever the student's code does, it does not raise."""
        results = []
        try:
            for index, question in enumerate(self.set.questions):
                results.append(self._question(index, question))
        except OutOfTime:
            self.flags.append(f"stopped after {self.limits.seconds / 60:g} minutes in all")
            for question in self.set.questions[len(results) :]:
                late = "not reached: the time for the whole notebook was used up"
                results.append(Result(question.name, 0.0, question.points("check"), late))
        except Tampered as error:
            return unmarked(self.set, f"not scored: {error}")
        except SetError as error:
            return unmarked(self.set, f"could not be graded: {error}")
        finally:
            if self.kernel is not None:
                self.kernel.close()
        return Marks(results, self.flags)

    def _question(self, index, question):
        if not question.of_kind("check"):
            points = question.points("written")
            return Result(question.name, 0.0, 0.0, f"marked by hand, at most {points:g} points")
        self._prepare(index)
        earned, notes = 0.0, []
        try:
            for cell in question.cells:
                if cell.kind == "given":
                    self._instructor([cell])
                elif cell.kind == "answer":
                    reply = self.kernel.run(
                        self.submission.answers.get(cell.grade_id, cell.released)
                    )
                    if reply.error:
                        notes.append(f"your cell stopped with {self._describe(reply.error)}")
                elif cell.kind == "check":
                    points, message = self._check(question, cell)
                    earned += points
                    notes += [message] if message else []
        except KernelLost as lost:
            self.kernel = None
            notes.append(str(lost))
        except SetError as error:  # after the student's code, so the student's
            self._drop_kernel()
            notes.append(f"after your cell, the set's own cell fails: {error}")
        most = question.points("check")
        if all(cell.grade_id not in self.submission.answers for cell in question.of_kind("answer")):
            if earned < most:
                notes = ["not answered"]
        elif earned == most:
            notes = ["all checks passed"]
        return Result(question.name, earned, most, self._redact("; ".join(dict.fromkeys(notes))))

    def _check(self, question, cell):
        """Run a check cell. Returns (points, message)."""
        self._note(question, self._guard("mend()"))
        name = "_" + secrets.token_hex(12)
        reply = self.kernel.run(scored(cell.source, name), expression=name)
        if reply.error:
            return 0.0, self._describe(reply.error)
        try:
            points = points_of(None if reply.value == "None" else reply.value, cell.points)
        except ValueError:
            return 0.0, "the check could not count points for this answer"
        self._must_fail(CANARIES)
        names = set().union(*(defined_names(c.source) for c in question.of_kind("answer")))
        if points and cell is question.of_kind("check")[-1]:
            self._guard(f"forget(globals(), {sorted(names)})")
            self._must_fail([cell.source])
        if points == cell.points:
            return points, ""
        return points, f"{points:g} of {cell.points:g} points"

    def _must_fail(self, sources):
        for source in sources:
            name = "_" + secrets.token_hex(12)
            reply = self.kernel.run(scored(source, name), expression=name)
            if not reply.error and (reply.value == "None" or float(reply.value)):
                raise Tampered("in its kernel, checks pass that must fail")

    def _prepare(self, index):
        """A kernel in which the instructor's cells up to this question have just run."""
        for attempt in (1, 2):
            try:
                if self.kernel is None:
                    self._start()
                    for earlier in self.set.questions[:index]:
                        self._instructor([*earlier.before, *earlier.of_kind("given", "answer")])
                elif index:
                    self._note(self.set.questions[index - 1], self._guard("restore(globals())"))
                    solved = self.set.questions[index - 1]
                    self._instructor(solved.of_kind("given", "answer"))
                self._instructor(self.set.questions[index].before)
                return
            except (KernelLost, SetError) as error:  # what an earlier answer left behind, perhaps
                self._drop_kernel()
                if attempt == 2:
                    raise SetError(str(error)) from None

    def _start(self):
        self.kernel = Kernel(self.work, self.limits, self.hide, self.deadline)
        self.guard = "_" + secrets.token_hex(12)
        with open(GUARD) as file:
            source = file.read()
        install = f"import sys, types\nm = types.ModuleType({self.guard!r})\n"
        install += (
            f"exec({source!r}, m.__dict__)\nsys.modules[{self.guard!r}] = m\ndel m, types, sys"
        )
        if self.kernel.run(install).error:
            raise SetError("the guard could not be started")

    def _drop_kernel(self):
        if self.kernel is not None:
            self.kernel.close()
        self.kernel = None

    def _instructor(self, cells):
        """Run cells of the instructor, and protect what they define."""
        patient = max(self.limits.cell_seconds, STARTING_SECONDS)
        for cell in cells:
            names = sorted(defined_names(cell.source))
            self._guard(f"(forget(globals(), {names}), begin(globals()))")
            reply = self.kernel.run(cell.source, seconds=patient)
            if reply.error:
                raise SetError(f"{cell.grade_id}: {self._describe(reply.error)}")
            self._guard("end(globals())")

    def _guard(self, call):
        module = f"__import__('sys').modules[{self.guard!r}]"
        call = re.sub(r"\b(mend|restore|forget|begin|end)\(", rf"{module}.\1(", call)
        reply = self.kernel.run("", expression=call)
        if reply.error:
            self._drop_kernel()
            raise KernelLost("it damaged what the grader needs in the kernel")
        return reply.value

    def _note(self, question, changed):
        if changed not in ("[]", "None"):
            self.flags.append(f"{question.name} replaced {changed.strip('[]')[:200]}; put back")

    def _describe(self, error):
        """An exception in one line for the student."""
        name, message = error[0][:80], error[1].strip()[:1000]
        if name == "AssertionError":
            return message or "a check failed"
        if name == "NameError":
            missing = re.search(r"name '(\w+)'", message)
            if missing and missing.group(1) in defined_names(self.submission.extra):
                message += "; you define it in a cell of your own, but only answer cells are graded"
        return f"{name}: {message}" if message else name

    def _redact(self, message):
        """No line of a solution or hidden check reaches the student."""
        for secret in self.set.secrets:
            message = message.replace(secret, "[...]")
        return re.sub(r"\x1b\[[0-9;]*m|[^\n\x20-\U0010ffff]", "", message)[:1200]
