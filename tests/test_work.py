"""work/: made once, never overwritten, brought up to date where nothing of the student is lost."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("work", ROOT / "notebooks" / "work.py")
work = importlib.util.module_from_spec(spec)
spec.loader.exec_module(work)

LESSON, SET = "notebooks/01_lesson.ipynb", "assignments/release/ps1_x/ps1.ipynb"
WEIGHTS = "notebooks/weights/l1.safetensors"


def notebook(*code, outputs=()):
    cells = [new_markdown_cell("# A lesson", id="a")]
    cells += [new_code_cell(text, id=f"c{i}") for i, text in enumerate(code)]
    for cell in cells[1:]:
        cell.outputs = [new_output("stream", text=text) for text in outputs]
    return writes(new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path):
    for name, text in (
        (LESSON, notebook("x = 1")),
        (SET, notebook("raise NotImplementedError")),
        (WEIGHTS, "weights"),
        ("notebooks/execute.py", ""),
        ("notebooks/.ipynb_checkpoints/01_lesson-checkpoint.ipynb", ""),
        ("assignments/source/ps1_x/ps1.ipynb", "the solutions"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def nothing(**but):
    return {"made": [], "refreshed": [], "newer": [], "differs": [], "gone": []} | but


def test_lessons_what_they_load_and_sets_are_made_once_at_the_projects_paths(course):
    assert work.update(course) == nothing(made=[LESSON, WEIGHTS, SET])
    for name in (LESSON, WEIGHTS, SET):
        assert (course / "work" / name).read_bytes() == (course / name).read_bytes()
    files = {p.name for p in (course / "work").rglob("*") if p.is_file()}
    assert files == {"01_lesson.ipynb", "ps1.ipynb", "l1.safetensors", ".made.json"}
    assert work.update(course) == work.update(course, refresh=False) == nothing()


def test_what_was_changed_is_never_overwritten_and_named_once_the_course_has_another(course):
    work.update(course)
    mine = notebook("x = 1  # mine")
    (course / "work" / LESSON).write_text(mine)
    assert work.update(course) == nothing()
    (course / LESSON).write_text(notebook("x = 2"))
    assert work.update(course, refresh=False) == nothing(differs=[LESSON])
    done = work.update(course)
    assert done == nothing(differs=[LESSON]) == work.update(course)
    assert (course / "work" / LESSON).read_text() == mine
    assert f"differs: work/{LESSON}" in work.report(done)[0]


def test_what_was_not_changed_is_refreshed_and_running_is_no_change(course):
    work.update(course)
    (course / "work" / LESSON).write_text(notebook("x = 1", outputs=["1"]))
    (course / LESSON).write_text(notebook("x = 2"))
    (course / WEIGHTS).write_text("better weights")
    assert work.update(course, refresh=False) == nothing(newer=[LESSON, WEIGHTS])
    assert work.update(course) == nothing(refreshed=[LESSON, WEIGHTS])
    assert (course / "work" / LESSON).read_text() == (course / LESSON).read_text()
    assert work.update(course) == nothing()


def test_what_is_new_comes_and_what_the_course_drops_stays(course):
    work.update(course)
    (course / LESSON).rename(course / "notebooks/02_lesson.ipynb")
    done = work.update(course)
    assert done == nothing(made=["notebooks/02_lesson.ipynb"], gone=[LESSON])
    assert (course / "work" / LESSON).exists()


def test_a_deleted_copy_is_made_anew(course):
    work.update(course)
    (course / "work" / SET).unlink()
    assert work.update(course, refresh=False) == nothing(made=[SET])


@pytest.mark.parametrize("record", [None, "", "[1, 2]", "{"])
def test_without_its_record_nothing_of_the_student_is_lost(course, record):
    work.update(course)
    (course / "work" / LESSON).write_text("no notebook any more")
    path = course / "work" / work.RECORD
    path.unlink() if record is None else path.write_text(record)
    assert work.update(course) == nothing(differs=[LESSON])
    assert (course / "work" / LESSON).read_text() == "no notebook any more"
    (course / SET).write_text(notebook("raise NotImplementedError  # better said"))
    assert work.update(course)["refreshed"] == [SET]


def test_a_place_that_cannot_be_used_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "work").write_text("a file")
    monkeypatch.setattr(work.update, "__defaults__", (tmp_path, None, True))
    assert work.main([]) == 2
    assert re.fullmatch(r"work/ cannot be made: .+\n", capsys.readouterr().err)


# ---- the project itself


def test_pictures_in_tests_do_not_depend_on_the_machines_settings(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: TkAgg\n")
    test = tmp_path / "test_one.py"
    test.write_text(
        "import matplotlib\n\ndef test_it():\n"
        "    assert matplotlib.get_backend().casefold() == 'agg'\n"
        "    assert not matplotlib.rcParams['text.usetex']\n"
    )
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path), "MPLBACKEND": "TkAgg"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", str(test)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_course_has_lessons_weights_and_sets_and_no_solution():
    names = [path.relative_to(ROOT).as_posix() for path in work.course_files(ROOT)]
    assert "notebooks/00_compress_a_photo.ipynb" in names
    assert {"notebooks/weights/l1.safetensors", "notebooks/weights/training_time.csv"} <= {*names}
    assert len([name for name in names if re.search(r"/ps\d+\.ipynb", name)]) >= 5
    assert not [name for name in names if "source" in name or name.endswith(".py")]
    for lesson in (ROOT / "notebooks").glob("*.ipynb"):
        for loaded in re.findall(r"weights/\w+\.\w+", lesson.read_text()):
            assert f"notebooks/{loaded}" in names or (ROOT / "rdalib" / loaded).exists()


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_ignores_what_students_and_instructors_make(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    made = (
        "work/notebooks/00_compress_a_photo.ipynb", "submissions/Ann Lee.ipynb",
        "submissions-ps4/Ann.ipynb", "grades/grades.csv", "grades-ps4/Ann.html", "roster.csv",
        "roster-2026.csv", "deadlines.csv", "upload.csv", "assignments/grades.csv",
        "assignments/submitted/ann/ps1/ps1.ipynb", "assignments/gradebook.db",
        "assignments/feedback/ann/x.html", "assignments/autograded/x", "assignments/.nbgrader.log",
        "assignments/solution/ps1/ps1.ipynb", "assignments/downloaded/ps1/x.zip",
    )  # fmt: skip
    kept = (
        "notebooks/weights/training_time.csv", "rdalib/weights/hyperprior.csv",
        "assignments/source/ps1_x/ps1.ipynb", "assignments/release/ps1_x/ps1.ipynb",
        "assignments/grade.py", "assignments/submissions.py", "tests/test_submissions.py",
    )  # fmt: skip
    done = subprocess.run([*git, "check-ignore", *made, *kept], capture_output=True, text=True)
    assert set(done.stdout.splitlines()) == set(made)


def make(*arguments):
    done = subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_lab_opens_the_copies_and_passes_options_on():
    lab = make("lab", "ARGS=--no-browser --port 8899")
    assert lab.index("notebooks/work.py --new") < lab.index("jupyter lab")
    assert "--ServerApp.root_dir=work" in lab and "--no-browser --port 8899" in lab
    assert "/lab/tree/notebooks/00_compress_a_photo.ipynb" in lab
    assert "notebooks/work.py" in make("work") and "--new" not in make("work")


def test_students_see_validate_and_nothing_else_of_nbgrader(monkeypatch):
    """By JupyterLab's own reading of the folder that make lab names."""
    from jupyterlab_server.config import get_page_config

    (folder,) = re.findall(
        r'JUPYTER_CONFIG_PATH="\$\(CURDIR\)/([\w/]+)', (ROOT / "Makefile").read_text()
    )
    for instructor in (True, False):
        monkeypatch.setenv("JUPYTER_CONFIG_PATH", "" if instructor else str(ROOT / folder))
        page = get_page_config([str(Path(sys.prefix, "share/jupyter/labextensions"))])
        hidden = {name for name in page["disabledExtensions"] if "nbgrader" in name}
        parts = ["menu", "create-assignment", "formgrader", "course-list", "assignment-list"]
        assert hidden == (set() if instructor else {f"@jupyter/nbgrader:{p}" for p in parts})


