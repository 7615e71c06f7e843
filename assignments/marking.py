"""Mark one submission: the instructor's notebook with the student's answer cells put in.

For every question: the student's answer, the check, and then the instructor's answer, so that a
later question never stands on an earlier mistake. A question that loses the kernel costs itself:
a new kernel is started, and the instructor's cells are run up to there. Where an earlier answer
may have been the reason, the question is asked again in a kernel that has seen no other answer.
"""

import re
import secrets
import time
from dataclasses import dataclass, field

import messages
from guard import CHECKED, WITH_TORCH
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
    final: bool = True  # False: the grader, not the submission, was the reason that it has no marks


def unmarked(problem_set, reason, final=True):
    """Marks without points, for a submission that is not scored."""
    results = [Result(q.name, 0.0, q.points("check"), "not scored") for q in problem_set.questions]
    return Marks(results, [reason], final)


class Marking:
    """One submission in its kernel."""

    def __init__(self, problem_set, submission, work, limits, hide, stop):
        """work: a folder of its own; hide: folders it may not see; stop: an Event that ends it."""
        self.set, self.submission = problem_set, submission
        self.work, self.limits, self.hide, self.stop = work, limits, hide, stop
        pieces = [piece for pieces in submission.answers.values() for piece in pieces]
        cells = [cell for question in problem_set.questions for cell in question.cells]
        public = [*pieces, submission.extra, *(cell.released for cell in cells)]
        self.public = messages.words("\n".join(public))  # what the student has written or read
        self.deadline = time.monotonic() + limits.seconds
        self.kernel, self.flags = None, list(submission.flags)

    def marks(self):
        """All questions. Returns Marks, whatever the student's code does. Raises: Stopped."""
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
            return unmarked(self.set, f"could not be graded: {error}", final=False)
        finally:
            self._drop_kernel()
        return Marks(results, list(dict.fromkeys(self.flags)))

    def _question(self, index, question):
        if not question.of_kind("check"):
            points = question.points("written")
            return Result(question.name, 0.0, 0.0, f"marked by hand, at most {points:g} points")
        for _ in range(2):
            self._prepare(index)
            alone = self.alone
            earned, notes, lost = self._answer_and_check(question)
            if alone or not lost:
                break
        most = question.points("check")
        if earned == most:
            notes = ["all checks passed"]
        elif not any(c.grade_id in self.submission.answers for c in question.of_kind("answer")):
            notes = ["not answered"]
        return Result(question.name, earned, most, "; ".join(dict.fromkeys(notes))[:1200])

    def _answer_and_check(self, question):
        """Returns (points, what to tell the student, whether the kernel was lost)."""
        earned, notes, self.alone = 0.0, [], False
        try:
            for cell in question.cells:
                if cell.kind == "given":
                    self._instructor([cell])
                elif cell.kind == "answer":
                    for piece in self.submission.answers.get(cell.grade_id, [cell.released]):
                        reply = self.kernel.run(piece)
                        if reply.error:
                            notes.append(f"your cell stopped with {self._exception(reply, piece)}")
                elif cell.kind == "check":
                    points, message = self._check(question, cell)
                    earned += points
                    notes += [message] if message else []
        except KernelLost as lost:
            self._drop_kernel()
            return earned, [*notes, str(lost)], True
        except SetError as error:  # after the student's code, so the student's
            self._drop_kernel()
            return earned, [*notes, f"after your cell, the set's own cell fails: {error}"], True
        return earned, notes, False

    def _check(self, question, cell):
        """Run a check cell. Returns (points, message)."""
        answers = [self.submission.answers.get(c.grade_id, []) for c in question.of_kind("answer")]
        own = [piece for pieces in answers for piece in pieces]
        self._note(question, self._guard("mend()"))
        name = "_" + secrets.token_hex(12)
        reply = self.kernel.run(scored(cell.source, name), expression=name)
        if reply.error:
            said = messages.of_check(cell.source, *reply.error)
            return 0.0, said or f"the check stopped with {self._exception(reply, *own)}"
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
            if not reply.error and reply.value not in ("0", "0.0"):
                raise Tampered("in its kernel, checks pass that must fail")

    def _prepare(self, index):
        """A kernel in which the instructor's cells up to this question have just run."""
        for attempt in (1, 2):
            try:
                if self.kernel is not None and self._burdened():
                    self._drop_kernel()
                if self.kernel is None:
                    self._start()
                    for earlier in self.set.questions[:index]:
                        self._instructor([*earlier.before, *earlier.of_kind("given", "answer")])
                    self.fresh = self.kernel.memory()
                elif index:
                    self._note(self.set.questions[index - 1], self._guard("restore(globals())"))
                    solved = self.set.questions[index - 1]
                    self._instructor(solved.of_kind("given", "answer"))
                self._instructor(self.set.questions[index].before)
                if self.alone:
                    self._guard("settle()")
                return
            except (KernelLost, SetError) as error:  # what an earlier answer left behind, perhaps
                self._drop_kernel()
                if attempt == 2:
                    raise SetError(str(error)) from None

    def _burdened(self):
        """Whether an earlier answer has left what could cost a later one its points.

        A thread, an alarm, or memory: half of what the limit leaves.
        """
        room = self.limits.memory - self.fresh
        return (
            self._guard("left_running()") != "False" or self.kernel.memory() > self.fresh + room / 2
        )

    def _start(self):
        self.kernel = Kernel(self.work, self.limits, self.hide, self.deadline, self.stop)
        self.alone = True  # no answer has run in it
        self.guard = "_" + secrets.token_hex(12)
        with open(GUARD) as file:
            source = file.read()
        install = f"import sys, types\nm = types.ModuleType({self.guard!r})\n"
        install += (
            f"exec({source!r}, m.__dict__)\nsys.modules[{self.guard!r}] = m\ndel m, types, sys"
        )
        if self.kernel.run(install).error:
            raise SetError("the guard could not be started")
        self._guard(f"time_printing({str(self.kernel.printed)!r})")

    def _drop_kernel(self):
        if self.kernel is not None:
            self.kernel.close()
        self.kernel = None

    def _instructor(self, cells):
        """Run cells of the instructor, and protect what they define."""
        patient = max(self.limits.cell_seconds, STARTING_SECONDS)
        for cell in cells:
            names = sorted(defined_names(cell.source))
            self._guard(f"begin(globals(), {names})")
            reply = self.kernel.run(cell.source, seconds=patient)
            if reply.error:
                raise SetError(f"{cell.grade_id}: {messages.type_of(reply.error[0], self.public)}")
            self._guard("end(globals())")

    def _ask(self, call):
        """Call a function of the guard. Returns the kernel's Reply."""
        return self.kernel.run("", expression=f"__import__('sys').modules[{self.guard!r}].{call}")

    def _guard(self, call):
        """Call a function that the grader needs. Returns the representation of its result."""
        reply = self._ask(call)
        if reply.error:
            self._drop_kernel()
            raise KernelLost("it damaged what the grader needs in the kernel")
        return reply.value

    def _note(self, question, changed):
        """A flag for library functions that an answer replaced; its kernel says which."""
        known = {*CHECKED, *WITH_TORCH, "torch.Tensor"}
        names = []
        for name in re.findall(r"'([\w.]{1,80})'", changed or "")[:3]:
            module, _, last = name.rpartition(".")
            names.append(repr(name) if module in known and last in self.public else "a function")
        if changed not in ("[]", "None"):
            names = ", ".join(dict.fromkeys(names)) or "a function"
            self.flags.append(f"{question.name} replaced {names}; put back")

    def _exception(self, reply, *cells):
        """An exception for the student: its type, and which line of their own cell it came from."""
        name, text = reply.error
        described = messages.type_of(name, self.public)
        if name == "NameError":
            missing = re.search(r"name '(\w+)'", text)
            if missing and missing.group(1) in self.public:
                described += f": name '{missing.group(1)}' is not defined"
                if missing.group(1) in defined_names(self.submission.extra):
                    described += "; you define it in a cell of your own, but only answer cells are"
                    described += " graded"
        if name in ("SyntaxError", "IndentationError", "TabError"):
            said = " or ".join(filter(None, map(messages.of_syntax, cells)))
            return f"{described}: {said}" if said else described
        for cell in reversed(cells):
            lines = cell.splitlines()
            number = self._ask(f"line_of({cell!r})").value or ""
            if re.fullmatch(r"[1-9]\d{0,5}", number) and int(number) <= len(lines):
                line = lines[int(number) - 1].strip()[:100]
                return f"{described}, in line {number} of your cell: {line}"
        return described
