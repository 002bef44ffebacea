"""A table of licences: whether one may train with what stands under it. A reading aid, not legal advice."""

import re
from dataclasses import dataclass
from typing import Literal

Permission = Literal["yes", "no"]
Role = Literal["model", "teacher", "data"]
"""Of what stands under a licence: a model that is tuned, one whose answers are trained on, or the data."""
Use = Literal["", "research", "internal", "commercial"]
Purpose = Literal["any", "not commercial", "research"]


@dataclass(frozen=True)
class Licence:
    """`training`: may it be tuned, or trained on. `outputs`: may what the model writes train another model.
    `purpose`: what the result may be used for. `note`: the condition, or why not.
    """

    id: str
    training: Permission
    outputs: Permission
    note: str = ""
    purpose: Purpose = "any"


@dataclass(frozen=True)
class Verdict:
    """`permission` is None where the table does not know the licence; a yes may have a condition, told in `reason`."""

    permission: Permission | None
    reason: str


_FREE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "unlicense", "pddl", "public-domain")
_BY = ("cc-by-3.0", "cc-by-4.0", "odc-by", "cdla-permissive-2.0", "ogl-uk-3.0")
_SHARE_ALIKE = ("cc-by-sa-3.0", "cc-by-sa-4.0", "odbl", "gfdl")
_COPYLEFT = ("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0")
_NOT_FOR_MONEY = ("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0")
_RAIL = ("openrail", "openrail++", "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "creativeml-openrail-m")
_LATE_LLAMA = ("llama3.1", "llama3.2", "llama3.3", "llama4")

_FORBIDDEN: dict[Purpose, tuple[Use, ...]] = {
    "any": (),
    "not commercial": ("commercial",),
    "research": ("internal", "commercial"),
}

LICENCES: tuple[Licence, ...] = (
    *(Licence(name, "yes", "yes") for name in _FREE),
    *(Licence(name, "yes", "yes", "name the authors beside what is published") for name in _BY),
    *(
        Licence(name, "yes", "yes", "what is published of it stays under the same licence")
        for name in (*_SHARE_ALIKE, *_COPYLEFT)
    ),
    *(Licence(name, "yes", "yes", "not for commercial use", "not commercial") for name in _NOT_FOR_MONEY),
    Licence("cc-by-nd-4.0", "yes", "yes", "no adapted copy is given on"),
    Licence("cc-by-nc-nd-4.0", "yes", "yes", "no adapted copy is given on", "not commercial"),
    *(Licence(name, "yes", "yes", "its list of forbidden uses goes with the tuned model") for name in _RAIL),
    *(
        Licence(name, "yes", "no", "its outputs may improve no model but Llama; above 700 M users ask Meta")
        for name in ("llama2", "llama3")
    ),
    *(
        Licence(name, "yes", "yes", 'what is trained is called "Llama-…"; above 700 M users ask Meta')
        for name in _LATE_LLAMA
    ),
    Licence("gemma", "yes", "yes", "the Gemma terms go with the tuned model, and with one trained on it"),
    Licence("qwen", "yes", "yes", 'trained on its outputs: "Built with Qwen"; over 100 M users ask'),
    Licence("qwen-research", "yes", "yes", "for research only", "research"),
    Licence("mrl", "yes", "no", "Mistral's research licence: for research only", "research"),
    Licence("mnpl", "yes", "no", "Mistral's non-production licence: for research and tests only", "research"),
    Licence("deepseek", "yes", "yes", "its list of forbidden uses goes with the tuned model"),
    Licence("nvidia-open-model", "yes", "yes", "its notice goes with the tuned model"),
    Licence("fair-noncommercial-research", "yes", "yes", "for research only", "research"),
    Licence("openai", "no", "no", "its terms forbid to train competing models with what it writes"),
    Licence("anthropic", "no", "no", "its terms forbid to train competing models with what it writes"),
    Licence("google-gemini-api", "no", "no", "its terms forbid to train competing models with what it writes"),
    Licence("cohere", "no", "no", "its terms forbid to train models with what it writes"),
    Licence("own", "yes", "yes", "the team's own"),
    Licence("no-training", "no", "no", "its owner does not allow that models are trained on it"),
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
    permission = licence.training
    if role == "teacher":
        permission = licence.outputs
        family = licence.id.rstrip("0123456789.")
        if permission == "no" and family == "llama" and base_licence.lower().startswith("llama"):
            return Verdict("yes", f"{licence.id}: a Llama may teach a Llama")
    if permission == "yes" and use in _FORBIDDEN[licence.purpose]:
        return Verdict("no", f"{licence.id}: {licence.note}, and the task is declared as {use}")
    return Verdict(permission, f"{licence.id}: {licence.note}" if licence.note else licence.id)
