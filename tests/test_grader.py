"""The grader against submissions that are broken or mean harm, each beside honest ones.

The set is a small one without PyTorch, so that a kernel starts quickly; everything else is the
grader as it runs for the course. q2 is where the harm is done; q1 and q3 are right, so a
submission that gets what it earned gets 20 of 30 points, or all 30 where q2 is right too.
"""

import csv
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import grade  # noqa: E402
import gradebook  # noqa: E402
import messages  # noqa: E402
from questions import defined_names, read_problem_set, released  # noqa: E402
from student_kernel import Limits  # noqa: E402
from submissions import find as find_submissions  # noqa: E402

LIMITS = Limits(cell_seconds=15, seconds=240, memory=2**30)
probe = [sys.executable, str(ROOT / "assignments/limited_kernel.py"), "--probe"]
SEPARATE = b"separate" in subprocess.run(probe, capture_output=True).stdout
SECRET = "a_line_that_only_the_solution_of_q2_has"

GIVEN = "import numpy as np\n\ndata = np.arange(4.0)"
Q1 = "def add(a, b):\n    return a + b"
Q2 = "def squares(numbers):\n    return [n * n for n in numbers]"
Q3 = "mean = float(data.mean())"
CHECKS = {
    "q1": "assert add(1, 2) == 3, 'one and two are three'",
    "q2": "assert list(squares([1, 2])) == [1, 4], 'squares are asked'\n"
    "### BEGIN HIDDEN TESTS\n"
    "np.testing.assert_allclose(squares([3.0, -2.0]), [9.0, 4.0], err_msg='negative numbers')\n"
    "assert all(abs(n - m) < 1e-9 for n, m in zip(squares([5]), [25], strict=True)), 'five'\n"
    "### END HIDDEN TESTS",
    "q3": "assert abs(mean - 1.5) < 1e-9, f'the mean is 1.5, not {mean}'",
}


def marked(grade_id, **kinds):
    kinds = {"grade": False, "solution": False, "locked": False, "task": False, **kinds}
    return {"nbgrader": {"schema_version": 3, "grade_id": grade_id, **kinds}}


def solution(code):
    """A source cell whose whole content is the solution."""
    return f"### BEGIN SOLUTION\n{code}\n### END SOLUTION"


def notebook(answers, source=False):
    """The small set as its source, or as a release with {grade_id: code} put in."""
    cells = [new_markdown_cell("# A small set", metadata=marked("intro", locked=True))]
    cells += [new_code_cell(GIVEN, metadata=marked("given", locked=True))]
    for grade_id, code in (("q1", Q1), ("q2", f"# {SECRET}\n{Q2}"), ("q3", Q3)):
        answer = solution(code) if source else answers.get(grade_id, STUB)
        check = CHECKS[grade_id] if source else released(CHECKS[grade_id], "")
        cells += [new_code_cell(answer, metadata=marked(grade_id, solution=True))]
        meta = marked(f"{grade_id}_check", grade=True, locked=True, points=10)
        cells += [new_code_cell(check, metadata=meta)]
    written = solution("Because.") if source else answers.get("q4_written", "")
    meta = marked("q4_written", grade=True, solution=True, points=5)
    made = new_notebook(cells=[*cells, new_markdown_cell(written, metadata=meta)])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


STUB = 'raise NotImplementedError("replace this line by your answer")'
HONEST = {"q1": Q1, "q2": Q2, "q3": Q3, "q4_written": "Because <i>I</i> say so."}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    path = tmp_path_factory.mktemp("sources") / "ps9_small" / "ps9.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook({}, source=True), path)
    return read_problem_set(path)


