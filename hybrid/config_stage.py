"""What every section of the configuration is."""

from pydantic import BaseModel, ConfigDict


class Stage(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=())
