"""Words that stand in any text of a language, and those with which people ask."""

from functools import cache

_LISTS = {
    "de": "GERMAN", "fr": "FRENCH", "es": "SPANISH", "it": "ITALIAN", "pt": "PORTUGUESE", "nl": "DUTCH", "da": "DANISH",
    "ru": "RUSSIAN", "ko": "KOREAN", "zh": "CHINESE",
}  # fmt: skip
"""Of bm25s, which has them from NLTK and Snowball."""
_ASKING = {
    "de": "wie viel viele wieviel wieviele gibt lange hoch groß oft häufig wer wen wem welche welcher welches wann wo "
    "warum wieso man muss müssen darf dürfen kann bitte",
    "fr": "combien quel quelle quels quelles comment pourquoi quand où qui que quoi est-ce peut doit faut y",
    "es": "cuánto cuánta cuántos cuántas cuál cuáles cómo cuándo dónde quién quiénes qué hay puede debe",
    "it": "quanto quanta quanti quante quale quali come quando dove chi cosa che può deve",
    "pt": "quanto quanta quantos quantas qual quais como quando onde quem que há pode deve",
    "nl": "hoeveel welke wanneer waar wie wat hoe kan mag moet",
    "ru": "сколько какой какая какое какие когда где кто что как можно нужно",
}


@cache
def stop_words(language: str) -> frozenset[str]:
    """In small letters; none where no list is known. English ones are its own matter (see `answering.sources`)."""
    name = _LISTS.get(language)
    if name is None:
        return frozenset()
    from bm25s import stopwords

    listed = getattr(stopwords, f"STOPWORDS_{name}")
    return frozenset(word.casefold() for word in (*listed, *_ASKING.get(language, "").split()))
