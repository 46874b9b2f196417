"""What the desk promises about speed, measured: `python -m benchmarks.NAME [--quick] [--json]`.

With `--json` the last line of the output is one JSON object.
"""
