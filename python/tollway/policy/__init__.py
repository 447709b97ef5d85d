"""Policy hooks: an operator's own Python, asked about each request and each response of the routes that name it.

A hook is a function of one argument, plain or `async`:

    from tollway.policy import Request, Verdict, allow, reject

    def check(request: Request) -> Verdict | None:
        if request.key.team == "interns" and len(request.body["messages"]) > 20:
            return reject("this conversation is too long for the interns' keys")
        return allow(flags=["checked"])

and is named in the configuration, as `module:function`:

    [routes.support]
    hooks = [ { call = "my_policies:check", timeout = "50ms", on_failure = "closed" } ]

`None` means allow. A hook that raises, answers with anything but a verdict or takes longer than its timeout has failed,
and `on_failure` decides: `open` goes on without it, `closed` refuses the request.

Modules are sought among the installed ones and in the folder of the configuration file. They are imported once in the
life of the process: a reload looks the functions up again but does not import a changed module again; for that, restart
or upgrade (SIGUSR2). Plain hooks run on a bounded number of threads (`server.hook_threads`) and may run at the same
time as each other; `async` hooks share one event loop and must not block it.
"""

from tollway.policy.contract import Hook, Json, Key, Request, Response, Verdict, allow, reject, replace

__all__ = ["Hook", "Json", "Key", "Request", "Response", "Verdict", "allow", "reject", "replace"]