def test_figures_and_threads_of_a_kernel_do_not_depend_on_the_machines_settings(
    tmp_path, monkeypatch
):
    spec = importlib.util.spec_from_file_location("kernel", ROOT / "notebooks" / "kernel.py")
    kernel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel)
    folder = Path(kernel.install(prefix=str(tmp_path)))
    assert folder.name == "python3" and tmp_path in folder.parents
    (tmp_path / "matplotlibrc").write_text("backend: Agg\nfigure.figsize: 1, 1\n")
    for name, value in (
        ("MPLBACKEND", "Agg"),
        ("MATPLOTLIBRC", str(tmp_path)),
        ("OMP_WAIT_POLICY", "ACTIVE"),
        ("JUPYTER_PATH", str(tmp_path / "share/jupyter")),
    ):
        monkeypatch.setenv(name, value)
    code = "import matplotlib.pyplot as plt, os\nplt.plot([1, 2])\nplt.show()"
    cells = [new_code_cell(code), new_code_cell("os.environ['OMP_WAIT_POLICY']")]
    notebook = new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60).execute()
    (drawn,), (policy,) = (
        [output.data for output in cell.outputs if "data" in output] for cell in notebook.cells
    )
    assert "image/png" in drawn and drawn["text/plain"] == "<Figure size 640x480 with 1 Axes>"
    assert policy["text/plain"] == "'PASSIVE'"


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_setup_says_what_it_does_and_makes_the_kernel(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    commands = ["make", "-n", "-C", str(tmp_path), "setup", f"PYTHON={sys.executable}"]
    done = subprocess.run(commands, capture_output=True, text=True, check=True).stdout
    says = done.index("takes a few"), done.index("pip install"), done.index("notebooks/kernel.py")
    assert says == tuple(sorted(says)) and "--quiet" not in done
