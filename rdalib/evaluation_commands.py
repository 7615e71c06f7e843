"""The commands of `rda` that measure. Each function takes the parsed arguments."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

from rdalib import classical, datasets, evaluation, figures, plots
from rdalib.codec import Codec
from rdalib.files import write_file
from rdalib.images import read_photo
from rdalib.kept_points import KeptPoints
from rdalib.terminal import bar, check_output, note


def compare(arguments: Namespace) -> None:
    if arguments.out:
        check_output(arguments.out, arguments.input)
    y = read_photo(arguments.input, note=note)
    codec = Codec.load(arguments.model)
    with bar("comparing", "codec")(total=len(classical.AVAILABLE) + 1) as steps:

        def named(rivals: Sequence[str]) -> Iterator[str]:
            for name in rivals:
                steps.set_postfix_str(plots.STYLES[name][0])
                yield name
                steps.update()
            steps.set_postfix_str(plots.STYLES["rda"][0])  # comes next

        rows = evaluation.compare(
            y, codec, arguments.bytes, classical.AVAILABLE, progress=named, effort=arguments.effort
        )
    shown = [(name, y_hat, evaluation.quality_of(y, y_hat, data)) for name, data, y_hat in rows]
    print(f"{'':14}{'bytes':>9}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}")
    for name, _, values in shown:
        numbers = (values["psnr_rgb"], values["psnr_luma"], values["psnr_chroma"])
        decibels = "".join("   exact" if n is None else f"{n:8.2f}" for n in numbers)
        similarity = "        -" if values["ms_ssim"] is None else f"{values['ms_ssim']:9.4f}"
        over = "its smallest" if values["bytes"] > arguments.bytes else ""
        remarks = "; ".join(filter(None, (over, classical.settings_note(name, y[0].numel()))))
        after = f"  ({remarks})" if remarks else ""
        label = plots.STYLES[name][0]
        print(f"{label:14}{values['bytes']:9,}{values['bpp']:8.3f}{decibels}{similarity}{after}")
    if arguments.out:
        figures.write(figures.comparison(y, shown), arguments.out)
        print(f"picture: {arguments.out}")


def evaluate(arguments: Namespace) -> int:
    for output in filter(None, (arguments.json, f"{arguments.json}.points", arguments.plot)):
        check_output(output)
    paths = datasets.photo_paths(datasets.find(arguments.folder))[: arguments.limit]
    if missing := datasets.what_is_missing(arguments.folder):
        note(missing)
    codecs = arguments.codecs or ["rda", *classical.AVAILABLE]
    codec = Codec.load(arguments.model) if "rda" in codecs else None
    notes: list[str] = []  # said at the end, below the progress bar
    points = KeptPoints(f"{arguments.json}.points")
    try:
        result = evaluation.evaluate(
            paths,
            codecs,
            codec,
            progress=bar("measuring", "file"),
            note=notes.append,
            effort=arguments.effort,
            known=points,
            qualities=arguments.qualities or evaluation.QUALITIES,
        )
    except KeyboardInterrupt:
        if points:
            note(f"{len(points)} files are measured; the same command goes on from {points.path}")
        raise
    left_out = result.get("left_out", {})
    count = len(paths) - len(left_out)
    write_file(arguments.json, (json.dumps(result, indent=1) + "\n").encode())
    points.remove()
    columns = (
        f"{'setting':>9}{'bytes':>10}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}"
    )
    for name, points in result["codecs"].items():
        print(f"{name}, mean of {count}")
        print(columns)
        for point in points:
            print(_evaluation_row(point))
    for pair, percent in result["bd_rate_percent"].items():
        print(f"BD-rate {pair}: {'no overlap' if percent is None else f'{percent:+.1f} %'}")
    print(f"numbers: {arguments.json}")
    if arguments.plot:
        panels = {
            label: {name: evaluation.curve(p, key) for name, p in result["codecs"].items()}
            for label, key in (("PSNR of RGB (dB)", "psnr_rgb"), ("MS-SSIM", "ms_ssim"))
        }
        title = f"mean of {count} photographs"
        figures.write(figures.rate_distortion_panels(panels, title), arguments.plot)
        print(f"picture: {arguments.plot}")
    for text in notes:
        note(text)
    for why in left_out.values():
        print(f"left out: {why}", file=sys.stderr)
    return 1 if left_out else 0


def _evaluation_row(point: dict[str, float]) -> str:
    def cell(key: str, width: int, places: int) -> str:
        return f"{'-':>{width}}" if point[key] is None else f"{point[key]:{width}.{places}f}"

    decibels = "".join(cell(key, 8, 2) for key in ("psnr_rgb", "psnr_luma", "psnr_chroma"))
    rates = f"{point['setting']:9g}{point['bytes']:10,.0f}{point['bpp']:8.3f}"
    similarity = cell("ms_ssim", 9, 4)
    return f"{rates}{decibels}{similarity}  {point.get('subsampling', '')}".rstrip()
