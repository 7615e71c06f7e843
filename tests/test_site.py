"""The course as a site, built once for all of these tests from the committed notebooks."""

import base64
import hashlib
import importlib.util
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

pytest.importorskip("myst_nb", reason="the extra `site` is not installed; make setup installs it")

ROOT = Path(__file__).parent.parent
SITE = ROOT / ".ci" / "site"
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SETS = sorted((ROOT / "assignments" / "release").glob("*/*.ipynb"))
NOTEBOOKS = {str(path.relative_to(ROOT).with_suffix("")): path for path in LESSONS + SETS}
FETCHED = {"audio", "embed", "iframe", "img", "input", "script", "source", "track", "video"}


def module(name):
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


sources = module("sources")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, str(SITE / "build.py"), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr[-3000:]
    assert re.search(r"^\d+ pages without a warning in \d+ s", run.stdout, re.MULTILINE)
    return folder


class Page(HTMLParser):
    """What a page holds: its links, what it fetches, its pictures, ids, folds and words."""

    def __init__(self, path):
        super().__init__()
        self.links, self.fetched, self.pictures, self.ids = [], [], [], set()
        self.following, self.folds, self.within = None, 0, []
        self.code, self.prose, self.text = [], [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[key] for key in ("id", "name") if values.get(key)}
        if (
            tag in ("code", "pre", "script", "style", "title")
            or "math" in (values.get("class") or "").split()
        ):
            self.code.append(tag)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") == "next":
            self.following = values["href"]
        elif tag == "link" and values.get("rel") not in ("prev", "index", "search", "canonical"):
            self.fetched.append(values["href"])
        if tag in FETCHED and values.get("src"):
            self.fetched.append(values["src"])
        if tag == "img":
            self.pictures.append((values["src"], values.get("alt")))
        self.within += [tag] if tag == "article" else []
        self.folds += tag == "details" and bool(self.within)

    def handle_endtag(self, tag):
        if self.code and self.code[-1] == tag:
            self.code.pop()
        if tag == "article":
            self.within.pop()

    def handle_data(self, data):
        self.text.append(data)
        if self.within and not self.code:
            self.prose.append(data)


@cache
def parsed(path):
    return Page(path)


def pages(site):
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def test_every_lesson_and_problem_set_has_its_page_and_leads_to_the_next(site):
    order = [site / "index.html", *(site / f"{name}.html" for name in NOTEBOOKS)]
    for page, following in pairwise(order):
        assert (page.parent / parsed(page).following).resolve() == following.resolve()


def test_the_map_on_the_front_page_leads_to_every_lesson(site):
    assert {f"notebooks/{path.stem}.html" for path in LESSONS} <= {
        *parsed(site / "index.html").links
    }
    first = parsed(site / f"notebooks/{LESSONS[0].stem}.html").links
    assert {f"{path.stem}.html" for path in LESSONS[1:]} <= set(first)  # and so does lesson 00's


def letters(text):
    """A text without what markup changes: the letters and digits alone."""
    return re.sub(r"[\W_]+", "", text)


def secrets():
    """(set, letters) of the lines of solutions and hidden tests that no public file has."""
    public = [*SETS, *LESSONS, *(ROOT / "rdalib").glob("*.py"), ROOT / "README.md"]
    known = letters("".join(path.read_text().replace("\\n", "") for path in public))
    for path in sorted((ROOT / "assignments" / "source").glob("*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            hidden = re.findall(
                r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", cell.source, re.DOTALL
            )
            for line in "\n".join(hidden).splitlines():
                if len(letters(line)) > 20 and letters(line) not in known:
                    yield path.stem, letters(line)


def test_no_solution_and_no_hidden_test_reaches_the_site(site):
    hidden = list(secrets())
    assert {name for name, _ in hidden} == {path.stem for path in SETS}  # there is what to find
    shown = letters((site / "searchindex.js").read_text())
    shown += "".join(letters("".join(parsed(page).text)) for page in pages(site))
    assert letters("Predict before you run") in shown
    assert not [(name, line) for name, line in hidden if line in shown]
    laid_out = [path for folder in site.parent.iterdir() for path in folder.rglob("*.ipynb")]
    assert {path.stem for path in laid_out} == {path.stem for path in NOTEBOOKS.values()}
    assert not [path for path in laid_out if "BEGIN SOLUTION" in path.read_text()]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_picture_of_a_notebook_is_on_its_page_with_its_alternative_text(site, name):
    page = site / f"{name}.html"
    shown = {
        (hashlib.sha256((page.parent / src).read_bytes()).hexdigest(), alt)
        for src, alt in parsed(page).pictures
    }
    assert all(alt for _, alt in shown)
    for cell in nbformat.read(NOTEBOOKS[name], as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):  # animations too: the very same bytes
                data = base64.b64decode(output.data["image/png"])
                alt = " ".join(output.metadata["image/png"]["alt"].split())
                assert (hashlib.sha256(data).hexdigest(), alt) in shown, cell.id


def test_pages_fetch_nothing_from_outside(site):
    for page in pages(site):
        for address in parsed(page).fetched:
            if not address.startswith("data:"):
                assert "//" not in address, (page.name, address)
                assert (page.parent / unquote(address.split("?")[0])).is_file(), (page, address)
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text()), style


