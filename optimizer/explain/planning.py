"""What the optimiser says to people, in both languages, each with a code."""

from __future__ import annotations

from datetime import datetime

from bms.model.words import Words
from optimizer.explain.dates import spoken


def _dk(value: float, digits: int = 1) -> str:
    """A number with a decimal comma."""
    return f"{value:.{digits}f}".replace(".", ",")


def no_history() -> Words:
    return Words(
        "no_history",
        "Der er ingen målte data at lære bygningen at kende af.",
        "There are no measured data to learn the building from.",
    )


def bad_step(step_s: int) -> Words:
    return Words(
        "bad_step",
        f"Tidsskridtet {step_s} s er ikke mellem 1 s og 2 timer.",
        f"The time step {step_s} s is not between 1 s and 2 hours.",
    )


def too_few_days(days: float, least: float) -> Words:
    return Words(
        "too_few_days",
        f"Kun {_dk(days)} dages data; der skal mindst {_dk(least, 0)} dage til.",
        f"Only {days:.1f} days of data; at least {least:.0f} days are needed.",
    )


def no_zone_history() -> Words:
    return Words(
        "no_zone_history",
        "Ingen af zonerne har målte data.",
        "None of the zones has measured data.",
    )


def series_missing(name_da: str, name_en: str, coverage: float) -> Words:
    return Words(
        "series_missing",
        f"For få data om {name_da}: {100 * coverage:.0f} % af tiden.",
        f"Too few data on {name_en}: {100 * coverage:.0f} % of the time.",
    )


def zone_temp_missing(zone: str, coverage: float) -> Words:
    return Words(
        "zone_temp_missing",
        f"{zone}: rumtemperaturen er kun kendt {100 * coverage:.0f} % af tiden.",
        f"{zone}: the room temperature is known only {100 * coverage:.0f} % of the time.",
    )


def sensor_stuck(zone: str) -> Words:
    return Words(
        "sensor_stuck",
        f"{zone}: rumføleren viser det samme hele tiden; føleren bør efterses.",
        f"{zone}: the room sensor always shows the same; have it checked.",
    )


def no_excitation(zone: str) -> Words:
    return Words(
        "no_excitation",
        f"{zone}: varmen har været den samme hele tiden, så intet kan læres af den.",
        f"{zone}: heating never changed, so nothing can be learnt from it.",
    )


def no_excitation_building() -> Words:
    return Words(
        "no_excitation",
        "Bygningens varmeforbrug har været det samme hele tiden, så intet kan læres af det.",
        "The building's heating never changed, so nothing can be learnt from it.",
    )


def too_many_gaps(zone: str) -> Words:
    return Words(
        "too_many_gaps",
        f"{zone}: der er for mange huller i data til et døgn ad gangen.",
        f"{zone}: too many gaps in the data for whole days at a time.",
    )


def rivals_better(zone: str, model: float, persistence: float, last_week: float) -> Words:
    return Words(
        "rivals_better",
        f"{zone}: modellen rammer et døgn frem {_dk(model, 2)} K forkert; "
        f"“som nu” rammer {_dk(persistence, 2)} K og “som i sidste uge” {_dk(last_week, 2)} K.",
        f"{zone}: 24 h ahead the model is {model:.2f} K off; "
        f"“like now” is {persistence:.2f} K and “like last week” {last_week:.2f} K off.",
    )


def too_uncertain(zone: str, model: float) -> Words:
    return Words(
        "too_uncertain",
        f"{zone}: modellen rammer {_dk(model)} K forkert et døgn frem; det er for usikkert.",
        f"{zone}: the model is {model:.1f} K off 24 h ahead, which is too uncertain.",
    )


def rivals_better_heat(zone: str, model: float, persistence: float, last_week: float) -> Words:
    digits = 0 if min(model, persistence, last_week) >= 10.0 else 2
    return Words(
        "rivals_better",
        f"{zone}: modellen rammer døgnets varme {_dk(model, digits)} kWh forkert; "
        f"“som i går” rammer {_dk(persistence, digits)} kWh og “som i sidste uge” "
        f"{_dk(last_week, digits)} kWh.",
        f"{zone}: the model is {model:.{digits}f} kWh off for the heat of a day; “like yesterday” "
        f"is {persistence:.{digits}f} kWh and “like last week” {last_week:.{digits}f} kWh off.",
    )


