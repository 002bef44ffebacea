"""How a config's model name becomes a folder: an embedded model's, a local one, or one of the hub's."""

from pathlib import Path

from hybrid.artifacts import read_manifest
from hybrid.digests import cache_folder
from hybrid.embedded_models import EMBEDDED, EmbeddedModel
from hybrid.embedded_models import Role as Role
from hybrid.errors import InputError, MissingError


def embedded(role: Role) -> EmbeddedModel:
    """The default model of a role that has one."""
    return next(model for model in EMBEDDED if model.role == role)


def find_embedded(name: str) -> EmbeddedModel | None:
    """The embedded model of that name, in upper or lower case; None where there is none."""
    return next((model for model in EMBEDDED if model.name.lower() == name.lower()), None)


def embedded_as(name: str, role: Role) -> EmbeddedModel | None:
    """The embedded model that a config's name means: `embedded` the default of its role, else one by its name."""
    model = embedded(role) if name == "embedded" else find_embedded(name)
    return model if model and model.role == role else None


def folder_of(model: EmbeddedModel) -> Path:
    """Where a pulled model lies."""
    return cache_folder() / "models" / model.name


def is_pulled(model: EmbeddedModel) -> bool:
    """Whether the model is in the cache."""
    return read_manifest(folder_of(model)) is not None


def find_local(name: str, role: Role) -> Path | None:
    """Where a config's model lies on this machine; None where it must be fetched first. Fetches nothing."""
    if model := embedded_as(name, role):
        return folder_of(model) if is_pulled(model) else None
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def resolve(name: str, role: Role) -> Path:
    """The folder of a config's model: `embedded` or an embedded model's name, a local folder, or a hub name.

    Raises `MissingError` where the embedded model was not pulled, `InputError` where the name is none of these.
    """
    if model := embedded_as(name, role):
        if not is_pulled(model):
            raise MissingError(
                f"{model.name} is not in the model cache {cache_folder()}", f"run `hybrid models pull {model.name}`"
            )
        return folder_of(model)
    if other := find_embedded(name):
        raise InputError(name, f"this embedded model is no {role}: it is the {other.role}", "run `hybrid models list`")
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # the model card says the licence
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*/config.json", "README.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            name,
            f"neither {'' if role == 'reranker' else '`embedded`, nor an embedded model, nor '}a local folder, "
            f"nor a model the hub gives ({type(error).__name__})",
            "check the name (`hybrid models list`), the network, and HF_TOKEN for a gated model",
        ) from None
