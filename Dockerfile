# One image for every role: `bms run`, `bms work`, `bms serve`, `bms guard`.
FROM python:3.13-slim
RUN useradd --create-home --uid 10001 bms && install -d -o bms /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bms bms
COPY drivers drivers
COPY optimizer optimizer
COPY sites sites
COPY api api
RUN pip install --no-cache-dir -c constraints.txt .
USER bms
ENV BMS_HOME=/data BMS_HOST=0.0.0.0 BMS_SITES=/data/sites
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["bms"]
CMD ["run"]
