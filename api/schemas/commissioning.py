"""Answers about commissionings, and what stands in the way of ``auto``."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, FactAnswer
from bms.model.assets.site import Mode
from bms.model.trust.commissioning import Commissioning, FunctionalTest, TestOutcome
from bms.model.trust.modes import AutoScope
from bms.services.modes.gate import GateAnswer


class TestAnswer(Answer):
    """A line of a protocol."""

    __test__ = False

    test: FunctionalTest
    outcome: TestOutcome
    found: FactAnswer


class CommissioningAnswer(Answer):
    """The signed protocol of a point that counts. ``declared`` is the SHA-256 of what the site file
    said of it."""

    id: str
    point: str
    at: AwareDatetime
    by: str
    passed: bool
    simulated: bool
    declared: str
    resolution: float | None = Field(description="in the unit of the point")
    settling_s: float | None
    tests: list[TestAnswer]

    @classmethod
    def of(cls, made: Commissioning, timezone: str) -> Self:
        """The answer of a record; times in its sentences are local to ``timezone``."""
        tests = [
            TestAnswer(
                test=line.test, outcome=line.outcome, found=FactAnswer.of(line.found, timezone)
            )
            for line in made.tests
        ]
        return cls(
            id=made.id,
            point=made.point,
            at=made.at,
            by=made.by,
            passed=made.passed,
            simulated=made.simulated,
            declared=made.declared,
            resolution=made.resolution,
            settling_s=made.settling_s,
            tests=tests,
        )


class TrustAnswer(Answer):
    """``mode`` is the one in force, ``allowed`` the highest of the site file. ``missing`` is what
    stands in the way of ``auto``, ``scope`` for what it would be approved; ``uncommissioned`` says
    of which points no plan is written."""

    site: str
    mode: Mode
    allowed: Mode
    scope: AutoScope
    missing: list[FactAnswer]
    uncommissioned: list[FactAnswer]
    protocols: list[CommissioningAnswer]

    @classmethod
    def of(
        cls,
        site: str,
        mode: Mode,
        allowed: Mode,
        found: GateAnswer,
        made: list[CommissioningAnswer],
    ) -> Self:
        """The answer of the gate with the protocols of the points."""
        return cls(
            site=site,
            mode=mode,
            allowed=allowed,
            scope=found.scope,
            missing=[FactAnswer.of(each) for each in found.gaps],
            uncommissioned=[FactAnswer.of(each) for each in found.uncommissioned],
            protocols=made,
        )
