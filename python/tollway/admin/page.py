"""The page at `/`."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollway</title>
<style>
  :root {{ color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }}
  body {{ max-width: 36rem; margin: 4rem auto; padding: 0 1rem; }}
  code {{ font-size: .9em; }}
</style>
</head>
<body>
<h1>Tollway {version}</h1>
<p>The control plane is up.</p>
<ul>
<li><a href="/health/ready">/health/ready</a>: whether the data plane answers</li>
<li><a href="/metrics">/metrics</a>: Prometheus metrics</li>
<li><code>/admin/openapi.json</code>: the admin API, described (needs the admin token)</li>
</ul>
<p>The admin API takes <code>Authorization: Bearer ADMIN_TOKEN</code>.</p>
</body>
</html>
"""


def page(version: str) -> str:
    """Name the version, and link to what there is."""
    return _PAGE.format(version=escape(version))
