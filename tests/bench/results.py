# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: rows of (benchmark, case, peer, round, metric, value), their medians and ratios,
as CSV and as tables.

The CSV has a header line of these six names, then a row for each figure; times are in microseconds
(..._us, p50 ... max), memory in kB, rates per second."""
import collections
import csv
import statistics

Row = collections.namedtuple("Row", "benchmark case peer round metric value")


class Results:
    def __init__(self):
        self.rows = []
        self._index = collections.defaultdict(dict)
        self.notes = []

    def add(self, benchmark, case, peer, number, **values):
        for metric, value in values.items():
            self.rows.append(Row(benchmark, case, peer, number, metric, value))
            self._index[benchmark, case, peer, metric][number] = value

    def has(self, benchmark, case, peer):
        return any(row[:3] == (benchmark, case, peer) for row in self.rows)

    def values(self, benchmark, case, peer, metric):
        """Those of the rounds, in their order."""
        return list(self._index[benchmark, case, peer, metric].values())

    def median(self, *key):
        values = self.values(*key)
        return statistics.median(values) if values else None

    def ratios(self, benchmark, metric, one, other):
        """Of two (case, peer), round by round: only what was measured within a round is compared."""
        a = self._index[(benchmark, *one, metric)]
        b = self._index[(benchmark, *other, metric)]
        return [a[n] / b[n] for n in a if b.get(n)]

    def ratio(self, *key):
        found = self.ratios(*key)
        return statistics.median(found) if found else None

    def write_csv(self, path):
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Row._fields)
            writer.writerows(
                [*row[:-1], f"{row.value:.6g}" if isinstance(row.value, float) else row.value]
                for row in self.rows
            )


def number(value, digits=3):
    """As short as it can be read: 4.13, 41.3, 413, 41 300."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    whole = len(str(int(abs(value))))
    text = f"{value:,.{max(0, digits - whole)}f}" if value >= 0.1 else f"{value:.2g}"
    return text.replace(",", " ")


def spread(values):
    """Median, and from the least to the most of the rounds."""
    if not values:
        return "-"
    text = number(statistics.median(values))
    return f"{text} ({number(min(values))}..{number(max(values))})" if len(values) > 1 else text


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def table(head, rows):
    """Markdown."""
    lines = ["| " + " | ".join(map(str, head)) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"