def test_formulas_are_typeset_by_a_file_of_the_site(site):
    page = parsed(site / f"notebooks/{LESSONS[1].stem}.html")
    assert [f for f in page.fetched if "_static/tex-svg-full.js" in f]


def test_every_link_within_the_site_leads_somewhere(site):
    for page in pages(site):
        for link in parsed(page).links:
            if re.match(r"[a-z]+:", link):
                continue
            address, _, fragment = unquote(link).partition("#")
            target = (page.parent / address.split("?")[0]).resolve() if address else page
            assert target.is_file(), (page.name, link)
            if fragment and target.suffix == ".html":
                assert fragment in parsed(target).ids, (page.name, link)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_a_lesson_folds_is_folded_and_no_markdown_is_left(site, name):
    page = parsed(site / f"{name}.html")
    cells = nbformat.read(NOTEBOOKS[name], as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    deeper = len(re.findall(r"^#+ .*Go deeper", text, re.MULTILINE))
    answers = sum(bool(c.metadata.get("jupyter", {}).get("source_hidden")) for c in cells)
    assert page.folds == text.count("<details>") + deeper + answers
    prose = "".join(page.prose)
    assert not re.search(r"\$[^$\n]+\$|\*\*|<details>|</summary>", prose)


def test_the_reference_has_every_command_and_every_module(site):
    ids = parsed(site / "command.html").ids
    from rdalib.cli import MODULES

    assert {f"rda-{command}" for command in MODULES} <= ids
    for name in ("codec", "priors", "quantization", "transforms"):
        assert f"module-rdalib.{name}" in parsed(site / f"library/{name}.html").ids
    assert "rdalib.priors.Laplace" in parsed(site / "library/priors.html").ids


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path):
    work, to = tmp_path / "work", tmp_path / "to"
    work.mkdir()
    (work / "index.md").write_text("# A page\n\n[a lesson](notebooks/77_gone.ipynb)\n")
    code = "import sys, pathlib, build; sys.exit(build.pages_of(*map(pathlib.Path, sys.argv[1:])))"
    run = subprocess.run(
        [sys.executable, "-c", code, str(work), str(to)],
        cwd=SITE,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "77_gone" in run.stderr


def test_buttons_to_colab_and_binder_wait_for_an_address():
    pages = module("pages")
    assert pages.buttons(None) == {}
    shown = pages.buttons("https://github.com/OWNER/NAME")
    assert shown["repository_url"] == "https://github.com/OWNER/NAME"
    assert {"binderhub_url", "colab_url"} <= set(shown["launch_buttons"])


def test_a_slider_says_where_its_twin_is_and_what_it_shows():
    said = sources.slider("The picture at the quality <q>.")
    assert "figure above" in said and "the picture at the quality &lt;q&gt;." in said


def test_answers_on_one_line_are_read_as_markdown():
    text = "1. Why?\n<details><summary>Answer</summary>Since $x < 1$.</details>\n\n2. How?"
    assert sources.unfold_markdown(text) == (
        "1. Why?\n<details><summary>Answer</summary>\n\nSince $x < 1$.\n\n</details>\n\n\n2. How?"
    )
