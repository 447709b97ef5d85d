"""Checks of prices: whether what is served has one."""

from __future__ import annotations

from tollway.config.checks import Checks
from tollway.config.compile_routes import is_used, own_deployments
from tollway.config.price_table import PriceTable
from tollway.config.prices import is_priced, price_record
from tollway.providers.contract import providers

# Neither names the model: it is shown where it stands, and may hold what cannot be shown.
MESSAGE = "the price of this model is not known, so what its requests cost is unknown"
HINT = 'give its provider prices = { "MODEL" = { input_per_mtok = …, output_per_mtok = … } }'


def check_prices(checks: Checks) -> None:
    """Warn of every model that routes lead to and whose price is not known, where it is named first."""
    seen: set[tuple[str, str]] = set()
    table = PriceTable()
    for name, route in checks.config.routes.items():
        for path, target in own_deployments(name, route):
            if target.provider is None or target.model is None or not is_used(target, route):
                continue
            provider = checks.config.providers.get(target.provider)
            served = (target.provider, target.model)
            named = checks.has((*path, "provider")) and checks.has((*path, "model"))
            # The bundled mock costs nothing, and nobody is billed for it.
            if provider is None or not named or served in seen or providers()[provider.type].kind != "http":
                continue
            seen.add(served)
            if not is_priced(price_record(provider, target.model, table)):
                checks.warning("unknown-price", (*path, "model"), MESSAGE, HINT)
