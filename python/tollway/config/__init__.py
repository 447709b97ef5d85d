"""The configuration: TOML in, an immutable snapshot for the data plane out. `tollway.config.api` is what others call.

Nothing is imported here: the control plane takes single modules of this package, and would keep the others in memory.
"""
