# The controller alone: no embedded servers, no tools, no shell login, no root.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/fleetdns \
 && /opt/fleetdns/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements/run.txt
COPY requirements/dev.txt requirements/dev.txt
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY fleetdns fleetdns
COPY manifests manifests
RUN /opt/build/bin/python -m build --no-isolation --wheel --outdir /wheels \
 && /opt/fleetdns/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /wheels/*.whl \
 && /opt/fleetdns/bin/python -m compileall -q /opt/fleetdns/lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="fleetdns" \
      org.opencontainers.image.description="One DNS name for a service that runs in many Kubernetes clusters" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fleetdns /opt/fleetdns
ENV PATH=/opt/fleetdns/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["fleetdns"]
CMD ["run"]
