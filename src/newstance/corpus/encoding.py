"""Repair of broken encoding (mojibake), and white space.

The texts of the "News Articles" collection passed through a wrong decoding (UTF-8 read as a Chinese double-byte
encoding) and then through a replacement by hand. A typographic sign of three bytes (quotation mark, apostrophe, dash)
became ``"`` with what was left of it: nothing, ``?`` or U+FFFD. Where it is ``?``, the character after the sign, nearly
always a space, was swallowed. Letters with accents became ``?`` or one or two U+FFFD. What was lost is gone; the rules
here restore what the context decides and leave everything else as it is, above all digits that were swallowed
(``in the "?0s``), euro amounts, whose first digit is wrong, and hyphens that were hard spaces (``dispute-in``).
"""

from __future__ import annotations

import re

import ftfy

# Names and words of the collection whose accented letters are often lost; the longer spelling follows from the rest.
_KNOWN_WORDS = """
    Éireann Áras Fáil Féin Dáil Síochána Tánaiste Iarnród Nóirín Seán Ciarán Micheál Mícheál Trócaire Róisín Sinéad
    Donnabháin Uachtaráin Caoimhghín Caoláin Gardaí gardaí
    Beyoncé Théo Gréco Penélope Cécile Aurélie Gérard Condé Québec café cafés fiancé fiancée attaché attachés
    cliché clichés communiqué mélange
    Düsseldorf Reichsbürger Süddeutsche Müller Fürth Grünberg Kühn Württemberg Gmünd Gülen Jürgen Ravensbrück Würzburg
    Schütz Südtribüne Osnabrück Mönchengladbach Höcke Schäuble Jäger Björn Köln Rappenwört Börner Böhmermann Göttingen
    Voigtländer Schwäbisch Jörg Schröder Kaurismäki Schlöndorff Wörner Löw Völler doppelgänger Gefährten Körner
    Schönefeld Schöneberg Schöpf Göring König Tannhäuser Löfven Universität Fährmann Lössl Wörter Döblin
    Éamonn Áine Máirtín Tíre Horstkötter Dudenhöffer Bök Büdenbender Käutner Gefährder fremdschämen zuständig
    Español español Muñoz Gutiérrez Cárdenas Joaquín Peña Íñigo Cañete México Pumalín Poopó
"""

# A sentence can't end before these, so the question mark there stands for a lost last letter.
_INSIDE_SENTENCE = r"(?='s\b|-\w|[,;]|\s+[a-z(])"
# The programmes and stations that follow the broadcaster's name.
_AFTER_RTE = r"(?=\s+(?:News|Investigat|Entertainment|Radio|Sport|Soccer|Television|TV|One|Two|Player|[12]\b))"

# A word with at least one lost letter; a question mark counts only where it can't be one.
_WORD_WITH_LOSS = re.compile(
    rf'(?<![\w?�])(?!(?<=")[?�])[^\W\d_]*(?:(?:�{{1,2}}|\?(?=[^\W\d_]|�|{_INSIDE_SENTENCE}))[^\W\d_]*)+'
)
_LETTER_LOST = re.compile(r"�{1,2}|[^\x00-\x7F]")
_KNOWN_BY_REMAINS = {_LETTER_LOST.sub("?", word): word for word in _KNOWN_WORDS.split()}

# (what it is, pattern, replacement); applied in this order, before the marks.
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (name, re.compile(pattern), replacement)
    for name, pattern, replacement in [
        ("Irish names in O'", r'\bO(?:"\?|"�|��|")(?=[A-Z][a-z])', "O'"),
        ("O'Sullivan, O'Shea", r'\bO"(ullivan|hea)\b', r"O'S\1"),
        ("not", r'(?i)\b((?:do|does|did|is|are|was|were|has|have|had|wo|ca|could|would|should|need|ai)n)"t\b', r"\1't"),
        ("verb contracted", r'\b([A-Za-z]+)"�(ll|ve|re|m|s|d|t)\b', r"\1'\2"),
        ("have contracted", r'(?i)\b(I|you|we|they|who|could|would|should)"(ve|ll|re|m)\b', r"\1'\2"),
        ("are contracted, its e swallowed", r"(?i)\b(you|we|they)'r\b(?!')", r"\1're"),
        ("have that became are", r"(?i)\b(you|we|they)'re (got|been|had)\b", r"\1've \2"),
        ("60 Minutes", r'"\?0(?= Minutes\b)', '"60'),
        ("20/20", r'"\?0/20\b', '"20/20'),
        ("13 Reasons Why", r'"\?3(?= Reasons Why\b)', '"13'),
        ("pound sign", r"(?<![^\s(])\?(?=\d)", "£"),
        ("broadcaster", rf"\bRT\?(?:{_INSIDE_SENTENCE}|{_AFTER_RTE})", "RTÉ"),
        ("transport company", rf"\bCI\?{_INSIDE_SENTENCE}", "CIÉ"),
        ("Irish naval ships", r"\bL\?(?=[\s-][A-Z])", "LÉ"),
        ("hard space before a dash", r'(?<!-)\s?-(?="\?)', " "),
        ("hard space after a comma", r",-(?=[\w\"])", ", "),
        ("hard space after a sentence", r"(?<=[a-z]{2}[.!?])-(?=[A-Z\"])", " "),
        ("hard space at a sentence's end", r"(?<=[a-z]{2}[.!?])-(?=\s|$)", ""),
    ]
)

