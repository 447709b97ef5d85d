"""OpenTelemetry: traces and metrics over OTLP/HTTP, from what the data plane tells the control plane.

The records behind `tail` become spans, the families of `/metrics` become metrics. Nothing here is imported while
`telemetry.otlp` is not configured. No prompt and no answer ever comes here: records hold none.

| module | what it does |
|---|---|
| `names` | every name of the semantic conventions that is used, a column a version |
| `settings` | what the supervisor tells |
| `spans` | a record as spans |
| `page` | the text of `/metrics` as families |
| `metrics` | families as OTLP metrics |
| `sender` | one request to the receiver, and what its answer means |
| `backlog` | spans that wait, and how far the records have come |
| `export` | the loops that fetch and send |
| `state` | what became of everything, for `/metrics` and health |
"""
