"""The providers: one module each, found by name. `type = "openai-compatible"` is `openai_compatible.py`."""
