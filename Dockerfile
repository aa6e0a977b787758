# The tools live in a virtual environment of the first stage; the one that is copied on holds neither pip nor a build backend.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/tools && python -m venv --without-pip /opt/ona
COPY locks/build.txt locks/service.txt locks/
RUN /opt/tools/bin/pip install --no-deps --only-binary :all: --require-hashes -r locks/build.txt \
 && /opt/tools/bin/pip --python /opt/ona/bin/python install --no-deps --only-binary :all: --require-hashes -r locks/service.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY ona/ ona/
COPY connectors/ connectors/
COPY pipelines/ pipelines/
COPY api/ api/
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/tools/bin/pip --python /opt/ona/bin/python install --no-deps --no-index /wheel/*.whl

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/ona /opt/ona
RUN groupadd --gid 10001 ona && useradd --uid 10001 --gid ona --no-create-home --home-dir /data --shell /usr/sbin/nologin ona \
 && install --directory --owner ona --group ona --mode 0700 /data
ENV PATH=/opt/ona/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ONA_HOME=/data NUMBA_CACHE_DIR=/data/cache/numba
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
ENTRYPOINT ["ona"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8765"]
