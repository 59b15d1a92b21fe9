"""Why a site is trusted to us: commissionings, approvals, steps back, days beside the plan."""
