"""The surface of the API: what is there, and that nothing is there by accident."""

import pytest

from tests.rigs.fakes.api import a_world

WORK = "/v1/work"

SURFACE = {
    "/v1/sites": {"get"},
    "/v1/sites/{site_id}": {"get"},
    "/v1/sites/{site_id}/points": {"get"},
    "/v1/sites/{site_id}/devices": {"get"},
    "/v1/points/{point_id}/readings": {"get"},
    "/v1/meters": {"get"},
    "/v1/meters/{site_id}/{meter_id}/consumption": {"get"},
    "/v1/meters/{site_id}/{meter_id}/quality": {"get"},
    "/v1/meters/{site_id}/{meter_id}/cooling": {"get"},
    "/v1/ingest": {"post"},
    "/v1/sites/{site_id}/savings": {"get"},
    "/v1/sites/{site_id}/savings.csv": {"get"},
    "/v1/overrides": {"get"},
    "/v1/portfolio/savings": {"get"},
    "/v1/portfolio/savings.csv": {"get"},
    "/v1/portfolio/ranking": {"get"},
    "/v1/portfolio/cooling": {"get"},
    "/v1/portfolio/consumption": {"get"},
    "/v1/portfolio/missing-data": {"get"},
    "/v1/portfolio/quality": {"get"},
    "/v1/sites/{site_id}/consumption": {"get"},
    "/v1/sites/{site_id}/goals": {"get", "post"},
    "/v1/sites/{site_id}/events": {"get", "post"},
    "/v1/exports": {"post"},
    "/v1/exports/{export_id}": {"get"},
    "/v1/exports/{export_id}/file": {"get"},
    "/v1/measures": {"get", "post"},
    "/v1/measures/{measure_id}": {"get"},
    "/v1/measures/{measure_id}/end": {"post"},
    WORK: {"get"},
    f"{WORK}/{{item_id}}": {"get"},
    f"{WORK}/{{item_id}}/ack": {"post"},
    f"{WORK}/{{item_id}}/assign": {"post"},
    f"{WORK}/{{item_id}}/snooze": {"post"},
    f"{WORK}/{{item_id}}/close": {"post"},
    "/v1/faults": {"get"},
    "/v1/sites/{site_id}/baselines": {"get", "post"},
    "/v1/sites/{site_id}/plan": {"get", "post"},
    "/v1/plans/{plan_id}": {"get"},
    "/v1/sites/{site_id}/predictions": {"get"},
    "/v1/sites/{site_id}/feeds/picture": {"get"},
    "/v1/controllers/{device_id}/applied": {"post"},
    "/v1/controllers/{device_id}/schedule": {"get"},
    "/v1/sites/{site_id}/overrides": {"post"},
    "/v1/sites/{site_id}/overrides/{override_id}": {"delete"},
    "/v1/sites/{site_id}/mode": {"post"},
    "/v1/release": {"get", "post"},
    "/v1/release/undo": {"post"},
    "/v1/audit": {"get"},
    "/v1/events": {"get"},
    "/v1/sites/{site_id}/commissioning": {"get"},
    "/v1/sites/{site_id}/trials": {"get"},
    "/v1/trials": {"get"},
    "/v1/sites/{site_id}/shadow-days": {"get"},
    "/v1/sites/{site_id}/decisions": {"get"},
    "/v1/points/{point_id}/trace": {"get"},
    "/v1/sites/{site_id}/occupancy": {"get", "post"},
    "/v1/sites/{site_id}/occupancy/{booking_id}": {"delete"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}
UNITS = (
    "_k",
    "_m3",
    "_kwh",
    "_dkk",
    "_kg",
    "_kh",
    "_c",
    "_m2",
    "_m3_h",
    "_kw",
    "_s",
    "_min",
    "_h",
    "_dkk_per_kh",
    "_mwh",
    "_dkk_per_k_mwh",
    "_ppm",
    "_pct",
    "_dkk_per_kw",
    "_per_k",
    "_year",  # behind a unit
    "_day",
)
WITHOUT_UNIT = {
    "progress",
    "latitude",  # degrees, by nature
    "longitude",
    "recovery",  # shares of one
    "coverage",
    "confidence",
    "cv_rmse",
    "hourly_cv_rmse",
    "hourly_months_cv_rmse",
    "guf_share",
    "share_error",
    "expected_share",
    "to_date_drift",
    "n_eff",
    "degree_days",
    "followed",
    "forecast_known",  # K·d, by name
    "people",  # a count by name
    "bias",  # in the unit of what was foreseen
    "rmse",
    "wanted",  # in the unit of its point, as "value"
    "found",
    "ours",
    "nmbe",
    "r2",
    "rho",
    "drift",
    "kwh",  # a unit by name
    "kwh_se",
    "share",
    "kwh_low",
    "kwh_high",
    "dkk_low",
    "dkk_high",
    "values",  # the unit stands beside them
    "value",  # the unit stands beside it
    "median",
    "distance",
    "total",
    "amount",
    "energy_ratio",
    "effective",
    "minimum",
    "maximum",
    "resolution",
    "use",  # the unit of the commodity stands beside it
    "use_with_budget",
    "use_with_target",
    "last_year",
    "budget",
    "target",
    "corrected",
    "change",  # a share
    "hours",
    "missing_hours",
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    return a_world(tmp_path_factory.mktemp("schema")).app.openapi()


def test_the_paths_are_those_of_the_surface(schema):
    assert {path: set(rows) for path, rows in schema["paths"].items()} == SURFACE


def test_every_operation_says_what_it_does(schema):
    for path, rows in schema["paths"].items():
        for method, row in rows.items():
            assert row.get("description"), f"{method} {path}"


def test_numbers_carry_their_unit(schema):
    for name, model in schema["components"]["schemas"].items():
        for field, spec in model.get("properties", {}).items():
            kinds = {spec.get("type"), *(o.get("type") for o in spec.get("anyOf", ()))}
            if "number" in kinds:
                assert field in WITHOUT_UNIT or field.endswith(UNITS), f"{name}.{field}"
