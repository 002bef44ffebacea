"""Formats that are not read, and how a person turns them into one that is."""

_OFFICE = "soffice --headless --convert-to {} FILE"
_PANDOC = "pandoc FILE -o FILE.md"
_CONVERSION = {
    **dict.fromkeys((".doc", ".odt", ".rtf", ".docm"), _OFFICE.format("docx")),
    **dict.fromkeys((".xls", ".xlsb", ".ods"), _OFFICE.format("xlsx")),
    **dict.fromkeys((".ppt", ".odp"), _OFFICE.format("pptx")),
    **dict.fromkeys((".tex", ".org", ".textile", ".mediawiki", ".fb2", ".opml", ".docbook", ".typ", ".wiki"), _PANDOC),
    **dict.fromkeys((".mobi", ".azw", ".azw3"), "ebook-convert FILE FILE.epub"),
    ".msg": "msgconvert FILE, which makes FILE.eml",
    ".mbox": "git mailsplit -oFOLDER FILE, and name the parts .eml",
    ".ps": "ps2pdf FILE",
    **dict.fromkeys((f".{number}" for number in range(1, 9)), "man -l FILE | col -b > FILE.txt"),
}


def why_unread(suffix: str) -> str:
    """The reason for which files of a suffix are skipped, and what to run where a program converts them."""
    reason = f"format {suffix or 'without suffix'} is not read"
    program = _CONVERSION.get(suffix.lower())
    return f"{reason}: convert it ({program})" if program else reason
