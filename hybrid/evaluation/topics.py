"""Topics of questions that were given none: clusters of their vectors, named by their own terms.

k-means on unit vectors; a cluster's name is the terms with the highest class-based TF-IDF (Grootendorst 2022,
arXiv:2203.05794): frequent in the cluster, rare in the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hybrid.protocols import Vectors
from hybrid.types import Question

QUESTIONS_A_TOPIC = 60
"""About so many, for topics under fifty questions are pooled."""
MAX_TOPICS = 8
_TERMS = 3


def with_topics(
    questions: Sequence[Question], encode: Callable[[Sequence[str]], Vectors], *, seed: int
) -> list[Question]:
    """The questions with a topic each; as they are where any has one already, or too few for two topics.

    `encode` gives unit vectors `(n_questions, dim)`; it is called only where topics are made.
    """
    num_topics = min(MAX_TOPICS, len(questions) // QUESTIONS_A_TOPIC)
    if num_topics < 2 or any(question.topic for question in questions):
        return list(questions)
    from sklearn.cluster import KMeans

    texts = [question.question for question in questions]
    clusters = KMeans(num_topics, n_init=10, random_state=seed).fit_predict(np.asarray(encode(texts)))
    names = _names(texts, clusters.tolist(), num_topics)
    return [replace(question, topic=names[cluster]) for question, cluster in zip(questions, clusters, strict=True)]


def _names(texts: Sequence[str], clusters: Sequence[int], num: int) -> list[str]:
    from sklearn.feature_extraction.text import CountVectorizer

    joined = [" ".join(text for text, own in zip(texts, clusters, strict=True) if own == topic) for topic in range(num)]
    try:
        vectorizer = CountVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d_]{3,}\b")
        counts = vectorizer.fit_transform(joined).toarray().astype(float)
    except ValueError:
        # nothing but stop words
        return [f"topic {topic + 1}" for topic in range(num)]
    terms = vectorizer.get_feature_names_out()
    weights = counts * np.log(1 + counts.sum() / num / counts.sum(axis=0))
    names = [", ".join(terms[i] for i in np.argsort(-row, kind="stable")[:_TERMS] if row[i] > 0) for row in weights]
    return [name or f"topic {place}" for place, name in enumerate(names, start=1)]
