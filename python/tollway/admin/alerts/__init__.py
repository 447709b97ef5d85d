"""Alerts: from the data plane's book to webhooks.

The data plane knows what fires, and numbers what is to be told (`rust/dataplane/src/alert/book.rs`). Here it is
fetched over the control socket and posted, by what also delivers OTLP (`admin/otlp/{sender,delivery}.py`).
Nothing but `settings` and `shown` is imported while no webhook is configured.

| module | what it does |
|---|---|
| `settings` | what the supervisor tells |
| `shown` | an alert as the admin API and webhooks show it |
| `webhook` | one request to a webhook, signed |
| `tally` | what became of everything, for `/metrics` and health |
| `notifier` | the loops that fetch and post, and how far each is |
"""