def no_model() -> Words:
    return Words(
        "no_model",
        "Der er ingen model af bygningen, så der styres efter et fast skema med natsænkning.",
        "There is no model of the building, so a fixed timetable with setback is used.",
    )


def zone_without_model(zone: str) -> Words:
    return Words(
        "zone_without_model",
        f"{zone}: ingen model; zonen følger et fast skema med natsænkning.",
        f"{zone}: no model; the zone follows a fixed timetable with setback.",
    )


def no_state(zone: str) -> Words:
    return Words(
        "no_state",
        f"{zone}: ingen rumtemperatur det seneste døgn; zonen følger et fast skema.",
        f"{zone}: no room temperature in the last day; the zone follows a fixed timetable.",
    )


def held_forecast(name_da: str, name_en: str, hours: float) -> Words:
    return Words(
        "held_forecast",
        f"Prognosen for {name_da} mangler i {_dk(hours)} timer; den seneste værdi er brugt.",
        f"The forecast of {name_en} is missing for {hours:.1f} h; its last value is used.",
    )


def no_forecast() -> Words:
    return Words(
        "no_forecast",
        "Udetemperaturens prognose mangler, så der styres efter et fast skema med natsænkning.",
        "The forecast of the outdoor temperature is missing, so a fixed timetable is used.",
    )


def no_sun_forecast(hours: float) -> Words:
    return Words(
        "no_sun_forecast",
        f"Solprognosen mangler i {_dk(hours)} timer; der er regnet uden sol.",
        f"The forecast of the sun is missing for {hours:.1f} h; none was counted on.",
    )


def price_unknown(name_da: str, name_en: str) -> Words:
    return Words(
        "price_unknown",
        f"Prisen på {name_da} er ikke kendt i hele perioden; der er regnet med middelprisen, "
        "og kostprisen kan ikke siges.",
        f"The price of {name_en} is not known throughout; the mean was used to decide, "
        "and the cost cannot be said.",
    )


def factor_unknown(name_da: str, name_en: str) -> Words:
    return Words(
        "factor_unknown",
        f"CO2-faktoren for {name_da} er ikke kendt i hele perioden; udledningen kan ikke siges.",
        f"The CO2 factor of {name_en} is not known throughout; the emission cannot be said.",
    )


def no_solution(message: str) -> Words:
    return Words(
        "no_solution",
        f"Planen kunne ikke beregnes ({message}), så der bruges et fast skema med natsænkning.",
        f"The plan could not be computed ({message}), so a fixed timetable is used.",
    )


def refused() -> Words:
    return Words(
        "refused",
        "Den beregnede plan bestod ikke kontrollen, så der bruges et fast skema med natsænkning.",
        "The computed plan did not pass the checker, so a fixed timetable is used.",
    )


def planned() -> Words:
    return Words(
        "planned",
        "Den billigste plan, der holder komforten, efter bygningens egen model.",
        "The cheapest plan that keeps comfort, by the building's own model.",
    )


def own_control_as_good() -> Words:
    return Words(
        "own_control_as_good",
        "Bygningens egen styring er lige så god, så dens egne værdier bruges.",
        "The building's own control is as good, so its own values are used.",
    )


def comfort_relaxed(zone: str, kelvin_hours: float, worst_c: float) -> Words:
    return Words(
        "comfort_relaxed",
        f"{zone}: komfortbåndet kan ikke holdes helt ({_dk(kelvin_hours)} K·h; "
        f"ned eller op til {_dk(worst_c)} °C).",
        f"{zone}: the comfort band cannot be kept entirely ({kelvin_hours:.1f} K·h; "
        f"down or up to {worst_c:.1f} degC).",
    )


def warm_up_from(zone: str, local: datetime) -> Words:
    """``local`` is on the clock of the building."""
    da, en = spoken(local)
    return Words(
        "warm_up_from",
        f"{zone}: opvarmningen begynder {da}.",
        f"{zone}: heating up starts {en}.",
    )


