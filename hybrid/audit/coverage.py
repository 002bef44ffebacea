"""Which parts of the corpus no question asks about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid.types import Passage, Question

PASSAGES_A_TOPIC = 40
MAX_TOPICS = 30
_TERMS = 4


@dataclass(frozen=True)
class Topic:
    """A cluster of passages, named by its own terms, with the questions whose gold lies in it."""

    name: str
    passages: int
    questions: int


@dataclass(frozen=True)
class Coverage:
    """`documents` is the share of documents that some question's gold lies in; `untouched` the largest others, with
    their numbers of passages.
    """

    documents: float
    untouched: tuple[tuple[str, int], ...]
    topics: tuple[Topic, ...]


def measure_coverage(questions: Sequence[Question], passages: Mapping[str, Passage], *, seed: int) -> Coverage:
    """Coverage of the corpus by the questions of all splits. Needs no model: topics are k-means on TF-IDF."""
    sizes = Counter(passage.document_id or passage.id for passage in passages.values())
    asked = [passages[p] for q in questions for p in q.positives if p in passages]
    touched = {passage.document_id or passage.id for passage in asked}
    untouched = sorted(
        ((name, size) for name, size in sizes.items() if name not in touched), key=lambda p: (-p[1], p[0])
    )
    return Coverage(
        documents=len(touched) / len(sizes) if sizes else 0.0,
        untouched=tuple(untouched),
        topics=tuple(_topics(list(passages.values()), Counter(passage.id for passage in asked), seed)),
    )


def _topics(passages: Sequence[Passage], asked: Counter[str], seed: int) -> list[Topic]:
    num = min(MAX_TOPICS, len(passages) // PASSAGES_A_TOPIC)
    if num < 2:
        return []
    import numpy as np
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        stop_words="english", token_pattern=r"(?u)\b[^\W\d_]{3,}\b", max_features=5_000, sublinear_tf=True
    )
    try:
        matrix = vectorizer.fit_transform([passage.full_text for passage in passages])
    except ValueError:
        # nothing but stop words
        return []
    found = MiniBatchKMeans(num, n_init=3, random_state=seed).fit(matrix)
    terms = vectorizer.get_feature_names_out()
    topics = []
    for cluster, centre in enumerate(found.cluster_centers_):
        own = [p for p, label in zip(passages, found.labels_, strict=True) if label == cluster]
        if not own:
            continue
        # what sets it apart from the mean of the others
        apart = centre - np.asarray(matrix.mean(axis=0)).ravel()
        name = ", ".join(terms[i] for i in np.argsort(-apart, kind="stable")[:_TERMS])
        topics.append(Topic(name, len(own), sum(asked[passage.id] for passage in own)))
    return sorted(topics, key=lambda topic: (topic.questions, -topic.passages, topic.name))
