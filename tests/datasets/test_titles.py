"""Titles as people read them."""

from __future__ import annotations

import pytest

from cinefold.datasets.titles import readable, split_year

READABLE = {
    "Godfather, The": "The Godfather",
    "Clockwork Orange, A": "A Clockwork Orange",
    "American in Paris, An": "An American in Paris",
    "Postino, Il": "Il Postino",
    "Enfer, L'": "L'Enfer",
    "Misérables, Les": "Les Misérables",
    "Boot, Das": "Das Boot",
    "Seventh Seal, The (Sjunde inseglet, Det)": "The Seventh Seal (Det Sjunde inseglet)",
    "Star Maker, The (Uomo delle stelle, L')": "The Star Maker (L'Uomo delle stelle)",
    "Convent, The (Convento, O)": "The Convent (O Convento)",
    "Fille seule, La (A Single Girl)": "La Fille seule (A Single Girl)",
    "Die xue shuang xiong (Killer, The)": "Die xue shuang xiong (The Killer)",
    "Good, The Bad and The Ugly, The": "The Good, The Bad and The Ugly",
    "Beans of Egypt, Maine, The": "The Beans of Egypt, Maine",
    "Last Klezmer: His Life and Music, The": "The Last Klezmer: His Life and Music",
    "Vitelloni, I": "I Vitelloni",
    "Kid, The (a.k.a. Other Kid, The)": "The Kid (a.k.a. The Other Kid)",
    "Dreamlife, The (Vie rêvée, La) (Sueño, El)": "The Dreamlife (La Vie rêvée) (El Sueño)",
    "godfather, the": "the godfather",
    # What looks like one and is none.
    "Paris, Texas": "Paris, Texas",
    "Corrina, Corrina": "Corrina, Corrina",
    "Kiss Me, Guido": "Kiss Me, Guido",
    "Me, Myself, I": "Me, Myself, I",
    "Me, Myself & I": "Me, Myself & I",
    "Bye Bye, Love": "Bye Bye, Love",
    "Live and Let Die": "Live and Let Die",
    "Theodore, Thea": "Theodore, Thea",
    "Contempt (Die Verachtung)": "Contempt (Die Verachtung)",
    "2 Days in the Valley": "2 Days in the Valley",
    ", The": ", The",
    "(500) Nights, The": "The (500) Nights",
    "": "",
}  # fmt: skip


@pytest.mark.parametrize("stored", READABLE)
def test_readable(stored: str) -> None:
    assert readable(stored) == READABLE[stored]


@pytest.mark.parametrize("stored", READABLE)
def test_readable_titles_stay(stored: str) -> None:
    assert readable(READABLE[stored]) == READABLE[stored]


YEARS = {
    "Heat (1995)": ("Heat", 1995),
    "Heat (1995) (V)": ("Heat", 1995),
    "Heat (1995) (TV)": ("Heat", 1995),
    "Heat (1995)  ": ("Heat", 1995),
    "Heat (1995)(V) ": ("Heat", 1995),
    "Some Series (2002-2008)": ("Some Series", 2002),
    "Some Series (2015– )": ("Some Series", 2015),
    "Some Series (2015–)": ("Some Series", 2015),
    "Blade Runner 2049 (2017)": ("Blade Runner 2049", 2017),
    "1984 (1984)": ("1984", 1984),
    "Big Blue, The (Grand bleu, Le) (1988)": ("Big Blue, The (Grand bleu, Le)", 1988),
    # No year.
    "unknown": ("unknown", None),
    "2001": ("2001", None),
    "Heat (12345)": ("Heat (12345)", None),
    "Heat (V)": ("Heat (V)", None),
    "(1995)": ("(1995)", None),
    "": ("", None),
}


@pytest.mark.parametrize("title", YEARS)
def test_split_year(title: str) -> None:
    assert split_year(title) == YEARS[title]
