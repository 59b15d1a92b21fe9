"""Catalogues of tests: any messages in any language, and a third language beside the product's."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from bms.messages import FOLDER

HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""
Messages = Mapping[tuple[str, str], str | tuple[str, str]]
"""By context and code; a pair is singular and plural."""
SWEDISH: Messages = {
    ("page", "product"): "Byggnadernas energi",
    ("page", "overview"): "Översikt",
    ("page", "log_in"): "Logga in",
    ("page", "key"): "Nyckel",
    ("page", "area"): "{area:#,##0} m² yta",
    ("page", "repeated"): ("{count} gång sedan {time}", "{count} gånger sedan {time}"),
    ("page", "mode_auto"): "Automatik på svenska",
    ("cli", "value"): "värde",
    ("cli", "point"): "mätpunkt",
    ("report", "now"): "just nu",
}


def write_catalogue(folder: Path, language: str, messages: Messages) -> None:
    """Write ``folder/xx.po`` for a language such as ``en_GB``."""
    blocks = [HEADER.format(language=language)]
    for (context, code), text in messages.items():
        head = f'msgctxt "{context}"\nmsgid "{code}"\n'
        if isinstance(text, str):
            blocks.append(f'{head}msgstr "{text}"\n')
        else:
            forms = "\n".join(f'msgstr[{i}] "{form}"' for i, form in enumerate(text))
            blocks.append(f'{head}msgid_plural "{code}"\n{forms}\n')
    (folder / f"{language[:2]}.po").write_text("\n".join(blocks), "utf-8")


def swedish_beside_the_others(folder: Path) -> Path:
    """The catalogues of the product and one file more: ten Swedish messages."""
    for file in FOLDER.glob("*.po"):
        shutil.copy(file, folder)
    write_catalogue(folder, "sv", SWEDISH)
    return folder
