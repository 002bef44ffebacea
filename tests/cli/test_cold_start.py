"""What a query loads before it needs it: nothing heavy."""

import json
import subprocess
import sys

from tests.cli.conftest import Place


def test_a_pipeline_is_opened_and_its_generator_loaded_without_torch(indexed: Place) -> None:
    question = "How heavy is the MX100?"
    # exports the generator
    assert indexed.run("query", question).code == 0
    options = indexed.options()
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom hybrid.cli.options import open_workspace\n"
        f"workspace = open_workspace(Path('corpora/machines'), None, {tuple(options[3::2])!r}, None)\n"
        "pipeline = workspace.pipeline(workspace.choose('live'))\n"
        "pipeline.generator.preload(alone=False)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "rows = pipeline.passages._all\n"
        "print(json.dumps([sorted(loaded & {'torch', 'transformers', 'sentence_transformers', 'peft', 'openai', "
        "'openvino_genai'}), rows]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=indexed.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded, rows = json.loads(done.stdout)
    assert loaded == ["openvino_genai"]
    assert rows is None, "passages are read when they are looked up"
