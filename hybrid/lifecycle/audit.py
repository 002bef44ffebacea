"""The audit of a workspace's questions."""

from collections.abc import Sequence

from hybrid.artifacts import Manifest
from hybrid.audit.audit import audit
from hybrid.audit.requirements import Method
from hybrid.lifecycle.workspace import Workspace


def audit_workspace(workspace: Workspace, methods: Sequence[Method]) -> Manifest:
    """Publish `audit/`; up to date with the corpus folder."""
    passages = workspace.passages()
    return audit(
        passages.questions,
        passages.by_id,
        workspace.corpus.question_files,
        methods=methods,
        config=workspace.config,
        target=workspace.root / "audit",
        inputs={"passages": passages.manifest.id},
        title=f"{workspace.corpus.folder.name}: is the data good enough?",
    )
