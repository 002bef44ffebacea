"""hybrid index --plan"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hybrid.artifacts import read_manifest
from hybrid.cli import show

if TYPE_CHECKING:
    from hybrid.lifecycle.search import Search


def show_plan(search: "Search", as_json: bool) -> None:
    """All index types side by side with the choice, and what was measured of the index that is there."""
    plan, manifest = search.plan(), read_manifest(search.index_path)
    built = manifest.facts.get("index") if manifest else None
    if as_json:
        show.as_json({**asdict(plan), "built": built})
        return
    show.table(
        ["type", "codes", "resident MB", "mapped MB", "build MB", "search ms", "fits", "why"],
        [
            [
                f"→ {option.type}" if option.type == plan.chosen else option.type,
                option.layout.factory if option.layout else "float32",
                *(f"{value:,.1f}" for value in (option.resident_mb, option.mapped_mb, option.build_mb)),
                f"{option.expected_ms:.2f}",
                "yes" if option.fits else "no",
                option.why,
            ]
            for option in plan.options
        ],
        f"{plan.num:,} vectors of {plan.dim} dimensions, {plan.memory_mb:,.0f} MB for the index",
    )
    click.echo(f"chosen: {plan.chosen} – {plan.why}")
    click.echo("Estimates: one search, one thread, by unit costs of another machine; mapped vectors can leave memory.")
    if built:
        show.table(
            ["dims", "parts", "shortlist", "probes", "doubt", "recall@10", "at least", "expected ms"],
            [
                [
                    *(str(point[name]) for name in ("dims", "parts", "shortlist", "probes")),
                    "–" if point["doubt"] is None else f"{point['doubt']:g}",
                    f"{point['recall']:.4f}",
                    # an index of an earlier version tells none
                    f"{point['low']:.4f}" if "low" in point else "–",
                    f"{point['expected_ms']:.3f}",
                ]
                for point in built["frontier"]
            ],
            f"built: {built['factory']}, recall@10 {built['recall@10']:.4f} on {built['checked_on']}, held out",
        )
        size = built["bytes_per_passage"]
        click.echo(f"bytes a passage: {size['codes']:g} of codes, {size['mapped']:g} mapped")