# Hostile answers to q2: name: (code, expected score). None: 20, or flagged and not scored.
WRONG = "def squares(numbers):\n    return [0 for n in numbers]\n"
ANSWERS = {
    "hangs": ("while True:\n    pass", 20),
    "hangs in the check": ("def squares(numbers):\n    while True:\n        pass", 20),
    "exits": ("import sys\nsys.exit()", 20),
    "exits in the check": ("def squares(numbers):\n    raise SystemExit", 20),
    "os._exit": ("import os\nos._exit(0)", 20),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)\nos._exit(1)", 20),
    "crashes": ("import ctypes\nctypes.string_at(0)", 20),
    "eats memory": ("x = []\nwhile True:\n    x.append(bytearray(10**8))", 20),
    "eats memory in children": (
        "import os, time\nfor i in range(4):\n    if os.fork() == 0:\n"
        "        x = b'1' * 700_000_000\n        time.sleep(60)\n        os._exit(0)\n"
        "time.sleep(60)",
        20,
    ),
    "starts processes without end": (
        "import os, time\nfor i in range(200):\n    if os.fork() == 0:\n        time.sleep(60)\n"
        "        os._exit(0)\ntime.sleep(60)",
        20,
    ),
    "prints without end": ("while True:\n    print('x' * 10_000)", 20),
    "prints 200 MB": (f"for i in range(200):\n    print('x' * 10**6)\n{Q2}", 30),
    "fifty megabytes in an error": ("raise ValueError('x' * 50_000_000)", 20),
    "warnings and stderr": (
        f"import sys, warnings\nwarnings.warn('careful')\nprint('x', file=sys.stderr)\n{Q2}",
        30,
    ),
    "warnings made errors": (f"import warnings\nwarnings.simplefilter('error')\n{Q2}", 30),
    "numpy.testing overwritten": (
        "np.testing.assert_allclose = lambda *a, **k: None\n"
        "def squares(numbers):\n    return [n * abs(n) for n in numbers]",
        20,
    ),
    "builtins overwritten": (
        "import builtins\nbuiltins.all = lambda x: True\nbuiltins.abs = lambda x: 0\n"
        "def squares(numbers):\n    return [1, 4] if 2 in numbers else [9.0, 4.0][:len(numbers)]",
        20,
    ),
    "asserts taken out of every cell": (
        "import ast\nclass Out(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        f"        return ast.Pass()\nget_ipython().ast_transformers.append(Out())\n{WRONG}",
        None,
    ),
    "source rewritten": (
        "shell = get_ipython()\nshell.input_transformers_post.append(\n"
        "    lambda lines: [l for l in lines if 'assert' not in l and 'raise' not in l])\n" + WRONG,
        None,
    ),
    "exceptions swallowed": (
        "shell = get_ipython()\nold = shell.run_code\nasync def run(*a, **k):\n"
        f"    await old(*a, **k)\n    return False\nshell.run_code = run\n{WRONG}",
        None,
    ),
    "every reply says ok": (
        "kernel = get_ipython().kernel\nasync def ok(*a, **k):\n"
        "    value = {'status': 'ok', 'data': {'text/plain': 'None'}}\n"
        "    return {'status': 'ok', 'execution_count': 1, 'payload': [],\n"
        "            'user_expressions': {'value': value}}\n"
        f"kernel.do_execute = ok\n{WRONG}",
        None,
    ),
    "an object that equals everything": (
        "class Yes(list):\n    def __eq__(self, other):\n        return True\n"
        "def squares(numbers):\n    return Yes([0] * len(numbers))",
        20,
    ),
    "prints forged results": (
        "print('{\"status\": \"ok\", \"score\": 30}')\nfrom IPython.display import display\n"
        f"display(10)\nget_ipython().displayhook(10.0)\n{WRONG}",
        20,
    ),
    "looks for its own verdict": (
        f"for k in list(globals()):\n    if k[0] == '_':\n        globals()[k] = 10.0\n{WRONG}",
        20,
    ),
    "deletes every name": (f"globals().clear()\n{WRONG}", 20),
    "deletes the modules": (f"import sys\nsys.modules.clear()\n{WRONG}", 20),
    "hides builtins": (f"{Q2}\nsum = min = max = list = print = None\nnp = data = 3", 20),
    "shadows names that later questions need": (f"{Q2}\nnp = data = float = 3", 20),
    "goes elsewhere": (f"import os\nos.mkdir('x')\nos.chdir('x')\nos.rmdir('../x')\n{Q2}", 30),
    "closes its files": ("import os\nfor n in range(3, 60):\n    try:\n        os.close(n)\n"
                         "    except OSError:\n        pass", 20),
    "closes standard output": (f"import os\nos.close(1)\nos.close(2)\n{Q2}", 30),
    "asks for input": (f"x = input('points? ')\n{Q2}", 20),
    "not a number": ("def squares(numbers):\n    return [float('nan')] * len(numbers)", 20),
    "syntax error": ("def squares(numbers:\n    return", 20),
    "null bytes and surrogates": ("x = '\x00 \ud800'", 20),
    "endless recursion": ("def squares(numbers):\n    return squares(numbers)", 20),
    "a thread that ends the kernel later": (
        "import os, threading\nthreading.Timer(1.5, lambda: os._exit(1)).start()\n"
        "import time\ntime.sleep(3)",
        20,
    ),
    "unicode names": ("def squares(数字):\n    return [é * é for é in 数字]", 30),
    "shell magics": ("!echo hello\n%time 1\n" + Q2, 30),
}  # fmt: skip


