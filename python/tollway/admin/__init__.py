"""The control plane: a process of its own beside the data plane, started and restarted by the supervisor.

`python -m tollway.admin` serves the admin API, `/metrics` and the probes on a listening socket that it inherits. What
it tells, it asks of the data plane, over the control socket. Killing it fails no request and cuts no stream.
"""
