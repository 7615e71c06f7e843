"""The kernel of notebooks in this environment, with settings of its own: python notebooks/kernel.py

What a notebook shows should not depend on the machine's settings, and nbval compares it. So this
environment's kernel "python3", which JupyterLab, nbval and VS Code start, sets for itself:

MPLBACKEND      figures appear in the notebook, even where the machine says MPLBACKEND=Agg
MATPLOTLIBRC    Matplotlib's own defaults, even where the user has a matplotlibrc
OMP_WAIT_POLICY threads of PyTorch that wait for each other sleep. By default they spin, and on a
                busy machine a thread that spins keeps off its core the very one it waits for.
                Fewer threads would help too, and leave cores of an idle machine without work.
"""

import sys

import ipykernel.kernelspec
import matplotlib

SETTINGS = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": matplotlib.get_data_path(),
    "OMP_WAIT_POLICY": "PASSIVE",
}


def install(prefix=sys.prefix):
    """Write the kernel's description under an environment's folder. Returns its folder."""
    return ipykernel.kernelspec.install(prefix=prefix, env=dict(SETTINGS), frozen_modules=True)


if __name__ == "__main__":
    print("the kernel of notebooks:", install())
