"""What a query loads before it needs it: nothing heavy. How libraries are set up before they are loaded."""

import json
import os
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
        "'openvino_genai'}), rows, [name for name in sys.modules if name.startswith('hybrid.tuning.')]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=indexed.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded, rows, stages = json.loads(done.stdout)
    assert stages == [], "who asks a question waits for no training"
    assert loaded == ["openvino_genai"]
    assert rows is None, "passages are read when they are looked up"


def test_libraries_that_are_set_up_before_they_are_loaded_show_no_bars_of_their_own() -> None:
    code = (
        "from hybrid.cli.main import set_up_libraries\nset_up_libraries()\n"
        "from huggingface_hub.utils import are_progress_bars_disabled\n"
        "from transformers.utils.logging import is_progress_bar_enabled\n"
        "print(are_progress_bars_disabled(), is_progress_bar_enabled())\n"
    )
    fresh = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_PROGRESS_BARS"}
    done = subprocess.run([sys.executable, "-c", code], env=fresh, capture_output=True, text=True, check=False)
    assert done.stdout == "True False\n", done.stderr
