# One image for the whole desk. The data folder is a volume: database, files, master key.
FROM python:3.13-slim

RUN useradd --system --create-home --uid 10001 deskbell \
 && install -d -o deskbell -g deskbell -m 0700 /data
WORKDIR /srv/deskbell

COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt

COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY adapters adapters
COPY bot bot
COPY webui webui
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER deskbell
WORKDIR /home/deskbell
ENV DESKBELL_HOST=0.0.0.0 \
    DESKBELL_DATA=/data \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["deskbell"]
CMD ["run"]
