"""How near two texts are whatever the embedder: its cosines, less what it gives to texts that have nothing in common.

Some embedders give unrelated texts a cosine of 0, others one of .5 and more; a threshold on cosines alone would serve
everything with the one and nothing with the other. Corrected for chance, as kappa is: (c - u) / (1 - u).
"""

from typing import Any

from hybrid.protocols import Embedder

_UNRELATED = (
    ("When does the bakery on the corner open?", "Sourdough needs two days from starter to oven."),
    ("How many moons does Saturn have?", "Astronomers count the natural satellites of each planet anew every year."),
    ("Which visa do I need for Brazil?", "Travellers apply for an entry permit at the consulate."),
    ("What is the tightening torque of the pump's flange bolts?", "Bolts are tightened crosswise in three steps."),
    ("Who composed the opera about the barber?", "The overture was borrowed from an earlier work of the composer."),
    ("How long is the notice period in my contract?", "Employees leave at the end of a month after giving notice."),
    ("Why do leaves turn red in autumn?", "Chlorophyll breaks down when the days become shorter."),
    ("How do I reset my password?", "Accounts are locked after several failed attempts to sign in."),
    ("What did the treaty of 1648 end?", "Delegations negotiated for years in two Westphalian towns."),
    ("How much ibuprofen may a child take?", "The dose of the medicine depends on the body weight."),
)
"""Questions, each with a text on its own subject; of any two rows the subjects have nothing in common."""


def unrelated_cosine(embedder: Embedder) -> float:
    """Mean cosine of a question and a text on another subject, in [0, 0.99]."""
    questions: Any = embedder.encode_queries([question for question, _ in _UNRELATED])
    cosines = questions @ embedder.encode_passages([text for _, text in _UNRELATED]).T
    num = len(_UNRELATED)
    return min(max(0.0, float(cosines.sum() - cosines.trace()) / (num * (num - 1))), 0.99)


def nearness(cosine: float, unrelated: float) -> float:
    """At most 1; 0 for texts that have as little in common as `unrelated` says."""
    return (cosine - unrelated) / (1 - unrelated)
