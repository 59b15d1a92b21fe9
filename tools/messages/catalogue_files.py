"""The catalogues as files: read with their comments, written in one order."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural_forms}\\n"

"""
"""Without dates and names of people: a catalogue changes only where its messages do."""


def ordered(file: Path) -> str:
    """Returns the text of a catalogue with its messages by context and code."""
    with file.open("rb") as source:
        parsed = read_po(source, abort_invalid=True)
    made = Catalog(locale=parsed.locale)
    for message in sorted(parsed, key=lambda each: (each.context or "", _code(each.id))):
        if message.id:
            made[message.id] = message
    written = BytesIO()
    write_po(written, made, width=0, omit_header=True)
    header = HEADER.format(language=parsed.locale, plural_forms=parsed.plural_forms)
    return header + written.getvalue().decode().rstrip("\n") + "\n"


def _code(message_id: str | tuple[str, ...] | list[str]) -> str:
    return message_id if isinstance(message_id, str) else message_id[0]
