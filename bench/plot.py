"""The plot beside a table of times: a point for each change, on a logarithmic axis."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

COLOURS = {"make dags": "#0b7285", "kubectl apply, default clocks": "#c92a2a"}


def draw(harness: dict[str, list[float]], plain: dict[str, list[float]], path: Path) -> None:
    """Write the plot as SVG."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "dags_live"  # the same data, the same bytes
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    for row, kind in enumerate(harness):
        for shift, (label, times) in enumerate(zip(COLOURS, (harness[kind], plain[kind]), strict=True)):
            place = [row + 0.15 - 0.3 * shift] * len(times)
            axes.scatter(times, place, color=COLOURS[label], alpha=0.6, label=label if row == 0 else None)
    axes.set_yticks(range(len(harness)), list(harness))
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 30, 60, 120, 300], ["1 s", "2 s", "5 s", "10 s", "30 s", "1 min", "2 min", "5 min"])
    axes.set_title("From a save until Airflow's API serves it")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="center")
    figure.savefig(path, metadata={"Date": None})