def no_lever() -> Words:
    return Words(
        "no_lever",
        "Der er ingen zoner, hvis setpunkt må skrives, så varmen lades urørt.",
        "There is no zone whose setpoint may be written, so heating is left alone.",
    )


def bad_horizon() -> Words:
    return Words(
        "bad_horizon",
        "Opgaven har ingen periode at planlægge.",
        "The problem has no horizon to plan.",
    )


def bad_zone(zone: str) -> Words:
    return Words(
        "bad_zone",
        f"{zone}: grænser eller brugstider dækker ikke hele perioden eller modsiger hinanden; "
        "zonen lades urørt.",
        f"{zone}: limits or hours of use do not cover the horizon or contradict each other; "
        "the zone is left alone.",
    )


def bad_lever(name: str) -> Words:
    return Words(
        "bad_lever",
        f"{name}: grænserne for det, der må skrives, modsiger hinanden; punktet lades urørt.",
        f"{name}: the limits of what may be written contradict each other; it is left alone.",
    )


def bad_ventilation(unit: str) -> Words:
    return Words(
        "bad_ventilation",
        f"{unit}: driftstiderne dækker ikke hele perioden; anlægget lades urørt.",
        f"{unit}: its hours do not cover the horizon; the unit is left alone.",
    )


def no_cop() -> Words:
    return Words(
        "no_cop",
        "Varmepumpens effektfaktor er ikke oplyst; der er regnet som ren elvarme.",
        "The heat pump's COP is not given; it was counted as plain electric heating.",
    )


def old_history(hours: float) -> Words:
    return Words(
        "old_history",
        f"De seneste målinger er {_dk(hours)} timer gamle, så der bruges et fast skema.",
        f"The latest measurements are {hours:.1f} h old, so a fixed timetable is used.",
    )


def no_offset() -> Words:
    return Words(
        "no_offset",
        "Et tidspunkt er uden forskel fra UTC, så det vides ikke, hvornår det er.",
        "A moment has no offset from UTC, so it is not known when it is.",
    )


def bad_temperature_unit(unit: str) -> Words:
    return Words(
        "bad_temperature_unit",
        f"Temperaturer står i degC eller K, ikke i {unit}.",
        f"Temperatures are in degC or K, not in {unit}.",
    )


def looks_like_kelvin(name_da: str, name_en: str) -> Words:
    return Words(
        "looks_like_kelvin",
        f"{name_da} ligner kelvin, men opgaven siger grader celsius; det er udeladt.",
        f"{name_en} looks like kelvin, but the problem says degC; it is left out.",
    )


def looks_like_watts() -> Words:
    return Words(
        "looks_like_watts",
        "Den målte varme er flere gange, hvad anlægget kan give; den ligner W og er udeladt.",
        "The measured heat is several times what the plant can give; it looks like W and is "
        "left out.",
    )


def new_peak(power: float, so_far: float) -> Words:
    return Words(
        "new_peak",
        f"Månedens højeste effekt stiger fra {_dk(so_far)} til {_dk(power)} kW; det er regnet med.",
        f"The month's highest power rises from {so_far:.1f} to {power:.1f} kW; it was counted.",
    )


def power_over(power: float, limit: float) -> Words:
    return Words(
        "power_over",
        f"Effektgrænsen på {_dk(limit)} kW kan ikke holdes; der bruges op til {_dk(power)} kW.",
        f"The power limit of {limit:.1f} kW cannot be kept; up to {power:.1f} kW are used.",
    )


def no_capacity() -> Words:
    return Words(
        "no_capacity",
        "Varmekildens største effekt er ikke oplyst; der er regnet uden den grænse.",
        "The most power of the heat source is not given; none was counted on as a limit.",
    )


def curve_lowered(kelvin: float) -> Words:
    return Words(
        "curve_lowered",
        f"Fremløbet sænkes med op til {_dk(kelvin, 0)} K, hvor radiatorerne har effekt nok.",
        f"The supply water is lowered by up to {kelvin:.0f} K where radiators have power to spare.",
    )


