# The server: `python -m api`, told what to do by LINEAGE_ settings (.env.example).
# To pin the base to the byte, replace the tag by what `docker buildx imagetools inspect` calls its
# digest: python@sha256:…
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lineage lineage
# The wheel brings the core and the client; the extra brings what the server needs.
RUN python -m venv /opt/lineage \
    && /opt/lineage/bin/pip install --no-cache-dir -c constraints.txt '.[server]'

FROM python:3.12.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/lineage --create-home lineage
COPY --from=build /opt/lineage /opt/lineage
WORKDIR /srv/lineage
COPY cypher cypher
COPY sql sql
COPY storage storage
COPY api api
ENV PATH=/opt/lineage/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LINEAGE_HOST=0.0.0.0 \
    LINEAGE_PORT=8000
USER lineage
VOLUME /var/lib/lineage
EXPOSE 8000
# Whether it runs, not whether its database does: a restart would not mend that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['LINEAGE_PORT']}/healthz\", timeout=4)"]
CMD ["python", "-m", "api"]
