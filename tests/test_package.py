"""The package from outside: what it imports, what it needs, what it shows of itself."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import rdalib
from rdalib.terminal import EXTRAS

FILE = Path(__file__).parent / "golden" / "hyperprior_q05.rda"
HEAVY = {"constriction", "matplotlib", "numpy", "PIL", "scipy", "torch"}


def python(code, *arguments):
    """Run code in a fresh process. Returns (status, stdout, stderr)."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.returncode, run.stdout, run.stderr


def test_info_waits_for_no_heavy_import():
    code = "import sys; from rdalib.cli import main; main(['info', sys.argv[1]]); "
    status, out, err = python(code + "print(*sys.modules)", FILE)
    assert status == 0, err
    assert "quality    5 of 0..63" in out
    assert HEAVY.isdisjoint(out.splitlines()[-1].split())


WITHOUT_EXTRAS = f"""
import shlex
import sys
for name in {sorted(sum(EXTRAS.values(), ()))}:
    sys.modules[name] = None  # as if it were not installed
from rdalib.cli import main
sys.exit(max(main(shlex.split(line)) for line in sys.argv[1:]))
"""


def test_compress_and_decompress_need_no_extra(tmp_path):
    status, _, err = python(
        WITHOUT_EXTRAS,
        shlex.join(["decompress", str(FILE), f"{tmp_path}/a.png"]),
        shlex.join(["compress", f"{tmp_path}/a.png", f"{tmp_path}/b.rda"]),
        shlex.join(["info", f"{tmp_path}/b.rda"]),
    )
    assert status == 0, err
    assert (tmp_path / "b.rda").stat().st_size > 16


@pytest.mark.parametrize(
    "line, extra",
    [
        ("compare a.png", "evaluate"),
        ("evaluate . --json a.json", "evaluate"),
        ("fetch kodak", "train"),
    ],
)
def test_a_command_without_its_extra_names_it_in_one_line(line, extra):
    status, out, err = python(WITHOUT_EXTRAS, line)
    assert (status, out) == (2, "")
    assert err.endswith(f": pip install 'rdalib[{extra}]'\n") and err.count("\n") == 1


def test_python_m_rdalib_is_the_command():
    run = subprocess.run(
        [sys.executable, "-m", "rdalib", "--version"], capture_output=True, text=True
    )
    assert run.stdout == f"rdalib {rdalib.__version__}\n"


def test_the_package_shows_what_it_holds():
    code = "import rdalib; print(*dir(rdalib)); print(rdalib.priors.Laplace.__name__)"
    _, out, err = python(code)
    assert out, err
    shown, name = out.splitlines()
    assert {"Codec", "BitstreamError", "images", "priors", "codec"} <= set(shown.split())
    assert name == "Laplace"
    with pytest.raises(AttributeError, match="no attribute 'Code'"):
        rdalib.Code  # noqa: B018


def test_a_codec_says_what_it_is(codec):
    assert repr(codec) == f"<Codec {codec.weights_id.hex()}: 288 channels, on cpu>"