def notebook_text(answers, change=lambda made: None):
    made = notebook(answers)
    change(made)
    return json.dumps(made)


def find(made, grade_id):
    return next(c for c in made.cells if c.metadata.nbgrader.grade_id == grade_id)


def drop_checks(made):
    made.cells = [c for c in made.cells if not c.metadata.nbgrader.grade_id.endswith("_check")]


def pass_checks(made):
    for cell in made.cells:
        if cell.metadata.nbgrader.grade_id.endswith("_check"):
            cell.source = "assert True"


def forge(made):
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            text = {"output_type": "stream", "name": "stdout", "text": "all checks passed"}
            number = {"output_type": "execute_result", "data": {"text/plain": "10.0"}}
            cell.outputs = [text, {**number, "metadata": {}, "execution_count": 1}]


def more_points(made):
    for cell in made.cells:
        cell.metadata.nbgrader.update(points=1000, grade=True)


def copy_q2(made):
    at = made.cells.index(find(made, "q2"))
    made.cells.insert(at, new_code_cell(STUB, metadata=marked("q2", solution=True)))
    made.cells.insert(at, new_code_cell(WRONG, metadata=marked("q2", solution=True)))


def retype(made):
    cell = find(made, "q2")
    made.cells[made.cells.index(cell)] = new_markdown_cell(cell.source, metadata=cell.metadata)


def merge(made):
    q1, q2 = find(made, "q1"), find(made, "q2")
    q1.source += "\n\n" + q2.source
    made.cells.remove(q2)


def lose_q2(made):
    made.cells.remove(find(made, "q2"))


def lose_metadata(made):
    for cell in made.cells:
        cell.metadata = {}


def odd_metadata(made):
    q2, q3 = find(made, "q2"), find(made, "q3")
    q2.metadata, q3.metadata = {"nbgrader": "q2"}, {"nbgrader": {"grade_id": ["q3"]}}


def old_format(made):
    made.nbformat_minor = 0
    for cell in made.cells:
        cell.pop("id")


# Broken notebooks: name: (text, expected score). None: a flag that says why it is not scored.
NOTEBOOKS = {
    "deletes its own tests": (notebook_text(HONEST, drop_checks), 30),
    "checks rewritten": (notebook_text(HONEST | {"q2": WRONG}, pass_checks), 20),
    "forged outputs": (notebook_text({}, forge), 0),
    "points rewritten": (notebook_text(HONEST | {"q2": WRONG}, more_points), 20),
    "a kernel that does not exist": (
        notebook_text(HONEST, lambda n: n.metadata.kernelspec.update(name="no-such-kernel")),
        30,
    ),
    "copied cell": (notebook_text(HONEST, copy_q2), 30),
    "missing cell": (notebook_text(HONEST, lose_q2), 20),
    "retyped cell": (notebook_text(HONEST, retype), 30),
    "reordered cells": (notebook_text(HONEST, lambda n: n.cells.reverse()), 30),
    "merged cells": (notebook_text(HONEST, merge), 30),
    "odd metadata": (notebook_text(HONEST, odd_metadata), 10),
    "no metadata": (notebook_text(HONEST, lose_metadata), None),
    "an older format": (notebook_text(HONEST, old_format), 30),
    "not JSON": ("these are my answers", None),
    "empty": ("", None),
    "JSON, but no notebook": ('[1, {"a": 2}]', None),
    "cells that are none": (json.dumps({**new_notebook(), "cells": 7}), None),
    "deep JSON": ("[" * 100_000, None),
    "another set": (
        (ROOT / "assignments/release/ps1_rounding_and_noise/ps1.ipynb").read_text(), None,
    ),
}  # fmt: skip


def file_name(name):
    return name.replace(" ", "-").replace(".", "-").replace(",", "") + ".ipynb"


