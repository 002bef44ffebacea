"""A table of licences: whether one may train with what stands under it. A reading aid, not legal advice."""

import re
from dataclasses import dataclass
from typing import Literal

Permission = Literal["yes", "conditions", "no"]
Role = Literal["model", "teacher", "data"]
"""Of what stands under a licence: a model that is tuned, one whose answers are trained on, or the data."""
Use = Literal["", "research", "internal", "commercial"]


@dataclass(frozen=True)
class Licence:
    """`training`: may it be tuned, or trained on. `commercial`: may the result earn money. `outputs`: may what the
    model writes train another model. `note`: the condition, or why not.
    """

    id: str
    training: Permission
    commercial: Permission
    outputs: Permission
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """`permission` is None where the table does not know the licence."""

    permission: Permission | None
    reason: str


_FREE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "unlicense", "pddl", "public-domain")
_BY = ("cc-by-3.0", "cc-by-4.0", "odc-by", "cdla-permissive-2.0", "ogl-uk-3.0")
_SHARE_ALIKE = ("cc-by-sa-3.0", "cc-by-sa-4.0", "odbl", "gfdl")
_COPYLEFT = ("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0")
_NOT_FOR_MONEY = ("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0")
_NO_DERIVATIVES = ("cc-by-nd-4.0", "cc-by-nc-nd-4.0")
_RAIL = ("openrail", "openrail++", "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "creativeml-openrail-m")
_LATE_LLAMA = ("llama3.1", "llama3.2", "llama3.3", "llama4")

LICENCES: tuple[Licence, ...] = (
    *(Licence(name, "yes", "yes", "yes") for name in _FREE),
    *(Licence(name, "yes", "yes", "yes", "name the authors beside what is published") for name in _BY),
    *(
        Licence(name, "yes", "yes", "conditions", "what is published of it stays under the same licence")
        for name in (*_SHARE_ALIKE, *_COPYLEFT)
    ),
    *(Licence(name, "yes", "no", "conditions", "not for commercial use") for name in _NOT_FOR_MONEY),
    *(
        Licence(
            name, "conditions", "no" if "-nc-" in name else "conditions", "conditions", "no adapted copy is given on"
        )
        for name in _NO_DERIVATIVES
    ),
    *(Licence(name, "yes", "yes", "yes", "its list of forbidden uses goes with the tuned model") for name in _RAIL),
    *(
        Licence(
            name, "yes", "conditions", "no", "its outputs may improve no model but Llama; above 700 M users ask Meta"
        )
        for name in ("llama2", "llama3")
    ),
    *(
        Licence(
            name, "yes", "conditions", "conditions", 'what is trained is called "Llama-…"; above 700 M users ask Meta'
        )
        for name in _LATE_LLAMA
    ),
    Licence("gemma", "yes", "yes", "conditions", "the Gemma terms go with the tuned model, and with one trained on it"),
    Licence(
        "qwen", "yes", "conditions", "conditions", 'trained on its outputs: "Built with Qwen"; over 100 M users ask'
    ),
    Licence("qwen-research", "yes", "no", "conditions", "for research only"),
    Licence("mrl", "yes", "no", "no", "Mistral's research licence: for research only"),
    Licence("mnpl", "yes", "no", "no", "Mistral's non-production licence"),
    Licence("deepseek", "yes", "yes", "yes", "its list of forbidden uses goes with the tuned model"),
    Licence("nvidia-open-model", "yes", "yes", "yes", "its notice goes with the tuned model"),
    Licence("fair-noncommercial-research", "yes", "no", "conditions", "for research only"),
    Licence("openai", "no", "yes", "no", "its terms forbid to train competing models with what it writes"),
    Licence("anthropic", "no", "yes", "no", "its terms forbid to train competing models with what it writes"),
    Licence("google-gemini-api", "no", "yes", "no", "its terms forbid to train competing models with what it writes"),
    Licence("cohere", "no", "yes", "no", "its terms forbid to train models with what it writes"),
    Licence("own", "yes", "yes", "yes", "the team's own"),
    Licence("no-training", "no", "no", "no", "its owner does not allow that models are trained on it"),
)
"""Names are those of the Hugging Face hub, where it has one (SPDX in lower case)."""

_ALIASES = {
    "apache 2.0": "apache-2.0",
    "apache-2": "apache-2.0",
    "apache license 2.0": "apache-2.0",
    "apache license, version 2.0": "apache-2.0",
    "mit license": "mit",
    "bsd": "bsd-3-clause",
    "cc0": "cc0-1.0",
    "cc by 4.0": "cc-by-4.0",
    "cc-by": "cc-by-4.0",
    "cc-by-sa": "cc-by-sa-4.0",
    "cc-by-nc": "cc-by-nc-4.0",
    "llama-2": "llama2",
    "llama-3": "llama3",
    "llama-3.1": "llama3.1",
    "llama-3.2": "llama3.2",
    "tongyi-qianwen": "qwen",
    "gemini": "google-gemini-api",
    "proprietary (own)": "own",
}
_BY_ID = {licence.id: licence for licence in LICENCES}


def find(name: str) -> Licence | None:
    """The licence of that name or a usual spelling of it; None where the table has none."""
    plain = re.sub(r"\s+", " ", name.strip().lower())
    return _BY_ID.get(plain) or _BY_ID.get(_ALIASES.get(plain, "")) or _BY_ID.get(plain.replace(" ", "-"))


def judge(name: str, role: Role, use: Use, *, base_licence: str = "") -> Verdict:
    """Whether training is permitted with a model, a teacher's answers or data under the licence `name`.

    `base_licence` is that of the model which a teacher's answers will train: Llama may teach Llama.
    """
    licence = find(name)
    if licence is None:
        return Verdict(None, f"{name or 'no licence stated'}: not in the table")
    if role == "teacher":
        family = licence.id.rstrip("0123456789.")
        if licence.outputs == "no" and family == "llama" and base_licence.lower().startswith("llama"):
            return Verdict("conditions", f"{licence.id}: a Llama may teach a Llama")
        permission = licence.outputs
    else:
        permission = licence.training
    if permission != "no" and licence.commercial == "no":
        if use == "commercial":
            return Verdict("no", f"{licence.id}: {licence.note}, and the task is declared as commercial")
        permission = "yes" if use == "research" else "conditions"
    reason = f"{licence.id}: {licence.note}" if licence.note else licence.id
    return Verdict(permission, reason)
