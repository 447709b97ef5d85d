# Tollway as an image. The stages are proven by tests/house/test_dockerfile.py, which runs their instructions as
# commands in a bare folder; for that, a RUN names absolute paths only through ENV.

# --- build: one wheel ---------------------------------------------------------------------------------------------------
FROM python:3.13-bookworm AS build
COPY --from=rust:1.95-bookworm /usr/local/cargo /usr/local/cargo
COPY --from=rust:1.95-bookworm /usr/local/rustup /usr/local/rustup
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup
ENV PATH=/usr/local/cargo/bin:$PATH
ENV TOOLS=/opt/tools WHEELS=/wheels
WORKDIR /src
COPY requirements/build.txt requirements/build.txt
RUN python -m venv "$TOOLS" \
 && "$TOOLS/bin/pip" install --no-cache-dir --require-hashes --no-deps -r requirements/build.txt
COPY Cargo.toml Cargo.lock pyproject.toml README.md LICENSE ./
COPY benches benches
COPY rust rust
COPY python python
RUN "$TOOLS/bin/maturin" build --release --locked --interpreter python --out "$WHEELS"

# --- install: the virtual environment, whole ------------------------------------------------------------------------------
FROM python:3.13-slim-bookworm AS install
ENV TOLLWAY=/opt/tollway WHEELS=/wheels STATE=/var/lib/tollway
WORKDIR /src
COPY requirements/runtime.txt runtime.txt
RUN python -m venv "$TOLLWAY" \
 && "$TOLLWAY/bin/pip" install --no-cache-dir --require-hashes --no-deps -r runtime.txt
COPY --from=build /wheels /wheels
RUN "$TOLLWAY/bin/pip" install --no-cache-dir --no-index --no-deps "$WHEELS"/*.whl \
 && "$TOLLWAY/bin/pip" check \
 && "$TOLLWAY/bin/pip" uninstall --yes --quiet pip \
 && mkdir -p "$STATE"

# --- runtime: what is shipped; no compiler, no build tool, not root ------------------------------------------------------------
FROM python:3.13-slim-bookworm AS runtime
ENV PATH=/opt/tollway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/var/lib/tollway
# Change it where the data plane listens elsewhere or speaks TLS.
ENV TOLLWAY_HEALTH_URL=http://127.0.0.1:8080/health/live
COPY --from=install /opt/tollway /opt/tollway
COPY --from=install --chown=10001:10001 /var/lib/tollway /var/lib/tollway
WORKDIR /var/lib/tollway
USER 10001:10001
VOLUME ["/var/lib/tollway"]
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['TOLLWAY_HEALTH_URL'], timeout=2)"]
ENTRYPOINT ["tollway"]
CMD ["serve", "--config", "/etc/tollway/tollway.toml"]
