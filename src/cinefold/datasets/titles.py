"""Titles as people read them."""

from __future__ import annotations

import re
import unicodedata

# "Godfather, The (1972)": articles stand behind, in any of the languages of the catalogue.
_ARTICLES = "|".join(
    (
        *("The", "A", "An"),
        *("La", "Le", "Les", "L'", "Un", "Une"),
        *("El", "Los", "Las", "Il", "Lo", "Gli", "Os", "As", "Um", "Uma"),
        *("Das", "Der", "Die", "Ein", "Eine", "Det", "Den", "En", "Ett", "De", "Het", "Een"),
    )
)
# "Vitelloni, I" has an article behind, "Me, Myself, I" has not.
_TRAILING_ARTICLE = re.compile(
    rf"^(?P<alias>a\.k\.a\. )?(?:(?P<rest>.+), (?P<article>{_ARTICLES})"
    r"|(?P<single>[^,]+), (?P<letter>[IO]))$",
    re.IGNORECASE,
)
_YEAR_AT_END = re.compile(
    r"(?<=\S)\s*\((?P<year>\d{4})(?:[-–]\s*(?:\d{4})?)?\)\s*(?:\([A-Z]+\))?\s*$"
)
_PARENTHESES = re.compile(r"\(([^()]*)\)")
_NOT_WORDS = re.compile(r"[^\w]+")
_LEADING_ARTICLE = re.compile(r"^(the|a|an|la|le|les|l|el|los|las|il|das|der|die) (?=\w)")


def split_year(title: str) -> tuple[str, int | None]:
    """Title and year of "Heat (1995)" or "Heat (1995) (V)"; None when it has no year."""
    match = _YEAR_AT_END.search(title)
    if match is None:
        return title.strip(), None
    return title[: match.start()].strip(), int(match["year"])


def readable(title: str) -> str:
    """ "Big Blue, The (Grand bleu, Le)" as "The Big Blue (Le Grand bleu)"."""
    main, bracket, rest = title.partition(" (")
    inner = _PARENTHESES.sub(lambda match: f"({_article_first(match[1])})", bracket + rest)
    return _article_first(main.strip()) + inner


def _article_first(title: str) -> str:
    match = _TRAILING_ARTICLE.match(title)
    if match is None:
        return title
    article, rest = match["article"] or match["letter"], match["rest"] or match["single"]
    gap = "" if article.endswith("'") else " "
    return f"{match['alias'] or ''}{article}{gap}{rest}"


def plain(text: str) -> str:
    """Lower case, without accents, punctuation and a leading article."""
    letters = text.casefold().replace("&", " and ")
    if not letters.isascii():
        decomposed = unicodedata.normalize("NFKD", letters)
        letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = _NOT_WORDS.sub(" ", letters.replace("'", "")).strip()
    return _LEADING_ARTICLE.sub("", words)


def names_of(title: str) -> list[str]:
    """Of "The Big Blue (Le Grand bleu)", plain: all of it, the title alone, the one in brackets."""
    names = [title, _PARENTHESES.sub(" ", title), *_PARENTHESES.findall(title)]
    return list(dict.fromkeys(name for name in map(plain, names) if name))
