"""Every text of the pages, Danish and English side by side."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # every page
    "product": ("Bygningernes energi", "Building energy"),
    "skip": ("Spring til indholdet", "Skip to content"),
    "overview": ("Overblik", "Overview"),
    "language": ("Sprog", "Language"),
    "language_da": ("Dansk", "Dansk"),
    "language_en": ("English", "English"),
    "log_out": ("Log ud", "Log out"),
    "log_in": ("Log ind", "Log in"),
    "key": ("Nøgle", "Key"),
    "key_help": (
        "Din nøgle begynder med bms_. Den laves med kommandoen “bms keys create”.",
        "Your key starts with bms_. It is made with the command “bms keys create”.",
    ),
    "key_wrong": (
        "Nøglen er ukendt, trukket tilbage eller må ikke læse. Prøv en anden.",
        "The key is unknown, revoked or may not read. Try another one.",
    ),
    "login_why": (
        "Siderne viser data om kommunens bygninger og kræver en nøgle.",
        "The pages show data about the municipality's buildings and need a key.",
    ),
    "simulated": ("Simuleret kommune", "Simulated municipality"),
    "simulated_long": (
        (
            "Bygninger og målere er simulerede og spotpriserne syntetiske; vejret er virkelige "
            "målinger fra 2018–2019."
        ),
        (
            "Buildings and meters are simulated and spot prices synthetic; the weather is real, "
            "measured in 2018–2019."
        ),
    ),
    "as_of": ("Bygningernes tid: {time}", "Building time: {time}"),
    "local_time": (
        "Alle tider er lokal tid (Europe/Copenhagen).",
        "All times are local (Europe/Copenhagen).",
    ),
    "pause": ("Stop automatisk opdatering", "Pause automatic updates"),
    "resume": ("Opdatér automatisk igen", "Resume automatic updates"),
    "api": ("API-dokumentation", "API documentation"),
    "scroll": ("Diagram, kan rulles vandret", "Chart, scrolls sideways"),
    "table_scroll": ("Tabel, kan rulles vandret", "Table, scrolls sideways"),
    "failure": ("Det gik ikke", "That did not work"),
    "failure_404": ("Siden findes ikke", "There is no such page"),
    "failure_503": ("Data kan ikke hentes lige nu", "The data cannot be had right now"),
    "failure_back": ("Tilbage til overblikket", "Back to the overview"),
    "age_now": ("lige nu", "just now"),
    "age_minutes": ("for {n} min siden", "{n} min ago"),
    "age_hours": ("for {n} timer siden", "{n} hours ago"),
    "age_days": ("for {n} dage siden", "{n} days ago"),
    # savings
    "saved": ("Sparet energi", "Energy saved"),
    "used_more": ("Brugt mere energi", "More energy used"),
    "saved_period": ("{first} – {last} · {days} hele dage", "{first} – {last} · {days} whole days"),
    "saved_share": (
        "{share} % af det forbrug, der ellers ventedes ({baseline} kWh)",
        "{share} % of the use that was to be expected otherwise ({baseline} kWh)",
    ),
    "interval": (
        "{confidence} %-interval: {low} til {high} kWh",
        "{confidence} % interval: {low} to {high} kWh",
    ),
    "interval_short": ("{confidence} %-interval", "{confidence} % interval"),
    "worth": ("Svarer til", "Worth"),
    "worth_help": ("ved periodens middelpriser", "at the mean prices of the period"),
    "co2": ("CO₂", "CO₂"),
    "no_savings": ("Ingen besparelse kan opgøres endnu", "No saving can be told yet"),
    "no_savings_why": (
        (
            "En besparelse kræver målerdata fra året før og mindst nogle hele dage efter. "
            "Der gættes ikke på det, der mangler."
        ),
        (
            "A saving needs meter data of the year before and some whole days after. "
            "What is missing is not guessed."
        ),
    ),
    "verdict_verified": ("Dokumenteret", "Verified"),
    "verdict_indicative": ("Vejledende", "Indicative"),
    "verdict_not_claimable": ("Kan ikke hævdes", "Not claimable"),
    "verdict_verified_long": (
        "Besparelsen er større end usikkerheden, og data opfylder alle krav.",
        "The saving is larger than its uncertainty, and the data pass every gate.",
    ),
    "verdict_indicative_long": (
        "Et fingerpeg, men ikke et bevis. Grunden står nedenfor.",
        "A hint, not a proof. The reason is given below.",
    ),
    "verdict_not_claimable_long": (
        "Tallet vises, men må ikke bruges som en besparelse. Grunden står nedenfor.",
        "The figure is shown, but must not be claimed as a saving. The reason is given below.",
    ),
    "why": ("Hvorfor?", "Why?"),
    "bars_title": ("Besparelse pr. bygning", "Saving per building"),
    "bars_about": (
        "Søjler viser sparet energi i kWh pr. bygning med interval. {rows}",
        "Bars show the energy saved in kWh per building with its interval. {rows}",
    ),
    "unknown": ("Ikke opgjort", "Not assessed"),
    "csv": ("Hent som CSV", "Download CSV"),
    "csv_excel": ("Hent til Excel", "Download for Excel"),
    "method": (
        (
            "Metode: forbruget måles mod en basislinje, der er rettet for vejret "
            "(IPMVP option C, model pr. døgn fra året før)."
        ),
        (
            "Method: use is compared with a baseline adjusted for the weather "
            "(IPMVP option C, daily model of the year before)."
        ),
    ),
    # buildings
    "buildings": ("Bygninger", "Buildings"),
    "no_buildings": (
        (
            "Ingen bygninger endnu. Læg en bygningsfil i mappen BMS_SITES, prøv den med "
            "“bms sites check”, og start igen."
        ),
        (
            "No buildings yet. Put a site file into the folder BMS_SITES, try it with "
            "“bms sites check”, and start again."
        ),
    ),
    "control": ("Styring", "Control"),
    "mode_observe": ("Kun måling", "Observe"),
    "mode_advise": ("Rådgivning", "Advise"),
    "mode_auto": ("Automatik", "Automatic"),
    "mode_observe_long": (
        "Vi læser kun. Bygningen styrer sig selv.",
        "We only read. The building controls itself.",
    ),
    "mode_advise_long": (
        "Planer vises, men et menneske udfører dem.",
        "Plans are shown; a person applies them.",
    ),
    "mode_auto_long": (
        "Planer skrives til styringen med grænser og udløbstid.",
        "Plans are written to the controls, with limits and an expiry.",
    ),
    "plan": ("Plan", "Plan"),
    "plan_none": ("Ingen plan", "No plan"),
    "plan_optimal": ("Optimal", "Optimal"),
    "plan_relaxed": ("Bedst mulig", "Relaxed"),
    "plan_fallback": ("Reserveplan", "Fallback"),
    "plan_objected": ("Afvist af kontrollen", "Rejected by the checker"),
    "plan_optimal_long": (
        "Komforten holdes til den laveste pris.",
        "Comfort is kept at the lowest price.",
    ),
    "plan_relaxed_long": (
        "Komforten kan ikke holdes helt; planen er det bedste, der kan gøres.",
        "Comfort cannot be kept entirely; the plan is the best that can be done.",
    ),
    "plan_fallback_long": (
        "Noget manglede, så planen følger faste regler efter kalenderen.",
        "Something was missing, so the plan follows fixed rules by the calendar.",
    ),
    "held": ("Punkter, vi styrer", "Points we hold"),
    "overridden": ("overtaget af mennesker", "overridden by people"),
    "last_reading": ("Seneste måling", "Last reading"),
    "never": ("Ingen målinger endnu", "No readings yet"),
    "outdoor": ("Ude", "Outdoors"),
    "area": ("{area} m²", "{area} m²"),
    "heat_district_heating": ("Fjernvarme", "District heating"),
    "heat_heat_pump": ("Varmepumpe", "Heat pump"),
    "on_this_page": ("På denne side", "On this page"),
    # one building
    "rooms": ("Rum og komfort", "Rooms and comfort"),
    "rooms_help": (
        (
            "De seneste 48 timer og det kommende døgn. Det grønne bånd er den aftalte komfort, "
            "når rummene bruges."
        ),
        (
            "The last 48 hours and the day to come. The green band is the agreed comfort while the "
            "rooms are in use."
        ),
    ),
    "zone_title": ("Temperatur: {zone}", "Temperature: {zone}"),
    "zone_about": (
        "{zone}: {latest} Komfort i brugstiden {band}. {next}",
        "{zone}: {latest} Comfort in use {band}. {next}",
    ),
    "zone_latest": ("senest målt {temp} °C kl. {time}.", "last measured {temp} °C at {time}."),
    "range": ("{low} til {high} °C", "{low} to {high} °C"),
    "measured_at": ("målt kl. {time}", "measured at {time}"),
    "setpoint_now": ("Setpunkt nu", "Setpoint now"),
    "repeated": ("{n} gange siden {time}", "{n} times since {time}"),
    "renewed": ("fornyet {n} gange siden {time}", "renewed {n} times since {time}"),
    "zone_no_latest": ("ingen måling de seneste 48 timer.", "no reading in the last 48 hours."),
    "zone_next": ("Setpunkt nu {value} °C.", "Setpoint now {value} °C."),
    "zone_no_next": ("Setpunktet kendes ikke.", "The setpoint is not known."),
    "zone_no_data": (
        "Ingen målinger af {zone} de seneste 48 timer. Se, om styringen svarer: “bms read {site}”.",
        (
            "No readings of {zone} in the last 48 hours. See whether the controller answers: "
            "“bms read {site}”."
        ),
    ),
    "temperature": ("Målt", "Measured"),
    "band": ("Komfort i brugstid", "Comfort in use"),
    "setpoint": ("Setpunkt", "Setpoint"),
    "forecast": ("Forventet", "Expected"),
    "now": ("nu", "now"),
    "plan_heading": ("Planen og dens grunde", "The plan and its reasons"),
    "plan_made": ("Lavet {age} ({time})", "Made {age} ({time})"),
    "plan_missing": (
        (
            "Der er ingen plan endnu. Den næste laves automatisk; den kræver målinger, vejrudsigt "
            "og priser."
        ),
        (
            "There is no plan yet. The next one is made by itself; it needs readings, a weather "
            "forecast and prices."
        ),
    ),
    "objections": ("Kontrollen siger nej", "The checker objects"),
    "expected_of": ("Forventet til {time}", "Expected until {time}"),
    "with_plan": ("Med planen", "With the plan"),
    "own_control": ("Bygningens egen styring", "The building's own control"),
    "energy": ("Energi", "Energy"),
    "cost": ("Udgift", "Cost"),
    "emissions": ("CO₂", "CO₂"),
    "discomfort": ("Uden for komfort", "Outside comfort"),
    "coming": ("Kommende setpunkter", "Coming setpoints"),
    "coming_help": ("De næste 24 timer.", "The next 24 hours."),
    "coming_none": ("Planen har ingen setpunkter for det næste døgn.", "No setpoints are planned."),
    "point": ("Punkt", "Point"),
    "from": ("Fra", "From"),
    "to": ("Til", "To"),
    "value": ("Værdi", "Value"),
    "on": ("Til", "On"),
    "off": ("Fra", "Off"),
    "role_zone_setpoint": ("Setpunkt, {what}", "Setpoint, {what}"),
    "role_ventilation_run": ("Ventilation, {what}", "Ventilation, {what}"),
    "role_ventilation_flow": ("Luftmængde, {what}", "Air flow, {what}"),
    "role_supply_air_setpoint": ("Indblæsning, {what}", "Supply air, {what}"),
    "role_heating_curve_shift": ("Varmekurve, forskydning", "Heating curve, shift"),
    "use": ("Forbrug mod basislinje", "Use against the baseline"),
    "use_title": ("{meter}: målt og forventet forbrug", "{meter}: measured and expected use"),
    "use_about": (
        (
            "{meter} pr. døgn fra {first} til {last}. Målt i alt {measured} kWh, ventet uden os "
            "{baseline} kWh."
        ),
        (
            "{meter} per day from {first} to {last}. Measured {measured} kWh in all, expected "
            "without us {baseline} kWh."
        ),
    ),
    "use_measured": ("Målt", "Measured"),
    "use_baseline": ("Ventet uden os", "Expected without us"),
    "use_less": ("Mindre", "Less"),
    "use_more": ("Mere", "More"),
    "use_none": (
        "Der er ingen hele døgn med målerdata i perioden endnu.",
        "There are no whole days of meter data in the period yet.",
    ),
    "kwh_per_day": ("kWh/døgn", "kWh/day"),
    "meter": ("Måler", "Meter"),
    "meter_heat": ("Varme", "Heat"),
    "meter_electricity": ("El", "Electricity"),
    "meter_water": ("Vand", "Water"),
    "meter_gas": ("Gas", "Gas"),
    "saving": ("Besparelse", "Saving"),
    "verdict": ("Dom", "Verdict"),
    "receipts": ("Hvad der er skrevet", "What was written"),
    "receipts_help": (
        (
            "Ændringer i det seneste døgn, de nyeste først. Hver skrivning er læst tilbage og "
            "udløber af sig selv."
        ),
        (
            "Changes in the last 24 hours, newest first. Every write is read back and expires by "
            "itself."
        ),
    ),
    "receipts_none": (
        "Intet er skrevet til bygningen i det seneste døgn.",
        "Nothing was written to the building in the last 24 hours.",
    ),
    "time": ("Tid", "Time"),
    "outcome": ("Udfald", "Outcome"),
    "detail": ("Detalje", "Detail"),
    "outcome_accepted": ("Skrevet", "Written"),
    "outcome_clamped": ("Skrevet ved grænsen", "Written at the limit"),
    "outcome_refused": ("Ikke skrevet", "Not written"),
    "outcome_overridden": ("Overtaget af et menneske", "Overridden by a person"),
    "outcome_failed": ("Styringen svarede ikke", "The device did not do it"),
    "outcome_released": ("Givet tilbage", "Given back"),
    "outcome_still_held": ("Endnu ikke givet tilbage", "Not given back yet"),
    "by_priority": ("BACnet-prioritet {priority}", "BACnet priority {priority}"),
    "trial_coming": (
        "Skifteforsøg {trial} begynder {time}",
        "Switchback trial {trial} begins {time}",
    ),
    "overrides": ("Overtaget af mennesker", "Overridden by people"),
    "override_all": ("Hele bygningen", "The whole building"),
    "override_row": (
        "{what}: {reason} ({actor}, siden {since}{until})",
        "{what}: {reason} ({actor}, since {since}{until})",
    ),
    "override_until": (", til {time}", ", until {time}"),
    "data": ("Data", "Data"),
    "data_help": (
        "Alt på siden kan også hentes gennem API'et med en nøgle.",
        "Everything on this page can be had through the API with a key.",
    ),
    # months of a saving
    "months": ("Besparelse pr. måned", "Saving by month"),
    "months_to_date": ("{year} til dato", "{year} to date"),
    "month": ("Måned", "Month"),
    "month_days": ("Døgn", "Days"),
    "baseline_ids": ("Basislinjer:", "Baselines:"),
    # non-routine events
    "events": ("Hændelser", "Events"),
    "events_help": (
        (
            "Ændringer i forbruget, der intet har med energiarbejdet at gøre. Data foreslår, et "
            "menneske beslutter, og intet i listen kan ændres bagefter."
        ),
        (
            "Changes of use that have nothing to do with the energy work. The data propose, a "
            "person decides, and nothing in the list can be changed afterwards."
        ),
    ),
    "events_open": ("Venter på en beslutning", "Waiting for a decision"),
    "events_decide": (
        "Så længe de venter, er besparelsen højst vejledende. Beslut med",
        "While they wait, the saving is indicative at best. Decide with",
    ),
    "events_none": ("Ingen hændelser er fundet eller indført.", "No events were found or entered."),
    "events_ledger": ("Beslutninger", "Decisions"),
    "events_period": ("Periode", "Period"),
    "events_decision": ("Beslutning", "Decision"),
    "events_by": ("Af", "By"),
    "events_reason": ("Grund", "Reason"),
    "event_confirmed": ("Justeret", "Adjusted"),
    "event_dismissed": ("Afvist", "Dismissed"),
    "event_superseded": ("Erstattet", "Superseded"),
    "events_without": (
        (
            "Uden justering for hændelser: {kwh} kWh ± {half} ({verdict}). Justeringen er "
            "{adjustment} kWh."
        ),
        (
            "Without adjustment for events: {kwh} kWh ± {half} ({verdict}). The adjustment is "
            "{adjustment} kWh."
        ),
    ),
    # ranking
    "more_pages": ("Flere sider", "More pages"),
    "building": ("Bygning", "Building"),
    "ranking": ("Sammenlign bygninger", "Compare buildings"),
    "ranking_by": ("Nøgletal", "Key figure"),
    "ranking_no_proof": (
        "Sammenligning med lignende bygninger, ikke et bevis.",
        "Peer comparison, no proof.",
    ),
    "ranking_help": (
        (
            "Nøgletal for de seneste 365 døgn mod bygninger til samme brug og af nogenlunde samme "
            "størrelse. Det viser, hvor det er værd at kigge."
        ),
        (
            "Key figures of the last 365 days beside buildings of the same use and about the same "
            "size. It shows where it is worth looking."
        ),
    ),
    "ranking_none": (
        "Ingen bygning har målinger nok til dette tal endnu.",
        "No building has readings enough for this figure yet.",
    ),
    "ranking_shown": (
        "Diagrammet viser de {n} øverste; tabellen viser alle.",
        "The chart shows the first {n}; the table shows all.",
    ),
    "ranking_better": ("som de andre eller bedre", "like the others or better"),
    "ranking_worse": ("dårligere", "worse"),
    "ranking_median": ("De andres median", "The others' median"),
    "ranking_for": ("Brug", "Use"),
    "ranking_place": ("Plads", "Place"),
    "ranking_rank": ("{rank} af {of}", "{rank} of {of}"),
    "ranking_peers": ("Sammenlignet med", "Compared with"),
    "ranking_use_and_size": ("samme brug og størrelse", "same use and size"),
    "ranking_use": ("samme brug", "same use"),
    "ranking_all": ("alle bygninger", "all buildings"),
    "ranking_kwh": ("kWh/år ved medianen", "kWh/year at the median"),
    "ranking_dkk": ("kr./år ved medianen", "DKK/year at the median"),
    "ranking_money": (
        "Hvad bygningen ville bruge mindre ved medianen er et regnestykke, ikke en besparelse.",
        "What the building would use less at the median is arithmetic, not a saving.",
    ),
    "use_office": ("Kontor", "Office"),
    "use_school": ("Skole", "School"),
    "use_kindergarten": ("Daginstitution", "Kindergarten"),
    "use_sports_hall": ("Idrætshal", "Sports hall"),
    "use_culture": ("Kultur", "Culture"),
    "use_health": ("Sundhed", "Health"),
    "use_other": ("Andet", "Other"),
    # cooling
    "cooling": ("Afkøling af fjernvarme", "Cooling of district heating"),
    "cooling_help": (
        (
            "Hvor meget bygningerne afkøler fjernvarmevandet, vægtet efter den mængde, der løb "
            "igennem, og hvad for ringe afkøling koster."
        ),
        (
            "How far the buildings cool the district heating water, weighted by the volume that "
            "flowed, and what poor cooling costs."
        ),
    ),
    "cooling_year": ("Året {year}", "The year {year}"),
    "cooling_none": (
        "Ingen fjernvarmemåler i bygningsfilerne tæller vandets mængde.",
        "No district heating meter in the site files counts the volume of the water.",
    ),
    "cooling_sums": (
        "Indtil {until}: {fee} kr. i alt. Ved årets udgang ventes {end} kr. Alt uden moms.",
        "Until {until}: {fee} DKK in all. {end} DKK are expected by the year's end. Without VAT.",
    ),
    "cooling_mean": ("Afkøling [K]", "Cooling [K]"),
    "cooling_wanted": ("Krav [K]", "Wanted [K]"),
    "cooling_fee": ("Afgift nu [kr.]", "Fee so far [DKK]"),
    "cooling_end": ("Ved årets udgang [kr.]", "By the year's end [DKK]"),
    "cooling_interval": ("{low} til {high}", "{low} to {high}"),
    "cooling_months": ("Afkøling pr. måned [K]", "Cooling by month [K]"),
    "cooling_method": (
        (
            "Afgiften opgøres af kalenderårets middel; resten af året er forudset ud fra de samme "
            "måneder sidste år. Regel:"
        ),
        (
            "The fee is settled by the mean of the calendar year; the rest of the year is foreseen "
            "by the same months of last year. Rule:"
        ),
    ),
    # API documentation
    "api_help": (
        (
            "Alle adresser kræver en nøgle i hovedet “Authorization: Bearer bms_…”, hvor andet "
            "ikke står. Fejl er application/problem+json (RFC 9457). Maskinlæsbart: "
        ),
        (
            "Every address needs a key in the header “Authorization: Bearer bms_…” unless it says "
            "otherwise. Errors are application/problem+json (RFC 9457). Machine-readable: "
        ),
    ),
    "api_parameters": ("Parametre", "Parameters"),
}
