# One image for every role: `bms run`, `bms work`, `bms serve`, `bms guard`.
FROM python:3.13-slim
RUN useradd --create-home --uid 10001 bms && install -d -m 0700 -o bms /data
WORKDIR /app
COPY pyproject.toml requirements-image.txt README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes -r requirements-image.txt
COPY bms bms
COPY drivers drivers
COPY optimizer optimizer
COPY sites sites
COPY api api
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER bms
ENV BMS_HOME=/data BMS_HOST=0.0.0.0 BMS_SITES=/sites PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["bms"]
CMD ["run"]
