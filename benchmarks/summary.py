"""Writes what the scripts kept (`--keep`) into README.md as a table and into results.svg as a plot.

Needs the extra `bench`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from running import RESULTS

HERE = Path(__file__).parent
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
AT_LEAST = "(at least)"


def main() -> None:
    """Write both."""
    documents = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    readme = HERE / "README.md"
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table(documents)}{END}{after}")
    plot([row for document in documents.values() for row in document["rows"]])


def table(documents: dict[str, Any]) -> str:
    """Return the table of all results."""
    lines = ["| measured | result | limit | script |", "|---|---|---|---|"]
    for script, document in documents.items():
        for what, figure, limit in document["rows"]:
            bound = f"at least {limit:g}" if AT_LEAST in what else f"{limit:g}"
            lines.append(f"| {what.replace(AT_LEAST, '').strip()} | {figure:.2f} | {bound} | `{script}.py` |")
    machines = sorted({document["machine"] for document in documents.values()})
    return "\n".join(lines) + f"\n\nMeasured with {', '.join(machines)}.\n"


def plot(rows: list[tuple[str, float, float]]) -> None:
    """Draw each result as a share of its limit."""
    # Text as text, and the same ids each time: a picture that lives in a repository should change little.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "results"})
    labels = [what for what, _, _ in rows]
    shares = [limit / figure if AT_LEAST in what else max(0.0, figure) / limit for what, figure, limit in rows]
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.32 * len(rows)))
    axes.barh(labels, shares, color=["#4c78a8" if share <= 1 else "#e45756" for share in shares])
    axes.axvline(1.0, color="black", linewidth=1)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("share of the limit")
    figure.tight_layout()
    figure.savefig(HERE / "results.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
