"""What every section of the configuration is."""

import ast
import inspect
from itertools import pairwise

from pydantic import BaseModel, ConfigDict


class Stage(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @classmethod
    def key_docs(cls) -> dict[str, str]:
        """What stands below each key in the source.

        Read when asked: pydantic would parse the source of every section whenever a command starts.
        """
        docs = {}
        for part in (part for part in reversed(cls.__mro__) if issubclass(part, Stage)):
            (section,) = ast.parse(inspect.getsource(part)).body
            assert isinstance(section, ast.ClassDef)
            for key, below in pairwise(section.body):
                match key, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        docs[name] = inspect.cleandoc(text)
        return docs
