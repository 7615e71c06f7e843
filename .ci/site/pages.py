"""What becomes of a page between its source and its HTML: a Sphinx extension.

Sections marked "Go deeper" are folded, a lesson that is named becomes a link to it, and docstrings,
which are plain text, are read as such.
"""

import html
import re
from textwrap import indent

from docutils import nodes

GO_DEEPER = "Go deeper"
NAMED = re.compile(r"\b[Ll]essons?\s+\d\d\b(?:(?:,\s*and|,|\s+and|\s+to|\s+or)\s+\d\d\b)*")
NO_PROSE = (
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.title,
)
NUMBER = re.compile(r"\b\d\d\b")


def fold_sections(app, doctree):
    """All but the title of a section "Go deeper" goes into <details>."""
    for section in doctree.findall(nodes.section):
        title = section[0].astext()
        if GO_DEEPER in title:
            summary = html.escape(f"Open: {title}")
            start = f'<details class="go-deeper"><summary>{summary}</summary>'
            section.insert(1, nodes.raw("", start, format="html"))
            section.append(nodes.raw("", "</details>", format="html"))


def link_lessons(app, doctree, name):
    """Numbers of lessons in the prose, "lessons 04 and 06", and in the map lead to their pages."""
    pages = {
        page.rsplit("/", 1)[1][:2]: page
        for page in app.env.found_docs
        if page.startswith("notebooks/")
    }
    for text in list(doctree.findall(nodes.Text)):
        if not in_prose(text):
            continue
        spans = [found.span() for found in NAMED.finditer(text)]
        if in_map(text):
            spans = [(0, len(text))]
        pieces, end = [], 0
        for start, stop in spans:
            for number in NUMBER.finditer(text, start, stop):
                target = pages.get(number[0])
                if target and target != name:
                    uri = app.builder.get_relative_uri(name, target)
                    link = nodes.reference("", number[0], internal=True, refuri=uri)
                    pieces += [nodes.Text(text[end : number.start()]), link]
                    end = number.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def in_prose(text):
    """Whether this is read as prose: no code, no formula, no title, and no link already."""
    node = text.parent
    while node is not None and not isinstance(node, NO_PROSE):
        node = node.parent
    return node is None


def in_map(text):
    """Whether this is the bold number of a row of lesson 00's map."""
    bold = text.parent
    return isinstance(bold, nodes.strong) and isinstance(bold.parent.parent, nodes.entry)


def read_as_text(app, what, name, thing, options, lines):
    """The lines of a docstring, changed in place to reStructuredText that shows them as they are.

    Words in single backticks are code; a paragraph with lines set in is shown line by line.
    """
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    shown = [
        "::\n\n" + indent(paragraph, "   ")
        if any(line.startswith(" ") for line in paragraph.splitlines())
        else escaped(paragraph)
        for paragraph in paragraphs
    ]
    lines[:] = [*"\n\n".join(shown).splitlines(), ""]


def escaped(text):
    """Plain text with `code` in single backticks, as reStructuredText."""
    parts = re.split(r"`+([^`]+)`+", text)
    parts[0::2] = [re.sub(r"[\\*_|]|:(?=:)", r"\\\g<0>", part) for part in parts[0::2]]
    parts[1::2] = [f"\\ ``{code.strip()}``\\ " for code in parts[1::2]]
    return "".join(parts)


def leave_out(app, what, name, thing, skip, options):
    """A function of another library under a name of ours is no part of the reference."""
    return True if type(thing).__name__ == "builtin_function_or_method" else None


def buttons(address):
    """The theme's options for buttons that open a lesson in Colab or Binder: dict.

    address: where the project is on GitHub, as pyproject.toml has it; None leaves the buttons out.
    """
    if address is None:
        return {}
    return {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
    }


def setup(app):
    app.connect("doctree-read", fold_sections)
    app.connect("doctree-resolved", link_lessons)
    app.connect("autodoc-process-docstring", read_as_text)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