def grade_all(problem_set, place, jobs=None, limits=None, hide=()):
    """What a file or folder holds, graded."""
    batch = grade.Batch(problem_set, limits, hide)
    handed_in, _ = find_submissions(place, problem_set.name)
    return batch.grade(handed_in, jobs, progress=False)


@pytest.fixture(scope="module")
def graded(small_set, tmp_path_factory):
    """Everything above and what is no regular file, in one batch with two honest notebooks."""
    folder = tmp_path_factory.mktemp("submissions")
    for name, (code, _) in ANSWERS.items():
        (folder / file_name(name)).write_text(notebook_text(HONEST | {"q2": code}))
    for name, (text, _) in NOTEBOOKS.items():
        (folder / file_name(name)).write_text(text)
    for name in ("a-honest", "z-honest"):
        (folder / f"{name}.ipynb").write_text(notebook_text(HONEST))
    (folder / "学生 Zoë 🙂.ipynb").write_text(notebook_text(HONEST))
    (folder / "link.ipynb").symlink_to(small_set.path)
    (folder / "broken-link.ipynb").symlink_to("nowhere")
    (folder / "folder.ipynb").mkdir()
    os.mkfifo(folder / "pipe.ipynb")
    with open(folder / "huge.ipynb", "wb") as file:
        file.truncate(60 * 2**20)
    (folder / "notes.txt").write_text("not a submission")
    done = grade_all(small_set, folder, 4, LIMITS, [folder])
    assert {one.name for one in done} == {path.name for path in folder.glob("*.ipynb")}
    return {one.name: one.as_json() for one in done}


def check(found, expected):
    if expected is None:  # its own question lost, or all, and then a flag says so
        assert found["score"] in (0, 20)
        assert found["score"] == 20 or found["flags"][0].startswith("not scored: ")
    else:
        assert found["score"] == expected, found
    assert found["max"] == 30 and found["manual_max"] == 5
    assert all(question["message"] for question in found["questions"])


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_answer(graded, name):
    _, expected = ANSWERS[name]
    found = graded[file_name(name)]
    check(found, expected)
    if expected == 20:  # the harm cost its own question
        assert [question["points"] for question in found["questions"]] == [10, 0, 10, 0]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_broken_notebook(graded, name):
    check(graded[file_name(name)], NOTEBOOKS[name][1])


@pytest.mark.parametrize("name", ["link", "broken-link", "folder", "pipe", "huge"])
def test_what_is_no_regular_file_is_flagged(graded, name):
    found = graded[f"{name}.ipynb"]
    assert found["score"] == 0 and found["flags"][0].startswith("not scored: ")


def test_honest_submissions_are_scored_the_same_beside_the_others(graded, small_set, tmp_path):
    (tmp_path / "alone.ipynb").write_text(notebook_text(HONEST))
    (alone,) = grade_all(small_set, tmp_path / "alone.ipynb")
    expected = alone.as_json() | {"submission": ""}
    assert expected["score"] == 30 and expected["flags"] == []
    for name in ("a-honest", "z-honest", "学生 Zoë 🙂"):
        assert graded[f"{name}.ipynb"] | {"submission": ""} == expected


def test_tampering_is_named(graded):
    for name in ("asserts taken out of every cell", "source rewritten"):
        assert "checks pass that must fail" in graded[file_name(name)]["flags"][0]
    flags = graded[file_name("numpy.testing overwritten")]["flags"]
    assert "q2 replaced 'numpy.testing.assert_allclose'" in flags[0]
    assert graded[file_name("missing cell")]["flags"] == ["the cell q2 is missing"]


def message(graded, name):
    return graded[file_name(name)]["questions"][1]["message"]


def test_messages_say_what_happened(graded):
    assert "more than 15 seconds" in message(graded, "hangs")
    assert "ended the kernel" in message(graded, "os._exit")
    assert "memory" in message(graded, "eats memory in children")
    processes = message(graded, "starts processes without end")
    assert "processes" in processes or "memory" in processes
    assert "SyntaxError" in message(graded, "syntax error")
    assert "five" in message(graded, "builtins overwritten")
    assert len(message(graded, "fifty megabytes in an error")) < 1500


# ---- what needs a look at the outside


def grade_one(small_set, tmp_path, code, hide=()):
    path = tmp_path / "one.ipynb"
    path.write_text(notebook_text(HONEST | {"q2": code}))
    (done,) = grade_all(small_set, path, 1, LIMITS, hide)
    return done.as_json()


