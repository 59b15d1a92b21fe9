"""Point lists as CSV: the columns are the keys of a point, nested ones with a dot.

``write.release.kind`` is the key ``kind`` of the key ``release`` of the key ``write``. An empty
cell means that the key is not given; a cell that begins with a bracket or brace is YAML. Comma or
semicolon, as the header has it; numbers have a decimal point.
"""

from __future__ import annotations

import csv
from io import StringIO

from sites.schema.yaml_tree import (
    Location,
    MappingNode,
    MistakeReport,
    Node,
    ScalarNode,
    parse,
    quote,
)


def parse_points(text: str, file: str, report: MistakeReport) -> list[MappingNode]:
    """One mapping for each row that is not empty; mistakes go to ``report``."""
    header_line = text.partition("\n")[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(header, Location(file, 1), report)
        return [
            _row(header, cells, Location(file, rows.line_num), report)
            for cells in rows
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        report.add(Location(file, rows.line_num), f"not CSV: {error}")
    return []


def _check_header(header: list[str], where: Location, report: MistakeReport) -> None:
    if not any(header):
        report.add(where, "the file needs a header row with the keys of a point")
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        report.add(where, f"column {quote(name)} stands twice")


def _row(
    header: list[str], cells: list[str], where: Location, report: MistakeReport
) -> MappingNode:
    if len(cells) > len(header):
        report.add(where, f"{len(cells)} cells, but the header has {len(header)}")
    row = MappingNode(where, {})
    for name, cell in zip(header, cells, strict=False):
        text = cell.strip()
        if text and name:
            _insert(row, name.split("."), _cell(text, where, report), report)
    return row


def _insert(row: MappingNode, path: list[str], node: Node, report: MistakeReport) -> None:
    name, *rest = path
    if not rest:
        row.nodes[name] = (row.where, node)
        return
    _, inner = row.nodes.setdefault(name, (row.where, MappingNode(row.where, {})))
    if isinstance(inner, MappingNode):
        _insert(inner, rest, node, report)
    else:
        report.add(row.where, f"columns {name} and {'.'.join(path)} do not go together")


def _cell(text: str, where: Location, report: MistakeReport) -> Node:
    if text[0] not in "[{":
        return ScalarNode(where, text)
    inside = MistakeReport()
    node = parse(text, where.file, inside)
    for mistake in inside.mistakes:
        report.add(where, mistake.message)
    return _at_line(node, where) if node is not None else ScalarNode(where, "")


def _at_line(node: Node, where: Location) -> Node:
    """The same node with the line of the row."""
    if isinstance(node, ScalarNode):
        return ScalarNode(where, node.text, node.quoted)
    if isinstance(node, MappingNode):
        inner = {key: (where, _at_line(item, where)) for key, (_, item) in node.nodes.items()}
        return MappingNode(where, inner)
    return type(node)(where, tuple(_at_line(item, where) for item in node.nodes))
