"""Measurements on public sets. `make bench` runs them; docs/BENCHMARKS.md says what each figure is."""
