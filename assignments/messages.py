"""What a student may read of a failed check: the instructor's own words, and numbers.

Student code runs in the same kernel as hidden checks and solutions, and can raise an exception
that quotes them. So the text of an exception is never passed on. It is compared with the messages
that stand in the check, and rebuilt from those; where a message has a value in braces, only
numbers and the like are filled in. Of every other exception only the type is named.
"""

import ast
import builtins
import re
from itertools import product

from questions import parse

MOST = 20_000, 160  # characters of an exception that are looked at; of one value that are shown
KNOWN = {name for name, value in vars(builtins).items() if isinstance(value, type)}
KNOWN |= {"LinAlgError", "AxisError", "JSONDecodeError", "BitstreamError", "OutOfMemoryError"}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?[jL%]?"
NAMES = "nan inf True False None tensor array torch.Size class b function Tensor ndarray NoneType"
NAMES += " str bytes bytearray int float bool list tuple dict set dtype"
KIND = r"(?:torch\.|np\.)?u?(?:int|float)\d+"
KINDS = [NUMBER, KIND, "(?:[0-9a-f]{2}){1,20}", *map(re.escape, NAMES.split())]
VALUE = re.compile("|".join(KINDS))
BETWEEN = re.compile(r"[][(){}<>,:'\"\s=]+")


def of_check(source, name, text):
    """One line for the student when the check with this source raised `name` with this text.

    Returns "" unless the instructor's check itself has failed, as far as that can be told.
    """
    if name != "AssertionError":
        return ""
    text = text[: MOST[0]].strip()
    messages, parts, strings = _messages(parse(source))
    if not text:
        return "a check failed"
    for pieces in sorted(messages, key=lambda pieces: -sum(map(len, pieces))):
        values = _values(pieces, text)
        if values is not None:
            shown = [_shown(value, strings) for value in values]
            return "".join(a + b for a, b in zip(pieces, [*shown, ""], strict=True))
    return next((part for part in parts if part in text), "a check failed")


def type_of(name, public):
    """The name of an exception. public: words that the student has written or read."""
    return name if name in KNOWN or name in public else "an exception"


def words(code):
    return set(re.findall(r"\w+", code))


def of_syntax(source):
    """What Python says of a cell that it cannot read, or ""; the parser here has read no secret."""
    try:
        parse(source)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    except (ValueError, RecursionError, MemoryError):
        pass
    return ""


def _messages(tree):
    """What a check may say: ([(text, text, ...)], [text], {text}).

    First the messages of its asserts and of what it raises, cut where a value is filled in; then
    texts that a library lays in a message of its own (err_msg=...); then all its short strings.
    """
    assigned, messages, parts, strings = {}, [], [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 30:
            strings |= {node.value, repr(node.value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is not None:
            messages += _texts(node.msg, assigned)
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            messages += [text for value in node.exc.args[:1] for text in _texts(value, assigned)]
        elif isinstance(node, ast.keyword) and node.arg in ("err_msg", "msg"):
            texts = _texts(node.value, assigned)
            parts += [pieces[0].strip() for pieces in texts if len(pieces) == 1 and pieces[0]]
    return messages, parts, strings


def _texts(node, assigned, depth=3):
    """The texts that an expression can stand for, each cut where a value is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [(node.value,)]
    if isinstance(node, ast.JoinedStr):
        found = [("",)]
        for part in node.values:
            found = _joined(found, _texts(part, assigned, depth))
        return found
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined(_texts(node.left, assigned, depth), _texts(node.right, assigned, depth))
    if isinstance(node, ast.IfExp):
        return _texts(node.body, assigned, depth) + _texts(node.orelse, assigned, depth)
    if isinstance(node, ast.Name) and node.id in assigned and depth:
        return [text for value in assigned[node.id] for text in _texts(value, assigned, depth - 1)]
    return [("", "")]


def _joined(left, right):
    return [(*a[:-1], a[-1] + b[0], *b[1:]) for a, b in product(left, right)]


def _values(pieces, text):
    """The values between the pieces of a message, or None if the text is another message."""
    first, last = pieces[0].lstrip(), pieces[-1].rstrip()
    if len(pieces) == 1:
        return [] if text == first.rstrip() else None
    if not (text.startswith(first) and text.endswith(last)):
        return None
    values, at, end = [], len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        found = text.find(piece, at, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(piece)
    return [*values, text[at:end]] if at <= end else None


def _shown(value, strings):
    """A value as the student may see it: numbers and the like, or a text of the check itself."""
    if value in strings:
        return value
    more = "..." if len(value) > MOST[1] else ""
    value = value[: MOST[1]].rpartition(" ")[0] if more else value
    words = filter(None, BETWEEN.split(value.lstrip("-")))
    return value + more if all(VALUE.fullmatch(word) for word in words) else "..."
