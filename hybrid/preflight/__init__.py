"""Should tuning start at all? Questions that are answered from the artefacts, with evidence, before a model is warm."""
