"""Credentials that clouds hand out: fetched, and refreshed ahead of their expiry, by the control plane.

The data plane waits for none of this: it has a slot for each source (`rust/dataplane/src/credentials/`), which is
filled over the control socket, and keeps what it holds until that expires.

| module | what it does |
|---|---|
| `settings` | what the supervisor tells of each source, on standard input |
| `value` | a credential, and why there is none |
| `fetch` | one fetch: the module of the kind, imported when it is first needed, and its errors without secrets |
| `aws`, `google`, `azure` | by the clouds' own libraries, each an extra: `pip install 'tollway[aws]'` |
| `ibm`, `oauth` | by `token_request`, with the standard library |
| `schedule` | when the next fetch is due: without clock, chance or I/O |
| `refresh` | a task a source: fetches, tells the data plane, waits |
"""
