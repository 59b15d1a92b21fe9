"""A room whose parameters are known: two nodes, a thermostat with night setback, weather, noise."""

from __future__ import annotations

import numpy as np

from optimizer.model.rc_network import RcNetwork, step_matrices
from optimizer.model.zone_record import ZoneRecord

UA, C_AIR, C_MASS, H_MASS = 0.15, 1.2, 12.0, 0.9
SOLAR, GAIN = 2.0, 0.1


def known_rc() -> RcNetwork:
    numbers = {
        "c_air": C_AIR,
        "c_mass": C_MASS,
        "h_out": UA,
        "h_mass": H_MASS,
        "h_mass_out": 0.0,
        "h_vent": 0.0,
        "solar": SOLAR,
        "solar_to_mass": 0.4,
        "gain_base": GAIN,
        "gain_use": 0.0,
    }
    return RcNetwork(**{name: np.array([value]) for name, value in numbers.items()})


def made_room(
    *,
    days: float = 28.0,
    step_h: float = 0.25,
    noise_k: float = 0.05,
    seed: int = 3,
    rc: RcNetwork | None = None,
    held_days: float = 0.0,
    hidden_kw_per_k: float = 0.0,
    deviating_days: int = 0,
) -> ZoneRecord:
    """Stepped exactly by the model itself; the sensor adds noise, people add heat now and then.

    For the first ``held_days`` the setpoint is the same day and night. With ``hidden_kw_per_k``
    something that no series tells of ventilates while people are in. On the last
    ``deviating_days`` the nights are set back further and end two hours later.
    """
    rc = rc or known_rc()
    rng = np.random.default_rng(seed)
    n = round(days * 24 / step_h)
    hours = (np.arange(n) + 0.5) * step_h
    fronts = np.arange(0.0, hours[-1] + 24.0, 24.0)
    slow = np.interp(hours, fronts, rng.normal(0.0, 3.0, len(fronts)))
    temp_out = 3.0 + slow + 2.5 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)
    clear = np.repeat(rng.uniform(0.1, 1.0, int(days) + 2), round(24 / step_h))[:n]
    ghi = 0.35 * clear * np.maximum(0.0, np.sin((hours % 24 - 7) / 10 * np.pi)) * (hours % 24 < 17)
    others = np.repeat(rng.normal(0.0, 0.05, n // 8 + 1), 8)[:n]
    steps = step_matrices(rc, np.zeros((1, 1)), step_h)
    a, b = steps.a[0, 0], steps.b[0, 0]
    state, temp, heat = np.array([20.0, 19.0]), np.empty(n), np.empty(n)
    setpoints, use = np.empty(n), (hours % 24 >= 7) & (hours % 24 < 17) & (hours // 24 % 7 < 5)
    for k in range(n):
        temp[k] = state[0]
        by_day = 6 <= hours[k] % 24 < 18 and (hours[k] // 24) % 7 < 5
        setpoints[k] = 21.0 if by_day or hours[k] < 24.0 * held_days else 18.0
        if hours[k] >= 24.0 * (days - deviating_days):
            setpoints[k] = 21.0 if by_day and hours[k] % 24 >= 8 else 15.0
        heat[k] = float(np.clip((setpoints[k] - state[0]) * 3.0 + 0.5, 0.0, 6.0))
        hidden = hidden_kw_per_k * use[k] * (temp_out[k] - state[0])
        air, mass = rc.flows(
            heat=heat[k : k + 1] + others[k] + hidden,
            temp_out=temp_out[k : k + 1],
            ghi_kw=ghi[k : k + 1],
            use=np.zeros(1),
            run=np.zeros(1),
        )
        state = a @ state + b @ np.array([air[0, 0], mass[0, 0]])
    none = np.zeros(n)
    return ZoneRecord(
        temp=temp + rng.normal(0.0, noise_k, n),
        heat=heat,
        temp_out=temp_out,
        ghi=ghi,
        use=use.astype(np.float64) if hidden_kw_per_k else none,
        run=none,
        hour=hours % 24,
        facades=np.zeros((3, n)),
        temp_vent=temp_out,
        step_h=step_h,
        vent_kw_per_k=0.0,
        setpoint=setpoints if held_days or deviating_days else None,
    )
