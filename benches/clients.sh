#!/usr/bin/env bash
# Runs `cargo bench --bench clients` and prints what it measured as a markdown table: the mean at each size, and the mean per client.
# Arguments go to criterion: `benches/clients.sh plan` runs what has `plan` in its name. Needs python3.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$(date +%s)
cargo bench --locked --bench clients -- "$@" >&2

python3 - "${CARGO_TARGET_DIR:-target}/criterion" "$started" <<'END'
import json, os, pathlib, sys

folder, started = pathlib.Path(sys.argv[1]), int(sys.argv[2])
means = {}
for file in folder.glob("*/*/*/new/estimates.json"):
    if os.path.getmtime(file) >= started:
        bench = json.loads(file.with_name("benchmark.json").read_text())
        mean = json.loads(file.read_text())["mean"]["point_estimate"]
        row = means.setdefault((bench["group_id"], bench["function_id"]), {})
        row[int(bench["value_str"])] = mean

def time(nanoseconds):
    for unit, name in [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")]:
        if nanoseconds >= unit or unit == 1:
            return "%.3g %s" % (nanoseconds / unit, name)

sizes = sorted({size for row in means.values() for size in row})
heads = ["{:,}".format(size) for size in sizes]
rows = [["what", *heads, *("per client at " + head for head in heads)]]
for (group, function), row in sorted(means.items()):
    cells = [time(row[size]) for size in sizes]
    rows.append([group + ": " + function, *cells, *(time(row[size] / size) for size in sizes)])
widths = [max(map(len, column)) for column in zip(*rows)]
rows.insert(1, ["-" * (width - 1) + ":" for width in widths])
rows[1][0] = "-" * widths[0]
for row in rows:
    first, *others = zip(row, widths)
    print("|", first[0].ljust(first[1]), "|", " | ".join(cell.rjust(width) for cell, width in others), "|")
END
