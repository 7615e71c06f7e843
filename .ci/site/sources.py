"""What the site is made of: the committed notebooks, the README and the modules of the library.

`write` lays all of it out in one folder as Sphinx reads it, at the paths that the files have in
the project, so that links between them hold. Nothing is run. Of the assignments only what is
released is read: the folder with their solutions is never opened.
"""

import ast
import html
import re
import shutil
from pathlib import Path
from pkgutil import iter_modules

import nbformat

import rdalib
from rdalib.cli import MODULES as COMMANDS

PROJECT = Path(__file__).resolve().parents[2]
MAP = "## The lessons"  # the section of the README that is on the front page

# The modules of the command are on its own page.
OF_THE_COMMAND = {"argument_types", "arguments", "cli", "terminal", *COMMANDS.values()}


def lessons(project=PROJECT):
    """The notebooks of the lessons, in their order: list of paths."""
    return sorted((project / "notebooks").glob("*.ipynb"))


def problem_sets(project=PROJECT):
    """The problem sets as released, in their order: list of paths."""
    return sorted((project / "assignments" / "release").glob("*/*.ipynb"))


def modules():
    """The names of the library's modules, without those of the command: list."""
    names = [module.name for module in iter_modules(rdalib.__path__)]
    return [name for name in names if name not in OF_THE_COMMAND and not name.startswith("_")]


def write(to, project=PROJECT):
    """Lay out the sources of the site in the folder `to`, which is emptied first."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    pages = {"Lessons": [], "Problem sets": [], "Reference": ["readme", "command", "library"]}
    for kind, paths in (("Lessons", lessons(project)), ("Problem sets", problem_sets(project))):
        for path in paths:
            name = path.relative_to(project)
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(page(nbformat.read(path, as_version=4)), to / name)
            pages[kind].append(name.with_suffix("").as_posix())
    for name in pictures(project):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, to / name)
    front, rest = split_readme((project / "README.md").read_text())
    (to / "index.md").write_text(front + "".join(toctree(*item) for item in pages.items()))
    (to / "readme.md").write_text(pages_instead_of_files(rest))
    (to / "command.rst").write_text(COMMAND)
    (to / "library.md").write_text(library_page())
    (to / "library").mkdir()
    for name in modules():
        (to / "library" / f"{name}.rst").write_text(module_page(name))


def pictures(project):
    """The pictures that notebooks and README load, as paths relative to the project."""
    found = [*(project / "notebooks").glob("*.jpg"), *(project / "notebooks").glob("*.png")]
    found += (project / "assignments" / "release").glob("*/*.png")
    return [path.relative_to(project) for path in found]


def page(notebook):
    """The notebook as the builder takes it, changed in place: nothing that needs a kernel is left.

    Folded answers are read as Markdown, the answers of "Your turn" cells are folded, pictures get
    their alternative text where the builder looks for it, and a slider says where its twin is.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = unfold_markdown(cell.source)
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.tags = [*cell.metadata.get("tags", []), "hide-input"]
        for output in cell.outputs:
            for kind, described in output.get("metadata", {}).items():
                if kind.startswith("image/") and "alt" in described:
                    cell.metadata.mystnb = {"image": {"alt": described["alt"]}}
            if output.get("data", {}).get("text/plain", "").startswith("interactive("):
                output.data = {"text/html": slider(cell.metadata.get("alt", ""))}
    notebook.metadata.kernelspec.setdefault("display_name", "Python 3")
    return notebook


def slider(shows):
    """HTML in place of a slider, which a page without a kernel does not have."""
    said = f" It shows: {html.escape(shows[:1].lower() + shows[1:])}" if shows else ""
    return (
        '<p class="slider">In the notebook there is a slider here. The figure above is the same '
        f"without a kernel.{said}</p>"
    )


def unfold_markdown(text):
    """Blank lines around what <details> folds: only then is it read as Markdown.

    JupyterLab typesets formulas everywhere, a builder of pages only where it reads Markdown.
    """
    text = re.sub(r"(<details>)\s*(<summary>.*?</summary>)\s*", r"\1\2\n\n", text)
    return re.sub(r"\s*</details>[ \t]*\n?", "\n\n</details>\n\n", text)


def split_readme(text):
    """(front page, the rest) of the README: its opening with the map, and every other section."""
    opening, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    on_front = [section for section in sections if section.startswith(MAP + "\n")]
    if len(on_front) != 1:
        raise SystemExit(f"README.md: the site's front page needs one section '{MAP}'")
    rest = "".join(section for section in sections if section not in on_front)
    return opening + on_front[0], "# Set-up, use and results\n\n" + rest


def pages_instead_of_files(text):
    """Links to files of the project that are no page of the site become the file's name."""
    return re.sub(r"\[([^\]]+)\]\((?!http|#|notebooks/)[^)]+\)", lambda link: f"`{link[1]}`", text)


def toctree(caption, names):
    """A list of pages for the side bar, in MyST."""
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"


COMMAND = """.. sphinx_argparse_cli::
   :module: rdalib.arguments
   :func: parser
   :prog: rda
   :title: The command rda
"""

LIBRARY = """# The library rdalib

What each module holds, from its docstrings. How they build on each other stands in
[the README](readme.md).

"""


def library_page():
    """The list of the modules, each with the first line of what it says of itself, in MyST."""
    rows = []
    for name in modules():
        code = (Path(rdalib.__file__).parent / f"{name}.py").read_text()
        first = (ast.get_docstring(ast.parse(code)) or "").split("\n")[0]
        said = re.sub(r"[\\*_$<\[]", r"\\\g<0>", first)
        rows.append(f"- [{name}](library/{name}.rst): {said}\n")
    return LIBRARY + "".join(rows) + toctree("Modules", [f"library/{name}" for name in modules()])


def module_page(name):
    """The page of one module, in reStructuredText."""
    title = f"rdalib.{name}"
    return (
        f"{title}\n{'=' * len(title)}\n\n"
        f".. automodule:: rdalib.{name}\n   :members:\n   :member-order: bysource\n"
    )