def bad_power() -> Words:
    return Words(
        "bad_power",
        "Månedens højeste effekt, dens pris, effektgrænsen eller andres forbrug er ikke et tal fra "
        "0 og op i hvert skridt; det er ikke regnet med.",
        "The month's highest power, its price, the power limit or the load of others is no number "
        "from 0 up at each step; it was not counted.",
    )


def bad_source() -> Words:
    return Words(
        "bad_source",
        "Varmekildens mindste driftstid, pause eller effekt er ikke et tal fra 0 og op; "
        "det er ikke regnet med.",
        "The heat source's least run, stop or power is no number from 0 up; it was not counted.",
    )


def bad_weights(comfort_dkk_per_kh: float, co2_dkk_per_kg: float) -> Words:
    return Words(
        "bad_weights",
        "Vægtene er ikke tal fra 0 og op; der er regnet med "
        f"{_dk(comfort_dkk_per_kh, 0)} kr. pr. K·h og {_dk(co2_dkk_per_kg, 2)} kr. pr. kg CO2.",
        "The weights are no numbers from 0 up; "
        f"{comfort_dkk_per_kh:.0f} DKK per K·h and {co2_dkk_per_kg:.2f} DKK per kg CO2 were used.",
    )


def no_power_limit() -> Words:
    return Words(
        "no_power_limit",
        "Effektgrænsen er opgivet til 0 kW eller mindre; den er ikke regnet med.",
        "The power limit is given as 0 kW or less; it was not counted on.",
    )


def own_flow_kept(unit: str, zones: str) -> Words:
    return Words(
        "own_flow_kept",
        f"{unit}: luftmængden sænkes ikke, da antallet af mennesker eller CO2-grænsen ikke er "
        f"kendt i {zones}.",
        f"{unit}: the air flow is not lowered, as the number of people or the CO2 limit is not "
        f"known in {zones}.",
    )


def flow_planned(unit: str, least_pct: float, most_pct: float) -> Words:
    alike = round(least_pct) == round(most_pct)
    span = f"{most_pct:.0f} %" if alike else f"{least_pct:.0f}–{most_pct:.0f} %"
    return Words(
        "flow_planned",
        f"{unit}: luftmængden er {span} af den fulde i brugstiden; det er nok til CO2-grænsen.",
        f"{unit}: the air flow is {span} of full while in use, which is enough for the CO2 limit.",
    )


def co2_over(zone: str, ppm: float, limit_ppm: float) -> Words:
    return Words(
        "co2_over",
        f"{zone}: CO2 kommer op på omkring {ppm:.0f} ppm; grænsen på {limit_ppm:.0f} ppm kan ikke "
        "holdes med ventilationen, som den er.",
        f"{zone}: CO2 rises to about {ppm:.0f} ppm; the limit of {limit_ppm:.0f} ppm cannot be "
        "kept with the ventilation as it is.",
    )


def supply_cooler(unit: str, kelvin: float) -> Words:
    return Words(
        "supply_cooler",
        f"{unit}: indblæsningen sænkes med op til {_dk(kelvin)} K, hvor rummene er varme nok.",
        f"{unit}: the supply air is up to {kelvin:.1f} K cooler where the rooms are warm enough.",
    )


def bad_air(name: str) -> Words:
    return Words(
        "bad_air",
        f"{name}: luftmængde, mennesker eller indblæsningstemperatur dækker ikke hele perioden "
        "eller er ikke tal, der giver mening; det er ikke regnet med.",
        f"{name}: air flow, people or supply temperature do not cover the horizon or are no "
        "sensible numbers; they were not counted on.",
    )


def bad_cop_gain() -> Words:
    return Words(
        "bad_cop_gain",
        "Varmepumpens gevinst ved køligere fremløb er ikke mellem 0 og 10 % pr. K; den er ikke "
        "regnet med.",
        "The heat pump's gain with cooler supply water is not between 0 and 10 % per K; it was "
        "not counted.",
    )


def no_coil(unit: str) -> Words:
    return Words(
        "no_coil",
        f"{unit}: anlæggets eget setpunkt for indblæsningen er ikke oplyst; det lades urørt.",
        f"{unit}: its own setpoint of the supply air is not given; it is left alone.",
    )