# A sign whose following character was swallowed ("?), one without loss ("�), or a plain quotation mark.
_MARK = re.compile(r'"(?:�{0,2}\?|�(?!�))|"')
_CLOSES_QUESTION = re.compile(r"""\s|$|[)\]}.,;:!?'](?:\W|$)|"(?![\w?�])""")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Inc|Corp|Ltd|Co|Jr|Sr|Mr|Mrs|Ms|Dr|St|vs|etc)\.$")


def repair(text: str) -> str:
    """Repair broken encoding: ftfy first, then the rules of this module.

    Marks (``"?`` and its kin) are read by what stands around them: after white space a dash; after a comma or full
    stop a closing quotation mark; after a letter a closing quotation mark where one is open, the apostrophe of a
    plural in s where none is. A question mark that can end a sentence stays. Typographic quotation marks become
    straight ones, as in the rest of the collection.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        The repaired text; repairing it again changes nothing.
    """
    # Until nothing changes: one repair can make the next one decidable (a mark after a mark).
    while (repaired := _repair_once(text)) != text:
        text = repaired
    return text


def _repair_once(text: str) -> str:
    text = ftfy.fix_text(text)
    if not re.search(r"[?\"'�]|[.,!]-", text):
        return text
    for _, pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _WORD_WITH_LOSS.sub(lambda word: _KNOWN_BY_REMAINS.get(_LETTER_LOST.sub("?", word[0]), word[0]), text)
    return _repair_marks(text)


def _repair_marks(text: str) -> str:
    """Replace every mark by the sign that its surroundings decide."""
    done = ""
    end = 0
    quotation_open = False
    for match in _MARK.finditer(text):
        done += text[end : match.start()]
        end = match.end()
        after = text[end:]
        sign = match[0] if match[0] == '"' else _sign(match[0], done, after, quotation_open)
        if '"' in sign:
            quotation_open = not done or done[-1] in " \n([-—"
        done += sign
    return done + text[end:]


def _sign(mark: str, before: str, after: str, quotation_open: bool) -> str:
    if mark.endswith("?"):
        return _sign_that_swallowed(mark, before, after, quotation_open)
    spaced_before = not before or before[-1].isspace()
    if not after or after[0].isspace():
        if spaced_before:
            return "—"
        return "'" if before[-1] == "s" and not quotation_open else '"'
    if spaced_before or before[-1] in "([":
        return '"'
    if before[-1].isalnum() and after[0].isalnum() and not quotation_open:
        return "—"
    return '" ' if after[0].isalnum() else '"'


def _sign_that_swallowed(mark: str, before: str, after: str, quotation_open: bool) -> str:
    """Return the sign for ``"?`` and the space it swallowed, or the mark itself where nothing decides."""
    last = before[-1:]
    if not last or last.isspace():
        if after[:1].isdigit() or after[:1] == ".":
            return mark
        return "—" if not after or after[0].isspace() else "— "
    ends_sentence = _CLOSES_QUESTION.match(after) is not None
    if last in ",!?" or (last == "." and not _ABBREVIATION.search(before[-6:])):
        return '"' if ends_sentence and after[:1] != '"' else '" '
    if ends_sentence or (after[0].isdigit() and (last.isdigit() or not quotation_open)):
        return mark
    return "' " if last == "s" and not quotation_open else '" '


def normalise_white_space(text: str) -> str:
    """Make every run of white space one space; keep line breaks, at most one empty line between paragraphs.

    Spaces of any kind count (hard, thin, zero-width); lines are stripped, and so is the text.
    """
    lines = [" ".join(line.replace("\u200b", " ").split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
