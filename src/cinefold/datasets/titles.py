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
_ALSO_KNOWN_AS = re.compile(r"^a\.?k\.?a\.?\s+", re.IGNORECASE)
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


def names_of(title: str, year: int | None = None) -> list[str]:
    """Of "The Big Blue (Le Grand bleu)", plain: all of it, the title alone, the one in brackets.

    With the `year`, also titles that a movie has elsewhere (`ELSEWHERE`).
    """
    written = [title]
    if "(" in title:
        written += [_PARENTHESES.sub(" ", title), *_PARENTHESES.findall(title)]
    written += [_ALSO_KNOWN_AS.sub("", name) for name in written]
    names = list(dict.fromkeys(filter(None, map(plain, dict.fromkeys(written)))))
    return names + [other for name in names for other in ELSEWHERE.get((name, year), ())]


# By title and year in MovieLens, what people and other services call these movies; plain.
ELSEWHERE: dict[tuple[str, int | None], tuple[str, ...]] = {
    ("professional", 1994): ("leon", "leon the professional"),
    ("star wars", 1977): ("star wars episode iv a new hope",),
    ("empire strikes back", 1980): ("star wars episode v the empire strikes back",),
    ("return of the jedi", 1983): ("star wars episode vi return of the jedi",),
    ("raiders of the lost ark", 1981): ("indiana jones and the raiders of the lost ark",),
    ("postino", 1994): ("postman",),
    ("boot", 1981): ("boat",),
    ("bicycle thief", 1948): ("bicycle thieves", "ladri di biciclette"),
    ("wings of desire", 1987): ("himmel uber berlin",),
    ("cinema paradiso", 1988): ("nuovo cinema paradiso",),
    ("three colors red", 1994): ("trois couleurs rouge",),
    ("three colors blue", 1993): ("trois couleurs bleu",),
    ("three colors white", 1994): ("trois couleurs blanc",),
    ("city of lost children", 1995): ("cite des enfants perdus",),
    ("breathless", 1960): ("a bout de souffle",),
    ("400 blows", 1959): ("quatre cents coups", "four hundred blows"),
    ("spirited away", 2001): ("sen to chihiro no kamikakushi",),
    ("crouching tiger hidden dragon", 2000): ("wo hu cang long",),
    ("life is beautiful", 1997): ("vita e bella",),
    ("good the bad and the ugly", 1966): ("buono il brutto il cattivo",),
    ("die hard 2", 1990): ("die harder",),
}
