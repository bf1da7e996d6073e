"""Made-up names. Belongs here: words. Does not belong here: who gets which (`company.py`)."""

from __future__ import annotations


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


FIRST_NAMES = _listed(
    """
    Anna, Bram, Carlijn, Daan, Eva, Floris, Guusje, Hugo, Iris, Jasper, Kim, Lars, Maud, Niels, Olivia,
    Pieter, Roos, Sander, Tess, Vincent, Willemijn, Yara, Zeno, Femke, Thijs, Lotte, Ruben, Sanne, Joris,
    Noor, Gijs, Merel, Stijn, Amira, Omar, Leyla
    """
)

LAST_NAMES = _listed(
    """
    de Wit, van Dalen, Bakker, Hofstra, Jansma, van Rijn, Kuipers, de Groot, Vermeer, Brouwer, van Loon,
    Smeets, Postma, Terpstra, Willems, van Beek, Hendriks, Aydin, Martens, de Haan, Visscher, Dijkstra,
    Molenaar, van Es, Scholten, Koster, El Idrissi, Peeters, Veenstra, van Hout, Claassen
    """
)

COMPANY_NAMES = _listed(
    """
    Amberveld, Blauwdorp, Brinkhorst, Corvina, Dalmeer, Duinrand, Elzenaar, Ferrano, Gravelo, Groenrijk,
    Havenstra, Helvora, Iepenburg, Jolanta, Kadewerk, Klaverstee, Lindaro, Loevestra, Maasborg, Meridon,
    Noordvliet, Novaterra, Ostrava, Oudewijk, Polderix, Quirina, Ravelijn, Rietgors, Sallandia, Scheldor,
    Stroomdal, Tarvano, Tielenburg, Uitwaard, Valkora, Veldwijck, Waterloop, Wilgenaar, Zandstroom,
    Zuidervaart
    """
)

COMPANY_TRADES = {
    "Manufacturing": ("Metaal", "Machines", "Plastics", "Techniek", "Components"),
    "Logistics": ("Logistics", "Transport", "Cargo", "Warehousing", "Distributie"),
    "Professional services": ("Advies", "Consulting", "Engineers", "Partners", "Recruitment"),
    "Construction": ("Bouw", "Infra", "Installaties", "Vastgoed", "Projecten"),
    "Retail": ("Wonen", "Fashion", "Sport", "Stores", "Tuincentra"),
    "Healthcare": ("Zorg", "Medical", "Klinieken", "Dental", "Labs"),
    "Food and agriculture": ("Foods", "Agri", "Zuivel", "Zaden", "Vers"),
    "Financial services": ("Finance", "Verzekeringen", "Pensioenen", "Leasing", "Capital"),
}