@pytest.mark.skipif(not SEPARATE, reason="this system permits no namespaces")
def test_sources_of_the_solutions_cannot_be_read(small_set, tmp_path):
    code = f"""
import re, rdalib, pathlib
for path in ({str(small_set.path)!r}, pathlib.Path(rdalib.__file__).parents[1] / "assignments",
             pathlib.Path(rdalib.__file__).parents[1] / "tests" / "answers"):
    path = pathlib.Path(path)
    assert not path.is_file() and not (path.is_dir() and list(path.iterdir())), path
{Q2}"""
    found = grade_one(small_set, tmp_path, code)
    assert found["score"] == 30, found
    stolen = f"import json\ntext = open({str(small_set.path)!r}).read()\n"
    stolen += "exec('\\n'.join(json.loads(text)['cells'][4]['source']))"
    assert grade_one(small_set, tmp_path, stolen)["score"] == 20


@pytest.mark.skipif(not SEPARATE, reason="this system permits no namespaces")
def test_nothing_is_written_into_the_grades_the_project_or_python(small_set, tmp_path):
    out = tmp_path / "grades"
    out.mkdir()
    (out / "grades.csv").write_text("mine")
    code = f"""
import ctypes, os, pathlib, rdalib, sys
pathlib.Path({str(out)!r}, "grades.csv").write_text("30")
for folder in (pathlib.Path(rdalib.__file__).parent, pathlib.Path(sys.prefix)):
    try:
        (folder / "written-by-a-student").write_text("x")
    except OSError:
        continue
    raise AssertionError(folder)
libc = ctypes.CDLL(None)
assert libc.umount2({str(out)!r}.encode(), 2) != 0
assert libc.mount(b"none", {str(ROOT)!r}.encode(), b"none", 4096 | 32, None) != 0
{Q2}"""
    found = grade_one(small_set, tmp_path, code, [out])
    assert found["score"] == 30, found
    assert [path.name for path in out.iterdir()] == ["grades.csv"]
    assert (out / "grades.csv").read_text() == "mine"
    assert not (ROOT / "rdalib/written-by-a-student").exists()


