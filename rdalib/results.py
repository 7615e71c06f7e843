"""Results that come with the library, so that they can be drawn without the photographs."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def kodak_results(kind: str) -> dict[str, Any]:
    """Points on the Kodak photographs, means of 24: "measured" here or "published" elsewhere.

    Returns the file's dict; its "codecs" hold points with "bpp", "psnr_rgb" and "ms_ssim".
    """
    return json.loads(resources.files("rdalib").joinpath(f"kodak/{kind}.json").read_text())
