"""The course as a site: python .ci/site/build.py [FOLDER], by default build/site.

One page a lesson and a problem set, from the committed notebooks with their outputs, which are
never run here; the command's page from its parser, the library's from its docstrings. No network
is needed, neither to build nor to read. A warning, or a link that leads nowhere, ends it with 1.
"""

import sys
import time
from pathlib import Path

import sources
from sphinx.cmd.build import build_main

STRICT = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]


def pages_of(work, to):
    """Make the pages, in the folder `to`, of the sources in `work`. Returns 0 without a warning."""
    configuration = str(Path(__file__).parent)
    doctrees = str(work / ".doctrees")
    return build_main([*STRICT, "-c", configuration, "-d", doctrees, str(work), str(to)])


def build(to):
    """Build the whole site in the folder `to`. Returns the exit status, 0 without a warning."""
    work = to.with_name(f"{to.name}-sources")
    sources.write(work)
    return pages_of(work, to)


if __name__ == "__main__":
    began = time.monotonic()
    to = Path(sys.argv[1]) if sys.argv[1:] else sources.PROJECT / "build" / "site"
    if build(to):
        sys.exit("the site has faults: see the warnings above")
    pages = len(list(to.rglob("*.html")))
    print(f"{pages} pages without a warning in {time.monotonic() - began:.0f} s: {to}/index.html")
