"""How Sphinx makes the site out of the sources that sources.py lays out."""

import sys
import tomllib
from importlib.metadata import files
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import pages  # noqa: E402

PROJECT = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]

project = "Rate-distortion autoencoders"
author = "The rdalib authors"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_argparse_cli",
    "pages",
]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the committed outputs are the pages'
nb_merge_streams = True

# A link or a reference that leads nowhere is a warning, and a warning ends the build. References
# into other libraries are left alone: their lists of names would have to be downloaded.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!rdalib).*")]

suppress_warnings = ["ref.python"]  # two modules have a class of the name Decoder each

# All formulas are typeset by one file that travels with the site.
MATHJAX = "tex-svg-full.js"
mathjax_path = MATHJAX
mathjax3_config = {"options": {"enableMenu": False}}
html_static_path = [
    "site.css",
    next(str(f.locate()) for f in files("sphinx-mathjax-offline") if f.name == MATHJAX),
]

html_theme = "sphinx_book_theme"
html_title = project
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "use_download_button": False,
    **pages.buttons(PROJECT.get("urls", {}).get("Repository")),
}