@pytest.mark.skipif(not SEPARATE, reason="this system permits no namespaces")
def test_there_is_no_network_and_no_process_stays_behind(small_set, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        seconds = f"{60 + os.getpid() % 1000}.25"
        code = f"""
import os, socket, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{seconds}"])
    os._exit(0)
try:
    socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), timeout=2)
except OSError:
    pass
else:
    raise AssertionError("connected")
{Q2}"""
        assert grade_one(small_set, tmp_path, code)["score"] == 30
        with pytest.raises(TimeoutError):
            server.accept()
    time.sleep(0.3)
    commands = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", seconds] not in commands


def test_the_environment_of_the_instructor_is_not_passed_on(small_set, tmp_path, monkeypatch):
    monkeypatch.setenv("A_KEY_OF_MINE", "12345")
    code = f"import os\nassert 'A_KEY_OF_MINE' not in os.environ\n{Q2}"
    assert grade_one(small_set, tmp_path, code)["score"] == 30


def test_a_submission_that_is_slow_everywhere_is_stopped_in_all(small_set, tmp_path):
    path = tmp_path / "slow.ipynb"
    path.write_text(notebook_text(dict.fromkeys(("q1", "q2", "q3"), "import time\ntime.sleep(5)")))
    limits = Limits(cell_seconds=4, seconds=6, memory=2**30)
    (done,) = grade_all(small_set, path, 1, limits)
    assert "minutes in all" in done.marks.flags[0] and done.score == 0
    assert [result.id for result in done.marks.results] == ["q1", "q2", "q3", "q4"]


# ---- what comes out


def test_contract_of_the_command(small_set, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grade, "find_source", lambda name: small_set.path)
    folder, out = tmp_path / "submissions", tmp_path / "grades"
    folder.mkdir()
    (folder / "Ann.ipynb").write_text(notebook_text(HONEST | {"q2": WRONG}))
    (folder / "Bob.ipynb").write_text(notebook_text({"q1": Q1}))
    arguments = ["ps9", str(folder), "--out", str(out), "--json", str(tmp_path / "g.json")]
    assert grade.main([*arguments, "--jobs", "2"]) == 0
    ann, bob = json.loads((tmp_path / "g.json").read_text())
    assert ann.keys() == {"submission", "score", "max", "manual_max", "flags", "questions"}
    assert ann["submission"] == "Ann.ipynb" and ann["flags"] == [] and bob["score"] == 10
    assert (ann["score"], ann["max"], ann["manual_max"]) == (20, 30, 5)
    assert [question["id"] for question in ann["questions"]] == ["q1", "q2", "q3", "q4"]
    assert ann["questions"][1] == {
        "id": "q2", "points": 0, "max": 10, "message": "squares are asked",
    }  # fmt: skip
    assert bob["questions"][1]["message"] == "not answered"
    page = (out / "Ann.html").read_text()
    assert "20 of 30" in page and "squares are asked" in page and "Because &lt;i&gt;" in page
    for hidden in (SECRET, "assert_allclose", "err_msg", "assert "):
        assert hidden not in page
    files = ["Ann.html", "Bob.html", "grades.csv", "manual.csv", "marking", "results"]
    assert sorted(path.name for path in out.iterdir()) == files


def test_points_entered_by_hand_survive_a_regrade_and_count(
    small_set, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(grade, "find_source", lambda name: small_set.path)
    folder, out = tmp_path / "submissions", tmp_path / "grades"
    folder.mkdir()
    (folder / "Ann.ipynb").write_text(notebook_text(HONEST))
    (folder / "Bob.ipynb").write_text(notebook_text({}))
    assert grade.main(["ps9", str(folder), "--out", str(out)]) == 0
    head, ann, bob = (out / "manual.csv").read_text().splitlines()
    assert ann.startswith("Ann,q4_written,5,,,") and bob == "Bob,q4_written,5,0,not answered,,blank"
    (out / "manual.csv").write_text(f"{head}\nAnn,q4_written,5,4,good\nZoe,q4_written,5,3,\n")
    assert grade.main(["ps9", str(folder), "--out", str(out)]) == 0
    with open(out / "grades.csv") as file:
        ann = next(csv.DictReader(file))
    found = ann["automatic"], ann["manual"], ann["total"], ann["to_mark"]
    assert found == ("30", "4", "34", "0")
    page = (out / "Ann.html").read_text()
    assert "4 of 5" in page and "good" in page
    assert "Zoe,q4_written,5,3," in (out / "manual.csv").read_text()  # not in this batch, kept


def test_usage_errors_end_with_status_2(tmp_path):
    (tmp_path / "x.ipynb").write_text("{}")
    there, nowhere = str(tmp_path), str(tmp_path / "nothing")
    for arguments in (["ps99", there], ["ps1", nowhere], ["ps1"], ["../x", there]):
        with pytest.raises(SystemExit) as stopped:
            grade.main(arguments)
        assert stopped.value.code == 2


def test_an_empty_folder_is_an_error(small_set, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grade, "find_source", lambda name: small_set.path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as stopped:
        grade.main(["ps9", str(tmp_path / "empty"), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2 and "it is empty" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# ---- what one answer leaves behind, and what it can say

LATER = {
    "a timer": "import os, threading\nthreading.Timer(2, lambda: os._exit(0)).start()",
    "a bare thread": "import os, time, _thread\n"
    "_thread.start_new_thread(lambda: (time.sleep(2), os._exit(0)), ())",
    "an alarm": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_DFL)\nsignal.alarm(2)",
    "the event loop": "import asyncio, os\n"
    "asyncio.get_event_loop().call_later(2, lambda: os._exit(0))",
    "another process": "import os, time\nmine = os.getpid()\nif os.fork() == 0:\n"
    "    time.sleep(2)\n    os.kill(mine, 9)\n    os._exit(0)",
}


@pytest.mark.parametrize("way", LATER)
def test_an_end_that_comes_later_costs_no_other_question(small_set, tmp_path, way):
    path = tmp_path / "later.ipynb"
    answers = {"q2": f"{LATER[way]}\n{Q2}", "q3": f"import time\ntime.sleep(3)\n{Q3}"}
    path.write_text(notebook_text(HONEST | answers))
    (done,) = grade_all(small_set, path, 1, LIMITS)
    assert done.score == 30, done.as_json()


def test_memory_that_an_answer_keeps_costs_no_other_question(small_set, tmp_path):
    path = tmp_path / "memory.ipynb"
    answers = {
        "q2": f"x = [bytearray(10**8) for _ in range(7)]\n{Q2}",
        "q3": f"y = bytearray(5 * 10**8)\n{Q3}",
    }
    path.write_text(notebook_text(HONEST | answers))
    (done,) = grade_all(small_set, path, 1, LIMITS)
    assert done.score == 30, done.as_json()


FRAME = "import linecache, sys\ndef text(depth):\n    frame = sys._getframe(depth + 1)\n"
FRAME += "    return ''.join(linecache.getlines(frame.f_code.co_filename))[-900:]\n"
EVERYTHING = "import linecache\neverything = ''.join(\n"
EVERYTHING += "    ''.join(lines[2]) for lines in linecache.cache.values() if len(lines) > 2)\n"
LEAKS = {
    "in the check": FRAME + "def squares(numbers):\n    raise ValueError(text(1))",
    "as a failed check": FRAME + "def squares(numbers):\n    raise AssertionError(text(1))",
    "beside a message of the check": FRAME
    + "def squares(numbers):\n    raise AssertionError('negative numbers' + text(1))",
    "as a type": FRAME + "def squares(numbers):\n    raise type(text(1)[-70:], (Exception,), {})()",
    "as a missing name": FRAME + "def squares(numbers):\n    raise NameError(\n"
    "        f\"name '{text(1).split()[-4]}' is not defined: {text(1)}\")",
    "as a syntax error": FRAME + "def squares(numbers):\n    raise SyntaxError(text(1))",
    "without its last line": FRAME + "def squares(numbers):\n"
    "    raise ValueError(text(1).replace('_', ' _').upper())",
    "in the answer, of what has run": EVERYTHING + "raise ValueError(everything)",
    "in a name that was replaced": EVERYTHING + "import numpy\n"
    "setattr(numpy, everything[:60], 1)\nnumpy.mean = len\n" + WRONG,
}


def words_of_hidden_code():
    """Words that stand in the solutions and hidden checks of the small set, and nowhere else."""
    return (SECRET, "err_msg", "assert_allclose", "ERR_MSG", "strict", "STRICT", "1e-9", "1E-9")


# What an answer to q3 reads there has run: the check and the solution of q2.
IN_Q3 = "class Mean:\n    def __rsub__(self, x):\n        return squares([1])\n"
IN_Q3 += "    def __sub__(self, x):\n        return squares([1])\nmean = Mean()"
LATE_LEAKS = {
    "later, in the check": EVERYTHING
    + f"def squares(x):\n    raise ValueError(everything)\n{IN_Q3}",
    "later, in the answer": f"{EVERYTHING}raise ValueError(everything)",
    "later, as a value in a message": EVERYTHING + "class Mean:\n    def __sub__(self, x):\n"
    "        return 1\n    def __format__(self, how):\n        return everything\nmean = Mean()",
    "later, as a failed check": EVERYTHING
    + f"def squares(x):\n    raise AssertionError(everything)\n{IN_Q3}",
}


@pytest.fixture(scope="module")
def leaking(small_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaking")
    for question, leaks in (("q2", LEAKS), ("q3", LATE_LEAKS)):
        for way, code in leaks.items():
            (folder / file_name(way)).write_text(notebook_text(HONEST | {question: code}))
    return {one.name: one for one in grade_all(small_set, folder, 4, LIMITS)}


@pytest.mark.parametrize("way", [*LEAKS, *LATE_LEAKS])
def test_no_message_quotes_a_hidden_check_or_a_solution(leaking, small_set, way):
    one = leaking[file_name(way)]
    text = json.dumps(one.as_json()) + gradebook.page(small_set, one, {})
    assert one.score == 20
    for word in words_of_hidden_code():
        assert word not in text


def test_a_student_learns_type_and_line_of_an_exception(small_set, tmp_path):
    def said(code):
        return grade_one(small_set, tmp_path, code)["questions"][1]["message"]

    assert said("x = 1\ny = 1 / 0") == (
        "your cell stopped with ZeroDivisionError, in line 2 of your cell: y = 1 / 0; "
        "the check stopped with NameError: name 'squares' is not defined"
    )
    assert said("def squares(numbers):\n    return numbers @ numbers") == (
        "the check stopped with TypeError, in line 2 of your cell: return numbers @ numbers"
    )
    assert "invalid syntax" in said("x = 1\n)") or "unmatched ')', line 2" in said("x = 1\n)")


def test_messages_of_a_check_keep_their_numbers_and_nothing_else():
    check = """
_nothing = "nothing is there"
assert x, f"{found:.3f} where {true.tolist()} is right: nats for bits?"
assert x, _nothing
assert x, f"with s = {s} it is off" + (": zero's bin" if s == 0 else "")
for _name in ("narrow", "wide"):
    assert x, f"mark the {_name} curve"
"""
    for text in (
        "0.693 where [1.0, -2.5e-05] is right: nats for bits?",
        "nan where tensor([1., 2.]) is right: nats for bits?",
        "nothing is there",
        "with s = 0 it is off: zero's bin",
        "with s = 2 it is off",
        "mark the wide curve",
        "mark the torch.Size([2, 3]) curve",
    ):
        assert messages.of_check(check, "AssertionError", text) == text
    assert messages.of_check(check, "AssertionError", "mark the assert x, curve") == (
        "mark the ... curve"
    )
    assert messages.of_check(check, "AssertionError", "for _name in") == "a check failed"
    assert messages.of_check(check, "ValueError", "nothing is there") == ""
    long = f"{'1 ' * 5000} where 2 is right: nats for bits?"
    assert len(messages.of_check(check, "AssertionError", long)) < 300


def test_an_answer_that_prints_for_too_long_is_told_so(small_set, tmp_path):
    path = tmp_path / "prints.ipynb"
    limits = Limits(cell_seconds=4, seconds=60, memory=2**30)
    path.write_text(notebook_text(HONEST | {"q2": "for i in range(10**8):\n    print(i)"}))
    (printing,) = grade_all(small_set, path, 1, limits)
    path.write_text(notebook_text(HONEST | {"q2": "print(1)\nwhile True:\n    pass"}))
    (looping,) = grade_all(small_set, path, 1, limits)
    said, other = (one.marks.results[1].message for one in (printing, looping))
    assert "more than 4 seconds, most of them printing: print less" in said
    assert "more than 4 seconds" in other and "printing" not in other


def test_a_long_path_for_temporary_files_changes_nothing(small_set, tmp_path, monkeypatch):
    folder = tmp_path / ("x" * 90) / ("y" * 90)
    folder.mkdir(parents=True)
    monkeypatch.setattr(grade.tempfile, "tempdir", str(folder))
    assert grade_one(small_set, tmp_path, Q2)["score"] == 30
    assert not list(folder.iterdir())


def split_q2(made):
    """JupyterLab's Split Cell: both halves keep the name, empty lines between them vanish."""
    at = made.cells.index(find(made, "q2"))
    halves = ("def squares(numbers):\n    found = []", "    return [n * n for n in numbers]")
    made.cells[at : at + 1] = [
        new_code_cell(half, metadata=marked("q2", solution=True)) for half in halves
    ]


def two_cells(made):
    at = made.cells.index(find(made, "q2"))
    halves = ("%time 1\ndef one(n):\n    return n * n", "squares = lambda x: [one(n) for n in x]")
    made.cells[at : at + 1] = [
        new_code_cell(half, metadata=marked("q2", solution=True)) for half in halves
    ]


@pytest.mark.parametrize(("change", "how"), [(split_q2, "joined"), (two_cells, "one after")])
def test_an_answer_in_two_cells_is_one_answer(small_set, tmp_path, change, how):
    path = tmp_path / "split.ipynb"
    path.write_text(notebook_text(HONEST, change))
    (done,) = grade_all(small_set, path, 1, LIMITS)
    assert done.score == 30 and how in done.marks.flags[0]


def test_counts():
    """How many kinds were tried: pytest tests/test_grader.py -k counts -rP."""
    kinds = len(ANSWERS) + len(NOTEBOOKS) + 5 + 5
    print(f"{kinds} kinds of hostile or broken submissions tried")
    assert kinds >= 15 and threading.active_count() < 50


def test_threads_read_names_of_cells_at_once():
    """CPython 3.11 ends some parses of several threads in a SystemError; ours take turns."""

    class Finalised:  # its end gives another thread a chance in the middle of a parse
        def __init__(self):
            self.me = self

        def __del__(self):
            sum(range(50))

    source = "\n".join(f"x{i} = [(a + b * {i}) ** 2 for a in range({i})]" for i in range(40))

    def read(_):
        for _ in range(5):
            Finalised()
        return len(defined_names(source))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(read, range(1000))) == {40}
    finally:
        sys.setswitchinterval(interval)
