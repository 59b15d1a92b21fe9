"""Long point lists as CSV: the columns are the keys of a point, nested ones with a dot.

``write.release.kind`` is the key ``kind`` of the key ``release`` of the key ``write``. An empty
cell means that the key is not given; a cell that begins with a bracket or brace is YAML. Comma or
semicolon, as the header has it; numbers have a decimal point.
"""

from __future__ import annotations

import csv
from io import StringIO

from sites.schema.yaml_tree import Keys, Node, Report, Scalar, Where, parse, shown


def parse_points(text: str, file: str, report: Report) -> list[Keys]:
    """One mapping for each row that is not empty."""
    header_line = text.partition("\n")[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(header, Where(file, 1), report)
        return [
            _row(header, cells, Where(file, rows.line_num), report)
            for cells in rows
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        report.add(Where(file, rows.line_num), f"not CSV: {error}")
    return []


def _check_header(header: list[str], where: Where, report: Report) -> None:
    if not any(header):
        report.add(where, "the file needs a header row with the keys of a point")
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        report.add(where, f"column {shown(name)} stands twice")


def _row(header: list[str], cells: list[str], where: Where, report: Report) -> Keys:
    if len(cells) > len(header):
        report.add(where, f"{len(cells)} cells, but the header has {len(header)}")
    row = Keys(where, {})
    for name, cell in zip(header, cells, strict=False):
        text = cell.strip()
        if text and name:
            _put(row, name.split("."), _cell(text, where, report), report)
    return row


def _put(row: Keys, path: list[str], node: Node, report: Report) -> None:
    name, *rest = path
    if not rest:
        row.nodes[name] = (row.where, node)
        return
    _, inner = row.nodes.setdefault(name, (row.where, Keys(row.where, {})))
    if isinstance(inner, Keys):
        _put(inner, rest, node, report)
    else:
        report.add(row.where, f"columns {name} and {'.'.join(path)} do not go together")


def _cell(text: str, where: Where, report: Report) -> Node:
    if text[0] not in "[{":
        return Scalar(where, text)
    inside = Report()
    node = parse(text, where.file, inside)
    for mistake in inside.mistakes:
        report.add(where, mistake.message)
    return _placed(node, where) if node is not None else Scalar(where, "")


def _placed(node: Node, where: Where) -> Node:
    """The same node with the line of the row."""
    if isinstance(node, Scalar):
        return Scalar(where, node.text, node.quoted)
    if isinstance(node, Keys):
        inner = {key: (where, _placed(item, where)) for key, (_, item) in node.nodes.items()}
        return Keys(where, inner)
    return type(node)(where, tuple(_placed(item, where) for item in node.nodes))
